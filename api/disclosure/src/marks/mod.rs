//! Secrecy marks (sekretessmarkeringar): a mark states that a member of a record, or the whole record, is under secrecy. It names
//! the section of the Public Access to Information and Secrecy Act (offentlighets- och sekretesslagen, OSL 2009:400), the motive
//! and the day of review. A mark hides the content, and it is a warning: at each disclosure the secrecy is examined again.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{
    Bilingual, DataPurpose::Signature, DataSubject, Erase, Owner, Record, Rule, actor_column, kept_columns, not_in_extract, personal_table,
    text_columns,
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "secrecy_mark",
    Owner::Permission,
    &[personal_table(
        "secrecy_mark",
        Bilingual("Sekretessmarkeringar som personen har gjort", "Secrecy marks that the person has made"),
        DataSubject::Authors("secrecy_mark"),
        &[
            kept_columns("marked_by_name lifted_by_name", Erase::Name, Signature, Rule::Records, "listSecrecyMarks getSecrecyMark"),
            not_in_extract(text_columns("motive lift_motive", "listSecrecyMarks getSecrecyMark")),
        ],
        "id version:int created_at updated_at record_kind record_id member chapter:int paragraph review_on forum_id actor_id lifted_at",
    )
    .actors(&[actor_column("actor_id").silent()])],
);
