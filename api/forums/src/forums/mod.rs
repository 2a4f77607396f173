//! Forums (forum): councils, groups, partnerships and networks where actors meet across their line organisations. The results
//! of a forum belong to it, and can be visible to its members only.

mod api;
pub mod rules;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::among_members;
pub use types::*;

use crate::kernel::{
    lifecycle,
    record::{Bilingual, End, Owner, Record, impersonal_table, text_columns, text_table},
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "forum",
    Owner::Forum("id"),
    &[
        text_table(
            "forum",
            Bilingual("Forum", "Forums"),
            &[text_columns("name name_sort:bytes purpose mandate_text meeting_rhythm", "listForums getForum")],
            "id version:int created_at updated_at kind level areas:json complements_line_organisation:flag status visibility deleted_at",
        ),
        impersonal_table("forum_area", "forum_id area_id"),
    ],
)
.areas(&["areas"])
.ends(End::RemovedAt("deleted_at"))
.disclosable()
.holdable()
.life(lifecycle::table::<rules::Life>);
