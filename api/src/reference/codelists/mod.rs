//! Codelists (kodlistor): every enumeration of the contract with a Swedish and an English label for each code.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;
