//! Forums: where we meet, and who takes part how.

#[expect(clippy::module_inception, reason = "the room is named after its first resource")]
pub mod forums;
pub mod members;
