//! Grants (behörigheter): a user holds a role within a scope, for a time. Nobody can grant more than they hold.

mod api;
pub mod store;
pub(super) mod table;
mod types;

pub use api::routes;
pub use store::{insert, is_admin, list_for_user};
pub(super) use store::{is_within, may_grant, may_remove_grant, move_grants, place_condition, reach_condition};
pub use types::*;

use crate::kernel::record::{
    Bilingual, DataPurpose::Access, DataSubject, Erase, Owner, Record, Rule, actor_column, kept_columns, personal_table,
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "grant",
    Owner::Permission,
    &[personal_table(
        "access_grant",
        Bilingual("Behörigheter", "Grants"),
        DataSubject::User(&["user_id"]),
        &[kept_columns(
            "user_id role scope_kind scope_id valid_from valid_to",
            Erase::Stays,
            Access,
            Rule::Grants,
            "listGrants getGrant getMe",
        )],
        "id version:int created_at updated_at provider",
    )
    .actors(&[actor_column("scope_id").only("scope_kind", "actor")])],
);
