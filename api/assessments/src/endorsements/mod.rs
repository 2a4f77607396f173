//! Endorsements (ställningstaganden): each party's own statement on an assessment. A dissent has a reason, stays on record and is
//! published with the text.

mod api;
pub mod rules;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::{
    lifecycle,
    record::{Bilingual, Owner, Record, actor_column, text_columns, text_table},
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "endorsement",
    Owner::Whole,
    &[text_table(
        "endorsement",
        Bilingual("Ställningstaganden", "Endorsements"),
        &[text_columns("reason", "listEndorsements getEndorsement")],
        "id version:int created_at updated_at assessment_id actor_id position text_digest outdated:flag",
    )
    .actors(&[actor_column("actor_id").once("assessment_id")])],
)
.part_of("assessment", "assessment_id")
.life(lifecycle::table::<rules::Life>);
