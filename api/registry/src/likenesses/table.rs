//! The table of likenesses.

use sea_orm::entity::prelude::*;

use super::LikenessId;
use crate::actors::ActorId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "actor_likeness")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LikenessId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    /// The actor with the smaller id, which is the older one.
    pub actor_id: ActorId,
    pub other_actor_id: ActorId,
    pub same_identifier: bool,
    pub same_name: bool,
    pub dismissed_by: Option<Uuid>,
    pub dismissed_by_name: Option<String>,
    pub dismissed_at: Option<ChronoDateTimeUtc>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}
