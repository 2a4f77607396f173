//! Exchange: how other systems take part.

pub mod changes;
pub mod merging;
pub mod sources;
