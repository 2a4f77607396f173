//! Ballots.

use sea_orm::entity::prelude::*;

use super::{BallotId, Score};
use crate::{kernel::table::List, registry::actors::ActorId, rounds::RoundId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "ballot")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: BallotId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub round_id: RoundId,
    pub actor_id: ActorId,
    pub scores: List<Score>,
    pub abstains: bool,
    pub conflict_of_interest: Option<String>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}
