//! Matches (träffar): records of sources that may be actors which already exist. Each record is held with its candidates
//! until a person has decided whether it is one of them or another actor. Decisions are kept and can be undone; then the
//! record waits again.

mod api;
mod decisions;
pub mod rules;
pub(super) mod store;
mod table;
mod types;
pub mod unite;

pub use crate::registry::actors::matching::MatchReason;
pub use api::routes;
pub use types::*;

use crate::kernel::record::{
    Bilingual, DataPurpose::Signature, DataSubject, Erase, Owner, Record, Rule, fixed_actor_column, impersonal_table, kept_columns,
    not_in_extract, personal_table, text_columns,
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "match",
    Owner::Source("source_id"),
    &[
        personal_table(
            "record_match",
            Bilingual("Träffar som personen har avgjort", "Matches that the person has decided"),
            DataSubject::User(&["decided_by", "undone_by"]),
            &[
                kept_columns("decided_by undone_by decided_at undone_at", Erase::Stays, Signature, Rule::Records, ""),
                kept_columns("decided_by_name undone_by_name", Erase::Name, Signature, Rule::Records, "listMatches getMatch"),
                // The members that a source sends are shown as members of the actor that the record becomes.
                not_in_extract(text_columns("note incoming:json applied:json", "listMatches getMatch")),
            ],
            "id version:int created_at updated_at source_id external_id:text status decision actor_id actor_version:int",
        )
        .actors(&[fixed_actor_column("actor_id", "a decision is what was decided; its address leads on")])
        .frozen(&["applied"]),
        impersonal_table("match_candidate", "match_id actor_id same_identifier:flag same_name:flag")
            .actors(&[fixed_actor_column("actor_id", "a proposal is what was proposed; its address leads on")]),
    ],
);
