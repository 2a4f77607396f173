//! Sessions (inloggningar): a short access token and a refresh token that is spent when used. A refresh token used twice
//! has been stolen from somebody, so it ends the whole session.

mod api;
pub(super) mod cookie;
pub(super) mod own;
pub(super) mod store;
pub(super) mod table;
mod types;

pub use api::routes;
pub use types::*;
