//! The history (historik) of actors: every version, who made it and what it changed.

mod api;
pub mod rules;
mod store;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Erase, Of, Rule, Table, Why::History, Words, about, becomes, stays, texts, untold};

/// The tables that are kept here.
pub const TABLES: &[Table] = &[
    // As they were. Who made a version is told for as long as there is an account; texts follow those of the records.
    about(
        "record_version",
        Words("Versioner av poster i registret som personen har gjort", "Versions of records of the registry that the person has made"),
        Of::User(&["changed_by"]),
        &[
            becomes("changed_by", Erase::Empty, History, Rule::Records, "listActorHistory"),
            becomes("changed_at", Erase::Stays, History, Rule::Records, "listActorHistory"),
            untold(texts("body:json", "listActorHistory")),
        ],
        "entity_id version:int entity_kind op visibility forum_id actor_id",
    )
    .actors(&[stays("actor_id", "history is what was")]),
];
