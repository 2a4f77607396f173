//! The register of personal data (registerförteckning, GDPR art. 30): every column of every table, either with why it holds
//! something about people, or as holding nothing about anybody. Each resource declares its own tables beside its types
//! (`kernel::record`), and a test compares the declarations with the database.
//!
//! Export, erasure and disposal follow the register, so what is declared is also told, blanked and disposed of.

mod api;
mod page;
mod types;

pub use api::routes;
pub use page::markdown;
pub use types::*;
