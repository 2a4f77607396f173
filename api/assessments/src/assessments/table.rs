//! Assessments.

use sea_orm::entity::prelude::*;

use super::{AssessmentId, AssessmentStatus};
use crate::{access::Visibility, forums::forums::ForumId, geography::areas::AreaId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "assessment")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AssessmentId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub title: String,
    pub title_sort: Vec<u8>,
    pub forum_id: ForumId,
    pub area_id: AreaId,
    pub purpose: Option<String>,
    pub status: AssessmentStatus,
    pub visibility: Visibility,
    pub valid_from: Option<ChronoDate>,
    pub valid_to: Option<ChronoDate>,
    pub deleted_at: Option<ChronoDateTimeUtc>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}
