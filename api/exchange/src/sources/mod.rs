//! Sources (källor): the partner systems that records come from. Each belongs to an actor, or to the installation itself. A
//! service account with a grant for a source may send records for that source only. A source keeps the members that it owns
//! up to date. All other members of its actors are curated here, and a synchronisation does not overwrite them.

mod api;
mod outcome;
pub mod rules;
pub(super) mod store;
pub mod sync;
mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Owner, Record, actor_column, impersonal_table};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "source",
    Owner::ActorForSignedIn("actor_id"),
    &[impersonal_table("source", "id version:int created_at updated_at actor_id name id_scheme owned_fields:json")
        .actors(&[actor_column("actor_id").once("name")])],
);
