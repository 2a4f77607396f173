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
    record::{End, Owner, Record, Words, naming, nobody, texts},
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "forum",
    Owner::Forum("id"),
    &[
        naming(
            "forum",
            Words("Forum", "Forums"),
            &[texts("name name_fold name_sort:bytes purpose mandate_text meeting_rhythm", "listForums getForum")],
            "id version:int created_at updated_at kind level areas:json complements_line_organisation:flag status visibility deleted_at",
        ),
        nobody("forum_area", "forum_id area_id"),
    ],
)
.areas(&["areas"])
.ends(End::RemovedAt("deleted_at"))
.disclosable()
.holdable()
.life(lifecycle::table::<rules::Life>);
