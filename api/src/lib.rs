//! Samsyn ("a shared view"): the service with which municipalities, regions and civil society work together against
//! segregation. One crate a room (`api/<room>`); arrows point from routes to rooms to intake to access to kernel.

pub use samsyn_access as access;
pub use samsyn_assessments as assessments;
pub use samsyn_disclosure as disclosure;
pub use samsyn_exchange as exchange;
pub use samsyn_forums as forums;
pub use samsyn_geography as geography;
pub use samsyn_guidance as guidance;
pub use samsyn_insight as insight;
pub use samsyn_intake as intake;
pub use samsyn_interventions as interventions;
pub use samsyn_kernel as kernel;
pub use samsyn_priorities as priorities;
pub use samsyn_privacy as privacy;
pub use samsyn_reference as reference;
pub use samsyn_registry as registry;
pub use samsyn_statistics as statistics;

pub mod app;
pub mod cli;
pub mod codes;
pub mod config;
pub mod openapi;
pub mod records;
pub mod routes;
pub mod service;
pub mod states;

/// The day of this release.
pub const RELEASED: chrono::NaiveDate = match chrono::NaiveDate::from_ymd_opt(2026, 11, 22) {
    Some(day) => day,
    None => chrono::NaiveDate::MIN,
};
