//! The one way to write: a transaction that carries the call, the time and the events, is tried again on conflict,
//! is carried out once per idempotency key, and records its events last.

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
    table::is_postgres,
};

/// How often a transaction in conflict with another is tried in all.
const TRIES: u32 = 6;
/// Any number that no other program locks in the same database together with a second one.
const OVERTAKEN_LOCK: i32 = 0x7361_6d73;
/// How long the answer to a call with an idempotency key is kept.
pub const IDEMPOTENCY_HOURS: i64 = 24;

/// Kept answers.
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
    /// The transaction, for statements.
    pub tx: Transaction,
    /// Who writes.
    pub call: &'a Call,
    /// The time of the whole write.
    pub now: DateTime<Utc>,
    db: &'a Db,
    changes: RefCell<Vec<Change>>,
    access: Cell<bool>,
    /// How it turned out, where that is not simply the operation's success; for the audit log.
    turn: Cell<Option<AuditResult>>,
    replayed: Cell<bool>,
}

impl Write<'_> {
    /// The day of the whole write.
    pub fn today(&self) -> NaiveDate {
        clock::day(self.now)
    }

    /// A new id.
    pub fn new_id<T>(&self) -> Id<T> {
        self.db.ids.next(self.now)
    }

    /// Changes one row, provided that it is still at the version that the change was made for.
    ///
    /// # Errors
    /// When another was first.
    pub async fn replace<E>(&self, row: E::ActiveModel, this: SimpleExpr, version: E::Column, from: i64) -> Result<()>
    where
        E: EntityTrait,
        E::ActiveModel: Send,
    {
        let changed = E::update_many().set(row).filter(this).filter(version.eq(from)).exec(&self.tx).await?;
        if changed.rows_affected == 0 { Err(self.call.overtaken(from)) } else { Ok(()) }
    }

    /// Records a change; it is stored last in the transaction.
    pub fn record(&self, change: Change) {
        self.changes.borrow_mut().push(change);
    }

    /// Tells all instances that who may do what has changed.
    pub fn access_changed(&self) {
        self.access.set(true);
    }

    /// Carries out a part of the write that can be taken back alone: when it is refused, nothing of it is there.
    ///
    /// # Errors
    /// What the part ends with.
    pub async fn part<R>(&self, work: impl AsyncFn(&Write<'_>) -> Result<R>) -> Result<R> {
        let part = Write {
            tx: self.tx.begin().await?,
            call: self.call,
            now: self.now,
            db: self.db,
            changes: RefCell::default(),
            access: Cell::default(),
            turn: Cell::default(),
            replayed: Cell::default(),
        };
        let outcome = work(&part).await;
        let Write { tx, changes, access, .. } = part;
        match outcome {
            Ok(outcome) => {
                self.db.end(tx.commit()).await?;
                self.changes.borrow_mut().extend(changes.into_inner());
                self.access.set(self.access.get() || access.get());
                Ok(outcome)
            }
            Err(problem) => {
                // What cannot be taken back alone is no part that others could follow.
                self.db.end(tx.rollback()).await.map_err(|failed| if problem.kind.status() < 500 { failed } else { problem.clone() })?;
                Err(problem)
            }
        }
    }

    /// Sees to it that the caller may still do what was once done: it is done once more, so that all its checks are made as
    /// things stand now, and taken back. That the state of things stands in its way is no matter, for it has been done.
    async fn still_may<T>(&self, work: &impl AsyncFn(&Write<'_>) -> Result<Reply<T>>, stored: &Stored) -> Result<()> {
        let again = Write {
            tx: self.tx.begin().await?,
            call: self.call,
            now: self.now,
            db: self.db,
            changes: RefCell::default(),
            access: Cell::default(),
            turn: Cell::default(),
            replayed: Cell::default(),
        };
        let outcome = work(&again).await;
        again.tx.rollback().await?;
        match outcome {
            Ok(reply) => batch::require_still_permitted(&stored.body, &reply.stored.body),
            Err(problem) if matches!(problem.kind.status(), 401 | 403 | 404) => Err(problem),
            // Something that it names is there no more, or not for this caller.
            Err(problem) if problem.faults.iter().any(|fault| fault.code == "not-found") => Err(problem),
            Err(_) => Ok(()),
        }
    }

    /// Has the statements that follow planned for the rows that there are now. `PostgreSQL` keeps the plans that it made when
    /// a table was small until it has counted the table anew, which is too late for a load that makes it large.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn plan_anew(&self) -> Result<()> {
        if is_postgres(self.tx.get_database_backend()) {
            self.tx.execute_unprepared("DISCARD PLANS").await?;
        }
        Ok(())
    }

    /// Says that what is written is part of a refusal, so that the audit log calls it one. The first reason stays.
    pub fn denied(&self, reason: &'static str) {
        self.turn.set(self.turn.get().or(Some(AuditResult::denied(reason))));
    }
}

impl Db {
    /// Carries out a write and answers.
    ///
    /// # Errors
    /// What the work ends with; what others' writes stand in the way of is tried again first.
    pub async fn write<T, F>(&self, call: &Call, work: F) -> Result<Reply<T>>
    where
        F: AsyncFn(&Write<'_>) -> Result<Reply<T>>,
    {
        let _running = call.asked.once.as_ref().map(|once| Running::start(self, once)).transpose()?;
        self.transaction(call, async |write| {
            if let Some(once) = &call.asked.once
                && let Some(stored) = kept(once, write).await?
            {
                write.still_may(&work, &stored).await?;
                write.replayed.set(true);
                return Ok(Reply::stored(stored, true));
            }
            let reply = work(write).await?;
            if let Some(once) = &call.asked.once {
                keep(once, &reply.stored, write).await?;
            }
            let turn = AuditResult { created: reply.stored.created, ..AuditResult::done(reply.stored.status) };
            write.turn.set(write.turn.get().or(Some(turn)));
            Ok(reply)
        })
        .await
    }

    /// Carries out a write that has no answer to keep.
    ///
    /// # Errors
    /// What the work ends with; what others' writes stand in the way of is tried again first.
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
                    // Not all at once again: a different wait for each, growing with the tries.
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
            // One after the other, or those who were overtaken would go on overtaking each other.
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
            turn: Cell::default(),
            replayed: Cell::default(),
        };
        let outcome = work(&write).await;
        let Write { tx, now, changes, access, turn, replayed, .. } = write;
        match outcome {
            Ok(outcome) => {
                let changes = changes.into_inner();
                let rows: Vec<_> = changes.iter().map(|change| events::row(change, call, now)).collect();
                if access.get() || joins_what_is_marked(&changes, &tx).await? {
                    tx.execute_unprepared("UPDATE access_epoch SET epoch = epoch + 1").await?;
                }
                // The databases limit how many values one statement may carry.
                for rows in rows.chunks(500) {
                    events::Entity::insert_many(rows.to_vec()).exec_without_returning(&tx).await?;
                }
                let trail = &*call.author.trail;
                let turn = turn.get().unwrap_or(AuditResult::done(trail.success));
                let noted = !trail.operation.is_empty() && !replayed.get() && trail.noted().is_none();
                if noted {
                    let entry = audit::row(trail, self.ids.next::<audit::Model>(now).uuid(), now, turn, &changes);
                    audit::Entity::insert(entry).exec_without_returning(&tx).await?;
                }
                self.commit(tx).await?;
                if !changes.is_empty() {
                    self.feed.notify_written();
                }
                if noted {
                    trail.note(turn.status);
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

/// Whether something may have become part of a record that is under secrecy as a whole, which is remembered with what is part
/// of it.
async fn joins_what_is_marked(changes: &[Change], tx: &Transaction) -> Result<bool> {
    let is_part = |change: &Change| record::find_kind(change.kind).is_some_and(|record| record.part_of.is_some());
    if !changes.iter().any(is_part) {
        return Ok(false);
    }
    let marked = "SELECT 1 FROM secrecy_mark WHERE member = '' AND lifted_at IS NULL LIMIT 1";
    Ok(tx.query_one_raw(Statement::from_string(tx.get_database_backend(), marked)).await?.is_some())
}

async fn kept(once: &Once, write: &Write<'_>) -> Result<Option<Stored>> {
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

async fn keep(once: &Once, stored: &Stored, write: &Write<'_>) -> Result<()> {
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
    answer::Entity::insert(row).exec_without_returning(&write.tx).await?;
    Ok(())
}

/// Marks a key as being carried out, until dropped.
struct Running<'a> {
    db: &'a Db,
    once: Once,
}

impl<'a> Running<'a> {
    fn start(db: &'a Db, once: &Once) -> Result<Self> {
        // The digest is left out: the same key with another body is the same key.
        let once = Once { digest: String::new(), ..once.clone() };
        let free = db.running.lock().unwrap_or_else(PoisonError::into_inner).insert(once.clone());
        if free { Ok(Self { db, once }) } else { Err(Problem::new(Kind::InProgress).header("Retry-After", "1")) }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.db.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.once);
    }
}

/// Reads an idempotency key: 1 to 255 visible characters, with or without the quotation marks of a structured field.
///
/// # Errors
/// When it is anything else.
pub fn idempotency_key(header: &str) -> Result<String> {
    let key = header.trim().trim_matches('"');
    if personal_number::contains(key) {
        // It would be stored.
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
