//! How a decision goes on once it is recorded: it can be corrected, and never taken away.

use super::DecisionStatus::{self, Corrected};
use crate::kernel::{Result, lifecycle::Lifecycle};

/// What can be done with a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Say what was decided in truth.
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

    fn after(_: &DecisionStatus, operation: Operation) -> Result<Option<DecisionStatus>> {
        match operation {
            Operation::Correct => Ok(Some(Corrected)),
        }
    }
}
