//! Members (medlemmar): the actors of a forum, their functions, and their present and desired levels of collaboration. Actors may
//! have different levels, and a higher level is not always better. What matters is the gap between the two levels.

mod api;
pub mod rules;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::{
    lifecycle,
    record::{End, Owner, Record, actor_column, impersonal_table},
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "member",
    Owner::Whole,
    &[impersonal_table(
        "forum_member",
        "id version:int created_at updated_at forum_id actor_id function status current_level desired_level valid_from valid_to",
    )
    .actors(&[actor_column("actor_id").once("forum_id")])],
)
.part_of("forum", "forum_id")
.ends(End::Status("status", "left"))
.life(lifecycle::table::<rules::Life>);
