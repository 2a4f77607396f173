//! The journal (diarium): what has come in, gone out and been drawn up, each with a number that is given once, in order,
//! and never changes. Entries are not removed.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;
