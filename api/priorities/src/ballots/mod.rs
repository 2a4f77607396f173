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
    record::{Bilingual, Owner, Record, actor_column, text_columns, text_table},
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "ballot",
    Owner::Whole,
    &[text_table(
        "ballot",
        Bilingual("Röster", "Ballots"),
        &[text_columns("conflict_of_interest", "listBallots getBallot")],
        "id version:int created_at updated_at round_id actor_id scores:json abstains:flag",
    )
    .actors(&[actor_column("actor_id").once("round_id")])],
)
.part_of("round", "round_id")
.life(lifecycle::table::<rules::Life>);
