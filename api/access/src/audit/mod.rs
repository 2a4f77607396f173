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

use crate::kernel::record::{Erase, Of, Rule, Table, Why::Accountability, Words, about, becomes, nobody, stays};

/// The tables that are kept here.
pub const TABLES: &[Table] = &[
    about(
        "audit_entry",
        Words("Behandlingsloggen", "The audit log"),
        Of::User(&["user_id"]),
        &[becomes(
            "at:time user_id credential address request_id:text operation outcome status:int",
            Erase::Stays,
            Accountability,
            Rule::Protocols,
            "listAuditEntries getAuditEntry exportAuditEntries",
        )],
        "id record_kind record_id actor_id detail",
    )
    .actors(&[stays("actor_id", "the audit log is what was")]),
    nobody("audit_pending", "entry_id"),
    nobody("audit_link", "position:int entry_id hash"),
    nobody("audit_head", "id:int position:int hash"),
];
