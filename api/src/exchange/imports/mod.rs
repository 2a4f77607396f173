//! Imports (inläsningar): a file with organisations becomes actors. The file is read when it comes, row by row; what its rows
//! say waits in the database, and a worker of whichever instance takes some hundred at a time. What they change, what became
//! of each row and how far the job has come are one transaction, so a job can be cut off anywhere and goes on where it was.
//!
//! The file itself is never kept: it comes into a file without a name, and columns that nobody knows, and rows with personal
//! identity numbers, are gone once it has been read. Of a file no more than a row is in memory, of what waits no more than a
//! piece.

mod api;
mod cells;
pub mod console;
mod fit;
pub mod formats;
pub mod headings;
mod helpers;
mod intake;
pub mod mapping;
mod outcome;
mod own;
mod places;
mod queue;
mod record;
pub mod room;
pub mod store;
pub mod table;
mod work;
pub mod worker;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{ImportJob, ImportRow, routes};
pub use fit::fit;
pub use intake::{Intake, intake};

use crate::kernel::{
    Id,
    record::{
        Erase, Of, Rule, Table,
        Why::{Access, History},
        Words, about, becomes, naming, stays, texts, untold,
    },
};

/// The tables that are kept here.
pub const TABLES: &[Table] = &[
    about(
        "import_job",
        Words("Inläsningar av filer som personen har startat", "Imports of files that the person has started"),
        Of::User(&["user_id"]),
        &[
            becomes("user_id created_at", Erase::Stays, History, Rule::Records, "listImports getImport"),
            untold(becomes("scopes:json withheld:json", Erase::Stays, Access, Rule::Records, "")),
            untold(texts("left_out:json columns:json", "listImports getImport")),
        ],
        "id version:int updated_at status source_id kind is_full:flag dry_run:flag total:int processed:int created:int updated:int \
         unchanged:int held:int refused:int absent:int reason_sv reason_en started_at finished_at holder:id held_until:time tries:int",
    ),
    naming(
        "import_piece",
        Words("Rader som väntar på att läsas in", "Rows that wait to be imported"),
        &[untold(texts("rows", ""))],
        "import_job_id first_row:int created_at",
    ),
    naming(
        "import_row",
        Words("Vad som blev av rader som lästs in", "What became of imported rows"),
        &[untold(texts("external_id:text errors:json", "listImportRows"))],
        "import_job_id number:int outcome actor_id match_id left_alone:json",
    )
    .actors(&[stays("actor_id", "what became of a row is what was; its address leads on")]),
];

/// The id of a job of importing.
pub type ImportJobId = Id<ImportJob>;

/// How far a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ImportStatus {
    /// Waits for a worker.
    Queued,
    /// Is being worked through.
    Running,
    /// All rows are in or told of.
    Completed,
    /// Somebody stopped it; what was in by then stays.
    Cancelled,
    /// It could not go on; `reason` says why, and what was in by then stays.
    Failed,
}

/// What became of a row, or would.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ImportOutcome {
    /// A new actor.
    Created,
    /// An actor was changed.
    Updated,
    /// It said what was there already.
    Unchanged,
    /// It may be an actor that is there already; somebody decides in the match queue.
    Held,
    /// It could not be used.
    Refused,
}
