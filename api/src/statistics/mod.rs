//! Statistics: indicators and their values.

pub mod indicators;
pub mod observations;
