//! The life-cycle of a forum.

use super::ForumStatus::{self, Closed};
use crate::kernel::{Problem, Result, lifecycle::Lifecycle, say};

/// The operations on a forum that its status may forbid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Change the forum, also its status.
    Write,
    /// Add a member, or work in the forum: assessments, rounds, ballots.
    Work,
    /// Remove the forum.
    Remove,
}

/// The life-cycle of a forum.
#[derive(Debug)]
pub struct Life;

impl Lifecycle for Life {
    const NAME: &'static str = "Forum";
    type State = ForumStatus;
    type Operation = Operation;
    const OPERATIONS: &'static [Operation] = &[Operation::Write, Operation::Work, Operation::Remove];

    fn calls(operation: Operation) -> &'static [&'static str] {
        match operation {
            Operation::Write => &["updateForum"],
            Operation::Work => &[
                "createMember",
                "acceptInvitation",
                "createAssessment",
                "updateAssessment",
                "reviewAssessment",
                "createFinding",
                "createCause",
                "endorseAssessment",
                "agreeAssessment",
                "createRound",
                "updateRound",
                "openRound",
                "castBallot",
            ],
            Operation::Remove => &["deleteForum"],
        }
    }

    fn next_state(state: &ForumStatus, operation: Operation) -> Result<Option<ForumStatus>> {
        match (operation, *state) {
            (Operation::Remove, _) => Ok(None),
            (Operation::Work, Closed) => Err(Problem::conflict(say!(
                "Forumet är avslutat. Öppna det igen genom att ge det en annan status, om arbetet ska fortsätta.",
                "The forum is closed. Open it again by giving it another status, if its work is to go on."
            ))),
            (_, state) => Ok(Some(state)),
        }
    }
}

/// Checks that a forum with this status allows an operation.
///
/// # Errors
/// When it does not (409, saying what to do instead).
pub fn require(operation: Operation, status: ForumStatus) -> Result<()> {
    Life::next_state(&status, operation).map(drop)
}
