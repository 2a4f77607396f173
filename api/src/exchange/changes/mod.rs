//! Changes (ändringar): one feed of everything that changes and that the caller may see, read piece by piece, waited for, or
//! sent as it comes.
//!
//! Writers record events without a position. A position is given after the commit, one giver at a time and in the order of
//! the events' sequence. So positions grow without a gap, nothing appears before what was committed earlier and already
//! read, and versions of one record come in their order, on both databases alike.

mod api;
pub(in crate::exchange) mod store;
mod stream;
mod waiting;

pub use api::{Change, ChangePage, routes};
pub use store::{begin_epoch, keep_positioned, keep_short, listen};
pub use waiting::Followers;

/// Every kind of record whose changes are in the feed.
pub const KINDS: &[&str] = &[
    "actor",
    "actor_relation",
    "assessment",
    "ballot",
    "cause",
    "decision",
    "disclosure",
    "endorsement",
    "evidence",
    "finding",
    "forum",
    "grant",
    "indicator",
    "intervention",
    "journal_entry",
    "legal_hold",
    "mandate",
    "match",
    "member",
    "merge",
    "observation_import",
    "revision",
    "round",
    "secrecy_mark",
    "service_account",
    "source",
    "source_actor",
    "statement",
    "user",
    "webhook",
];
