//! Exchange: how other systems take part.

pub mod changes;
pub mod links;
pub mod matches;
pub mod merging;
pub mod sources;
