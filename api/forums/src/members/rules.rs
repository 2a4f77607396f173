//! The life-cycle of a membership, from invitation to leaving.

use super::MemberStatus::{self, Accepted, Declined, Invited, Left};
use crate::kernel::{Problem, Result, lifecycle::Lifecycle, say};

/// The operations on a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Change the function, the levels and the period.
    Write,
    /// Accept the invitation.
    Accept,
    /// Decline the invitation.
    Decline,
    /// Leave the forum, done by the actor's own users.
    Leave,
    /// Remove the actor from the forum, done by those who write the forum.
    Remove,
}

/// The life-cycle of a membership.
#[derive(Debug)]
pub struct Life;

impl Lifecycle for Life {
    const NAME: &'static str = "Member";
    type State = MemberStatus;
    type Operation = Operation;
    const OPERATIONS: &'static [Operation] =
        &[Operation::Write, Operation::Accept, Operation::Decline, Operation::Leave, Operation::Remove];

    fn calls(operation: Operation) -> &'static [&'static str] {
        match operation {
            Operation::Write => &["updateMember"],
            Operation::Accept => &["acceptInvitation"],
            Operation::Decline => &["declineInvitation"],
            Operation::Leave => &["leaveForum"],
            Operation::Remove => &["deleteMember"],
        }
    }

    fn next_state(state: &MemberStatus, operation: Operation) -> Result<Option<MemberStatus>> {
        Ok(Some(match (operation, *state) {
            (Operation::Write, Invited | Accepted) => *state,
            (Operation::Accept, Invited | Accepted) => Accepted,
            (Operation::Decline, Invited | Declined) => Declined,
            (Operation::Leave, Accepted | Left) | (Operation::Remove, _) => Left,
            (Operation::Decline, Accepted) => {
                return Err(Problem::conflict(say!(
                    "Aktören har redan tackat ja. Den lämnar forumet med …/leave.",
                    "The actor has accepted already. It leaves the forum with …/leave."
                )));
            }
            (Operation::Leave, Invited) => {
                return Err(Problem::conflict(say!(
                    "Aktören har inte svarat på inbjudan. Den tackar nej med …/decline.",
                    "The actor has not answered the invitation. It says no with …/decline."
                )));
            }
            (_, Declined) => {
                return Err(Problem::conflict(say!(
                    "Aktören har tackat nej och behöver bjudas in på nytt.",
                    "The actor has declined and must be invited anew."
                )));
            }
            (_, Left) => {
                return Err(Problem::conflict(say!(
                    "Aktören har lämnat forumet och behöver bjudas in på nytt.",
                    "The actor has left the forum and must be invited anew."
                )));
            }
        }))
    }
}

/// Returns the status of a membership after an operation.
///
/// # Errors
/// When the present status does not allow the operation (409, saying what to do instead).
pub fn status_after(operation: Operation, status: MemberStatus) -> Result<MemberStatus> {
    Ok(Life::next_state(&status, operation)?.unwrap_or(status))
}
