//! Interventions (insatser): what an actor does or means to do, where and for whom, and which causes it is aimed at. Whether it
//! takes on an underlying cause or a consequence, and by which instrument, places it in the four-field matrix.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;
