//! The types of this resource: bodies of requests and responses, filters, enumerations and the id.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{kernel::Id, policy::Role, users::UserId};

/// The id of a grant.
pub type GrantId = Id<Grant>;

/// The kind of place that a grant holds for.
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

/// The place where a grant holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = GrantScope)]
pub struct Scope {
    pub kind: ScopeKind,
    /// The id of the area, actor, forum or source; null for `everywhere`.
    pub id: Option<Uuid>,
}

/// A grant to be given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewGrant {
    pub user_id: UserId,
    pub role: Role,
    pub scope: Scope,
    /// First day of the grant; null means from now on.
    pub valid_from: Option<NaiveDate>,
    /// First day on which the grant no longer holds; null means until further notice.
    pub valid_to: Option<NaiveDate>,
}

/// A role that a user holds within a scope (behörighet).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    pub id: GrantId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewGrant,
    /// The id of the identity provider that gave the grant and removes it; null when a user gave it.
    pub provider: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The filter for grants.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct GrantFilter {
    /// Only grants of this user.
    #[param(nullable = false)]
    pub user_id: Option<UserId>,
}
