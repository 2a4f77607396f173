//! Interventions: what we do.

#[expect(clippy::module_inception, reason = "the room is named after its first resource")]
pub mod interventions;
