//! Registry: who we are and what each may decide.

pub mod actors;
pub mod mandates;
