//! Ballots (röster): one for each party of a round, a score for each candidate on each criterion. Who has an interest of its own
//! in the outcome says so and abstains.

mod api;
pub mod rules;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;
