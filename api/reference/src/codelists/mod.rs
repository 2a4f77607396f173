//! Codelists (kodlistor): every enumeration of the contract with a Swedish and an English label for each code.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Table, impersonal_table};

/// The tables of this resource.
pub const TABLES: &[Table] = &[impersonal_table(
    "codelist_entry",
    "id version:int created_at updated_at codelist code ordinal:int name_sv name_en pack edited:flag",
)];
