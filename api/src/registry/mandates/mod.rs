//! Mandates (mandat): what an actor may decide, fund or carry out, in which policy domain and where, and on what ground.
//! No other register has this; it is what shows who must be at the table.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;
