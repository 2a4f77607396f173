//! The journal (diarium): the register of documents that came in, went out or were drawn up. Each entry gets the next number of the
//! year, which never changes and is never used again. Entries are not removed.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{
    Bilingual, DataPurpose::Signature, DataSubject, Erase, Owner, Record, Rule, impersonal_table, kept_columns, not_in_extract,
    personal_table, text_columns,
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "journal_entry",
    Owner::Permission,
    &[
        personal_table(
            "journal_entry",
            Bilingual("Poster i diariet som personen har registrerat", "Journal entries that the person has registered"),
            DataSubject::Authors("journal_entry"),
            &[
                kept_columns("registered_by_name", Erase::Name, Signature, Rule::Records, "listJournalEntries getJournalEntry"),
                not_in_extract(text_columns("title counterpart", "listJournalEntries getJournalEntry")),
            ],
            "id version:int created_at updated_at year:int number:int direction received_on record_kind record_id",
        ),
        impersonal_table("journal_counter", "year:int last:int"),
    ],
)
.disclosable();
