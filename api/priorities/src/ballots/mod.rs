//! Ballots (röster): each party of a round gives each candidate a score on each criterion. A party with an interest of its own in
//! the outcome says so and abstains.

mod api;
pub mod rules;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::{
    lifecycle,
    record::{Owner, Record, Words, follows, naming, texts},
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "ballot",
    Owner::Whole,
    &[naming(
        "ballot",
        Words("Röster", "Ballots"),
        &[texts("conflict_of_interest", "listBallots getBallot")],
        "id version:int created_at updated_at round_id actor_id scores:json abstains:flag",
    )
    .actors(&[follows("actor_id").once("round_id")])],
)
.part_of("round", "round_id")
.life(lifecycle::table::<rules::Life>);
