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
    record::{Link, Owner, Record, Stored, Words, naming, texts},
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "decision",
    Owner::WholesForum,
    &[naming(
        "decision",
        Words("Beslut", "Decisions"),
        &[texts("reason former:json", "listDecisions getDecision")],
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
