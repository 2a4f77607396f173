//! Grants (behörigheter): a user holds a role within a scope for a time. Nobody grants more than they hold.

mod api;
pub mod store;
pub(super) mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{Grant, NewGrant, Scope, routes};
pub(super) use store::{hand_over, is_within, may_grant, may_take_back, reached, within};
pub use store::{insert, is_admin, of_user};

use crate::kernel::Id;

/// The id of a grant.
pub type GrantId = Id<Grant>;

/// What kind of thing a grant is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    /// The whole installation.
    Everywhere,
    /// An area and all below it.
    Area,
    /// An actor and its administrations.
    Actor,
    /// A forum.
    Forum,
    /// A source of a partner system.
    Source,
}
