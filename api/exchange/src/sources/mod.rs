//! Sources (källor): the partner systems that records come from, each of an actor, or the installation's own. A service
//! account that is granted a source speaks for that system alone. What a source owns it keeps up to date; all else of its
//! actors is curated here, and no synchronisation writes over it.

mod api;
mod outcome;
pub mod rules;
pub(super) mod store;
pub mod sync;
mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Owner, Record, follows, nobody};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "source",
    Owner::ActorsSystem("actor_id"),
    &[nobody("source", "id version:int created_at updated_at actor_id name id_scheme owned_fields:json")
        .actors(&[follows("actor_id").once("name")])],
);
