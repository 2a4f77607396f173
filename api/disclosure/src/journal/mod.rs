//! The journal (diarium): the register of documents that came in, went out or were drawn up. Each entry gets the next number of the
//! year, which never changes and is never used again. Entries are not removed.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Erase, Of, Owner, Record, Rule, Why::Signature, Words, about, becomes, nobody, texts, untold};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "journal_entry",
    Owner::Permission,
    &[
        about(
            "journal_entry",
            Words("Poster i diariet som personen har registrerat", "Journal entries that the person has registered"),
            Of::Made("journal_entry"),
            &[
                becomes("registered_by_name", Erase::Name, Signature, Rule::Records, "listJournalEntries getJournalEntry"),
                untold(texts("title counterpart", "listJournalEntries getJournalEntry")),
            ],
            "id version:int created_at updated_at year:int number:int direction received_on record_kind record_id",
        ),
        nobody("journal_counter", "year:int last:int"),
    ],
)
.disclosable();
