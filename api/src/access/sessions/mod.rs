//! Sessions (inloggningar): a short access token and a refresh token that is spent when used. A refresh token used twice
//! has been stolen from somebody, so it ends the whole session.

mod api;
mod store;
pub(super) mod table;

pub use api::{Session, routes};

use crate::kernel::Id;

/// The id of a session.
pub type SessionId = Id<Session>;
