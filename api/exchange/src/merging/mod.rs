//! Merges (sammanslagningar): two records of the same actor become one, and nothing is lost. The records that refer to the
//! merged actor move to the survivor, the old address leads to the survivor, and a merge can be undone.

mod api;
pub mod plan;
pub mod references;
pub mod rules;
mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{
    Bilingual, DataPurpose::Accountability, DataSubject, Erase, Owner, Record, Rule, fixed_actor_column, impersonal_table, kept_columns,
    not_in_extract, personal_table, text_columns,
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "merge",
    Owner::Permission,
    &[
        personal_table(
            "actor_merge",
            Bilingual("Sammanslagningar som personen har gjort eller ångrat", "Merges that the person has made or undone"),
            DataSubject::User(&["merged_by", "undone_by"]),
            &[
                kept_columns("merged_by undone_by", Erase::Stays, Accountability, Rule::Records, "listMerges getMerge"),
                not_in_extract(text_columns("note came:json", "listMerges getMerge")),
            ],
            "id version:int created_at updated_at merged_id into_id moved:json stayed:json members:json undone_at left_alone:json",
        )
        .actors(&[fixed_actor_column("merged_id", "it is the merge itself"), fixed_actor_column("into_id", "it is the merge itself")]),
        impersonal_table("actor_merge_row", "id merge_id of_table of_column row_id now_id"),
    ],
);

pub(crate) mod store;
