//! Links (kopplingar): which actor a record of a source is, what the source last wrote, and since when it is gone from the
//! source. Nothing is removed because a source no longer has it. A record that may be an actor that is there already is
//! held, with a link to no actor, until a person has decided.

mod api;
pub(super) mod store;
mod table;
mod types;

pub use api::routes;
pub use table::Model as Link;
pub use types::*;
