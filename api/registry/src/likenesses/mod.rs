//! Likenesses (likheter): actors that may be one and the same, for they have come to have the same number, or the same name at
//! the same seat, or for the one may be taken for the other, a public body. Each is found when an actor is stored, whoever stores
//! it and however, and is told to those who see both and may write one of them. They merge the two, or those whose it is to say
//! say that they are two.
//!
//! Who stored the actor is told nothing by it, for the other may be one that it may not see. So there is no change of a
//! likeness in the feed, which would be told to the people of both.

mod api;
pub mod store;
mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Erase, Of, Rule, Table, Why::Signature, Words, about, becomes, stays};

/// The tables that are kept here.
pub const TABLES: &[Table] = &[about(
    "actor_likeness",
    Words("Likheter som personen har avfärdat", "Likenesses that the person has dismissed"),
    Of::User(&["dismissed_by"]),
    &[
        becomes("dismissed_by dismissed_at", Erase::Stays, Signature, Rule::Records, ""),
        becomes("dismissed_by_name", Erase::Name, Signature, Rule::Records, "listLikenesses"),
    ],
    "id version:int created_at updated_at actor_id other_actor_id same_identifier:flag same_name:flag",
)
.actors(&[
    stays("actor_id", "it says that the two may be one; it is shown while both are there"),
    stays("other_actor_id", "it says that the two may be one; it is shown while both are there"),
])];
