//! Decisions (beslut): what was chosen in the end. A decision may depart from the result of its round; then it says why.

mod api;
pub mod rules;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;
