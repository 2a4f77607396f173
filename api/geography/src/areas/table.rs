//! The table of areas.

use sea_orm::entity::prelude::*;

use super::{AreaId, AreaLevel};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "area")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AreaId,
    pub level: AreaLevel,
    pub version: String,
    pub code: String,
    pub name: String,
    pub name_fold: String,
    pub name_sort: Vec<u8>,
    pub parent_id: Option<AreaId>,
    pub path: String,
    pub category: Option<String>,
    pub valid_from: Option<ChronoDate>,
    pub valid_to: Option<ChronoDate>,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}
