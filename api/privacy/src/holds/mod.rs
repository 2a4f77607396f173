//! Legal holds (undantag från gallring): orders that a record stays as it is, for a court, an audit or a request for documents. A
//! record under a hold is neither erased nor disposed of.

mod api;
pub mod store;
mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{
    Bilingual, DataPurpose::Accountability, DataSubject, Erase, Owner, Record, Rule, kept_columns, personal_table,
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "legal_hold",
    Owner::Permission,
    &[personal_table(
        "legal_hold",
        Bilingual("Undantag från gallring som personen har beslutat", "Legal holds that the person has decided"),
        DataSubject::User(&["created_by"]),
        &[
            kept_columns("created_by", Erase::Stays, Accountability, Rule::Protocols, ""),
            kept_columns("record_kind record_id", Erase::Stays, Accountability, Rule::Protocols, "listLegalHolds getLegalHold"),
            kept_columns("reason", Erase::ByHand, Accountability, Rule::Protocols, "listLegalHolds getLegalHold"),
        ],
        "id version:int created_at updated_at valid_from valid_to",
    )],
);
