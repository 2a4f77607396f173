//! How a forum goes from open to closed.

use super::ForumStatus::{self, Closed};
use crate::kernel::{Problem, Result, lifecycle::Lifecycle, say};

/// What can be done with a forum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Change what is known of it, also whether it is at work.
    Write,
    /// Bring a party or work into it.
    Work,
    /// Take it away.
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

    fn after(state: &ForumStatus, operation: Operation) -> Result<Option<ForumStatus>> {
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

/// Checks that an operation can be done with a forum as it stands.
///
/// # Errors
/// When it cannot, saying what to do instead.
pub fn require(operation: Operation, status: ForumStatus) -> Result<()> {
    Life::after(&status, operation).map(drop)
}
