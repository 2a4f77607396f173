//! The audit log (behandlingslogg): who did, saw, failed at or was denied what, when, from where and by which credential.
//!
//! An entry is written with what it tells of (`kernel::audit`, `record`) and is never changed. After its commit it is
//! linked in a chain of digests (`chain`), so that whoever changes or removes one is found out.

mod api;
mod chain;
mod csv;
mod probes;
mod record;
mod store;
mod table;
mod types;

pub use api::routes;
pub use chain::{Chain, Flaw, Head, Seen, keep_linking, lines, link, verify};
pub use probes::Probes;
pub(super) use record::{Ended, Slot, begin, beside, end, refused};
pub use types::*;
