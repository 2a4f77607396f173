//! Observations (värden): what an indicator was, where and when, for whom. A suppressed value is never 0, and a missing one is
//! never summed as 0. Tables of them come in through `intake`, whose target this is.

mod amounts;
mod api;
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
