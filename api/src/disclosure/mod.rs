//! Disclosure: secrecy marks, disclosures of records, and the journal.

pub mod disclosures;
pub mod journal;
pub mod marks;
pub mod records;
