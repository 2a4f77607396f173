//! Service accounts (tjänstekonton): partner systems. One signs in at `/oauth2/token` with a key of its own or a secret, holds
//! grants as users do, and carries only the permissions that it was registered for.

mod api;
mod store;
mod table;
mod types;

pub use api::routes;
pub(super) use store::{Client, client, has_secret};
pub use types::*;
