//! Rounds (prioriteringar): a forum asks which interventions come first. The criteria, their weights, the method and the
//! tie-break are fixed when the round opens. The result is computed from the ballots and explained. It is not the decision.

mod api;
pub mod closing;
pub mod rules;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::{
    lifecycle,
    record::{Bilingual, End, Link, Owner, Record, impersonal_table, text_columns, text_table},
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new("round", Owner::Forum("forum_id"), &[
    text_table(
        "round",
        Bilingual("Prioriteringar", "Rounds"),
        &[text_columns("question criteria:json", "listRounds getRound")],
        "id version:int created_at updated_at forum_id scope horizon candidates:json method tie_break status result result_hash result_form:int \
         visibility deleted_at",
    ).frozen(&["result"]),
    impersonal_table("round_candidate", "round_id intervention_id ordinal:int"),
]).ends(End::RemovedAt("deleted_at")).disclosable().holdable().links(&[Link::rows("considers", "candidates", "intervention", "round_candidate", ("round_id", "intervention_id"))]).frozen("result", "resultHash").life(lifecycle::table::<rules::Life>);
