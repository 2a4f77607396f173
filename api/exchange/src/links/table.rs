//! Links between records of sources and actors.

use sea_orm::entity::prelude::*;
use serde_json::Value;

use super::LinkId;
use crate::{matches::MatchId, registry::actors::ActorId, sources::SourceId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "source_actor")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LinkId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub source_id: SourceId,
    pub external_id: String,
    /// The actor that the record is; nothing while it is held.
    pub actor_id: Option<ActorId>,
    /// The match that the record is held in; nothing once it is linked.
    pub match_id: Option<MatchId>,
    /// What the source last sent, in the form in which it is stored.
    #[sea_orm(column_type = "JsonBinary")]
    pub given: Value,
    /// What the source last wrote.
    #[sea_orm(column_type = "JsonBinary")]
    pub base: Value,
    /// The digest of what the source last sent, as it was sent.
    pub digest: String,
    pub absent_since: Option<ChronoDateTimeUtc>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}
