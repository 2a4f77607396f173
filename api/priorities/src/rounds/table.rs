//! Rounds, and the index of their candidates.

use sea_orm::entity::prelude::*;

use super::{Criterion, RankingMethod, RoundId, RoundScope, RoundStatus, TieBreak};
use crate::{
    access::Visibility,
    forums::forums::ForumId,
    interventions::interventions::{Horizon, InterventionId},
    kernel::table::List,
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "round")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RoundId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub forum_id: ForumId,
    pub question: String,
    pub scope: RoundScope,
    pub horizon: Horizon,
    pub candidates: List<InterventionId>,
    pub criteria: List<Criterion>,
    pub method: RankingMethod,
    pub tie_break: TieBreak,
    pub status: RoundStatus,
    pub result: Option<String>,
    pub result_hash: Option<String>,
    pub result_form: Option<i32>,
    pub visibility: Visibility,
    pub deleted_at: Option<ChronoDateTimeUtc>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// The candidates of a round, in their order.
pub mod candidate {
    use super::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "round_candidate")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub round_id: RoundId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub intervention_id: InterventionId,
        pub ordinal: i32,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}
