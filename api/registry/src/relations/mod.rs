//! Relations between actors (relationer): one actor is a member of another, its successor, or a part of it. `parentId` of an
//! actor says what it is part of now; the relation `part_of` follows from that and keeps the period.

mod api;
pub mod rules;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{End, Owner, Record, actor_column, impersonal_table};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "actor_relation",
    Owner::Between("actor_id", "other_actor_id"),
    &[impersonal_table(
        "actor_relation",
        "id version:int created_at updated_at kind actor_id other_actor_id valid_from valid_to deleted_at",
    )
    .actors(&[actor_column("actor_id").apart("other_actor_id"), actor_column("other_actor_id").apart("actor_id")])],
)
.ends(End::RemovedAt("deleted_at"));
