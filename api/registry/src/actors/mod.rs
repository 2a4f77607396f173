//! Actors (aktörer): the organisations that work together, from the region to the smallest association. An actor states
//! where its seat is, which areas it serves, what it works with, and its numbers in other systems.
//!
//! A removed actor stays as a row with `deleted_at`. A merged actor (a tombstone) is removed too, and `merged_into` names
//! the survivor.

mod api;
pub mod matching;
pub mod rules;
pub mod store;
pub mod table;
pub mod tombstones;
mod types;

pub use api::{ActorBatch, ActorOperation, CreateActor, DeleteActor, UpdateActor, routes};
pub use types::*;

use crate::kernel::record::{Bilingual, End, Owner, Record, actor_column, fixed_actor_column, impersonal_table, text_columns, text_table};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new("actor", Owner::Actor("id"), &[
    text_table(
        "actor",
        Bilingual("Aktörer", "Actors"),
        &[text_columns(
            "name name_sort:bytes name_key details:json",
            "listActors getActor",
        )],
        "id version:int created_at updated_at kind sector parent_id seat_area_id municipality_code areas_served:json founded:day dissolved:day status visibility pack pack_version:int deleted_at merged_into:id",
    ).actors(&[actor_column("parent_id"), fixed_actor_column("merged_into", "it is the merge itself; an old address is resolved by following it from actor to actor")]),
    impersonal_table("actor_area", "actor_id area_id").actors(&[fixed_actor_column("actor_id", "an index of the actor's own record, which is written again with the survivor")]),
    text_table(
        "actor_identifier",
        Bilingual("Aktörers nummer", "Actors' identifiers"),
        &[text_columns("value", "listActors getActor")],
        "id actor_id scheme scope live:flag claimed:flag",
    ).actors(&[fixed_actor_column("actor_id", "an index of the actor's own record, which is written again with the survivor")]),
]).areas(&["seat_area_id", "areas_served"]).ends(End::RemovedAt("deleted_at")).disclosable().holdable().period("founded", "dissolved").repeats(&[("formerNames", "name")]);
