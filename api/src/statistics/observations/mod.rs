//! Observations (värden): what an indicator was, where and when, for whom. A suppressed value is never 0, and a missing one is
//! never summed as 0.

mod amounts;
mod api;
pub mod rules;
pub mod sheet;
pub mod spellings;
pub mod store;
pub mod table;

use sea_orm::{FromJsonQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{FormerValue, Observation, ObservationImport, ObservedValue, routes};

use crate::kernel::{
    Id,
    record::{Owner, Record, Words, naming, nobody, texts},
};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "observation_import",
    Owner::Everybody,
    &[
        naming(
            "observation_import",
            Words("Inläsningar av statistik", "Imports of statistics"),
            &[texts("source errors:json warnings:json", "getObservationImport")],
            "id version:int created_at updated_at indicator_id licence rows_read:int rows_created:int rows_changed:int rows_unchanged:int \
         rows_refused:int",
        ),
        nobody(
            "observation",
            "id version:int created_at updated_at indicator_id area_id period breakdown_key breakdown:json value numerator denominator \
         status disclosure import_id",
        ),
        nobody("observation_version", "observation_id version:int value numerator denominator status updated_at import_id"),
    ],
);

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
