//! Insight: how things hang together, read across all rooms. Nothing is written here.

pub mod tasks;
pub mod trace;
