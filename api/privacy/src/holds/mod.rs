//! Legal holds (undantag från gallring): orders that a record stays as it is, for a court, an audit or a request for documents. A
//! record under a hold is neither erased nor disposed of.

mod api;
pub mod store;
mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Erase, Of, Owner, Record, Rule, Why::Accountability, Words, about, becomes};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "legal_hold",
    Owner::Permission,
    &[about(
        "legal_hold",
        Words("Undantag från gallring som personen har beslutat", "Legal holds that the person has decided"),
        Of::User(&["created_by"]),
        &[
            becomes("created_by", Erase::Stays, Accountability, Rule::Protocols, ""),
            becomes("record_kind record_id", Erase::Stays, Accountability, Rule::Protocols, "listLegalHolds getLegalHold"),
            becomes("reason", Erase::ByHand, Accountability, Rule::Protocols, "listLegalHolds getLegalHold"),
        ],
        "id version:int created_at updated_at valid_from valid_to",
    )],
);
