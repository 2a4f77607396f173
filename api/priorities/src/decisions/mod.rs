//! Decisions (beslut): the final choice of a round. A decision may depart from the result of its round, and then has a reason.

mod api;
pub mod rules;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::{
    lifecycle,
    record::{Bilingual, Link, Owner, Record, Stored, text_columns, text_table},
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "decision",
    Owner::ForumOfWhole,
    &[text_table(
        "decision",
        Bilingual("Beslut", "Decisions"),
        &[text_columns("reason former:json", "listDecisions getDecision")],
        "id version:int created_at updated_at round_id chosen:json departs:flag decided_on visibility status",
    )],
)
.part_of("round", "round_id")
.disclosable()
.holdable()
.links(&[
    Link { name: "chooses", member: "chosen", to: "intervention", stored: Stored::List("chosen") },
    Link::rows("decides", "roundId", "round", "decision", ("id", "round_id")),
])
.life(lifecycle::table::<rules::Life>);
