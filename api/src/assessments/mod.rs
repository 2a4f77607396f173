//! Assessments: the shared picture of the situation, on which the parties agree.

#[expect(clippy::module_inception, reason = "the room is named after its first resource")]
pub mod assessments;
pub mod causes;
pub mod endorsements;
pub mod findings;
pub mod revisions;
