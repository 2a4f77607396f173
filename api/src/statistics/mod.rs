//! Statistics: what the numbers say.

pub mod indicators;
pub mod observations;
