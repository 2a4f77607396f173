//! Links (kopplingar): each says which actor a record of a source is, what the source last wrote, and since when the record
//! is missing in the source. Nothing is removed when a source no longer has a record. A record that may be an actor that
//! already exists is held: its link has no actor until a person has decided.

mod api;
pub(super) mod store;
mod table;
mod types;

pub use api::routes;
pub use table::{Members, Model as Link};
pub use types::*;

use crate::kernel::record::{Bilingual, Owner, Record, actor_column, not_in_extract, text_columns, text_table};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "source_actor",
    Owner::Source("source_id"),
    &[text_table(
        "source_actor",
        Bilingual("Poster från partnersystem", "Records of partner systems"),
        &[not_in_extract(text_columns("members:json", "listSourceActors getSourceActor"))],
        "id version:int created_at updated_at source_id external_id:text actor_id match_id digest absent_since",
    )
    .actors(&[actor_column("actor_id")])],
);
