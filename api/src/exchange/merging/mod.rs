//! Merges (sammanslagningar): two records of one actor become one without anything being lost. What refers to the one follows
//! into the other; the old address leads on; and a merge can be undone.

mod api;
pub mod plan;
pub mod references;
pub mod rules;
mod table;
mod types;

pub use api::routes;
pub use types::*;

pub(in crate::exchange) mod store;
