//! Changes (ändringar): one feed of everything that changes and that the caller may see, read piece by piece, waited for, or
//! sent as it comes.
//!
//! Writers record events without a position. A position is given after the commit, one giver at a time and in the order of
//! the events' sequence. So positions grow without a gap, nothing appears before what was committed earlier and already
//! read, and versions of one record come in their order, on both databases alike.

mod api;
mod stream;
mod types;
mod waiting;

pub use api::routes;
pub use store::{begin_epoch, keep_positioned, keep_short, listen};
pub use types::*;
pub use waiting::Followers;

use crate::kernel::{language::Text, record, say, text};

pub(crate) mod store;

/// That there are no changes of a kind, with the one that was meant, or all that there are.
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
