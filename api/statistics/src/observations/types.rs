//! The nouns of statistics: a value, what it holds for, and an import with what came of its rows.

use chrono::{DateTime, Utc};
use sea_orm::{FromJsonQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{geography::areas::AreaId, indicators::IndicatorId, intake::types::ImportStatus, kernel::Id};

/// The id of an observation.
pub type ObservationId = Id<Observation>;
/// The id of an import.
pub type ImportId = Id<ObservationImport>;

/// What is known of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ObservationStatus {
    #[default]
    Final,
    Preliminary,
    Revised,
    Estimated,
    /// Kept back to protect the few (sekretessprickad).
    Suppressed,
    NotAvailable,
    NotApplicable,
    /// The first value after a break in the series.
    Break,
}

impl ObservationStatus {
    /// Whether there is no number to show, for whatever reason.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        matches!(self, Self::Suppressed | Self::NotAvailable | Self::NotApplicable)
    }
}

/// How small groups are protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Disclosure {
    #[default]
    None,
    /// Cells are changed a little at random, so that parts need not add up to totals.
    CellKey,
    Rounding,
    Suppression,
}

/// For whom a value holds. What is null is not told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Breakdown {
    /// `women` or `men`.
    #[schema(pattern = "^(women|men)$")]
    pub sex: Option<String>,
    /// `0-12`, `13-25`, `26-44`, `45-64` or `65+`.
    #[schema(max_length = 20)]
    pub age: Option<String>,
    /// `in_sweden` or `abroad`.
    #[schema(pattern = "^(in_sweden|abroad)$")]
    pub born: Option<String>,
    /// `swedish` or `foreign`.
    #[schema(pattern = "^(swedish|foreign)$")]
    pub background: Option<String>,
    /// The part of the world where they were born.
    #[schema(max_length = 60)]
    pub region_of_birth: Option<String>,
    /// How long they have lived in Sweden.
    #[schema(max_length = 60)]
    pub time_in_sweden: Option<String>,
    /// The indicator's variant.
    #[schema(max_length = 60)]
    pub variant: Option<String>,
}

impl Breakdown {
    /// The breakdown as one text, the same for the same breakdown.
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

/// What an indicator was, where, when and for whom (värde).
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
    /// The count above the line.
    pub numerator: Option<f64>,
    /// The count below the line.
    pub denominator: Option<f64>,
    pub status: ObservationStatus,
    pub disclosure: Disclosure,
    /// The import that brought it.
    pub import_id: ImportId,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What is known of a value at one of its versions.
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

/// What a value was before it was changed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FormerValue {
    /// The version of the value that this was.
    pub version: i64,
    pub value: Option<f64>,
    pub numerator: Option<f64>,
    pub denominator: Option<f64>,
    pub status: ObservationStatus,
    /// The import that brought it.
    pub import_id: ImportId,
    /// When it was stored.
    pub updated_at: DateTime<Utc>,
}

/// A value with what it was before.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservationWithHistory {
    #[serde(flatten)]
    pub observation: Observation,
    /// What it was before each change, newest first.
    pub former: Vec<FormerValue>,
}

/// One row to import.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewObservation {
    /// The code of the area; leading zeros count.
    #[schema(min_length = 1, max_length = 20, example = "0127")]
    pub area_code: String,
    /// A year, quarter (`2023K1`) or month (`2023M05`).
    #[schema(min_length = 4, max_length = 7, example = "2023")]
    pub period: String,
    #[serde(default)]
    pub breakdown: Breakdown,
    /// The value; worked out from the counts when left out.
    pub value: Option<f64>,
    /// The count above the line.
    pub numerator: Option<f64>,
    /// The count below the line.
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

/// What came of an import (import av statistik). Every row is either in or reported.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservationImport {
    /// What it is known by, and its job. Null when nothing was stored and no job had to be waited for: for a dry run, and when
    /// all rows were there already.
    pub id: Option<ImportId>,
    /// How far it has come. One that is answered at once is completed.
    pub status: ImportStatus,
    /// Why it failed, in the caller's language.
    pub reason: Option<String>,
    /// Whether it was only tried.
    pub dry_run: bool,
    pub indicator_id: IndicatorId,
    /// Where the numbers come from.
    pub source: String,
    /// Under what terms they may be used.
    pub licence: Option<String>,
    /// How many rows the file has.
    pub rows_total: i32,
    /// How many of them have been worked through.
    pub rows_read: i32,
    /// Rows that were new.
    pub rows_created: i32,
    /// Rows that changed what was there.
    pub rows_changed: i32,
    /// Rows that said what was there already.
    pub rows_unchanged: i32,
    /// Rows that were not stored; `errors` says why.
    pub rows_refused: i32,
    pub errors: Vec<RowProblem>,
    /// What is odd about rows that were stored.
    pub warnings: Vec<RowProblem>,
    pub created_at: DateTime<Utc>,
}

/// What is imported, and from where.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ImportOptions {
    /// The code of the indicator that the rows are values of. Required.
    #[param(nullable = false, max_length = 64, example = "disposable_income")]
    pub indicator: Option<String>,
    /// Where the numbers come from. Required.
    #[param(nullable = false, max_length = 500, example = "SCB")]
    pub source: Option<String>,
    /// Under what terms they may be used.
    #[param(nullable = false, max_length = 100, example = "CC0")]
    pub licence: Option<String>,
    /// Only tell what would happen.
    #[serde(default)]
    #[param(required = false, default = false)]
    pub dry_run: bool,
}

/// Which values to list.
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

/// Why a row of an import was not stored, or what is odd about it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowProblem {
    /// The number of the row: in a table as a spreadsheet shows it, the heading being row 1; otherwise the line or the place in the list.
    #[schema(example = 3)]
    pub row: i32,
    /// The column at fault.
    #[schema(example = "areaCode")]
    pub column: String,
    /// Stable code of the fault.
    #[schema(example = "unknown-area")]
    pub code: String,
    /// What is wrong and what to do, in the caller's language.
    pub detail: String,
}
