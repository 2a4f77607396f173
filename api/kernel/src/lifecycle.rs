//! Life-cycles as tables: the outcome of each operation in each state. A resource defines its life-cycle once, in `rules.rs`.
//! Handlers ask it, `openapi/states.md` shows it, and a test tries every operation in every state.

use std::fmt::Write as _;

use sea_orm::{ActiveEnum, Iterable};

use super::{Result, problem::Kind};

/// The life-cycle of a kind of record.
pub trait Lifecycle {
    /// The record's name in the contract.
    const NAME: &'static str;
    /// The states of the record.
    type State: ActiveEnum<Value = String> + Iterable;
    /// The operations on the record.
    type Operation: Copy + 'static;
    /// All operations, in the order in which they are usually carried out.
    const OPERATIONS: &'static [Self::Operation];

    /// Returns the `operationId`s of the calls that carry out an operation. They are all permitted in the same states.
    fn calls(operation: Self::Operation) -> &'static [&'static str];

    /// Returns the state after an operation; `None` when the operation removes the record.
    ///
    /// # Errors
    /// When the operation is not permitted in the state. The problem says what to do instead.
    fn next_state(state: &Self::State, operation: Self::Operation) -> Result<Option<Self::State>>;
}

/// The outcome of an operation in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The record gets this state.
    State(String),
    /// The record is removed.
    Removed,
    /// The operation is refused with this kind of problem.
    Refused(Kind),
}

/// A life-cycle as a table, without its Rust types.
#[derive(Clone, Debug)]
pub struct Table {
    /// The record's name in the contract.
    pub name: &'static str,
    /// The codes of the states.
    pub states: Vec<String>,
    /// For each operation: the `operationId`s of its calls, and its outcome in each state, in the order of `states`.
    pub operations: Vec<(&'static [&'static str], Vec<Outcome>)>,
}

/// Computes the table of a life-cycle.
#[must_use]
pub fn table<L: Lifecycle>() -> Table {
    let outcome = |state: &L::State, operation| match L::next_state(state, operation) {
        Ok(Some(next)) => Outcome::State(next.to_value()),
        Ok(None) => Outcome::Removed,
        Err(problem) => Outcome::Refused(problem.kind),
    };
    let outcomes = |operation| L::State::iter().map(|state| outcome(&state, operation)).collect();
    Table {
        name: L::NAME,
        states: L::State::iter().map(|state| state.to_value()).collect(),
        operations: L::OPERATIONS.iter().map(|operation| (L::calls(*operation), outcomes(*operation))).collect(),
    }
}

impl Table {
    /// Returns the table as Markdown.
    #[must_use]
    pub fn page(&self) -> String {
        let mut page = format!("## {}\n\n| |", self.name);
        for state in &self.states {
            let _ = write!(page, " {state} |");
        }
        let _ = write!(page, "\n| --- |{}\n", " --- |".repeat(self.states.len()));
        for (calls, outcomes) in &self.operations {
            let _ = write!(page, "| {} |", calls.iter().map(|call| format!("`{call}`")).collect::<Vec<_>>().join(", "));
            for (state, outcome) in self.states.iter().zip(outcomes) {
                let _ = match outcome {
                    Outcome::State(next) if next == state => write!(page, " stays |"),
                    Outcome::State(next) => write!(page, " **{next}** |"),
                    Outcome::Removed => write!(page, " *removed* |"),
                    Outcome::Refused(kind) => write!(page, " {} {} |", kind.status(), kind.slug()),
                };
            }
            page.push('\n');
        }
        page
    }
}
