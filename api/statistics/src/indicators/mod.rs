//! Indicators (indikatorer): measures, each with its unit, its first year and its polarity. The pack loads those of the guidance.
//! Users who work with statistics can add complementary ones.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Owner, Record, impersonal_table};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new(
    "indicator",
    Owner::Everybody,
    &[impersonal_table(
        "indicator",
        "id version:int created_at updated_at number:int code name_sv name_en statistical_area value_kind unit variants:json \
         polarity available_from:int recommended_from:int update_note series_breaks:json pack edited:flag",
    )],
);
