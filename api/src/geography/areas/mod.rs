//! Areas (områden): the nation, counties, municipalities and statistical areas. An area is known by its level, the version
//! of the division that it belongs to, and its code; the same code in another version may have other borders.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;
