//! Secrecy marks (sekretessmarkeringar): a mark states that a member of a record, or the whole record, is under secrecy. It names
//! the section of the Public Access to Information and Secrecy Act (offentlighets- och sekretesslagen, OSL 2009:400), the motive
//! and the day of review. A mark hides the content, and it is a warning: at each disclosure the secrecy is examined again.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Erase, Of, Owner, Record, Rule, Why::Signature, Words, about, becomes, follows, texts, untold};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "secrecy_mark",
    Owner::Permission,
    &[about(
        "secrecy_mark",
        Words("Sekretessmarkeringar som personen har gjort", "Secrecy marks that the person has made"),
        Of::Made("secrecy_mark"),
        &[
            becomes("marked_by_name lifted_by_name", Erase::Name, Signature, Rule::Records, "listSecrecyMarks getSecrecyMark"),
            untold(texts("motive lift_motive", "listSecrecyMarks getSecrecyMark")),
        ],
        "id version:int created_at updated_at record_kind record_id member chapter:int paragraph review_on forum_id actor_id lifted_at",
    )
    .actors(&[follows("actor_id").silent()])],
);
