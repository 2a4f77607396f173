//! Exchange: how other systems take part.

pub mod changes;
pub mod links;
pub mod matches;
pub mod sources;
