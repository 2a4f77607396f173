//! The entity of sources.

use sea_orm::entity::prelude::*;

use super::SourceId;
use crate::{kernel::table::List, registry::actors::ActorId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "source")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SourceId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub actor_id: Option<ActorId>,
    pub name: String,
    pub id_scheme: String,
    pub owned_fields: List<String>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}
