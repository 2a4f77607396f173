//! Statements (behov, utmaningar, kompetenser, resurser): needs, challenges, competences and resources of actors, in a policy
//! domain and an area. Together they show which actors can help others, and what is missing.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Bilingual, End, Owner, Record, actor_column, text_columns, text_table};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "statement",
    Owner::Actor("actor_id"),
    &[text_table(
        "statement",
        Bilingual("Behov, utmaningar, kompetenser och resurser", "Needs, challenges, competences and resources"),
        &[text_columns("text plan target_groups:json", "listStatements getStatement")],
        "id version:int created_at updated_at kind actor_id policy_domain area_id sufficiency valid_from valid_to visibility deleted_at",
    )
    .actors(&[actor_column("actor_id")])],
)
.part_of("actor", "actor_id")
.areas(&["area_id"])
.ends(End::RemovedAt("deleted_at"))
.disclosable();
