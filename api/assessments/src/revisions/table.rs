//! Revisions, which never change.

use sea_orm::entity::prelude::*;

use super::RevisionId;
use crate::{access::Visibility, assessments::AssessmentId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "revision")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RevisionId,
    pub assessment_id: AssessmentId,
    pub number: i32,
    pub content: String,
    pub digest: String,
    pub published_at: ChronoDateTimeUtc,
    pub published_by_name: String,
    pub visibility: Visibility,
    pub form: i32,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}
