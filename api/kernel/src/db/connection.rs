//! How the database is used: statements go through here, so that one which is never answered ends all the same.
//!
//! `PostgreSQL` is mostly on another machine, which may vanish without a word. Then a statement's connection is given up after
//! a time, and so are all others that were made before it; see [`super::postgres`]. `SQLite` is a file and needs none of it.

use std::{
    collections::HashMap,
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
    mem,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, SqliteTransactionMode,
    Statement, TransactionOptions, TransactionTrait, error::ConnAcquireErr, prelude::async_trait::async_trait,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

/// One of the two ways to the database: for reading, or for writing.
#[derive(Debug)]
pub struct Connection {
    pool: RwLock<DatabaseConnection>,
    care: Option<Care>,
}

/// What is seen to where the database may vanish.
#[derive(Debug)]
pub(super) struct Care {
    /// As many places as the pool has connections. Who has a place and still gets no connection knows that they were lost, and
    /// not just that others use them. They are made anew with the connections: who still waits for an answer on a lost one
    /// stands in nobody's way.
    places: RwLock<Arc<Semaphore>>,
    /// How many places there are.
    size: usize,
    /// How long to wait for a place.
    wait: Duration,
    /// Statements that others have just waited with for a locked table, where it is a matter of reading.
    locked: Option<Locked>,
    watch: Arc<Watch>,
}

impl Care {
    /// For reading: a statement that waits for a locked table is not sent again at once, or those that need no lock would find
    /// no connection left.
    pub(super) fn of_reading(size: u32, wait: Duration, lock: Duration, watch: &Arc<Watch>) -> Self {
        Self { locked: Some(Locked { shut: lock, since: Mutex::default() }), ..Self::of_writing(size, wait, watch) }
    }

    /// For writing. A row may be locked where others of its table are not, so nothing is concluded from waiting.
    pub(super) fn of_writing(size: u32, wait: Duration, watch: &Arc<Watch>) -> Self {
        let size = size as usize;
        Self { places: RwLock::new(Arc::new(Semaphore::new(size))), size, wait, locked: None, watch: Arc::clone(watch) }
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, DbErr> {
        let place = async {
            loop {
                let places = Arc::clone(&self.places.read().unwrap_or_else(PoisonError::into_inner));
                // They are closed when there are others.
                if let Ok(place) = places.acquire_owned().await {
                    return place;
                }
            }
        };
        let round = self.watch.round();
        timeout(self.wait, place).await.map_err(|_| {
            self.watch.full(round);
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)
        })
    }

    fn renew(&self) {
        let new = Arc::new(Semaphore::new(self.size));
        mem::replace(&mut *self.places.write().unwrap_or_else(PoisonError::into_inner), new).close();
    }
}

impl Connection {
    /// To a file.
    pub(super) const fn to_file(pool: DatabaseConnection) -> Self {
        Self { pool: RwLock::new(pool), care: None }
    }

    /// Over a network.
    pub(super) const fn cared_for(pool: DatabaseConnection, care: Care) -> Self {
        Self { pool: RwLock::new(pool), care: Some(care) }
    }

    /// The connections that there are now.
    pub(super) fn pool(&self) -> DatabaseConnection {
        self.pool.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Uses other connections from now on. Gives those that were used before.
    pub(super) fn renew(&self, pool: DatabaseConnection) -> DatabaseConnection {
        let old = mem::replace(&mut *self.pool.write().unwrap_or_else(PoisonError::into_inner), pool);
        if let Some(care) = &self.care {
            care.renew();
        }
        old
    }

    /// Begins a transaction, on `SQLite` one that writes from the start.
    ///
    /// # Errors
    /// When there is no connection, or the database does not answer.
    pub async fn begin(&self) -> Result<Transaction, DbErr> {
        let options =
            TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..TransactionOptions::default() };
        let Some(care) = &self.care else {
            return Ok(Transaction { tx: self.pool().begin_with_options(options).await?, held: None });
        };
        let place = care.place().await?;
        let round = care.watch.round();
        let tx = care.watch.answered(round, async { self.pool().begin_with_options(options).await }).await?;
        let lost = Arc::default();
        Ok(Transaction { tx, held: Some(Held { watch: Arc::clone(&care.watch), round, lost, _place: Some(place) }) })
    }

    async fn run<T: Send>(&self, statement: u64, work: impl Future<Output = Result<T, DbErr>> + Send) -> Result<T, DbErr> {
        let Some(care) = &self.care else { return work.await };
        let _place = care.place().await?;
        if let Some(locked) = &care.locked {
            locked.may_try(statement)?;
        }
        let outcome = care.watch.answered(care.watch.round(), work).await;
        if let Some(locked) = &care.locked {
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
        self.run(digest(&statement.sql), async { self.pool().execute_raw(statement).await }).await
    }
    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.run(digest(sql), async { self.pool().execute_unprepared(sql).await }).await
    }
    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.run(digest(&statement.sql), async { self.pool().query_one_raw(statement).await }).await
    }
    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.run(digest(&statement.sql), async { self.pool().query_all_raw(statement).await }).await
    }
}

/// A transaction under way. Dropped, it is rolled back.
#[derive(Debug)]
pub struct Transaction {
    tx: DatabaseTransaction,
    held: Option<Held>,
}

/// What a transaction holds of the connection that it came from.
#[derive(Debug)]
struct Held {
    watch: Arc<Watch>,
    round: u64,
    /// Whether a statement was never answered, after which nothing more is asked.
    lost: Arc<AtomicBool>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Held {
    async fn run<T>(&self, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        if self.lost.load(Ordering::Relaxed) {
            return Err(unanswered());
        }
        let outcome = self.watch.answered(self.round, work).await;
        self.lost.fetch_or(matches!(&outcome, Err(error) if is_unanswered(error)), Ordering::Relaxed);
        outcome
    }
}

impl Transaction {
    async fn run<T>(&self, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        match &self.held {
            Some(held) => held.run(work).await,
            None => work.await,
        }
    }

    /// Begins a part that can be taken back alone.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin(&self) -> Result<Self, DbErr> {
        let tx = self.run(self.tx.begin()).await?;
        let held = self.held.as_ref();
        let held = held.map(|held| Held { watch: Arc::clone(&held.watch), round: held.round, lost: Arc::clone(&held.lost), _place: None });
        Ok(Self { tx, held })
    }

    /// Makes it so.
    ///
    /// # Errors
    /// When the database refuses or does not answer; in the latter case nobody knows whether it is so.
    pub async fn commit(self) -> Result<(), DbErr> {
        match &self.held {
            Some(held) => held.run(self.tx.commit()).await,
            None => self.tx.commit().await,
        }
    }

    /// Takes it back.
    ///
    /// # Errors
    /// When the database does not answer; it is taken back all the same.
    pub async fn rollback(self) -> Result<(), DbErr> {
        match &self.held {
            Some(held) => held.run(self.tx.rollback()).await,
            None => self.tx.rollback().await,
        }
    }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.tx.get_database_backend()
    }
    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.run(self.tx.execute_raw(statement)).await
    }
    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.run(self.tx.execute_unprepared(sql)).await
    }
    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.run(self.tx.query_one_raw(statement)).await
    }
    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.run(self.tx.query_all_raw(statement)).await
    }
}

/// Watches whether the database answers, for all its connections.
#[derive(Debug)]
pub(super) struct Watch {
    /// The longest that a statement may take; nothing means for ever.
    longest: Option<Duration>,
    /// How many times the connections have been made anew.
    round: AtomicU64,
    /// When a statement was last left without its answer, in milliseconds since the start; the greatest number for never.
    left: AtomicU64,
    /// When something was last answered, or this round began, in milliseconds since the start.
    answered: AtomicU64,
    /// Until when silence is no reason to make the connections anew, in milliseconds since the start.
    borne: AtomicU64,
    started: Instant,
    /// The round after the last that was found to be useless.
    wanted: AtomicU64,
    alarm: Notify,
    closed: AtomicBool,
}

/// How long after a statement was left its connection is looked at with care.
const LEFT_LATELY: Duration = Duration::from_secs(10);
/// How long nothing may be answered while all connections wait.
const SILENCE: Duration = Duration::from_secs(2);
/// How long silence is borne after the connections were made anew for it: a database that is only slow is not given ever more.
const BORNE: Duration = Duration::from_mins(1);

impl Watch {
    pub(super) fn new(longest: Option<Duration>) -> Self {
        Self {
            longest,
            round: AtomicU64::new(0),
            left: AtomicU64::new(u64::MAX),
            answered: AtomicU64::new(0),
            borne: AtomicU64::new(0),
            started: Instant::now(),
            wanted: AtomicU64::new(0),
            alarm: Notify::new(),
            closed: AtomicBool::new(false),
        }
    }

    pub(super) fn round(&self) -> u64 {
        self.round.load(Ordering::Acquire)
    }

    /// Begins the next round of connections.
    pub(super) fn next_round(&self) -> u64 {
        self.answered.store(self.millis(), Ordering::Release);
        self.round.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Has the connections made anew, unless they have been since this round.
    pub(super) fn alarm(&self, round: u64) {
        self.wanted.fetch_max(round + 1, Ordering::AcqRel);
        self.alarm.notify_one();
    }

    /// Heeds that all places were taken for as long as one waits for them. When nothing was answered either, the connections are
    /// probably lost, though none has waited for so long that it is given up.
    fn full(&self, round: u64) {
        let now = self.millis();
        let is_past = |time: &AtomicU64, by: Duration| now >= time.load(Ordering::Acquire).saturating_add(millis(by));
        if is_past(&self.answered, SILENCE) && is_past(&self.borne, Duration::ZERO) {
            self.borne.store(now.saturating_add(millis(BORNE)), Ordering::Release);
            self.alarm(round);
        }
    }

    /// Waits until the present connections are found to be useless, or the database is closed.
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

    /// Whether somebody has lately stopped waiting for an answer, so that a connection may be in the middle of something.
    pub(super) fn left_lately(&self) -> bool {
        let left = self.left.load(Ordering::Acquire);
        left != u64::MAX && self.millis().saturating_sub(left) < millis(LEFT_LATELY)
    }

    fn millis(&self) -> u64 {
        millis(self.started.elapsed())
    }

    /// What a statement is answered with, unless it takes too long. What tells of a database that is gone is heeded.
    async fn answered<T>(&self, round: u64, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        let mut work = pin!(work);
        // Dropped before the work is, and so before its connection goes back.
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

/// Somebody who waits for an answer.
struct Waiting<'a> {
    watch: &'a Watch,
    answered: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.watch.left.store(self.watch.millis(), Ordering::Release);
        }
    }
}

/// Statements that have waited in vain for a lock, and since when they have not been tried.
#[derive(Debug)]
struct Locked {
    shut: Duration,
    since: Mutex<HashMap<u64, Instant>>,
}

impl Locked {
    /// Refuses a statement that has just waited in vain; now and then one may try.
    fn may_try(&self, statement: u64) -> Result<(), DbErr> {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        match since.get_mut(&statement) {
            Some(since) if since.elapsed() < self.shut => Err(DbErr::Conn(RuntimeErr::Internal("a table is locked".to_owned()))),
            Some(since) => {
                *since = Instant::now();
                Ok(())
            }
            None => Ok(()),
        }
    }

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

/// Whether the other connections are probably as useless as this: the database is away, stops, or only reads.
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
