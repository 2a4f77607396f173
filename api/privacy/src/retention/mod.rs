//! Disposal (gallring): data that has served its purpose is removed by rule, in runs that each leave a protocol. Data under a
//! legal hold is left alone.

mod api;
pub mod store;
mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Bilingual, DataPurpose::Accountability, DataSubject, Erase, Rule, Table, kept_columns, personal_table};

/// The tables of this resource.
pub const TABLES: &[Table] = &[personal_table(
    "retention_run",
    Bilingual("Gallringar som personen har startat", "Disposals that the person has started"),
    DataSubject::User(&["started_by"]),
    &[kept_columns("started_by started_at", Erase::Stays, Accountability, Rule::Protocols, "")],
    "id dry_run:flag rules:json",
)];
