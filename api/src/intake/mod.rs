//! Intake: what all imports of files share, below the rooms. A file in any form of table becomes rows; rows wait in the
//! database and are worked through in pieces by whichever instance has the job; what became of each row is told.
//!
//! A kind of record that files are imported as is a *target* of its room: its columns ([`columns::Columns`]), how a row becomes
//! a record ([`spool::Reader`]), and how a piece of rows is written ([`target::Target`]).
//!
//! The file itself is never kept: it comes into a file without a name, and columns that nobody knows, and rows with personal
//! identity numbers, are gone once it has been read. Of a file no more than a row is in memory, of what waits no more than a
//! piece.

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
