//! Relations between actors (relationer): which is a member of which, which has succeeded which, and which is part of
//! which. That an actor is part of another is said by its `parentId`; the relation keeps when that was so.

mod api;
pub mod rules;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{End, Owner, Record, follows, nobody};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "actor_relation",
    Owner::Between("actor_id", "other_actor_id"),
    &[nobody("actor_relation", "id version:int created_at updated_at kind actor_id other_actor_id valid_from valid_to deleted_at")
        .actors(&[follows("actor_id").apart("other_actor_id"), follows("other_actor_id").apart("actor_id")])],
)
.ends(End::RemovedAt("deleted_at"));
