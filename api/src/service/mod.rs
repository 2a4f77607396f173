//! The service about itself: information, limits, health, measurements, and the pages for people.

mod api;
pub mod health;
pub mod kept;
pub mod metrics;
pub mod pages;
pub mod permissions;
mod types;

pub use api::routes;
pub use types::*;
