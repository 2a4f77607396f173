//! The history (historik) of actors: every version, with its changes and the user who made it.

mod api;
pub mod rules;
mod store;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{
    Bilingual, DataPurpose::History, DataSubject, Erase, Rule, Table, fixed_actor_column, kept_columns, not_in_extract, personal_table,
    text_columns,
};

/// The tables of this resource.
pub const TABLES: &[Table] = &[
    // The user of a version is shown as long as the account exists. The texts are disposed of together with the records.
    personal_table(
        "record_version",
        Bilingual("Versioner av poster i registret som personen har gjort", "Versions of records of the registry that the person has made"),
        DataSubject::User(&["changed_by"]),
        &[
            kept_columns("changed_by", Erase::Empty, History, Rule::Records, "listActorHistory"),
            kept_columns("changed_at", Erase::Stays, History, Rule::Records, "listActorHistory"),
            not_in_extract(text_columns("body:json", "listActorHistory")),
        ],
        "entity_id version:int entity_kind op visibility forum_id actor_id",
    )
    .actors(&[fixed_actor_column("actor_id", "the history keeps the values of its time")]),
];
