//! Indicators (indikatorer): what is measured, in what unit, since when, and whether higher is better. The pack brings those
//! of the guidance; anybody who works with statistics may add complementary ones.

mod api;
pub mod store;
pub mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{Indicator, NewIndicator, routes};

use crate::kernel::Id;

/// The id of an indicator.
pub type IndicatorId = Id<Indicator>;

/// The part of life that an indicator tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum StatisticalArea {
    Socioeconomic,
    HousingServices,
    Education,
    LabourMarket,
    DemocracyCivilSociety,
    Health,
}

/// What kind of number the values are. Medians and means are never put together from parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    Count,
    Share,
    Median,
    Mean,
    Ratio,
    Distribution,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Polarity {
    /// Higher is better.
    Higher,
    /// Lower is better.
    Lower,
    /// Neither.
    Neutral,
}
