//! What actors state (behov, utmaningar, kompetenser, resurser): what each needs, finds difficult, can and has, in a policy
//! domain and an area. Side by side they show who can help whom, and what nobody has.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;
