//! Indicators (indikatorer): what is measured, in what unit, since when, and whether higher is better. The pack brings those
//! of the guidance; anybody who works with statistics may add complementary ones.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;
