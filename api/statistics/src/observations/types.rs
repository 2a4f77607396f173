//! The types of observations and their imports.

use chrono::{DateTime, Utc};
use sea_orm::{FromJsonQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{geography::areas::AreaId, indicators::IndicatorId, intake::types::ImportStatus, kernel::Id};

/// The id of an observation.
pub type ObservationId = Id<Observation>;
/// The id of an import.
pub type ImportId = Id<ObservationImport>;

/// The status of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ObservationStatus {
    #[default]
    Final,
    Preliminary,
    Revised,
    Estimated,
    /// Not published, to protect a small group (sekretessprickad).
    Suppressed,
    NotAvailable,
    NotApplicable,
    /// The first value after a break in the series.
    Break,
}

impl ObservationStatus {
    /// Whether there is no number to show.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        matches!(self, Self::Suppressed | Self::NotAvailable | Self::NotApplicable)
    }
}

/// The method that protects small groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Disclosure {
    #[default]
    None,
    /// Values are changed a little at random, so that parts need not add up to totals.
    CellKey,
    Rounding,
    Suppression,
}

/// The group of people that a value is about. A member that is null does not limit the group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Breakdown {
    /// `women` or `men`.
    #[schema(pattern = "^(women|men)$")]
    pub sex: Option<String>,
    /// Ages in years, such as `0-12`, `18` or `65+`.
    #[schema(max_length = 20)]
    pub age: Option<String>,
    /// `in_sweden` or `abroad`.
    #[schema(pattern = "^(in_sweden|abroad)$")]
    pub born: Option<String>,
    /// `swedish` or `foreign`.
    #[schema(pattern = "^(swedish|foreign)$")]
    pub background: Option<String>,
    /// The part of the world where the people were born.
    #[schema(max_length = 60)]
    pub region_of_birth: Option<String>,
    /// The time that the people have lived in Sweden.
    #[schema(max_length = 60)]
    pub time_in_sweden: Option<String>,
    /// The variant of the indicator.
    #[schema(max_length = 60)]
    pub variant: Option<String>,
}

impl Breakdown {
    /// The breakdown as one text. Equal breakdowns give equal texts.
    #[must_use]
    pub fn key(&self) -> String {
        let parts = [
            ("sex", &self.sex),
            ("age", &self.age),
            ("born", &self.born),
            ("background", &self.background),
            ("regionOfBirth", &self.region_of_birth),
            ("timeInSweden", &self.time_in_sweden),
            ("variant", &self.variant),
        ];
        parts.iter().filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}={value}"))).collect::<Vec<_>>().join(";")
    }
}

/// The value of an indicator in an area, a period and a group (värde).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Observation {
    pub id: ObservationId,
    /// Grows by one with each change.
    pub version: i64,
    pub indicator_id: IndicatorId,
    pub area_id: AreaId,
    /// A year, quarter (`2023K1`) or month (`2023M05`).
    #[schema(example = "2023")]
    pub period: String,
    pub breakdown: Breakdown,
    /// The value in the indicator's unit; null when there is none to show.
    pub value: Option<f64>,
    /// The numerator of the value.
    pub numerator: Option<f64>,
    /// The denominator of the value.
    pub denominator: Option<f64>,
    pub status: ObservationStatus,
    pub disclosure: Disclosure,
    /// The import that stored the value.
    pub import_id: ImportId,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The numbers of a value in one of its versions.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedValue {
    /// The version of the value.
    pub version: i64,
    pub value: Option<f64>,
    pub numerator: Option<f64>,
    pub denominator: Option<f64>,
    pub status: ObservationStatus,
}

/// An earlier value.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FormerValue {
    /// The version of the value that had these numbers.
    pub version: i64,
    pub value: Option<f64>,
    pub numerator: Option<f64>,
    pub denominator: Option<f64>,
    pub status: ObservationStatus,
    /// The import that stored it.
    pub import_id: ImportId,
    /// The time when it was stored.
    pub updated_at: DateTime<Utc>,
}

/// A value with its earlier values.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservationWithHistory {
    #[serde(flatten)]
    pub observation: Observation,
    /// The earlier values, newest first.
    pub former: Vec<FormerValue>,
}

/// One row to import.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewObservation {
    /// The code of the area, with its leading zeros.
    #[schema(min_length = 1, max_length = 20, example = "0127")]
    pub area_code: String,
    /// A year, quarter (`2023K1`) or month (`2023M05`).
    #[schema(min_length = 4, max_length = 7, example = "2023")]
    pub period: String,
    #[serde(default)]
    pub breakdown: Breakdown,
    /// The value. Computed from the numerator and the denominator when left out.
    pub value: Option<f64>,
    /// The numerator of the value.
    pub numerator: Option<f64>,
    /// The denominator of the value.
    pub denominator: Option<f64>,
    pub status: Option<ObservationStatus>,
}

/// Rows of statistics to import.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewObservationImport {
    #[schema(min_items = 1, max_items = 20_000)]
    pub rows: Vec<NewObservation>,
}

/// The report of an import (import av statistik). Every row is stored or reported.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservationImport {
    /// The id of the import, and of its job. Null when nothing was stored and there is no job: for a dry run, and when all rows
    /// were stored already.
    pub id: Option<ImportId>,
    /// The progress of the import. One that is answered during the call is completed.
    pub status: ImportStatus,
    /// The reason why it failed, in the caller's language.
    pub reason: Option<String>,
    /// Whether it was a dry run, which stores nothing.
    pub dry_run: bool,
    pub indicator_id: IndicatorId,
    /// The source of the numbers.
    pub source: String,
    /// The terms of use.
    pub licence: Option<String>,
    /// Number of rows in the file.
    pub rows_total: i32,
    /// Number of rows that have been processed.
    pub rows_read: i32,
    /// Number of new rows.
    pub rows_created: i32,
    /// Number of rows that changed a stored value.
    pub rows_changed: i32,
    /// Number of rows that are equal to a stored value.
    pub rows_unchanged: i32,
    /// Number of rows that were not stored. `errors` has the reasons.
    pub rows_refused: i32,
    pub errors: Vec<RowProblem>,
    /// Warnings about rows that were stored.
    pub warnings: Vec<RowProblem>,
    pub created_at: DateTime<Utc>,
}

/// Parameters of an import.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ImportOptions {
    /// The code of the indicator whose values the rows are.
    #[param(nullable = false, required = true, max_length = 64, example = "disposable_income")]
    pub indicator: Option<String>,
    /// The source of the numbers.
    #[param(nullable = false, required = true, max_length = 500, example = "SCB")]
    pub source: Option<String>,
    /// The terms of use.
    #[param(nullable = false, max_length = 100, example = "CC0")]
    pub licence: Option<String>,
    /// Check and count only, and store nothing.
    #[serde(default)]
    #[param(required = false, default = false)]
    pub dry_run: bool,
}

/// Filters of the list of values.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ObservationFilter {
    /// Values of this indicator.
    #[param(nullable = false)]
    pub indicator_id: Option<IndicatorId>,
    /// Values of this area.
    #[param(nullable = false)]
    pub area_id: Option<AreaId>,
    /// Values of this period.
    #[param(nullable = false, max_length = 7, example = "2023")]
    pub period: Option<String>,
}

/// The reason why a row of an import was not stored, or a warning about it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowProblem {
    /// The number of the row. In a table it is the row of the spreadsheet, and the heading is row 1. Otherwise it is the line, or
    /// the place in the list.
    #[schema(example = 3)]
    pub row: i32,
    /// The column at fault.
    #[schema(example = "areaCode")]
    pub column: String,
    /// Stable code of the fault.
    #[schema(example = "unknown-area")]
    pub code: String,
    /// The problem and its remedy, in the caller's language.
    pub detail: String,
}
