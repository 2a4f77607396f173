//! Targets: the kinds of record that files are imported as. A room that accepts files declares a target: how a piece of
//! rows is written, and how a job is finished. Leases, transactions, dry runs, counts and outcomes of rows are handled
//! here for all targets.

use std::{cell::RefCell, fmt::Debug, sync::Arc};

use futures_util::future::LocalBoxFuture;

use super::{
    store,
    table::row,
    types::{ImportOutcome, ImportStatus, Job},
};
use crate::{
    access::{Acting, policy::Permission},
    kernel::{Db, Problem, Result, Write, contract::Contract, language::Text, problem::Kind, request::Call},
};

/// A kind of record that files are imported as.
pub trait Target: Debug + Send + Sync {
    /// The name of the target in the database.
    fn name(&self) -> &'static str;

    /// The permission that the user who started a job must still hold when a piece of it is written.
    fn permission(&self) -> Permission;

    /// The operation under which the audit log notes the writes of a job.
    fn operation(&self) -> &'static str;

    /// Writes a piece of rows, a JSON array in the form in which the target's reader left it. Returns the outcomes in the
    /// order of the rows. It may run more than once, and a dry run rolls it back.
    fn write<'a>(&'a self, errand: Errand<'a>, rows: &'a str, w: &'a Write<'_>) -> LocalBoxFuture<'a, Result<Vec<row::Model>>>;

    /// Whether the outcome of a row is recorded.
    fn keeps_outcome(&self, job: &Job, row: &row::Model) -> bool {
        job.dry_run || row.outcome != ImportOutcome::Unchanged || !row.left_alone.0.is_empty() || !row.errors.0.is_empty()
    }

    /// Ends a job whose rows have all been worked through, by means of [`Errand::end`].
    fn finish<'a>(&'a self, errand: Errand<'a>, db: &'a Db) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(async move { errand.end(None, db, async |_| Ok(0)).await })
    }
}

/// A job with the identity in which it is carried out.
#[derive(Clone, Copy, Debug)]
pub struct Errand<'a> {
    /// The job as it was before the present piece.
    pub job: &'a Job,
    /// The identity of the user who started it, with present rights.
    pub acting: &'a Acting,
    /// The contract, against which records are checked.
    pub contract: &'a Arc<Contract>,
    /// The operation that the audit log notes.
    pub(super) operation: &'static str,
    /// The worker that has the job; nil for a rehearsal.
    pub(super) holder: uuid::Uuid,
}

impl<'a> Errand<'a> {
    /// Makes an errand for a job that no worker has taken and that is only rehearsed.
    #[must_use]
    pub const fn rehearsal(job: &'a Job, acting: &'a Acting, contract: &'a Arc<Contract>) -> Self {
        Self { job, acting, contract, operation: "", holder: uuid::Uuid::nil() }
    }

    fn call(&self) -> Call {
        self.acting.call(self.operation, 202, format!("import:{}", self.job.id))
    }

    /// Writes a piece of rows with its target, and records outcomes and progress.
    pub(super) async fn piece(self, target: &dyn Target, rows: &str, db: &Db) -> Result<()> {
        let (job, call) = (self.job, self.call());
        let note = async |done: Vec<row::Model>, w: &Write<'_>| {
            let progress = store::Progress::count(&done);
            let told = done.into_iter().filter(|row| target.keeps_outcome(job, row)).collect();
            store::advance(job, progress, told, w).await
        };
        if job.dry_run {
            let done = try_out(&call, db, async |w| target.write(self, rows, w).await).await?;
            return db
                .transaction(&call, async |w| {
                    store::keep_lease(job, self.holder, w).await?;
                    note(done.clone(), w).await
                })
                .await;
        }
        db.transaction(&call, async |w| {
            store::keep_lease(job, self.holder, w).await?;
            note(target.write(self, rows, w).await?, w).await
        })
        .await
    }

    /// Ends the job as completed. `absent` marks records that a full file no longer contains, and returns their number;
    /// in a dry run its writes are rolled back.
    ///
    /// # Errors
    /// When another worker has the job (409), or the database cannot be written.
    pub async fn end(self, reason: Option<Text>, db: &Db, absent: impl AsyncFn(&Write<'_>) -> Result<i64>) -> Result<()> {
        let (job, call) = (self.job, self.call());
        let dry = if job.dry_run { try_out(&call, db, &absent).await? } else { 0 };
        db.transaction(&call, async |w| {
            store::keep_lease(job, self.holder, w).await?;
            let absent = if job.dry_run { dry } else { absent(w).await? };
            store::end(job.id, ImportStatus::Completed, reason.clone(), absent, w).await.map(drop)
        })
        .await
    }
}

/// Does work in a transaction that is rolled back, and returns its result.
///
/// # Errors
/// When the work fails.
pub async fn try_out<T>(call: &Call, db: &Db, work: impl AsyncFn(&Write<'_>) -> Result<T>) -> Result<T> {
    let found = RefCell::new(None);
    let ended = db
        .transaction(call, async |w| {
            found.replace(None);
            let outcome = work(w).await?;
            found.replace(Some(outcome));
            Err::<(), _>(Problem::new(Kind::Conflict))
        })
        .await;
    match (found.into_inner(), ended) {
        (Some(outcome), _) => Ok(outcome),
        (None, Err(problem)) => Err(problem),
        (None, Ok(())) => Err(Problem::internal(&"what was tried has no outcome")),
    }
}
