//! Disposal (gallring): data that has served its purpose is removed by rule, in runs that each leave a protocol. Data under a
//! legal hold is left alone.

mod api;
pub mod store;
mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Erase, Of, Rule, Table, Why::Accountability, Words, about, becomes};

/// The tables of this resource.
pub const TABLES: &[Table] = &[about(
    "retention_run",
    Words("Gallringar som personen har startat", "Disposals that the person has started"),
    Of::User(&["started_by"]),
    &[becomes("started_by started_at", Erase::Stays, Accountability, Rule::Protocols, "")],
    "id dry_run:flag rules:json",
)];
