//! Intake: the parts that all imports of files share, below the rooms. A file in any supported form becomes rows. The
//! rows wait in the database. The instance that holds the job works through them in pieces and records the outcome of
//! each row.
//!
//! A kind of record that files are imported as is a *target* of its room. It declares its columns ([`columns::Columns`]),
//! how a row becomes a record ([`spool::Reader`]), and how a piece of rows is written ([`target::Target`]).
//!
//! The file itself is not kept. It is received into a file without a name. Unknown columns, and rows with personal
//! identity numbers, are gone once the file has been read. At most one row of the file and one piece of waiting rows are
//! in memory.

use samsyn_access as access;
use samsyn_kernel as kernel;

pub mod bounds;
pub mod cells;
pub mod columns;
pub mod formats;
pub mod headings;
mod queue;
pub mod room;
pub mod spool;
pub mod store;
pub mod table;
pub mod target;
pub mod types;
pub mod worker;

pub use types::{ImportOutcome, ImportStatus, JobId, RowFault};

use crate::kernel::record::{
    Bilingual,
    DataPurpose::{Access, History},
    DataSubject, Erase, Rule, Table, fixed_actor_column, kept_columns, not_in_extract, personal_table, text_columns, text_table,
};

/// The tables of this module.
pub const TABLES: &[Table] = &[
    personal_table(
        "import_job",
        Bilingual("Inläsningar av filer som personen har startat", "Imports of files that the person has started"),
        DataSubject::User(&["user_id"]),
        &[
            kept_columns("user_id created_at", Erase::Stays, History, Rule::Records, "listImports getImport"),
            not_in_extract(kept_columns("scopes:json withheld:json", Erase::Stays, Access, Rule::Records, "")),
            not_in_extract(text_columns("left_out:json columns:json options:json", "listImports getImport getObservationImport")),
        ],
        "id version:int updated_at status target keeps_rows:flag dry_run:flag total:int processed:int created:int updated:int \
         unchanged:int held:int refused:int absent:int reason_sv reason_en started_at finished_at holder:id held_until:time tries:int",
    ),
    text_table(
        "import_piece",
        Bilingual("Rader som väntar på att läsas in", "Rows that wait to be imported"),
        &[not_in_extract(text_columns("rows", ""))],
        "import_job_id first_row:int created_at",
    ),
    text_table(
        "import_row",
        Bilingual("Vad som blev av rader som lästs in", "What became of imported rows"),
        &[not_in_extract(text_columns("external_id:text errors:json", "listImportRows"))],
        "import_job_id number:int outcome actor_id match_id left_alone:json",
    )
    .actors(&[fixed_actor_column("actor_id", "what became of a row is what was; its address leads on")]),
];
