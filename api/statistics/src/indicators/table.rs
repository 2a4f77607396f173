//! Indicators.

use sea_orm::entity::prelude::*;

use super::{IndicatorId, Polarity, StatisticalArea, ValueKind};
use crate::kernel::table::List;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "indicator")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: IndicatorId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub number: Option<i32>,
    pub code: String,
    pub name_sv: String,
    pub name_en: String,
    pub statistical_area: StatisticalArea,
    pub value_kind: ValueKind,
    pub unit: Option<String>,
    pub variants: List<String>,
    pub polarity: Polarity,
    pub available_from: Option<i32>,
    pub recommended_from: Option<i32>,
    pub update_note: Option<String>,
    pub series_breaks: List<i32>,
    pub pack: Option<String>,
    pub edited: bool,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}
