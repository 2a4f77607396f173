//! Tasks (att göra): everything in all rooms that waits for the caller, each with the operation that completes it.

mod api;
mod types;
mod waiting;

pub use api::routes;
pub use types::*;
