//! Sources (källor): the partner systems that records come from, each of an actor, or the installation's own. A service
//! account that is granted a source speaks for that system alone. What a source owns it keeps up to date; all else of its
//! actors is curated here, and no synchronisation writes over it.

mod api;
mod outcome;
pub mod rules;
pub(super) mod store;
pub mod sync;
mod table;
mod types;
mod withhold;

pub use api::routes;
pub use types::*;
