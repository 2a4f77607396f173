//! Revisions (utgåvor): assessments as they were published. They never change, and have a digest by which anybody can check that.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{
    Bilingual, DataPurpose::Signature, DataSubject, Erase, Owner, Record, Rule, kept_columns, not_in_extract, personal_table, text_columns,
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "revision",
    Owner::ForumOfWhole,
    &[personal_table(
        "revision",
        Bilingual("Publicerade lägesbilder", "Published assessments"),
        DataSubject::Authors("revision"),
        &[
            kept_columns("published_by_name", Erase::Name, Signature, Rule::Records, "listRevisions getRevision"),
            // The content is published, so it is not repeated in the extract of personal data of the user who published it.
            not_in_extract(text_columns("content", "listRevisions getRevision getRevisionCanonical")),
        ],
        "id assessment_id number:int digest published_at visibility form:int",
    )
    .frozen(&["content"])],
)
.disclosable_as_made()
.frozen("content", "hash")
.holdable();
