//! Deliveries (leveranser): each message that a webhook sends, with how it went. One event is one delivery, however often it
//! is tried or replayed.

mod api;
pub(super) mod store;
pub(super) mod table;
mod types;

pub use api::routes;
pub use types::*;
