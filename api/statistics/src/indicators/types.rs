//! The types of this resource: bodies of requests and answers, filters, enumerations and ids.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::kernel::{Id, extract::blank_is_none};

/// The id of an indicator.
pub type IndicatorId = Id<Indicator>;

/// The subject of an indicator (statistikområde).
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

/// The kind of number that the values are. Medians and means are never computed from parts.
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

/// Whether a higher value is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Polarity {
    /// Higher is better.
    Higher,
    /// Lower is better.
    Lower,
    /// Neither is better.
    Neutral,
}

/// An indicator to be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewIndicator {
    /// Its number in the guidance; null when it is not one of those.
    #[schema(minimum = 1, maximum = 999)]
    pub number: Option<i32>,
    /// A short name that imports and charts refer to.
    #[schema(pattern = "^[a-z][a-z0-9_]{1,63}$", example = "disposable_income")]
    pub code: String,
    #[schema(min_length = 1, max_length = 300)]
    pub name_sv: String,
    #[schema(min_length = 1, max_length = 300)]
    pub name_en: String,
    pub statistical_area: StatisticalArea,
    pub value_kind: ValueKind,
    /// The unit of the values, such as `percent` or `SEK`.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 40, example = "percent")]
    pub unit: Option<String>,
    /// Codes of the variants that the values come in, such as `low` and `high`.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub variants: Vec<String>,
    pub polarity: Polarity,
    /// The first year with values.
    #[schema(minimum = 1900, maximum = 2100)]
    pub available_from: Option<i32>,
    /// The first year from which comparison is recommended.
    #[schema(minimum = 1900, maximum = 2100)]
    pub recommended_from: Option<i32>,
    /// When and how the values are updated.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 1000)]
    pub update_note: Option<String>,
    /// Years from which values can no longer be compared with earlier ones.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub series_breaks: Vec<i32>,
}

/// Something that is measured (indikator).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Indicator {
    pub id: IndicatorId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewIndicator,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Filters of the list of indicators.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct IndicatorFilter {
    /// Indicators of this subject.
    #[param(nullable = false, inline)]
    pub statistical_area: Option<StatisticalArea>,
    /// The indicator with this code.
    #[param(nullable = false, max_length = 64)]
    pub code: Option<String>,
}
