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

use crate::kernel::record::{Erase, Of, Owner, Record, Rule, Why::Accountability, Words, about, becomes, nobody, stays, texts, untold};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "merge",
    Owner::Permission,
    &[
        about(
            "actor_merge",
            Words("Sammanslagningar som personen har gjort eller ångrat", "Merges that the person has made or undone"),
            Of::User(&["merged_by", "undone_by"]),
            &[
                becomes("merged_by undone_by", Erase::Stays, Accountability, Rule::Records, "listMerges getMerge"),
                untold(texts("note came:json", "listMerges getMerge")),
            ],
            "id version:int created_at updated_at merged_id into_id moved:json stayed:json members:json undone_at left_alone:json",
        )
        .actors(&[stays("merged_id", "it is the merge itself"), stays("into_id", "it is the merge itself")]),
        nobody("actor_merge_row", "id merge_id of_table of_column row_id now_id"),
    ],
);

pub(crate) mod store;
