//! The life-cycle of a ballot: missing or cast.

use super::BallotState;
use crate::kernel::{Problem, Result, lifecycle::Lifecycle};

/// An operation on a ballot while its round is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Cast the ballot or change it.
    Cast,
    /// Withdraw it.
    TakeBack,
}

/// The life-cycle of a ballot.
#[derive(Debug)]
pub struct Life;

impl Lifecycle for Life {
    const NAME: &'static str = "Ballot";
    type State = BallotState;
    type Operation = Operation;
    const OPERATIONS: &'static [Operation] = &[Operation::Cast, Operation::TakeBack];

    fn calls(operation: Operation) -> &'static [&'static str] {
        match operation {
            Operation::Cast => &["castBallot"],
            Operation::TakeBack => &["deleteBallot"],
        }
    }

    fn next_state(state: &BallotState, operation: Operation) -> Result<Option<BallotState>> {
        match (operation, state) {
            (Operation::Cast, _) => Ok(Some(BallotState::Cast)),
            (Operation::TakeBack, BallotState::Cast) => Ok(None),
            (Operation::TakeBack, BallotState::Missing) => Err(Problem::not_found()),
        }
    }
}
