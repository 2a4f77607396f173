//! Sources (källor): the partner systems that records come from, each of an actor. A service account that is granted a source
//! speaks for that system alone.

mod api;
mod store;
mod table;

pub use api::{Source, routes};

use crate::kernel::Id;

/// The id of a source.
pub type SourceId = Id<Source>;
