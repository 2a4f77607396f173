//! The caller of an import, for the files that write rows.

use crate::{access::Acting, kernel::contract::Contract, sources::Source};

/// The user on whose behalf rows are written, the contract, and the source.
pub(super) struct Importer<'a> {
    pub acting: &'a Acting,
    pub contract: &'a Contract,
    pub source: Option<Source>,
}
