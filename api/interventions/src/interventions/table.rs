//! The table of interventions, and the index tables of their areas and causes.

use sea_orm::entity::prelude::*;

use super::{Addresses, Horizon, Instrument, InterventionId, InterventionStatus};
use crate::{
    access::Visibility, assessments::causes::CauseId, forums::forums::ForumId, geography::areas::AreaId, kernel::table::List,
    registry::actors::ActorId,
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "intervention")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InterventionId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub title: String,
    pub title_sort: Vec<u8>,
    pub description: Option<String>,
    pub owner_actor_id: ActorId,
    pub forum_id: Option<ForumId>,
    pub status: InterventionStatus,
    pub horizon: Horizon,
    pub addresses: Addresses,
    pub instrument: Instrument,
    pub areas: List<AreaId>,
    pub causes: List<CauseId>,
    pub policy_domains: List<String>,
    pub target_groups: List<String>,
    pub budget: Option<i64>,
    pub valid_from: Option<ChronoDate>,
    pub valid_to: Option<ChronoDate>,
    pub visibility: Visibility,
    pub deleted_at: Option<ChronoDateTimeUtc>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// The areas of interventions: an index for finding interventions by area.
pub mod area {
    use super::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "intervention_area")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub intervention_id: InterventionId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub area_id: AreaId,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The causes of interventions: an index for finding interventions by cause.
pub mod cause {
    use super::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "intervention_cause")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub intervention_id: InterventionId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub cause_id: CauseId,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}
