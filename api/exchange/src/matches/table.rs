//! The entities of matches and their candidates.

use sea_orm::entity::prelude::*;
use serde_json::Value;

use super::{Applied, MatchDecision, MatchId, MatchStatus};
use crate::{kernel::table::List, registry::actors::ActorId, sources::SourceId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "record_match")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MatchId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub source_id: SourceId,
    pub external_id: String,
    pub status: MatchStatus,
    #[sea_orm(column_type = "JsonBinary")]
    pub incoming: Value,
    pub decision: Option<MatchDecision>,
    pub actor_id: Option<ActorId>,
    pub actor_version: Option<i64>,
    pub applied: List<Applied>,
    pub note: Option<String>,
    pub decided_by: Option<Uuid>,
    pub decided_by_name: Option<String>,
    pub decided_at: Option<ChronoDateTimeUtc>,
    pub undone_by: Option<Uuid>,
    pub undone_by_name: Option<String>,
    pub undone_at: Option<ChronoDateTimeUtc>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// The actors that a record may be.
pub mod candidate {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "match_candidate")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub match_id: MatchId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub actor_id: ActorId,
        pub same_identifier: bool,
        pub same_name: bool,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}
