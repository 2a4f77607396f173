//! Life-cycles as tables: what each operation leads to in each state. A resource's `rules.rs` says it once; handlers ask it,
//! `openapi/states.md` shows it, and a test tries every operation in every state.

use std::fmt::Write as _;

use sea_orm::{ActiveEnum, Iterable};

use super::{Result, problem::Kind};

/// The life-cycle of a kind of record.
pub trait Lifecycle {
    /// The record's name in the contract.
    const NAME: &'static str;
    /// Its states.
    type State: ActiveEnum<Value = String> + Iterable;
    /// What can be done with it.
    type Operation: Copy + 'static;
    /// All operations, in the order in which they are mostly done.
    const OPERATIONS: &'static [Self::Operation];

    /// The ids in the contract of the calls that are this operation. They are all permitted in the same states.
    fn calls(operation: Self::Operation) -> &'static [&'static str];

    /// The state after an operation; `None` when the record is no longer there.
    ///
    /// # Errors
    /// When the operation cannot be done in that state, saying what to do instead.
    fn after(state: &Self::State, operation: Self::Operation) -> Result<Option<Self::State>>;
}

/// What an operation leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The record is in this state then.
    State(String),
    /// The record is no longer there.
    Removed,
    /// It is refused with this kind of problem.
    Refused(Kind),
}

/// A life-cycle with its types taken away.
#[derive(Clone, Debug)]
pub struct Table {
    /// The record's name in the contract.
    pub name: &'static str,
    /// Its states.
    pub states: Vec<String>,
    /// The calls that are an operation, and what it leads to in each of the states.
    pub operations: Vec<(&'static [&'static str], Vec<Outcome>)>,
}

/// The table of a life-cycle.
#[must_use]
pub fn table<L: Lifecycle>() -> Table {
    let outcome = |state: &L::State, operation| match L::after(state, operation) {
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
    /// The table for people, in Markdown.
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
