//! Areas (områden): the nation, counties, municipalities and statistical areas. An area is identified by its level, the version of
//! the division that it belongs to, and its code. The same code in another version may have other borders.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Table, impersonal_table};

/// The tables of this resource.
pub const TABLES: &[Table] = &[impersonal_table(
    "area",
    "id level version code name name_fold name_sort:bytes parent_id path category valid_from valid_to created_at updated_at",
)];
