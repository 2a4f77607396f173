//! Interventions (insatser): work that an actor does or plans, with its areas, its target groups and the causes that it addresses. It
//! has a place in the four-field matrix: it addresses an underlying cause or a consequence, by a certain instrument.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Bilingual, End, Link, Owner, Record, actor_column, impersonal_table, text_columns, text_table};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "intervention",
    Owner::ActorAndForum("owner_actor_id", "forum_id"),
    &[
        text_table(
            "intervention",
            Bilingual("Insatser", "Interventions"),
            &[text_columns("title title_sort:bytes description", "listInterventions getIntervention")],
            "id version:int created_at updated_at owner_actor_id forum_id status horizon addresses instrument areas:json causes:json \
         policy_domains:json target_groups:json budget:int valid_from valid_to visibility deleted_at",
        )
        .actors(&[actor_column("owner_actor_id")]),
        impersonal_table("intervention_area", "intervention_id area_id"),
        impersonal_table("intervention_cause", "intervention_id cause_id"),
    ],
)
.areas(&["areas"])
.ends(End::RemovedAt("deleted_at"))
.disclosable()
.holdable()
.links(&[Link::rows("addresses", "causes", "cause", "intervention_cause", ("intervention_id", "cause_id"))]);
