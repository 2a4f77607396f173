//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    access::policy::ForumFunction,
    forums::ForumId,
    kernel::Id,
    registry::actors::{ActorId, ActorName},
};

/// The id of a membership.
pub type MemberId = Id<Member>;

/// How far an invitation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum MemberStatus {
    /// Has been asked and not answered.
    Invited,
    /// Takes part.
    Accepted,
    /// Has said no.
    Declined,
    /// Took part before.
    Left,
}

/// How closely a party works together with the others, from loose to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum CollaborationLevel {
    /// Is told (information).
    Information,
    /// Is asked (samråd).
    Consultation,
    /// Talks things over (dialog).
    Dialogue,
    /// Shares the work and its criteria (partnerskap).
    Partnership,
}

/// An actor to be invited to a forum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewMember {
    pub actor_id: ActorId,
    pub function: ForumFunction,
    /// How closely the actor works together with the others now.
    pub current_level: Option<CollaborationLevel>,
    /// How closely the actor wishes to.
    pub desired_level: Option<CollaborationLevel>,
    /// First day of the membership.
    pub valid_from: Option<NaiveDate>,
    /// First day on which it no longer holds.
    pub valid_to: Option<NaiveDate>,
}

/// An actor's place in a forum (medlem).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    pub id: MemberId,
    /// Grows by one with each change.
    pub version: i64,
    pub forum_id: ForumId,
    #[serde(flatten)]
    pub fields: NewMember,
    /// The actor by name; null where the caller may not see it.
    pub actor: Option<ActorName>,
    pub status: MemberStatus,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}
