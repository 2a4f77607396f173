//! The table of relations between actors.

use sea_orm::entity::prelude::*;

use super::{RelationId, RelationKind};
use crate::actors::ActorId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "actor_relation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RelationId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub kind: RelationKind,
    pub actor_id: ActorId,
    pub other_actor_id: ActorId,
    pub valid_from: Option<ChronoDate>,
    pub valid_to: Option<ChronoDate>,
    pub deleted_at: Option<ChronoDateTimeUtc>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}
