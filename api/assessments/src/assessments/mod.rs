//! Shared situation assessments (gemensamma lägesbilder): the actors of a forum together describe the situation in an area, with
//! evidence, causes, and an endorsement by each actor.

mod api;
pub mod parts;
pub mod rules;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::{
    lifecycle,
    record::{Bilingual, End, Owner, Record, text_columns, text_table},
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "assessment",
    Owner::Forum("forum_id"),
    &[text_table(
        "assessment",
        Bilingual("Lägesbilder", "Assessments"),
        &[text_columns("title title_sort:bytes purpose", "listAssessments getAssessment")],
        "id version:int created_at updated_at forum_id area_id status visibility valid_from valid_to deleted_at",
    )],
)
.areas(&["area_id"])
.ends(End::RemovedAt("deleted_at"))
.disclosable()
.holdable()
.life(lifecycle::table::<rules::Life>);
