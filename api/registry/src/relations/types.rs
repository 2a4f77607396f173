//! The types of this resource: request and response bodies, filters, enumerations and the id.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{actors::ActorId, kernel::Id};

/// The id of a relation.
pub type RelationId = Id<ActorRelation>;

/// The kind of relation from one actor to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = ActorRelationKind)]
pub enum RelationKind {
    /// The actor is a member of the other (medlem i), such as a club of its federation.
    MemberOf,
    /// The actor is the successor of the other (efterträdare till).
    SuccessorOf,
    /// The actor is part of the other (del av), such as an administration of its municipality. It follows from `parentId`.
    PartOf,
}

/// A relation to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewActorRelation {
    /// The kind of relation from `actorId` to `otherActorId`. `part_of` cannot be given: it follows from `parentId` of the actor.
    pub kind: RelationKind,
    /// The member, the successor, or the part.
    pub actor_id: ActorId,
    /// The actor of which the first one is a member, the successor, or a part.
    pub other_actor_id: ActorId,
    /// First day of the relation, if known.
    pub valid_from: Option<NaiveDate>,
    /// First day on which the relation is no longer valid.
    pub valid_to: Option<NaiveDate>,
}

/// A relation between two actors, with its period (relation).
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

/// Filters of the list of relations.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct RelationFilter {
    /// Relations in which this actor is either of the two.
    #[param(nullable = false)]
    pub actor_id: Option<ActorId>,
    /// Relations of these kinds.
    #[param(nullable = false, inline, style = Form, explode = false)]
    pub kind: Option<Vec<RelationKind>>,
    /// Relations that were valid on this day.
    #[param(nullable = false)]
    pub as_of: Option<NaiveDate>,
}
