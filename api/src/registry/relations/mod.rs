//! Relations between actors (relationer): which is a member of which, which has succeeded which, and which is part of
//! which. That an actor is part of another is said by its `parentId`; the relation keeps when that was so.

mod api;
pub mod rules;
pub mod store;
pub mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{ActorRelation, NewActorRelation, routes};

use crate::kernel::Id;

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
