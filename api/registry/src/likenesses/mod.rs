//! Likenesses (likheter): pairs of actors that may be the same organisation. They have the same number, or the same name and the
//! same seat, or one of them may be mistaken for the other, a public body. Likenesses are found every time an actor is stored, in
//! whatever way. They are shown to callers who can see both actors and may write one of them. These callers merge the two actors,
//! or dismiss the likeness if they may.
//!
//! The caller who stored the actor is not told, since the other actor may be hidden from it. For the same reason the feed has no
//! changes of likenesses: they would be visible to the users of both actors.

mod api;
pub mod store;
mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{
    Bilingual, DataPurpose::Signature, DataSubject, Erase, Rule, Table, fixed_actor_column, kept_columns, personal_table,
};

/// The tables of this resource.
pub const TABLES: &[Table] = &[personal_table(
    "actor_likeness",
    Bilingual("Likheter som personen har avfärdat", "Likenesses that the person has dismissed"),
    DataSubject::User(&["dismissed_by"]),
    &[
        kept_columns("dismissed_by dismissed_at", Erase::Stays, Signature, Rule::Records, ""),
        kept_columns("dismissed_by_name", Erase::Name, Signature, Rule::Records, "listLikenesses"),
    ],
    "id version:int created_at updated_at actor_id other_actor_id same_identifier:flag same_name:flag",
)
.actors(&[
    fixed_actor_column("actor_id", "the row says that the two may be one; it is shown while neither is removed"),
    fixed_actor_column("other_actor_id", "the row says that the two may be one; it is shown while neither is removed"),
])];
