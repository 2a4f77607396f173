//! Disclosures (utlämnanden): the answers to requests for a public document. A disclosure holds the decision and the exact content
//! that was handed out, where everything under secrecy is masked. The name of the person who asked is not stored: that person may
//! be anonymous and need not give a reason (Freedom of the Press Act, chapter 2, section 18).

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{
    Bilingual, DataPurpose::Signature, DataSubject, Erase, Owner, Record, Rule, actor_column, kept_columns, not_in_extract, personal_table,
    text_columns,
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new("disclosure", Owner::Permission, &[
    personal_table(
        "disclosure",
        Bilingual("Utlämnanden som personen har beslutat", "Disclosures that the person has decided"),
        DataSubject::Authors("disclosure"),
        &[
            kept_columns("decided_by_name", Erase::Name, Signature, Rule::Records, "listDisclosures getDisclosure"),
            not_in_extract(text_columns("note content", "getDisclosure")),
        ],
        "id version:int created_at updated_at record_kind record_id requested_on decision digest form:int redacted:json forum_id actor_id areas",
    ).actors(&[actor_column("actor_id").silent()]).frozen(&["content"]),
]).frozen("content", "digest");
