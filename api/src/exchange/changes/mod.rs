//! Changes (ändringar): one feed of everything that changes and that the caller may see.
//!
//! Writers record events without a position. A position is given after the commit, by whoever reads the feed next, one
//! reader at a time and in the order of the events' sequence. So positions grow without a gap, nothing appears before what
//! was committed earlier and already read, and versions of one record come in their order, on both databases alike.

mod api;
mod store;

pub use api::{Change, ChangePage, routes};
pub use store::keep_positioned;
