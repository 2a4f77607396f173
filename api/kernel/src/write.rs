//! All writes go through this module. A write is a transaction that carries the call, the time and the events. It is tried again on
//! conflict, is carried out once per idempotency key, and inserts its events last.

use std::{
    cell::{Cell, RefCell},
    sync::PoisonError,
    time::Duration,
};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, Statement, entity::prelude::*, sea_query::SimpleExpr};

use super::{
    Db, Id, Reply,
    audit::{self, AuditResult},
    batch, clock,
    db::Transaction,
    events::{self, Change},
    language::say,
    personal_number,
    problem::{Fault, Kind, Problem, Result},
    record,
    reply::Stored,
    request::{Call, Once},
    saved,
    table::is_postgres,
};

/// The largest number of attempts at a transaction that conflicts with others, the first included.
const TRIES: u32 = 6;
/// The first key of the two-key advisory lock. Any number works that no other program uses so in the same database.
const OVERTAKEN_LOCK: i32 = 0x7361_6d73;
/// The number of hours for which the answer to a call with an idempotency key is stored.
pub const IDEMPOTENCY_HOURS: i64 = 24;

/// The table of stored answers, by idempotency key.
mod answer {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "idempotent_answer")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub scope: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub digest: String,
        pub status: i32,
        pub etag: Option<String>,
        pub location: Option<String>,
        pub body: Vec<u8>,
        pub created_at: ChronoDateTimeUtc,
        pub user_id: Option<Uuid>,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// A write under way.
pub struct Write<'a> {
    /// The transaction in which the statements run.
    pub tx: Transaction,
    /// The call that writes.
    pub call: &'a Call,
    /// The time of the write, the same for all its statements.
    pub now: DateTime<Utc>,
    db: &'a Db,
    changes: RefCell<Vec<Change>>,
    /// Whether anybody's rights have changed.
    access: Cell<bool>,
    /// The result for the audit log; `None` means the success of the operation.
    audit_result: Cell<Option<AuditResult>>,
    /// Whether the answer is the stored one of an earlier call.
    replayed: Cell<bool>,
}

impl Write<'_> {
    /// Returns the day of the whole write.
    pub fn today(&self) -> NaiveDate {
        clock::day(self.now)
    }

    /// Returns a new id.
    pub fn new_id<T>(&self) -> Id<T> {
        self.db.ids.next(self.now)
    }

    /// Changes one row, provided that it is still at the version `from`.
    ///
    /// # Errors
    /// When another call has changed or removed it ([`Call::overtaken`]).
    pub async fn replace<E>(&self, row: E::ActiveModel, this: SimpleExpr, version: E::Column, from: i64) -> Result<()>
    where
        E: EntityTrait,
        E::ActiveModel: Send,
    {
        let changed = E::update_many().set(saved::without_key::<E>(row)).filter(this).filter(version.eq(from)).exec(&self.tx).await?;
        if changed.rows_affected == 0 { Err(self.call.overtaken(from)) } else { Ok(()) }
    }

    /// Records a change. Its event is inserted last in the transaction.
    pub fn record(&self, change: Change) {
        self.changes.borrow_mut().push(change);
    }

    /// Records that somebody's rights, or the secrecy marks, have changed. The commit then increases the access epoch, so that all
    /// instances read them anew.
    pub fn access_changed(&self) {
        self.access.set(true);
    }

    /// Carries out a part of the write in a savepoint. When the part fails, it alone is rolled back.
    ///
    /// # Errors
    /// The problem of the part. When the savepoint cannot be rolled back, the problem of that, unless the part's status was 500 or more.
    pub async fn part<R>(&self, work: impl AsyncFn(&Write<'_>) -> Result<R>) -> Result<R> {
        let part = Write {
            tx: self.tx.begin().await?,
            call: self.call,
            now: self.now,
            db: self.db,
            changes: RefCell::default(),
            access: Cell::default(),
            audit_result: Cell::default(),
            replayed: Cell::default(),
        };
        let outcome = work(&part).await;
        let Write { tx, changes, access, audit_result, .. } = part;
        match outcome {
            Ok(outcome) => {
                self.db.end(tx.release(&self.tx)).await?;
                self.audit_result.set(self.audit_result.get().or(audit_result.get()));
                self.changes.borrow_mut().extend(changes.into_inner());
                self.access.set(self.access.get() || access.get());
                Ok(outcome)
            }
            Err(problem) => {
                // Other parts cannot follow when the savepoint is still there, so a refusal (below 500) does not hide this failure.
                self.db.end(tx.rollback()).await.map_err(|failed| if problem.kind.status() < 500 { failed } else { problem.clone() })?;
                Err(problem)
            }
        }
    }

    /// Checks that the caller of a repeated call may still get the stored answer. The work runs once more in a savepoint, so that all
    /// its checks are made against the present data, and is rolled back. Conflicts with the present state are no refusal, since the
    /// work was carried out the first time.
    ///
    /// # Errors
    /// When the caller no longer has the permission (401, 403), or a record that the call names is missing or hidden from the caller
    /// (404, or a fault `not-found`).
    async fn check_replay_permitted<T>(&self, work: &impl AsyncFn(&Write<'_>) -> Result<Reply<T>>, stored: &Stored) -> Result<()> {
        let trial = Write {
            tx: self.tx.begin().await?,
            call: self.call,
            now: self.now,
            db: self.db,
            changes: RefCell::default(),
            access: Cell::default(),
            audit_result: Cell::default(),
            replayed: Cell::default(),
        };
        let outcome = work(&trial).await;
        trial.tx.rollback().await?;
        match outcome {
            Ok(reply) => batch::require_still_permitted(&stored.body, &reply.stored.body),
            Err(problem) if matches!(problem.kind.status(), 401 | 403 | 404) => Err(problem),
            // A record that the call names no longer exists, or not for this caller.
            Err(problem) if problem.faults.iter().any(|fault| fault.code == "not-found") => Err(problem),
            Err(_) => Ok(()),
        }
    }

    /// Discards the cached query plans, so that later statements are planned for the present number of rows. `PostgreSQL` keeps the plans
    /// of a small table until its statistics are updated, which is too late for a load that makes the table large. Does nothing on
    /// `SQLite`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn plan_anew(&self) -> Result<()> {
        if is_postgres(self.tx.get_database_backend()) {
            self.tx.execute_unprepared("DISCARD PLANS").await?;
        }
        Ok(())
    }

    /// Records that the write belongs to a refusal, so that the audit log shows the call as refused. Of several reasons the first is
    /// used. It has no effect in a [`Write::part`].
    pub fn denied(&self, reason: &'static str) {
        self.audit_result.set(self.audit_result.get().or(Some(AuditResult::denied(reason))));
    }
}

impl Db {
    /// Carries out a write and returns its answer. With an idempotency key that has a stored answer, returns that answer.
    ///
    /// # Errors
    /// The problem of the work. A conflict with another transaction is a problem only after the last attempt. Also when a call
    /// with the same idempotency key is under way (409), or the key was used with another body (422).
    pub async fn write<T, F>(&self, call: &Call, work: F) -> Result<Reply<T>>
    where
        F: AsyncFn(&Write<'_>) -> Result<Reply<T>>,
    {
        let _running = call.asked.once.as_ref().map(|once| RunningKey::start(self, once)).transpose()?;
        self.transaction(call, async |write| {
            if let Some(once) = &call.asked.once
                && let Some(stored) = find_stored_answer(once, write).await?
            {
                write.check_replay_permitted(&work, &stored).await?;
                write.replayed.set(true);
                return Ok(Reply::stored(stored, true));
            }
            let reply = work(write).await?;
            if let Some(once) = &call.asked.once {
                store_answer(once, &reply.stored, write).await?;
            }
            let success = AuditResult { created: reply.stored.created, ..AuditResult::done(reply.stored.status) };
            write.audit_result.set(write.audit_result.get().or(Some(success)));
            Ok(reply)
        })
        .await
    }

    /// Carries out a write that has no answer to keep.
    ///
    /// # Errors
    /// The problem of the work. A conflict with another transaction is a problem only after the last attempt.
    pub async fn transaction<R, F>(&self, call: &Call, work: F) -> Result<R>
    where
        F: AsyncFn(&Write<'_>) -> Result<R>,
    {
        let mut tried = 0;
        loop {
            tried += 1;
            match Box::pin(self.attempt(call, tried > 1, &work)).await {
                Err(problem) if problem.retry && tried < TRIES => {
                    self.retries.inc();
                    // The waits differ between calls, so that they do not conflict again, and grow with the attempts.
                    let spread = u64::from(self.clock.now().timestamp_subsec_nanos() / 1000 % 10);
                    tokio::time::sleep(Duration::from_millis((u64::from(tried) * 5) + spread)).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn attempt<R, F>(&self, call: &Call, again: bool, work: &F) -> Result<R>
    where
        F: AsyncFn(&Write<'_>) -> Result<R>,
    {
        let tx = self.begin().await?;
        if again && call.takes_any_version() && is_postgres(self.backend()) {
            // Repeated calls with `If-Match: *` on one path run one after the other, or they would conflict with each other again.
            let lock = format!("SELECT pg_advisory_xact_lock({OVERTAKEN_LOCK}, hashtext($1))");
            tx.execute_raw(Statement::from_sql_and_values(self.backend(), lock, [call.asked.path.clone().into()])).await?;
        }
        let write = Write {
            tx,
            call,
            now: self.clock.now(),
            db: self,
            changes: RefCell::default(),
            access: Cell::default(),
            audit_result: Cell::default(),
            replayed: Cell::default(),
        };
        let outcome = work(&write).await;
        let Write { tx, now, changes, access, audit_result, replayed, .. } = write;
        match outcome {
            Ok(outcome) => {
                let changes = changes.into_inner();
                let rows: Vec<_> = changes.iter().map(|change| events::row(change, call, now)).collect();
                if access.get() || may_extend_marked_record(&changes, &tx).await? {
                    tx.execute_unprepared("UPDATE access_epoch SET epoch = epoch + 1").await?;
                }
                // The databases limit the number of values in one statement.
                for rows in rows.chunks(500) {
                    tx.insert_later::<events::Entity>(rows.to_vec());
                }
                let trail = &*call.author.trail;
                let result = audit_result.get().unwrap_or(AuditResult::done(trail.success));
                let needs_entry = !trail.operation.is_empty() && !replayed.get() && trail.noted().is_none();
                if needs_entry {
                    let entry = audit::row(trail, self.ids.next::<audit::Model>(now).uuid(), now, result, &changes);
                    tx.insert_later::<audit::Entity>(vec![entry]);
                }
                self.commit(tx).await?;
                if !changes.is_empty() {
                    self.feed.notify_written();
                }
                if needs_entry {
                    trail.note(result.status);
                }
                Ok(outcome)
            }
            Err(problem) => {
                self.roll_back(tx).await;
                Err(problem)
            }
        }
    }
}

/// Whether a change may have added a part to a record that is under secrecy as a whole. The cached secrecy marks include those parts,
/// so they must be read anew.
async fn may_extend_marked_record(changes: &[Change], tx: &Transaction) -> Result<bool> {
    let is_part = |change: &Change| record::find_kind(change.kind).is_some_and(|record| record.part_of.is_some());
    if !changes.iter().any(is_part) {
        return Ok(false);
    }
    let marked = "SELECT 1 FROM secrecy_mark WHERE member = '' AND lifted_at IS NULL LIMIT 1";
    Ok(tx.query_one_raw(Statement::from_string(tx.get_database_backend(), marked)).await?.is_some())
}

/// Returns the stored answer under a key, unless it is too old. An answer that is too old is deleted.
///
/// # Errors
/// When the key was used with another body (422).
async fn find_stored_answer(once: &Once, write: &Write<'_>) -> Result<Option<Stored>> {
    let Some(row) = answer::Entity::find_by_id((once.scope.clone(), once.key.clone())).one(&write.tx).await? else {
        return Ok(None);
    };
    if row.created_at < write.now - TimeDelta::hours(IDEMPOTENCY_HOURS) {
        row.delete(&write.tx).await?;
        return Ok(None);
    }
    if row.digest != once.digest {
        return Err(Problem::new(Kind::KeyReused));
    }
    Ok(Some(Stored {
        status: u16::try_from(row.status).unwrap_or(200),
        etag: row.etag,
        location: row.location,
        created: None,
        body: row.body.into(),
    }))
}

/// Stores an answer under its key, and deletes all answers that are too old.
async fn store_answer(once: &Once, stored: &Stored, write: &Write<'_>) -> Result<()> {
    let oldest = write.now - TimeDelta::hours(IDEMPOTENCY_HOURS);
    answer::Entity::delete_many().filter(answer::Column::CreatedAt.lt(oldest)).exec(&write.tx).await?;
    let row = answer::ActiveModel {
        scope: Set(once.scope.clone()),
        key: Set(once.key.clone()),
        digest: Set(once.digest.clone()),
        status: Set(stored.status.into()),
        etag: Set(stored.etag.clone()),
        location: Set(stored.location.clone()),
        body: Set(stored.body.to_vec()),
        created_at: Set(write.now),
        user_id: Set(write.call.author.user),
    };
    write.tx.insert_later::<answer::Entity>(vec![row]);
    Ok(())
}

/// Marks that a call with this idempotency key is under way at this instance, until it is dropped.
struct RunningKey<'a> {
    db: &'a Db,
    once: Once,
}

impl<'a> RunningKey<'a> {
    /// # Errors
    /// When a call with the same key is under way (409).
    fn start(db: &'a Db, once: &Once) -> Result<Self> {
        // The digest is left out, since the same key with another body is the same key.
        let once = Once { digest: String::new(), ..once.clone() };
        let free = db.running.lock().unwrap_or_else(PoisonError::into_inner).insert(once.clone());
        if free { Ok(Self { db, once }) } else { Err(Problem::new(Kind::InProgress).header("Retry-After", "1")) }
    }
}

impl Drop for RunningKey<'_> {
    fn drop(&mut self) {
        self.db.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.once);
    }
}

/// Returns the idempotency key in a header: 1 to 255 visible ASCII characters, with or without the quotation marks of a structured field.
///
/// # Errors
/// When it has another form or contains a personal identity number (400).
pub fn idempotency_key(header: &str) -> Result<String> {
    let key = header.trim().trim_matches('"');
    if personal_number::contains(key) {
        // The key is stored, and personal identity numbers may not be.
        return Err(Problem::parameters(vec![personal_number::fault_of_parameter("Idempotency-Key")]));
    }
    if key.is_empty() || key.len() > 255 || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Problem::parameters(vec![Fault::of_parameter(
            "Idempotency-Key",
            "wrong-form",
            say!(
                "Idempotency-Key ska vara 1–255 synliga tecken, till exempel ett slumpat UUID.",
                "Idempotency-Key must be 1–255 visible characters, for example a random UUID."
            ),
        )]));
    }
    Ok(key.to_owned())
}
