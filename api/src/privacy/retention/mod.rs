//! Disposal (gallring): what has served its purpose is removed by rule, in runs that each leave a protocol. What is under a
//! legal hold is left alone.

mod api;
mod rules;
pub mod store;
mod table;
mod types;

pub use api::routes;
pub use rules::{Rule, Terms};
pub use types::*;
