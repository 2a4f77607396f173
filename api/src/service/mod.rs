//! The service about itself: what it is, which limits it holds, how it is, and the pages that point a person onwards.

mod api;
pub mod health;
pub mod kept;
pub mod metrics;
pub mod pages;
pub mod permissions;
mod types;

pub use api::routes;
pub use types::*;
