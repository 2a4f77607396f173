//! Causes (orsaker): what the parties hold to lie behind their findings, how, on what level, and how sure they are. A cause
//! is what interventions are aimed at.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;
