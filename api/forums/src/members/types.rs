//! The types of this resource: request and response bodies, filters, enumerations and the id.

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

/// The status of a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum MemberStatus {
    /// The actor is invited and has not answered.
    Invited,
    /// The actor has accepted and takes part.
    Accepted,
    /// The actor has declined.
    Declined,
    /// The actor has left the forum or was removed from it.
    Left,
}

/// How closely an actor works together with the others, from loose to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum CollaborationLevel {
    /// The actor is informed (information).
    Information,
    /// The actor is consulted (samråd).
    Consultation,
    /// The actor discusses with the others (dialog).
    Dialogue,
    /// The actor shares the work and its criteria (partnerskap).
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
    /// How closely the actor wants to work together with the others.
    pub desired_level: Option<CollaborationLevel>,
    /// First day of the membership.
    pub valid_from: Option<NaiveDate>,
    /// First day on which the membership is no longer valid.
    pub valid_to: Option<NaiveDate>,
}

/// The membership of an actor in a forum (medlem).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    pub id: MemberId,
    /// Grows by one with each change.
    pub version: i64,
    pub forum_id: ForumId,
    #[serde(flatten)]
    pub fields: NewMember,
    /// The id and name of the actor; null when the caller cannot see the actor.
    pub actor: Option<ActorName>,
    pub status: MemberStatus,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}
