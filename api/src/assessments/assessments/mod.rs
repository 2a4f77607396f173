//! Shared situation assessments (gemensamma lägesbilder): what the actors of a forum together hold to be true of an area,
//! with the evidence under it, the causes behind it, and each actor's own word on it.

mod api;
pub mod rules;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;
