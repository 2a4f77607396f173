//! Revisions (utgåvor): what was published, whole and unchangeable, with a digest by which anybody can see that it is so.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;
