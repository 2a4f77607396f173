//! How a party's word goes from none to said, becomes outdated and is said again or taken back.

use super::EndorsementState;
use crate::kernel::{Problem, Result, lifecycle::Lifecycle};

/// What can be done with a party's word while the assessment is in review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Say it, or say something else.
    Say,
    /// Change the text that it is about.
    ChangeText,
    /// Have it back.
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

    fn after(state: &EndorsementState, operation: Operation) -> Result<Option<EndorsementState>> {
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
