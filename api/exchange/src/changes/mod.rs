//! Changes (ändringar): one feed of all changes that the caller may see. A client reads it in pages, waits for new changes,
//! or receives them as a stream of server-sent events.
//!
//! A write records its events without a position. Positions are assigned after the commit, by one instance at a time and in
//! the order of the events' sequence numbers. So positions grow without a gap, no event appears at a position before one
//! that was already read, and the versions of one record come in their order. Both databases behave alike.

mod api;
mod stream;
mod types;
mod waiting;

pub use api::routes;
pub use store::{begin_epoch, listen, run_position_loop, run_removal_loop};
pub use types::*;
pub use waiting::Followers;

use crate::kernel::{language::Text, record, say, text};

pub(crate) mod store;

/// Returns the message for an unknown kind of record. It suggests the nearest kind, or lists all kinds when none is near.
pub(crate) fn unknown_kind(kind: &str) -> Text {
    let mut kinds: Vec<&str> = record::all().map(|record| record.kind).collect();
    kinds.sort_unstable();
    let all = kinds.join(", ");
    match text::nearest(kind, kinds.iter().copied()) {
        Some(meant) => say!(
            "Det finns inga ändringar av slaget {kind}. Menade du {meant}?",
            "There are no changes of the kind {kind}. Did you mean {meant}?"
        ),
        None => say!(
            "Det finns inga ändringar av slaget {kind}. Välj bland {all}.",
            "There are no changes of the kind {kind}. Choose among {all}."
        ),
    }
}
