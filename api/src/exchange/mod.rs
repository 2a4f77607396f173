//! Exchange: how other systems take part.

pub mod changes;
pub mod sources;
pub mod webhooks;
