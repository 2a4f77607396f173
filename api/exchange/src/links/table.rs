//! The entity of links between records of sources and actors.

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
    /// The actor that the record is; `None` while the record is held.
    pub actor_id: Option<ActorId>,
    /// The match in which the record is held; `None` once it is linked.
    pub match_id: Option<MatchId>,
    /// The members that the source last sent, in the form in which they are stored.
    #[sea_orm(column_type = "JsonBinary")]
    pub given: Value,
    /// The members that the source last wrote, with their values.
    #[sea_orm(column_type = "JsonBinary")]
    pub base: Value,
    /// The digest of the record that the source last sent, in the form in which it was sent.
    pub digest: String,
    pub absent_since: Option<ChronoDateTimeUtc>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}
