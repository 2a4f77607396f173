//! Insight: connections between records of all rooms. This room only reads.

pub mod tasks;
pub mod trace;
