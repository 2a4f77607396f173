//! Samsyn ("a shared view"): the service with which municipalities, regions and civil society work together against
//! segregation. One folder a room; arrows point from routes to rooms to intake to access to kernel.

pub use samsyn_access as access;
pub use samsyn_intake as intake;
pub use samsyn_kernel as kernel;

pub mod app;
pub mod assessments;
pub mod cli;
pub mod codes;
pub mod config;
pub mod disclosure;
pub mod exchange;
pub mod forums;
pub mod geography;
pub mod guidance;
pub mod insight;
pub mod interventions;
pub mod openapi;
pub mod priorities;
pub mod privacy;
pub mod records;
pub mod reference;
pub mod registry;
pub mod routes;
pub mod service;
pub mod states;
pub mod statistics;

/// The day of this release.
pub const RELEASED: chrono::NaiveDate = match chrono::NaiveDate::from_ymd_opt(2026, 11, 22) {
    Some(day) => day,
    None => chrono::NaiveDate::MIN,
};
