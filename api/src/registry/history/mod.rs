//! The history (historik) of actors: every version, who made it and what it changed.

mod api;
pub mod rules;
mod store;
mod types;

pub use api::routes;
pub use types::*;
