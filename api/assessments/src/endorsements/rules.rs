//! The life-cycle of an endorsement: missing, said, outdated.

use super::EndorsementState;
use crate::kernel::{Problem, Result, lifecycle::Lifecycle};

/// An operation on an endorsement while the assessment is in review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Give the endorsement or change it.
    Say,
    /// Change the text that it is about.
    ChangeText,
    /// Withdraw it.
    TakeBack,
}

/// The life-cycle of an endorsement.
#[derive(Debug)]
pub struct Life;

impl Lifecycle for Life {
    const NAME: &'static str = "Endorsement";
    type State = EndorsementState;
    type Operation = Operation;
    const OPERATIONS: &'static [Operation] = &[Operation::Say, Operation::ChangeText, Operation::TakeBack];

    fn calls(operation: Operation) -> &'static [&'static str] {
        match operation {
            Operation::Say => &["endorseAssessment"],
            Operation::ChangeText => &["updateFinding"],
            Operation::TakeBack => &["deleteEndorsement"],
        }
    }

    fn next_state(state: &EndorsementState, operation: Operation) -> Result<Option<EndorsementState>> {
        use EndorsementState::{Missing, Outdated, Said};
        match (operation, state) {
            (Operation::Say, _) => Ok(Some(Said)),
            (Operation::ChangeText, Missing) => Ok(Some(Missing)),
            (Operation::ChangeText, Said | Outdated) => Ok(Some(Outdated)),
            (Operation::TakeBack, Said | Outdated) => Ok(None),
            (Operation::TakeBack, Missing) => Err(Problem::not_found()),
        }
    }
}
