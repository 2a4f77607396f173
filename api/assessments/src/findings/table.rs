//! Findings with their evidence.

use sea_orm::entity::prelude::*;

use super::{EvidenceId, EvidenceKind, FindingId, FindingKind};
use crate::{assessments::AssessmentId, kernel::table::List, statistics::observations::ObservationId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "finding")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: FindingId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub assessment_id: AssessmentId,
    pub kind: FindingKind,
    pub statement: String,
    pub policy_domains: List<String>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Evidence with its frozen answer.
pub mod evidence {
    use super::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "evidence")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: EvidenceId,
        pub version: i64,
        pub created_at: ChronoDateTimeUtc,
        pub updated_at: ChronoDateTimeUtc,
        pub finding_id: FindingId,
        pub kind: EvidenceKind,
        pub note: Option<String>,
        pub query: Json,
        pub answer: String,
        pub digest: String,
        pub form: i32,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The observations in the answer of evidence.
pub mod evidence_observation {
    use super::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "evidence_observation")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub evidence_id: EvidenceId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub observation_id: ObservationId,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}
