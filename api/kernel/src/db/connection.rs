//! Connections and transactions. Statements go through here, so that a statement ends even when the database never answers.
//!
//! `PostgreSQL` is usually on another machine, which may vanish without closing its connections. A statement that is not answered in
//! time is given up, and all connections are made anew; see [`super::postgres`]. `SQLite` is a file and needs none of this.

use std::{
    collections::HashMap,
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
    mem,
    pin::pin,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, ExecResult, QueryResult, QueryTrait, RuntimeErr, Select,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, error::ConnAcquireErr, prelude::async_trait::async_trait,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use super::{Observer, Read, Transaction, direct::Direct, group::Writers};

/// A pool of connections to the database: the one for reading, or the one for writing.
#[derive(Debug)]
pub struct Connection {
    pool: RwLock<DatabaseConnection>,
    network: Option<NetworkPool>,
    /// Connections for short statements on `SQLite`.
    direct: Option<Direct>,
    /// The line of writers on `SQLite`.
    writers: Option<Writers>,
    observer: OnceLock<Observer>,
}

/// The data that a pool needs when the database is reached over a network.
#[derive(Debug)]
pub(super) struct NetworkPool {
    /// One permit for each connection of the pool. A statement that has a permit and still gets no connection proves that
    /// connections were lost, and are not just in use. New connections come with new permits, so statements that still wait for an
    /// answer on a lost connection do not block others.
    permits: RwLock<Arc<Semaphore>>,
    /// The number of permits.
    size: usize,
    /// The longest time to wait for a permit.
    wait: Duration,
    /// Statements that have recently waited in vain for a locked table. Only the pool for reading has them.
    locked: Option<Locked>,
    watch: Arc<Watch>,
}

impl NetworkPool {
    /// Makes the data of the pool for reading. A statement that waits in vain for a locked table is refused for the time `lock`
    /// before it is tried again. Otherwise such statements would take all connections from statements that need no lock.
    pub(super) fn for_reading(size: u32, wait: Duration, lock: Duration, watch: &Arc<Watch>) -> Self {
        Self { locked: Some(Locked { pause: lock, since: Mutex::default() }), ..Self::for_writing(size, wait, watch) }
    }

    /// Makes the data of the pool for writing. One row can be locked while other rows of its table are not, so a wait in vain says
    /// nothing about the next statement.
    pub(super) fn for_writing(size: u32, wait: Duration, watch: &Arc<Watch>) -> Self {
        let size = size as usize;
        Self { permits: RwLock::new(Arc::new(Semaphore::new(size))), size, wait, locked: None, watch: Arc::clone(watch) }
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, DbErr> {
        let permit = async {
            loop {
                let permits = Arc::clone(&self.permits.read().unwrap_or_else(PoisonError::into_inner));
                // A semaphore is closed when it has been replaced by another.
                if let Ok(permit) = permits.acquire_owned().await {
                    return permit;
                }
            }
        };
        let round = self.watch.round();
        timeout(self.wait, permit).await.map_err(|_| {
            self.watch.all_busy(round);
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)
        })
    }

    fn renew(&self) {
        let new = Arc::new(Semaphore::new(self.size));
        mem::replace(&mut *self.permits.write().unwrap_or_else(PoisonError::into_inner), new).close();
    }
}

impl Connection {
    /// Wraps a pool of connections to a file. The one for reading comes with connections for short statements, the one for writing with
    /// the line of its writers.
    pub(super) const fn to_file(pool: DatabaseConnection, direct: Option<Direct>, writers: Option<Writers>) -> Self {
        Self { pool: RwLock::new(pool), network: None, direct, writers, observer: OnceLock::new() }
    }

    /// Wraps a pool of connections over a network.
    pub(super) const fn over_network(pool: DatabaseConnection, network: NetworkPool) -> Self {
        Self { pool: RwLock::new(pool), network: Some(network), direct: None, writers: None, observer: OnceLock::new() }
    }

    /// Returns the present pool.
    pub(super) fn pool(&self) -> DatabaseConnection {
        self.pool.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the pool. Returns the earlier one.
    pub(super) fn renew(&self, pool: DatabaseConnection) -> DatabaseConnection {
        let old = mem::replace(&mut *self.pool.write().unwrap_or_else(PoisonError::into_inner), pool);
        if let Some(network) = &self.network {
            network.renew();
        }
        old
    }

    pub(super) fn observe(&self, observer: Observer) {
        let _ = self.observer.set(observer);
    }

    pub(super) fn is_observed(&self) -> bool {
        self.observer.get().is_some()
    }

    /// Returns the rows that a query finds. `read` reads a row on `SQLite`; it must give the same record as the entity does.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rows<E: EntityTrait>(&self, select: Select<E>, read: Option<Read<E::Model>>) -> Result<Vec<E::Model>, DbErr> {
        if let (Some(direct), Some(read)) = (&self.direct, read) {
            let statement = select.build(DbBackend::Sqlite);
            if let Some(rows) = direct.rows(&statement, read) {
                if let Some(observer) = self.observer.get() {
                    observer.tell(&statement);
                }
                return Ok(rows);
            }
        }
        select.all(self).await
    }

    /// Closes the connections for short statements.
    pub(super) fn close_direct(&self) {
        if let Some(direct) = &self.direct {
            direct.close();
        }
    }

    /// Begins a transaction. On `SQLite` it takes the lock for writing at once.
    ///
    /// # Errors
    /// When there is no free connection, or the database does not answer.
    pub async fn begin(&self) -> Result<Transaction, DbErr> {
        let options =
            TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..TransactionOptions::default() };
        let begin = async { self.pool().begin_with_options(options).await };
        let observer = self.observer.get().cloned();
        let Some(network) = &self.network else {
            let (tx, turn) = match &self.writers {
                Some(writers) => writers.begin(begin).await.map(|(tx, turn)| (tx, Some(turn)))?,
                None => (begin.await?, None),
            };
            return Ok(Transaction::new(tx, None, turn, observer));
        };
        let permit = network.permit().await?;
        let round = network.watch.round();
        let tx = network.watch.wait_for_answer(round, begin).await?;
        let lost = Arc::default();
        let held = Held { watch: Arc::clone(&network.watch), round, lost, _permit: Some(permit) };
        Ok(Transaction::new(tx, Some(held), None, observer))
    }

    async fn run<T: Send>(&self, statement: u64, work: impl Future<Output = Result<T, DbErr>> + Send) -> Result<T, DbErr> {
        let Some(network) = &self.network else { return work.await };
        let _permit = network.permit().await?;
        if let Some(locked) = &network.locked {
            locked.may_try(statement)?;
        }
        let outcome = network.watch.wait_for_answer(network.watch.round(), work).await;
        if let Some(locked) = &network.locked {
            locked.learn(statement, &outcome);
        }
        outcome
    }
}

#[async_trait]
impl ConnectionTrait for Connection {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.read().unwrap_or_else(PoisonError::into_inner).get_database_backend()
    }
    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        if let Some(observer) = self.observer.get() {
            observer.tell(&statement);
        }
        self.run(digest(&statement.sql), async { self.pool().execute_raw(statement).await }).await
    }
    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        if let Some(observer) = self.observer.get() {
            observer.tell_text(self.get_database_backend(), sql);
        }
        self.run(digest(sql), async { self.pool().execute_unprepared(sql).await }).await
    }
    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        if let Some(observer) = self.observer.get() {
            observer.tell(&statement);
        }
        self.run(digest(&statement.sql), async { self.pool().query_one_raw(statement).await }).await
    }
    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        if let Some(observer) = self.observer.get() {
            observer.tell(&statement);
        }
        self.run(digest(&statement.sql), async { self.pool().query_all_raw(statement).await }).await
    }
}

/// The data that a transaction over a network needs. It holds the permit of its connection.
#[derive(Debug)]
pub(super) struct Held {
    watch: Arc<Watch>,
    round: u64,
    /// Whether a statement was not answered in time. No further statement is sent then.
    lost: Arc<AtomicBool>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// Returns what a savepoint of the transaction needs.
    pub(super) fn of_savepoint(&self) -> Self {
        Self { watch: Arc::clone(&self.watch), round: self.round, lost: Arc::clone(&self.lost), _permit: None }
    }

    pub(super) async fn run<T>(&self, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        if self.lost.load(Ordering::Relaxed) {
            return Err(unanswered());
        }
        let outcome = self.watch.wait_for_answer(self.round, work).await;
        self.lost.fetch_or(matches!(&outcome, Err(error) if is_unanswered(error)), Ordering::Relaxed);
        outcome
    }
}

/// Watches whether the database answers, for all connections. A set of connections that was made at one time is called a round.
#[derive(Debug)]
pub(super) struct Watch {
    /// The longest time that a statement may take; `None` means no limit.
    longest: Option<Duration>,
    /// The number of the present round, from 0.
    round: AtomicU64,
    /// The last time when a caller stopped waiting for an answer, in milliseconds since `started`; `u64::MAX` means never.
    abandoned: AtomicU64,
    /// The last time when the database answered or a round began, in milliseconds since `started`.
    answered: AtomicU64,
    /// The time until which silence is no reason for a new round, in milliseconds since `started`.
    tolerant_until: AtomicU64,
    started: Instant,
    /// The number of the round that is needed: one more than the last round that was found to be useless.
    wanted: AtomicU64,
    alarm: Notify,
    closed: AtomicBool,
}

/// The time after an abandoned statement during which connections are tested before they are used again.
const ABANDONED_LATELY: Duration = Duration::from_secs(10);
/// The longest silence of the database while all connections are in use.
const SILENCE: Duration = Duration::from_secs(2);
/// The time after a new round because of silence during which silence is tolerated: a database that is only slow must not get more
/// and more connections.
const TOLERANCE: Duration = Duration::from_mins(1);

impl Watch {
    pub(super) fn new(longest: Option<Duration>) -> Self {
        Self {
            longest,
            round: AtomicU64::new(0),
            abandoned: AtomicU64::new(u64::MAX),
            answered: AtomicU64::new(0),
            tolerant_until: AtomicU64::new(0),
            started: Instant::now(),
            wanted: AtomicU64::new(0),
            alarm: Notify::new(),
            closed: AtomicBool::new(false),
        }
    }

    pub(super) fn round(&self) -> u64 {
        self.round.load(Ordering::Acquire)
    }

    /// Begins the next round of connections. Returns its number.
    pub(super) fn next_round(&self) -> u64 {
        self.answered.store(self.millis(), Ordering::Release);
        self.round.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Asks for a new round of connections, unless one has begun after `round`.
    pub(super) fn alarm(&self, round: u64) {
        self.wanted.fetch_max(round + 1, Ordering::AcqRel);
        self.alarm.notify_one();
    }

    /// Notes that no permit became free in time. When the database has not answered anything lately either, the connections are
    /// probably lost, although no single statement has reached its time limit.
    fn all_busy(&self, round: u64) {
        let now = self.millis();
        let is_past = |time: &AtomicU64, by: Duration| now >= time.load(Ordering::Acquire).saturating_add(millis(by));
        if is_past(&self.answered, SILENCE) && is_past(&self.tolerant_until, Duration::ZERO) {
            self.tolerant_until.store(now.saturating_add(millis(TOLERANCE)), Ordering::Release);
            self.alarm(round);
        }
    }

    /// Waits until a new round is needed, or the database is closed.
    pub(super) async fn alarmed(&self) {
        while self.wanted.load(Ordering::Acquire) <= self.round() && !self.is_closed() {
            self.alarm.notified().await;
        }
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.alarm.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Whether a caller has lately stopped waiting for an answer, so that a connection may still be executing a statement.
    pub(super) fn abandoned_lately(&self) -> bool {
        let abandoned = self.abandoned.load(Ordering::Acquire);
        abandoned != u64::MAX && self.millis().saturating_sub(abandoned) < millis(ABANDONED_LATELY)
    }

    fn millis(&self) -> u64 {
        millis(self.started.elapsed())
    }

    /// Waits for the outcome of a statement, at most for the longest time. Asks for a new round of connections when the outcome shows
    /// that the database is gone.
    async fn wait_for_answer<T>(&self, round: u64, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        let mut work = pin!(work);
        // This is dropped before the work, and so before the connection goes back to the pool.
        let mut waiting = Waiting { watch: self, answered: false };
        let outcome = match self.longest {
            Some(longest) => timeout(longest, work.as_mut()).await,
            None => Ok(work.as_mut().await),
        };
        let Ok(outcome) = outcome else {
            self.alarm(round);
            return Err(unanswered());
        };
        waiting.answered = true;
        if outcome.as_ref().is_err_and(is_alarming) {
            self.alarm(round);
        } else {
            self.answered.store(self.millis(), Ordering::Release);
        }
        outcome
    }
}

/// A caller that waits for an answer. Dropping it without an answer is noted.
struct Waiting<'a> {
    watch: &'a Watch,
    answered: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.watch.abandoned.store(self.watch.millis(), Ordering::Release);
        }
    }
}

/// Statements that have waited in vain for a lock.
#[derive(Debug)]
struct Locked {
    /// The time for which such a statement is refused before one is tried again.
    pause: Duration,
    /// The last try, by the digest of the statement.
    since: Mutex<HashMap<u64, Instant>>,
}

impl Locked {
    /// Refuses a statement that has recently waited in vain. After each pause one is let through.
    fn may_try(&self, statement: u64) -> Result<(), DbErr> {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        match since.get_mut(&statement) {
            Some(since) if since.elapsed() < self.pause => Err(DbErr::Conn(RuntimeErr::Internal("a table is locked".to_owned()))),
            Some(since) => {
                *since = Instant::now();
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Notes whether a statement has waited in vain for a lock.
    fn learn<T>(&self, statement: u64, outcome: &Result<T, DbErr>) {
        let locked = matches!(outcome, Err(error) if code(error).as_deref() == Some("55P03"));
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        if locked {
            since.insert(statement, Instant::now());
        } else if !since.is_empty() {
            since.remove(&statement);
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn digest(sql: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    sql.hash(&mut hasher);
    hasher.finish()
}

const UNANSWERED: &str = "the database did not answer in time";

fn unanswered() -> DbErr {
    DbErr::Conn(RuntimeErr::Internal(UNANSWERED.to_owned()))
}

fn is_unanswered(error: &DbErr) -> bool {
    matches!(error, DbErr::Conn(RuntimeErr::Internal(why)) if why == UNANSWERED)
}

fn inner(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(inner))
        | DbErr::Exec(RuntimeErr::SqlxError(inner))
        | DbErr::Query(RuntimeErr::SqlxError(inner)) => Some(inner),
        _ => None,
    }
}

fn code(error: &DbErr) -> Option<String> {
    inner(error)?.as_database_error()?.code().map(std::borrow::Cow::into_owned)
}

/// Whether an error means that the other connections are probably useless too: the database is away, stops, or is read-only.
fn is_alarming(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => true,
        error => match inner(error) {
            Some(sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_)) => true,
            Some(_) => matches!(code(error).as_deref(), Some("25006" | "57P01" | "57P02" | "57P03")),
            None => false,
        },
    }
}
