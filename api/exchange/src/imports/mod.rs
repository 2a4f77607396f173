//! Imports (inläsningar): a file of organisations becomes actors. The module `intake` reads files and runs jobs. This
//! module is its target for actors: it defines the columns, turns rows into records, and writes them.

mod api;
mod cells;
pub mod console;
mod fit;
pub mod headings;
mod helpers;
mod importer;
pub mod mapping;
mod outcome;
mod own;
mod places;
mod record;
mod store;
pub mod target;
pub mod types;
mod work;

use serde::{Deserialize, Serialize};

pub use api::routes;
pub use fit::check_file;
pub use types::{ImportJob, ImportJobId, ImportRow};

use crate::{
    intake::{store as jobs, types::Job},
    kernel::Result,
    registry::actors::ActorKind,
    sources::SourceId,
};

/// The name under which jobs of importing organisations are stored.
const TARGET: &str = "actors";

/// The options of an import of organisations.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// The source that the file comes from.
    #[serde(rename = "sourceId")]
    pub source: Option<SourceId>,
    /// The kind of actor of rows that name none.
    pub kind: Option<ActorKind>,
    /// Whether the file contains all records that the source has.
    pub full: bool,
    /// Whether to report what would happen without storing anything.
    #[serde(skip)]
    pub dry_run: bool,
}

impl Order {
    /// Reads the options of a job.
    ///
    /// # Errors
    /// When the stored options are malformed.
    pub fn from_job(job: &Job) -> Result<Self> {
        let order: Self = serde_json::from_value(job.options.clone())?;
        Ok(Self { dry_run: job.dry_run, ..order })
    }

    /// Returns the options as they are stored. The rows of a full file are kept, because at the end they show which records
    /// the file lacks.
    ///
    /// # Errors
    /// When the options cannot be serialised.
    pub fn to_stored(self) -> Result<jobs::Order> {
        Ok(jobs::Order { target: TARGET, options: serde_json::to_value(self)?, keeps_rows: self.full, dry_run: self.dry_run })
    }
}
