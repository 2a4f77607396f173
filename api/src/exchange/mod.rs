//! Exchange (utbyte): data that other systems send to Samsyn and fetch from it.

pub mod changes;
pub mod columns;
pub mod imports;
pub mod links;
pub mod matches;
pub mod merging;
pub mod sources;
pub mod webhooks;
