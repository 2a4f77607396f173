//! SQL for import jobs, their waiting rows, and the outcomes of rows.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryOrder, QuerySelect, QueryTrait,
    entity::prelude::*,
    sea_query::{Expr, Query},
};

use super::{
    bounds::{Bounds, full},
    spool::Intake,
    table::{self, piece, row},
    types::{ImportOutcome, ImportStatus, Job, JobId},
};
use crate::{
    access::{Caller, policy::Role},
    kernel::{Db, Page, Paging, Problem, Result, Write, export::Full, language::Text, page::Key, request::Call, say},
};

/// The number of refused rows of a job that are recorded one by one. Further refused rows are only counted.
pub const MAX_RECORDED_REFUSALS: usize = 1000;
/// The time that an instance has for one piece of a job before another instance may take the job.
pub const LEASE: TimeDelta = TimeDelta::minutes(2);
/// The number of times that a job is taken without progress before it fails.
const TRIES: i32 = 5;
/// The time for which a finished job is kept.
const KEPT: TimeDelta = TimeDelta::days(90);
/// The time for which rows are kept that belong to no job.
const LOST: TimeDelta = TimeDelta::days(1);
/// The largest number of rows in one statement.
const ROWS: usize = 500;

/// An import to be carried out.
#[derive(Clone, Debug)]
pub struct Order {
    /// The name of the target.
    pub target: &'static str,
    /// The options of the request, as JSON in the target's own form.
    pub options: Json,
    /// Whether the rows are kept until the job ends, because the target needs them again.
    pub keeps_rows: bool,
    /// Whether to find out what would happen, without storing anything.
    pub dry_run: bool,
}

/// Selects the jobs of a target that the caller started. A caller who sees everything gets all jobs.
fn visible_jobs(caller: &Caller, target: &str) -> Select<table::Entity> {
    let select = table::Entity::find().filter(table::Column::Target.eq(target));
    if caller.sight.all { select } else { select.filter(table::Column::UserId.eq(caller.user)) }
}

/// Returns a page of the jobs of a target that the caller may see, newest first.
///
/// # Errors
/// When the database cannot be read.
pub async fn list(caller: &Caller, target: &str, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Job>> {
    // Callers usually ask for the newest job.
    let keys = vec![Key::column(table::Column::Id, |job: &Job| job.id.into()).reversed(true)];
    paging.fetch(visible_jobs(caller, target), keys, call, db).await
}

/// Returns one job of a target that the caller may see.
///
/// # Errors
/// When there is no such job (404).
pub async fn find(caller: &Caller, target: &str, id: JobId, db: &impl ConnectionTrait) -> Result<Job> {
    visible_jobs(caller, target).filter(table::Column::Id.eq(id)).one(db).await?.ok_or_else(Problem::not_found)
}

/// Returns a job without a check of rights.
///
/// # Errors
/// When there is no such job (404).
pub async fn by_id(id: JobId, db: &impl ConnectionTrait) -> Result<Job> {
    table::Entity::find_by_id(id).one(db).await?.ok_or_else(Problem::not_found)
}

/// Returns a page of the recorded outcomes of a job's rows, in the order of the file.
///
/// # Errors
/// When the database cannot be read.
pub async fn rows(id: JobId, outcome: Option<ImportOutcome>, paging: &Paging, call: &Call, db: &Db) -> Result<Page<row::Model>> {
    let select = row::Entity::find()
        .filter(row::Column::ImportJobId.eq(id))
        .apply_if(outcome, |select, outcome| select.filter(row::Column::Outcome.eq(outcome)));
    let keys = vec![Key::column(row::Column::Number, |row: &row::Model| row.number.into())];
    paging.fetch(select, keys, call, db).await
}

/// Returns up to `most` recorded rows in the order of the file: the refused ones, or the others, for a summary.
///
/// # Errors
/// When the database cannot be read.
pub async fn list_recorded(id: JobId, are_refused: bool, most: u64, db: &impl ConnectionTrait) -> Result<Vec<row::Model>> {
    let refused = row::Column::Outcome.eq(ImportOutcome::Refused);
    let rows = row::Entity::find()
        .filter(row::Column::ImportJobId.eq(id))
        .filter(if are_refused { refused } else { refused.not() })
        .order_by_asc(row::Column::Number);
    Ok(rows.limit(most).all(db).await?)
}

/// Checks that a caller may begin another import. The installation itself always may.
///
/// # Errors
/// When the caller (429), or all callers together (503), have too many unfinished imports.
pub async fn admit(caller: &Caller, bounds: &Bounds, db: &impl ConnectionTrait) -> Result<()> {
    let Some(user) = caller.user else { return Ok(()) };
    let live = || table::Entity::find().filter(table::Column::FinishedAt.is_null());
    if bounds.per_caller > 0 && live().filter(table::Column::UserId.eq(user)).count(db).await? >= bounds.per_caller.into() {
        return Err(full(Full::Own(bounds.per_caller)));
    }
    if bounds.at_once > 0 && live().count(db).await? >= bounds.at_once.into() {
        return Err(full(Full::All));
    }
    Ok(())
}

/// Stores the rows of a job that will follow, and returns the job's id. Each piece is a transaction of its own, so that
/// other writes can take place in between. If the job is not inserted, remove the rows with [`unstage`].
///
/// # Errors
/// When the database cannot be written.
pub async fn stage(intake: &Intake, db: &Db) -> Result<JobId> {
    let id = db.new_id();
    for piece in intake.pieces.each() {
        let stored = match piece {
            Ok((first_row, rows)) => {
                let piece = piece::ActiveModel {
                    import_job_id: Set(id),
                    first_row: Set(first_row),
                    rows: Set(rows),
                    created_at: Set(db.clock.now()),
                };
                piece::Entity::insert(piece).exec_without_returning(db.writer()).await.map(drop).map_err(Problem::from)
            }
            Err(problem) => Err(problem),
        };
        if let Err(problem) = stored {
            // This fails too if the database is full. The rows are then removed when they are a day old.
            let _ = unstage(id, db).await;
            return Err(problem);
        }
    }
    Ok(id)
}

/// Removes the waiting rows of a job that will not follow.
///
/// # Errors
/// When the database cannot be written.
pub async fn unstage(id: JobId, db: &Db) -> Result<()> {
    piece::Entity::delete_many().filter(piece::Column::ImportJobId.eq(id)).exec(db.writer()).await?;
    Ok(())
}

/// Stores a job whose rows have been stored with [`stage`], so that a worker can take it.
///
/// # Errors
/// When the database cannot be written.
pub async fn insert(id: JobId, order: Order, intake: &Intake, caller: &Caller, w: &Write<'_>) -> Result<Job> {
    let job = new_job(id, order, intake, caller, w);
    table::Entity::insert(job.clone().into_active_model()).exec_without_returning(&w.tx).await?;
    Ok(job)
}

/// Makes a new job without storing it.
#[must_use]
pub fn new_job(id: JobId, order: Order, intake: &Intake, caller: &Caller, w: &Write<'_>) -> Job {
    let scopes = caller.narrowed.as_ref().map(|carried| carried.iter().map(|permission| permission.key().to_owned()).collect::<Vec<_>>());
    Job {
        id,
        version: 1,
        created_at: w.now,
        updated_at: w.now,
        status: ImportStatus::Queued,
        user_id: caller.user,
        scopes: scopes.map(Into::into),
        withheld: caller.withheld.clone().into(),
        target: order.target.to_owned(),
        options: order.options,
        keeps_rows: order.keeps_rows,
        dry_run: order.dry_run,
        columns: intake.columns.clone().into(),
        left_out: intake.left_out.clone().into(),
        total: intake.total,
        processed: 0,
        created: 0,
        updated: 0,
        unchanged: 0,
        held: 0,
        refused: 0,
        absent: 0,
        reason_sv: None,
        reason_en: None,
        started_at: None,
        finished_at: None,
        holder: None,
        held_until: None,
        tries: 0,
    }
}

/// Removes a limited number of expired rows: waiting rows that belong to no job, and jobs that ended long ago. Returns
/// whether there was anything to remove.
///
/// # Errors
/// When the database cannot be read or written.
pub async fn remove_expired(db: &Db) -> Result<bool> {
    let now = db.clock.now();
    let stray = piece::Entity::find()
        .filter(piece::Column::CreatedAt.lt(now - LOST))
        .filter(piece::Column::ImportJobId.not_in_subquery(Query::select().column(table::Column::Id).from(table::Entity).take()))
        .one(db.reader())
        .await?;
    if let Some(stray) = stray {
        let these = piece::Column::ImportJobId.eq(stray.import_job_id).and(piece::Column::FirstRow.eq(stray.first_row));
        piece::Entity::delete_many().filter(these).exec(db.writer()).await?;
        return Ok(true);
    }
    let old =
        table::Entity::find().filter(table::Column::FinishedAt.lt(now - KEPT)).order_by_asc(table::Column::Id).one(db.reader()).await?;
    let Some(old) = old else { return Ok(false) };
    let last: Option<i64> = row::Entity::find()
        .select_only()
        .column(row::Column::Number)
        .filter(row::Column::ImportJobId.eq(old.id))
        .order_by_asc(row::Column::Number)
        .offset(ROWS as u64 - 1)
        .into_tuple()
        .one(db.reader())
        .await?;
    let rows = row::Entity::delete_many().filter(row::Column::ImportJobId.eq(old.id));
    if let Some(last) = last {
        rows.filter(row::Column::Number.lte(last)).exec(db.writer()).await?;
    } else {
        rows.exec(db.writer()).await?;
        table::Entity::delete_by_id(old.id).exec(db.writer()).await?;
    }
    Ok(true)
}

/// Returns the unfinished jobs, oldest first.
///
/// # Errors
/// When the database cannot be read.
pub async fn unfinished(db: &Db) -> Result<Vec<Job>> {
    Ok(table::Entity::find().filter(table::Column::FinishedAt.is_null()).order_by_asc(table::Column::Id).all(db.reader()).await?)
}

/// Takes or extends the lease of a job. Returns false when another instance has it, or the job has ended.
///
/// # Errors
/// When the database cannot be written.
pub async fn lease(job: &Job, holder: Uuid, db: &Db) -> Result<bool> {
    let now = db.clock.now();
    let mut update = table::Entity::update_many()
        .col_expr(table::Column::Holder, Expr::value(holder))
        .col_expr(table::Column::HeldUntil, Expr::value(now + LEASE))
        .col_expr(table::Column::Status, Expr::value(ImportStatus::Running.to_value()))
        .col_expr(table::Column::Tries, Expr::value(job.tries + 1));
    if job.started_at.is_none() {
        update = update.col_expr(table::Column::StartedAt, Expr::value(now));
    }
    let free = table::Column::HeldUntil.is_null().or(table::Column::HeldUntil.lt(now)).or(table::Column::Holder.eq(holder));
    let taken = update
        .filter(table::Column::Id.eq(job.id))
        .filter(table::Column::FinishedAt.is_null())
        .filter(table::Column::Tries.eq(job.tries))
        .filter(free)
        .exec(db.writer())
        .await?;
    Ok(taken.rows_affected == 1)
}

/// Whether a job has been taken too often without progress, so that it must fail.
#[must_use]
pub fn is_hopeless(job: &Job) -> bool {
    job.tries >= TRIES
}

/// Returns the next piece of a job's rows, a JSON array in the target's own form; `None` when there is none.
///
/// # Errors
/// When the database cannot be read.
pub async fn next_piece(job: &Job, db: &impl ConnectionTrait) -> Result<Option<String>> {
    if job.processed >= job.total {
        return Ok(None);
    }
    Ok(piece::Entity::find_by_id((job.id, job.processed)).one(db).await?.map(|piece| piece.rows))
}

/// Returns the first kept piece that begins after row `before` of a job: the number of rows before it, and its rows.
///
/// # Errors
/// When the database cannot be read.
pub async fn next_kept_piece(job: &Job, before: i64, db: &impl ConnectionTrait) -> Result<Option<(i64, String)>> {
    let next = piece::Entity::find()
        .filter(piece::Column::ImportJobId.eq(job.id))
        .filter(piece::Column::FirstRow.gt(before))
        .order_by_asc(piece::Column::FirstRow);
    Ok(next.one(db).await?.map(|piece| (piece.first_row, piece.rows)))
}

/// Returns those of the given rows of a job that were refused.
///
/// # Errors
/// When the database cannot be read.
pub async fn refused(job: &Job, rows: &[u32], db: &impl ConnectionTrait) -> Result<Vec<u32>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let found: Vec<i64> = row::Entity::find()
        .select_only()
        .column(row::Column::Number)
        .filter(row::Column::ImportJobId.eq(job.id))
        .filter(row::Column::Outcome.eq(ImportOutcome::Refused))
        .filter(row::Column::Number.is_in(rows.iter().map(|row| i64::from(*row))))
        .into_tuple()
        .all(db)
        .await?;
    Ok(found.into_iter().filter_map(|row| u32::try_from(row).ok()).collect())
}

/// The number of rows of each outcome in a piece.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Rows with the outcome `created`.
    pub created: i64,
    /// Rows with the outcome `updated`.
    pub updated: i64,
    /// Rows with the outcome `unchanged`.
    pub unchanged: i64,
    /// Rows with the outcome `held`.
    pub held: i64,
    /// Rows with the outcome `refused`.
    pub refused: i64,
}

impl Progress {
    /// Counts rows by outcome.
    #[must_use]
    pub fn count(rows: &[row::Model]) -> Self {
        let count = |outcome| i64::try_from(rows.iter().filter(|row| row.outcome == outcome).count()).unwrap_or(i64::MAX);
        Self {
            created: count(ImportOutcome::Created),
            updated: count(ImportOutcome::Updated),
            unchanged: count(ImportOutcome::Unchanged),
            held: count(ImportOutcome::Held),
            refused: count(ImportOutcome::Refused),
        }
    }

    /// Adds these numbers to the counts of a job.
    pub const fn add(self, job: &mut Job) {
        job.processed += self.total();
        job.created += self.created;
        job.updated += self.updated;
        job.unchanged += self.unchanged;
        job.held += self.held;
        job.refused += self.refused;
    }

    const fn total(self) -> i64 {
        self.created + self.updated + self.unchanged + self.held + self.refused
    }
}

/// Checks that this worker still has the job, extends the lease, and locks the job until the transaction ends.
///
/// # Errors
/// When another worker has the job, or it has ended (409).
pub async fn keep_lease(job: &Job, holder: Uuid, w: &Write<'_>) -> Result<()> {
    let held = table::Entity::update_many()
        .col_expr(table::Column::HeldUntil, Expr::value(w.now + LEASE))
        .filter(table::Column::Id.eq(job.id))
        .filter(table::Column::Holder.eq(holder))
        .filter(table::Column::FinishedAt.is_null())
        .filter(table::Column::Processed.eq(job.processed))
        .exec(&w.tx)
        .await?;
    if held.rows_affected == 1 { Ok(()) } else { Err(lease_lost()) }
}

fn lease_lost() -> Problem {
    Problem::conflict(say!("Inläsningen har stoppats eller tagits över.", "The import has been stopped or taken over."))
}

/// Adds the progress of one piece to a job, and records the outcomes of the given rows. Of the refused rows, only the
/// first [`MAX_RECORDED_REFUSALS`] of a file are recorded.
///
/// # Errors
/// When the database cannot be written.
pub async fn advance(job: &Job, progress: Progress, told: Vec<row::Model>, w: &Write<'_>) -> Result<()> {
    let mut refused = usize::try_from(job.refused).unwrap_or(usize::MAX);
    let kept: Vec<_> = told
        .into_iter()
        .filter(|row| {
            let is_refused = row.outcome == ImportOutcome::Refused;
            refused = refused.saturating_add(usize::from(is_refused));
            !is_refused || refused <= MAX_RECORDED_REFUSALS
        })
        .map(IntoActiveModel::into_active_model)
        .collect();
    for rows in kept.chunks(ROWS) {
        row::Entity::insert_many(rows.to_vec()).exec_without_returning(&w.tx).await?;
    }
    let add = |column: table::Column, count: i64| (column, Expr::col(column).add(count));
    let mut update = table::Entity::update_many()
        .col_expr(table::Column::UpdatedAt, Expr::value(w.now))
        .col_expr(table::Column::Version, Expr::col(table::Column::Version).add(1))
        .col_expr(table::Column::Tries, Expr::value(0));
    for (column, sum) in [
        add(table::Column::Processed, progress.total()),
        add(table::Column::Created, progress.created),
        add(table::Column::Updated, progress.updated),
        add(table::Column::Unchanged, progress.unchanged),
        add(table::Column::Held, progress.held),
        add(table::Column::Refused, progress.refused),
    ] {
        update = update.col_expr(column, sum);
    }
    update.filter(table::Column::Id.eq(job.id)).exec(&w.tx).await?;
    if !job.keeps_rows {
        piece::Entity::delete_by_id((job.id, job.processed)).exec(&w.tx).await?;
    }
    Ok(())
}

/// Ends an unfinished job and removes its waiting rows. Returns false when the job had ended already.
///
/// # Errors
/// When the database cannot be written.
pub async fn end(id: JobId, status: ImportStatus, reason: Option<Text>, absent: i64, w: &Write<'_>) -> Result<bool> {
    let (sv, en) = reason.map(|reason| (reason.sv, reason.en)).unzip();
    let ended = table::Entity::update_many()
        .col_expr(table::Column::Status, Expr::value(status.to_value()))
        .col_expr(table::Column::ReasonSv, Expr::value(sv))
        .col_expr(table::Column::ReasonEn, Expr::value(en))
        .col_expr(table::Column::Absent, Expr::value(absent))
        .col_expr(table::Column::FinishedAt, Expr::value(Some::<DateTime<Utc>>(w.now)))
        .col_expr(table::Column::UpdatedAt, Expr::value(w.now))
        .col_expr(table::Column::Version, Expr::col(table::Column::Version).add(1))
        .filter(table::Column::Id.eq(id))
        .filter(table::Column::FinishedAt.is_null())
        .exec(&w.tx)
        .await?;
    piece::Entity::delete_many().filter(piece::Column::ImportJobId.eq(id)).exec(&w.tx).await?;
    Ok(ended.rows_affected == 1)
}

/// Returns the only permissions that a job may use (`None` for no limit), and the roles that did not count when it was
/// requested.
#[must_use]
pub fn restrictions(job: &Job) -> (Option<&[String]>, &[Role]) {
    (job.scopes.as_ref().map(|scopes| scopes.0.as_slice()), &job.withheld.0)
}
