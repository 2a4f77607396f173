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

use crate::kernel::record::{End, Owner, Record, Words, follows, naming, nobody, stays, texts};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new("actor", Owner::Actor("id"), &[
    naming(
        "actor",
        Words("Aktörer", "Actors"),
        &[texts(
            "name name_fold name_sort:bytes name_key other_names:json former_names:json identifiers:json focus working_methods:json website contact_points:json",
            "listActors getActor",
        )],
        "id version:int created_at updated_at kind sector parent_id seat_area_id municipality_code areas_served:json \
         policy_domains:json target_groups:json languages:json founded:day dissolved:day status visibility pack pack_version:int deleted_at merged_into:id",
    ).actors(&[follows("parent_id"), stays("merged_into", "it is the merge itself; an old address is resolved by following it from actor to actor")]),
    nobody("actor_area", "actor_id area_id").actors(&[stays("actor_id", "an index of the actor's own record, which is written again with the survivor")]),
    naming(
        "actor_identifier",
        Words("Aktörers nummer", "Actors' identifiers"),
        &[texts("value", "listActors getActor")],
        "id actor_id scheme scope live:flag claimed:flag",
    ).actors(&[stays("actor_id", "an index of the actor's own record, which is written again with the survivor")]),
]).areas(&["seat_area_id", "areas_served"]).ends(End::RemovedAt("deleted_at")).disclosable().holdable().period("founded", "dissolved").repeats(&[("formerNames", "name")]);
