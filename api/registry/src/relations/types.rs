//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{actors::ActorId, kernel::Id};

/// The id of a relation.
pub type RelationId = Id<ActorRelation>;

/// How an actor stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = ActorRelationKind)]
pub enum RelationKind {
    /// Is a member of the other (medlem i), as a club of its federation.
    MemberOf,
    /// Has taken over from the other (efterträdare till).
    SuccessorOf,
    /// Is part of the other (del av), as an administration of its municipality. Kept from `parentId`.
    PartOf,
}

/// A relation to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewActorRelation {
    /// How `actorId` stands to `otherActorId`. `part_of` cannot be given: it follows from `parentId` of the actor.
    pub kind: RelationKind,
    /// The member, the successor, or the part.
    pub actor_id: ActorId,
    /// What it is a member of, what it has taken over from, or what it is part of.
    pub other_actor_id: ActorId,
    /// First day of the relation, where that is known.
    pub valid_from: Option<NaiveDate>,
    /// First day on which it no longer holds.
    pub valid_to: Option<NaiveDate>,
}

/// How an actor stands to another, and when (relation).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActorRelation {
    pub id: RelationId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewActorRelation,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Which relations to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct RelationFilter {
    /// Relations of this actor, whichever of the two it is.
    #[param(nullable = false)]
    pub actor_id: Option<ActorId>,
    /// Relations of these kinds.
    #[param(nullable = false, inline, style = Form, explode = false)]
    pub kind: Option<Vec<RelationKind>>,
    /// Relations that held on this day.
    #[param(nullable = false)]
    pub as_of: Option<NaiveDate>,
}
