//! What files are imported as. A room that wants files declares a target: how a piece of rows is written, and what is left to
//! do when all rows have been. Leases, transactions, dry runs, counting and what is told of rows are the same for all.

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
    /// What its jobs are known by in the database.
    fn name(&self) -> &'static str;

    /// What whoever started a job must still be allowed when a piece of it is written.
    fn permission(&self) -> Permission;

    /// The operation under which the audit log notes what a job writes.
    fn operation(&self) -> &'static str;

    /// Writes what a piece of rows says, a JSON list as the target's reader left it. What became of the rows is in their order.
    /// It may run more than once, and is taken back in a dry run.
    fn write<'a>(&'a self, errand: Errand<'a>, rows: &'a str, w: &'a Write<'_>) -> LocalBoxFuture<'a, Result<Vec<row::Model>>>;

    /// Whether what became of a row is kept, to be told of.
    fn tells(&self, job: &Job, row: &row::Model) -> bool {
        job.dry_run || row.outcome != ImportOutcome::Unchanged || !row.left_alone.0.is_empty() || !row.errors.0.is_empty()
    }

    /// Ends a job that all rows of have been worked through, by [`Errand::end`].
    fn finish<'a>(&'a self, errand: Errand<'a>, db: &'a Db) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(async move { errand.end(None, db, async |_| Ok(0)).await })
    }
}

/// A job, and on whose behalf it goes on.
#[derive(Clone, Copy, Debug)]
pub struct Errand<'a> {
    /// The job as it was when this began.
    pub job: &'a Job,
    /// Who started it, with the rights that they have now.
    pub acting: &'a Acting,
    /// What records must look like.
    pub contract: &'a Arc<Contract>,
    /// What it writes is noted under.
    pub(super) operation: &'static str,
    /// Which worker has the job; nobody where it is only rehearsed.
    pub(super) holder: uuid::Uuid,
}

impl<'a> Errand<'a> {
    /// An errand of a job that nobody has taken and that is only rehearsed.
    #[must_use]
    pub const fn rehearsal(job: &'a Job, acting: &'a Acting, contract: &'a Arc<Contract>) -> Self {
        Self { job, acting, contract, operation: "", holder: uuid::Uuid::nil() }
    }

    fn call(&self) -> Call {
        self.acting.call(self.operation, 202, format!("import:{}", self.job.id))
    }

    /// Writes a piece of rows by its target, and notes what became of them and how far the job has come.
    pub(super) async fn piece(self, target: &dyn Target, rows: &str, db: &Db) -> Result<()> {
        let (job, call) = (self.job, self.call());
        let note = async |done: Vec<row::Model>, w: &Write<'_>| {
            let progress = store::Progress::of(&done);
            let told = done.into_iter().filter(|row| target.tells(job, row)).collect();
            store::advance(job, progress, told, w).await
        };
        if job.dry_run {
            let done = try_out(&call, db, async |w| target.write(self, rows, w).await).await?;
            return db
                .transaction(&call, async |w| {
                    store::hold(job, self.holder, w).await?;
                    note(done.clone(), w).await
                })
                .await;
        }
        db.transaction(&call, async |w| {
            store::hold(job, self.holder, w).await?;
            note(target.write(self, rows, w).await?, w).await
        })
        .await
    }

    /// Ends the job as completed. `absent` marks what a full file lacks and counts it; a dry run takes that back.
    ///
    /// # Errors
    /// When another worker has the job, or the database does not answer.
    pub async fn end(self, reason: Option<Text>, db: &Db, absent: impl AsyncFn(&Write<'_>) -> Result<i64>) -> Result<()> {
        let (job, call) = (self.job, self.call());
        let dry = if job.dry_run { try_out(&call, db, &absent).await? } else { 0 };
        db.transaction(&call, async |w| {
            store::hold(job, self.holder, w).await?;
            let absent = if job.dry_run { dry } else { absent(w).await? };
            store::end(job.id, ImportStatus::Completed, reason.clone(), absent, w).await.map(drop)
        })
        .await
    }
}

/// Does work and takes back what it has written.
///
/// # Errors
/// Those of the work.
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
