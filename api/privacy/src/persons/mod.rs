//! The extract of the data about one person (registerutdrag, GDPR art. 15 and 20), and the erasure of a person (radering, art.
//! 17). Both go through the register table by table, so that neither misses one.

mod api;
pub mod store;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Bilingual, DataPurpose::Accountability, DataSubject, Erase, Rule, Table, kept_columns, personal_table};

/// The tables of this resource.
pub const TABLES: &[Table] = &[personal_table(
    "erasure",
    Bilingual("Raderingar av eller gjorda av personen", "Erasures of or by the person"),
    DataSubject::User(&["user_id", "erased_by"]),
    &[
        kept_columns("user_id erased_by erased_at", Erase::Stays, Accountability, Rule::Protocols, ""),
        kept_columns("reason disposal_decision", Erase::ByHand, Accountability, Rule::Protocols, ""),
    ],
    "id outcome:json",
)];
