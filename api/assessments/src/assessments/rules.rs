//! The life-cycle of an assessment, from draft to published.

use super::AssessmentStatus::{self, Agreed, Draft, Published, Review};
use crate::kernel::{Problem, Result, lifecycle::Lifecycle, say};

/// An operation on an assessment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Change its text or its parts.
    Write,
    /// Send it to all parties to read.
    Review,
    /// Give, change or withdraw a party's endorsement.
    Endorse,
    /// Agree on it, with the endorsements that were given.
    Agree,
    /// Freeze and publish it.
    Publish,
    /// Open it for writing again.
    Revise,
    /// Remove it.
    Remove,
}

/// The life-cycle of an assessment.
#[derive(Debug)]
pub struct Life;

impl Lifecycle for Life {
    const NAME: &'static str = "Assessment";
    type State = AssessmentStatus;
    type Operation = Operation;
    const OPERATIONS: &'static [Operation] = &[
        Operation::Write,
        Operation::Review,
        Operation::Endorse,
        Operation::Agree,
        Operation::Publish,
        Operation::Revise,
        Operation::Remove,
    ];

    fn calls(operation: Operation) -> &'static [&'static str] {
        match operation {
            Operation::Write => &[
                "updateAssessment",
                "createFinding",
                "updateFinding",
                "deleteFinding",
                "createEvidence",
                "deleteEvidence",
                "createCause",
                "updateCause",
                "deleteCause",
            ],
            Operation::Review => &["reviewAssessment"],
            Operation::Endorse => &["endorseAssessment", "deleteEndorsement"],
            Operation::Agree => &["agreeAssessment"],
            Operation::Publish => &["publishAssessment"],
            Operation::Revise => &["reviseAssessment"],
            Operation::Remove => &["deleteAssessment"],
        }
    }

    fn next_state(state: &AssessmentStatus, operation: Operation) -> Result<Option<AssessmentStatus>> {
        Ok(Some(match (operation, *state) {
            (Operation::Review, Draft) | (Operation::Write | Operation::Endorse, Review) | (Operation::Endorse, Agreed) => Review,
            (Operation::Write, Draft) | (Operation::Revise, Review | Agreed | Published) => Draft,
            (Operation::Agree, Review) => Agreed,
            (Operation::Publish, Agreed) => Published,
            (Operation::Remove, Draft | Review) => return Ok(None),
            (Operation::Write | Operation::Remove, _) => {
                return Err(Problem::conflict(say!(
                    "Lägesbilden är överenskommen och kan inte ändras. Öppna den igen med …/revise.",
                    "The assessment is agreed and cannot be changed. Open it again with …/revise."
                )));
            }
            (Operation::Endorse, Draft) => {
                return Err(Problem::conflict(say!(
                    "Lägesbilden är ett utkast; ställningstaganden lämnas när den är på remiss (…/review).",
                    "The assessment is a draft; endorsements are given when it is in review (…/review)."
                )));
            }
            (Operation::Endorse, _) => {
                return Err(Problem::conflict(say!(
                    "Lägesbilden är publicerad; dess ställningstaganden är frysta.",
                    "The assessment is published; its endorsements are frozen."
                )));
            }
            (Operation::Review, _) => {
                return Err(Problem::conflict(say!(
                    "Lägesbilden är inte längre ett utkast. Öppna den igen med …/revise om den ska ändras.",
                    "The assessment is no longer a draft. Open it again with …/revise if it is to be changed."
                )));
            }
            (Operation::Agree, _) => {
                return Err(Problem::conflict(say!(
                    "Lägesbilden behöver vara på remiss (…/review) först.",
                    "The assessment must be in review (…/review) first."
                )));
            }
            (Operation::Publish, _) => {
                return Err(Problem::conflict(say!(
                    "Lägesbilden behöver vara överenskommen (…/agree) innan den publiceras.",
                    "The assessment must be agreed (…/agree) before it is published."
                )));
            }
            (Operation::Revise, _) => {
                return Err(Problem::conflict(say!(
                    "Lägesbilden är redan ett utkast eller ersatt.",
                    "The assessment is a draft already, or superseded."
                )));
            }
        }))
    }
}

/// Checks that the life-cycle allows an operation in a status.
///
/// # Errors
/// When it does not (409). The problem says what to do instead.
pub fn require(operation: Operation, status: AssessmentStatus) -> Result<()> {
    Life::next_state(&status, operation).map(drop)
}
