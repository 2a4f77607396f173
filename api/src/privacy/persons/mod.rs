//! What is stored about one person (registerutdrag, GDPR art. 15 and 20), and erasing a person (radering, art. 17). Both follow
//! the register table by table, so neither can forget one.

mod api;
pub mod store;
mod types;

pub use api::routes;
pub use types::*;
