//! Exchange: how other systems take part.

pub mod changes;
pub mod columns;
pub mod imports;
pub mod sources;
