//! Observations and the imports that brought them.

use sea_orm::entity::prelude::*;

use super::{
    cells::RowFault,
    types::{Breakdown, Disclosure, ImportId, ObservationId, ObservationStatus},
};
use crate::{geography::areas::AreaId, indicators::IndicatorId, kernel::table::List};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "observation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ObservationId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub indicator_id: IndicatorId,
    pub area_id: AreaId,
    pub period: String,
    pub breakdown_key: String,
    pub breakdown: Breakdown,
    pub value: Option<f64>,
    pub numerator: Option<f64>,
    pub denominator: Option<f64>,
    pub status: ObservationStatus,
    pub disclosure: Disclosure,
    pub import_id: ImportId,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Imports, with their source and counts.
pub mod import {
    use super::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "observation_import")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: ImportId,
        pub version: i64,
        pub created_at: ChronoDateTimeUtc,
        pub updated_at: ChronoDateTimeUtc,
        pub indicator_id: IndicatorId,
        pub source: String,
        pub licence: Option<String>,
        pub rows_read: i32,
        pub rows_created: i32,
        pub rows_changed: i32,
        pub rows_unchanged: i32,
        pub rows_refused: i32,
        pub errors: List<RowFault>,
        pub warnings: List<RowFault>,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Earlier values of observations.
pub mod former {
    use super::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "observation_version")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub observation_id: ObservationId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i64,
        pub value: Option<f64>,
        pub numerator: Option<f64>,
        pub denominator: Option<f64>,
        pub status: ObservationStatus,
        pub updated_at: ChronoDateTimeUtc,
        pub import_id: ImportId,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}
