//! Causes (orsaker): the reasons that the parties see for their findings, with mechanism, level and confidence. Interventions are
//! aimed at causes.

mod api;
pub mod reading;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Bilingual, Link, Owner, Record, impersonal_table, text_columns, text_table};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "cause",
    Owner::Whole,
    &[
        text_table(
            "cause",
            Bilingual("Orsaker", "Causes"),
            &[text_columns("statement mechanism explanation", "listCauses getCause")],
            "id version:int created_at updated_at assessment_id level structural:flag confidence policy_domains:json findings:json",
        ),
        impersonal_table("cause_finding", "cause_id finding_id"),
    ],
)
.part_of("assessment", "assessment_id")
.disclosable()
.links(&[Link::rows("explains", "findings", "finding", "cause_finding", ("cause_id", "finding_id"))]);
