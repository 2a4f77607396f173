//! Revisions (utgåvor): what was published, whole and unchangeable, with a digest by which anybody can see that it is so.

mod api;
pub mod store;
pub mod table;

pub use api::{Revision, routes};

use crate::kernel::Id;

/// The id of a revision.
pub type RevisionId = Id<Revision>;
