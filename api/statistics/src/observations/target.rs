//! The target of files of statistics: its rows become values of one indicator.

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

/// What jobs of importing statistics are known by.
pub const TARGET: &str = "observations";

/// What an import of statistics is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// What the rows are values of.
    pub indicator_id: IndicatorId,
    /// Where they come from.
    pub source: String,
    /// Under what terms they may be used.
    pub licence: Option<String>,
}

impl Order {
    /// What a job is to do.
    ///
    /// # Errors
    /// When what is stored of it is not in this form.
    pub fn of(job: &Job) -> Result<Self> {
        Ok(serde_json::from_value(job.options.clone())?)
    }

    /// The order as it is stored.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn stored(&self, dry_run: bool) -> Result<jobs::Order> {
        Ok(jobs::Order { target: TARGET, options: serde_json::to_value(self)?, keeps_rows: false, dry_run })
    }
}

/// Values of an indicator, as files have them.
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
            let order = Order::of(errand.job)?;
            let indicator = indicators::find(order.indicator_id, &w.tx).await?;
            let dry_run = errand.job.dry_run;
            let source = store::Source { indicator: &indicator, source: &order.source, licence: order.licence.as_deref(), dry_run };
            let reach = errand.acting.caller.reach(Permission::WriteStatistics)?;
            store::import_piece(&reach, &source, errand.job, &serde_json::from_str::<Vec<ReadRow>>(rows)?, w).await
        })
    }

    /// What is stored is reported by the import itself, so rows are kept only where nothing is stored.
    fn tells(&self, job: &Job, row: &row::Model) -> bool {
        job.dry_run && !row.errors.0.is_empty()
    }
}
