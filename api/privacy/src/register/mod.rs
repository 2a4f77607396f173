//! The register of personal data (registerförteckning, GDPR art. 30): every column of every table, with its purpose when it holds
//! personal data. Each resource declares its own tables beside its types (`kernel::record`), and a test compares the declarations
//! with the database.
//!
//! The extract, erasure and disposal follow the register, so they cover every declared column.

mod api;
mod page;
mod types;

pub use api::routes;
pub use page::markdown;
pub use types::*;
