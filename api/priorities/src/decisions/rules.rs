//! The life-cycle of a decision. A recorded decision can be corrected, and never removed.

use super::DecisionStatus::{self, Corrected};
use crate::kernel::{Result, lifecycle::Lifecycle};

/// An operation on a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Replace a wrong record with what was decided.
    Correct,
}

/// The life-cycle of a decision.
#[derive(Debug)]
pub struct Life;

impl Lifecycle for Life {
    const NAME: &'static str = "Decision";
    type State = DecisionStatus;
    type Operation = Operation;
    const OPERATIONS: &'static [Operation] = &[Operation::Correct];

    fn calls(operation: Operation) -> &'static [&'static str] {
        match operation {
            Operation::Correct => &["updateDecision"],
        }
    }

    fn next_state(_: &DecisionStatus, operation: Operation) -> Result<Option<DecisionStatus>> {
        match operation {
            Operation::Correct => Ok(Some(Corrected)),
        }
    }
}
