//! Observations (värden): values of an indicator in an area, a period and a group. A suppressed value is never 0, and a missing
//! one is never summed as 0. Tables of observations are imported through `intake`, which has this resource as a target.

mod amounts;
mod api;
pub mod cells;
pub mod columns;
pub mod reading;
pub mod rules;
pub mod spellings;
pub mod store;
pub mod table;
pub mod target;
pub mod types;

pub use api::routes;
pub use types::{
    Breakdown, Disclosure, FormerValue, ImportId, Observation, ObservationFilter, ObservationId, ObservationImport, ObservationStatus,
    ObservedValue,
};

use crate::kernel::record::{Bilingual, Owner, Record, impersonal_table, text_columns, text_table};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "observation_import",
    Owner::Everybody,
    &[
        text_table(
            "observation_import",
            Bilingual("Inläsningar av statistik", "Imports of statistics"),
            &[text_columns("source errors:json warnings:json", "getObservationImport")],
            "id version:int created_at updated_at indicator_id licence rows_read:int rows_created:int rows_changed:int rows_unchanged:int \
         rows_refused:int",
        ),
        impersonal_table(
            "observation",
            "id version:int created_at updated_at indicator_id area_id period breakdown_key breakdown:json value numerator denominator \
         status disclosure import_id",
        ),
        impersonal_table("observation_version", "observation_id version:int value numerator denominator status updated_at import_id"),
    ],
);
