//! Interventions: the work that actors do or plan.

#[expect(clippy::module_inception, reason = "the room is named after its first resource")]
pub mod interventions;
