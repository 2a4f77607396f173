//! The target of files of statistics: their rows become values of one indicator.

use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};

use super::{reading::ReadRow, store};
use crate::{
    access::policy::Permission,
    indicators::{IndicatorId, store as indicators},
    intake::{
        store as jobs,
        table::row,
        target::{Errand, Target},
        types::Job,
    },
    kernel::{Result, Write},
};

/// The name of this target in import jobs.
pub const TARGET: &str = "observations";

/// The order for an import of statistics, stored with its job.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// The indicator whose values the rows are.
    pub indicator_id: IndicatorId,
    /// The source of the rows.
    pub source: String,
    /// The terms of use.
    pub licence: Option<String>,
}

impl Order {
    /// Reads the order of a job.
    ///
    /// # Errors
    /// When the stored options have another form.
    pub fn from_job(job: &Job) -> Result<Self> {
        Ok(serde_json::from_value(job.options.clone())?)
    }

    /// The order in the form that jobs store.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn to_job_order(&self, dry_run: bool) -> Result<jobs::Order> {
        Ok(jobs::Order { target: TARGET, options: serde_json::to_value(self)?, keeps_rows: false, dry_run })
    }
}

/// The target for values of an indicator.
#[derive(Debug)]
pub struct Observations;

impl Target for Observations {
    fn name(&self) -> &'static str {
        TARGET
    }

    fn permission(&self) -> Permission {
        Permission::WriteStatistics
    }

    fn operation(&self) -> &'static str {
        "createObservationImport"
    }

    fn write<'a>(&'a self, errand: Errand<'a>, rows: &'a str, w: &'a Write<'_>) -> LocalBoxFuture<'a, Result<Vec<row::Model>>> {
        Box::pin(async move {
            let order = Order::from_job(errand.job)?;
            let indicator = indicators::find(order.indicator_id, &w.tx).await?;
            let dry_run = errand.job.dry_run;
            let source = store::Source { indicator: &indicator, source: &order.source, licence: order.licence.as_deref(), dry_run };
            let reach = errand.acting.caller.reach(Permission::WriteStatistics)?;
            store::import_piece(&reach, &source, errand.job, &serde_json::from_str::<Vec<ReadRow>>(rows)?, w).await
        })
    }

    /// The import itself reports the faults of a real run, so rows are kept only in a dry run.
    fn keeps_outcome(&self, job: &Job, row: &row::Model) -> bool {
        job.dry_run && !row.errors.0.is_empty()
    }
}
