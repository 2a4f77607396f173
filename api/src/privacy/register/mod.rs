//! The register of personal data (registerförteckning, GDPR art. 30): every column of every table is declared here, either
//! with why it holds something about people, or as holding nothing about anybody. A test compares it with the database.
//!
//! Export, erasure and disposal follow the register, so what is declared is also told, blanked and disposed of.

mod api;
mod declaring;
mod page;
mod tables;
mod types;

pub use api::routes;
pub use page::markdown;
pub use tables::TABLES;
pub use types::*;
