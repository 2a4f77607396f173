//! Users (användare): the people who sign in. What one may do is not here but in grants.

mod api;
mod name;
pub(super) mod store;
pub(super) mod table;
mod types;

pub use api::routes;
pub(super) use api::{check_name, own_alone};
pub(super) use name::name_fault;
pub use store::{insert, keeps_an_admin};
pub use types::*;
