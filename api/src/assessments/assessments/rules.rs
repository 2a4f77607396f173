//! How an assessment goes from draft to published, and what it needs at each step.

use super::AssessmentStatus::{self, Agreed, Draft, Published, Review};
use crate::kernel::{Problem, Result, say};

/// A step that an assessment can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send it to all parties to read.
    Review,
    /// Settle it with the parties' words.
    Agree,
    /// Freeze and publish it.
    Publish,
    /// Open it for writing again.
    Revise,
}

/// The status after a step.
///
/// # Errors
/// When the step cannot be taken from where the assessment is.
pub fn after(step: Step, from: AssessmentStatus) -> Result<AssessmentStatus> {
    match (step, from) {
        (Step::Review, Draft) => Ok(Review),
        (Step::Agree, Review) => Ok(Agreed),
        (Step::Publish, Agreed) => Ok(Published),
        (Step::Revise, Review | Agreed | Published) => Ok(Draft),
        (Step::Review, _) => Err(Problem::conflict(say!(
            "Lägesbilden är inte längre ett utkast. Öppna den igen med …/revise om den ska ändras.",
            "The assessment is no longer a draft. Open it again with …/revise if it is to be changed."
        ))),
        (Step::Agree, _) => Err(Problem::conflict(say!(
            "Lägesbilden behöver vara på remiss (…/review) först.",
            "The assessment must be in review (…/review) first."
        ))),
        (Step::Publish, _) => Err(Problem::conflict(say!(
            "Lägesbilden behöver vara överenskommen (…/agree) innan den publiceras.",
            "The assessment must be agreed (…/agree) before it is published."
        ))),
        (Step::Revise, _) => Err(Problem::conflict(say!(
            "Lägesbilden är redan ett utkast eller ersatt.",
            "The assessment is a draft already, or superseded."
        ))),
    }
}

/// Checks that the text may be written.
///
/// # Errors
/// When it is settled.
pub fn writable(status: AssessmentStatus) -> Result<()> {
    match status {
        Draft | Review => Ok(()),
        _ => Err(Problem::conflict(say!(
            "Lägesbilden är överenskommen och kan inte ändras. Öppna den igen med …/revise.",
            "The assessment is agreed and cannot be changed. Open it again with …/revise."
        ))),
    }
}

/// Checks that the parties may say their word.
///
/// # Errors
/// When it is not yet, or no longer, time.
pub fn endorsable(status: AssessmentStatus) -> Result<()> {
    match status {
        Review | Agreed => Ok(()),
        Draft => Err(Problem::conflict(say!(
            "Lägesbilden är ett utkast; ställningstaganden lämnas när den är på remiss (…/review).",
            "The assessment is a draft; endorsements are given when it is in review (…/review)."
        ))),
        _ => Err(Problem::conflict(say!(
            "Lägesbilden är publicerad; dess ställningstaganden är frysta.",
            "The assessment is published; its endorsements are frozen."
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assessment_goes_one_step_at_a_time() {
        let mut status = Draft;
        for (step, next) in [(Step::Review, Review), (Step::Agree, Agreed), (Step::Publish, Published), (Step::Revise, Draft)] {
            status = after(step, status).unwrap_or(AssessmentStatus::Superseded);
            assert_eq!(status, next);
        }
        assert!(after(Step::Publish, Draft).is_err());
        assert!(after(Step::Agree, Draft).is_err());
        assert!(after(Step::Review, Published).is_err());
        assert!(writable(Published).is_err() && endorsable(Draft).is_err());
    }
}
