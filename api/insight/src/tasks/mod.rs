//! Tasks (att göra): what waits for the caller, in whatever room, with the operation that does it.

mod api;
mod types;
mod waiting;

pub use api::routes;
pub use types::*;
