//! Matches (träffar): records of sources that may be actors that are there already. Each is held with its candidates until
//! a person has decided whether it is one of them or another actor. What was decided is kept and can be undone; then the
//! record waits again.

mod api;
mod decisions;
pub mod rules;
pub(super) mod store;
mod table;
mod types;
pub mod unite;

pub use crate::registry::actors::matching::MatchReason;
pub use api::routes;
pub use types::*;
