//! The history (historik) of actors: every version, with its changes and the user who made it.

mod api;
pub mod rules;
mod store;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Erase, Of, Rule, Table, Why::History, Words, about, becomes, stays, texts, untold};

/// The tables of this resource.
pub const TABLES: &[Table] = &[
    // The user of a version is shown as long as the account exists. The texts are disposed of together with the records.
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
    .actors(&[stays("actor_id", "the history keeps the values of its time")]),
];
