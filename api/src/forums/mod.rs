//! Forums: where actors meet, and their members.

#[expect(clippy::module_inception, reason = "the room is named after its first resource")]
pub mod forums;
pub mod members;
