//! What must be kept secret and what must be handed out: secrecy marks, disclosures, the journal.

pub mod disclosures;
pub mod journal;
pub mod marks;
pub mod records;
