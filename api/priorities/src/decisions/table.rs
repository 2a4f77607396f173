//! Decisions.

use sea_orm::entity::prelude::*;

use super::{DecisionId, DecisionStatus, FormerDecision};
use crate::{access::Visibility, interventions::interventions::InterventionId, kernel::table::List, rounds::RoundId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "decision")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DecisionId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub round_id: RoundId,
    pub chosen: List<InterventionId>,
    pub departs: bool,
    pub reason: Option<String>,
    pub decided_on: ChronoDate,
    pub visibility: Visibility,
    pub status: DecisionStatus,
    pub former: List<FormerDecision>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}
