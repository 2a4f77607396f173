//! Grants (behörigheter): a user holds a role within a scope for a time. Nobody grants more than they hold.

mod api;
pub mod store;
pub(super) mod table;
mod types;

pub use api::routes;
pub(super) use store::{hand_over, is_within, may_grant, may_take_back, reached, within};
pub use store::{insert, is_admin, of_user};
pub use types::*;
