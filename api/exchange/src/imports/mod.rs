//! Imports (inläsningar): a file with organisations becomes actors. How files are read and jobs worked through is for
//! `intake` to know; this is its target for actors: which columns there are, how a row becomes a record, what becomes of it.

mod api;
mod cells;
pub mod console;
mod fit;
pub mod headings;
mod helpers;
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
pub use fit::fit;
pub use types::{ImportJob, ImportJobId, ImportRow};

use crate::{
    intake::{store as jobs, types::Job},
    kernel::Result,
    registry::actors::ActorKind,
    sources::SourceId,
};

/// What jobs of importing organisations are known by.
const TARGET: &str = "actors";

/// What an import of organisations is to do.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// The source that the file comes from.
    #[serde(rename = "sourceId")]
    pub source: Option<SourceId>,
    /// What kind of actor a row is about when it does not say so.
    pub kind: Option<ActorKind>,
    /// Whether the file has all that the source has.
    pub full: bool,
    /// Whether to only tell what would happen.
    #[serde(skip)]
    pub dry_run: bool,
}

impl Order {
    /// What a job is to do.
    ///
    /// # Errors
    /// When what is stored of it is not in this form.
    pub fn of(job: &Job) -> Result<Self> {
        let order: Self = serde_json::from_value(job.options.clone())?;
        Ok(Self { dry_run: job.dry_run, ..order })
    }

    /// The order as it is stored. Of a full file all rows are needed once more, to know what it lacks.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn stored(self) -> Result<jobs::Order> {
        Ok(jobs::Order { target: TARGET, options: serde_json::to_value(self)?, keeps_rows: self.full, dry_run: self.dry_run })
    }
}
