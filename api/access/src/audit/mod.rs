//! The audit log (behandlingslogg): every change, every read of personal data, and every failed or refused call, with
//! user, time, network address and credential.
//!
//! An entry is written in the transaction of its change (`kernel::audit`) or after the handler (`record`), and is never
//! changed. After its commit it is linked in a chain of digests (`chain`), so that a changed or removed entry is
//! detected.

mod api;
mod chain;
mod csv;
mod probes;
mod record;
mod store;
mod table;
mod types;

pub use api::routes;
pub use chain::{Chain, Flaw, Head, Verification, keep_linking, lines, link, verify};
pub use probes::Probes;
pub(super) use record::{Ended, Slot, begin, end, note_refusal, trail_outside_api};
pub use types::*;

use crate::kernel::record::{Erase, Of, Rule, Table, Why::Accountability, Words, about, becomes, nobody, stays};

/// The tables of this resource.
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
