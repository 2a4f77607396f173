//! Forums (forum): councils, groups, partnerships and networks where actors meet across their line organisations. What a
//! forum works out belongs to it, and may be kept among its members.

mod api;
pub mod rules;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub(crate) use types::among_members;
pub use types::*;
