//! Rounds (prioriteringar): a forum asks which interventions come first, by criteria whose weights, method and tie-break are
//! fixed when it opens. The result is computed from the ballots and explained; the decision is another thing.

mod api;
pub mod rules;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;
