//! Revisions (utgåvor): what was published, whole and unchangeable, with a digest by which anybody can see that it is so.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Erase, Of, Owner, Record, Rule, Why::Signature, Words, about, becomes, texts, untold};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "revision",
    Owner::WholesForum,
    &[about(
        "revision",
        Words("Publicerade lägesbilder", "Published assessments"),
        Of::Made("revision"),
        &[
            becomes("published_by_name", Erase::Name, Signature, Rule::Records, "listRevisions getRevision"),
            // What was published is everybody's, and not told once more to who published it.
            untold(texts("content", "listRevisions getRevision getRevisionCanonical")),
        ],
        "id assessment_id number:int digest published_at visibility form:int",
    )
    .frozen(&["content"])],
)
.disclosable_as_made()
.frozen("content", "hash")
.holdable();
