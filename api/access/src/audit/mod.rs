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
pub use chain::{Chain, Flaw, Head, Verification, keep_linking, link, verify, write_lines};
pub use probes::Probes;
pub(super) use record::{Ended, Slot, begin, end, note_refusal, trail_outside_api};
pub use types::*;

use crate::kernel::record::{
    Bilingual, DataPurpose::Accountability, DataSubject, Erase, Rule, Table, fixed_actor_column, impersonal_table, kept_columns,
    personal_table,
};

/// The tables of this resource.
pub const TABLES: &[Table] = &[
    personal_table(
        "audit_entry",
        Bilingual("Behandlingsloggen", "The audit log"),
        DataSubject::User(&["user_id"]),
        &[kept_columns(
            "at:time user_id credential address request_id:text operation outcome status:int",
            Erase::Stays,
            Accountability,
            Rule::Protocols,
            "listAuditEntries getAuditEntry exportAuditEntries",
        )],
        "id record_kind record_id actor_id detail",
    )
    .actors(&[fixed_actor_column("actor_id", "the audit log is what was")]),
    impersonal_table("audit_pending", "entry_id"),
    impersonal_table("audit_link", "position:int entry_id hash"),
    impersonal_table("audit_head", "id:int position:int hash"),
];
