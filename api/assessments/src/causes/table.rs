//! Causes, and the index of the findings that they explain.

use sea_orm::entity::prelude::*;

use super::{CauseExplanation, CauseId, CauseLevel, Confidence};
use crate::{assessments::AssessmentId, findings::FindingId, kernel::table::List};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "cause")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CauseId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub assessment_id: AssessmentId,
    pub statement: String,
    pub mechanism: Option<String>,
    pub level: CauseLevel,
    pub explanation: Option<CauseExplanation>,
    pub structural: bool,
    pub confidence: Option<Confidence>,
    pub policy_domains: List<String>,
    pub findings: List<FindingId>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// The findings that a cause explains.
pub mod explains {
    use super::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "cause_finding")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub cause_id: CauseId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub finding_id: FindingId,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}
