//! Findings (iakttagelser): differences or patterns that the parties see, and the evidence under them. Evidence from statistics
//! is a query with its frozen answer and a digest, so later changes of the numbers do not change what was agreed on.

pub mod answers;
mod api;
pub mod reading;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Bilingual, Link, Owner, Record, impersonal_table, text_columns, text_table};

/// The declaration of this kind of record.
pub const FINDING: Record = Record::new(
    "finding",
    Owner::Whole,
    &[text_table(
        "finding",
        Bilingual("Iakttagelser", "Findings"),
        &[text_columns("statement", "listFindings getFinding")],
        "id version:int created_at updated_at assessment_id kind policy_domains:json",
    )],
)
.part_of("assessment", "assessment_id")
.disclosable()
.links(&[Link::rows("rests_on", "evidence", "evidence", "evidence", ("finding_id", "id"))]);

/// The declaration of this kind of record.
pub const EVIDENCE: Record = Record::new(
    "evidence",
    Owner::Whole,
    &[
        text_table(
            "evidence",
            Bilingual("Underlag", "Evidence"),
            &[text_columns("note answer", "listEvidence getEvidence")],
            "id version:int created_at updated_at finding_id kind query:json digest form:int",
        )
        .frozen(&["answer"]),
        impersonal_table("evidence_observation", "evidence_id observation_id"),
    ],
)
.part_of("finding", "finding_id")
.frozen("answer", "hash")
.links(&[Link::rows("uses", "query", "observation", "evidence_observation", ("evidence_id", "observation_id"))]);
