//! Codelists (kodlistor): every enumeration of the contract with a Swedish and an English label for each code.

mod api;
pub mod store;
pub mod table;

pub use api::{Codelist, CodelistEntry, routes};

use crate::kernel::Id;

/// The id of an entry.
pub type EntryId = Id<CodelistEntry>;
