//! The begin and the end of transactions that write, and the check that the database can be written to.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbErr, Statement};
use tokio::{
    sync::{Mutex, watch},
    time::{self, Instant},
};

use super::{Db, Transaction};
use crate::{
    hash,
    problem::{Kind, Problem, Result},
    table::is_postgres,
};

/// The time for which a commit proves that the database can be written to. A failed test holds for as long.
const FRESH: Duration = Duration::from_secs(1);
/// The longest time to wait for a test write.
const PATIENCE: Duration = Duration::from_millis(700);
/// The time for which other writers may keep the database busy before that counts as a fault. It is longer than the longest write.
const BUSY: Duration = Duration::from_mins(1);

/// The time of the last commit, and the problem of the last test write if it failed.
#[derive(Debug)]
pub(super) struct LastWrite {
    last: watch::Sender<Option<Instant>>,
    tried: Mutex<Option<(Instant, Problem)>>,
}

impl Default for LastWrite {
    fn default() -> Self {
        Self { last: watch::Sender::new(None), tried: Mutex::default() }
    }
}

impl LastWrite {
    /// Whether the last commit is less than `time` ago.
    fn is_within(&self, time: Duration) -> bool {
        self.last.borrow().is_some_and(|last| last.elapsed() < time)
    }
}

impl Db {
    /// Begins a transaction that writes. All such transactions must begin here.
    ///
    /// # Errors
    /// When the database does not answer, or other writers keep it busy for too long (503).
    pub async fn begin(&self) -> Result<Transaction> {
        Ok(self.writer.begin().await?)
    }

    /// Commits a transaction of [`Db::begin`], on `SQLite` together with those of others that write at the same time.
    ///
    /// # Errors
    /// When the transaction could not be committed (503). Nothing of it is stored then, unless `PostgreSQL` gave no answer: then it is
    /// unknown whether it is stored.
    pub async fn commit(&self, tx: Transaction) -> Result<()> {
        self.end(tx.commit()).await?;
        self.last_write.last.send_replace(Some(Instant::now()));
        Ok(())
    }

    /// Waits for the end of a transaction or a savepoint. When `SQLite` has already rolled it back, the cause is a fault of the disk.
    ///
    /// # Errors
    /// When it cannot be ended (503).
    pub async fn end(&self, end: impl Future<Output = Result<(), DbErr>>) -> Result<()> {
        let rolled_back = self.guard.witness().is_some_and(|witness| witness.rolled_back());
        end.await.map_err(|error| {
            if rolled_back {
                tracing::error!(%error, "the database could not keep a transaction and has rolled it back");
                return unavailable();
            }
            Problem::from(error)
        })
    }

    /// Rolls back a transaction. It cannot fail: if the rollback fails, the database rolls back when the connection is closed.
    pub async fn roll_back(&self, tx: Transaction) {
        if let Err(error) = tx.rollback().await {
            tracing::warn!(%error, "a transaction had ended before it was rolled back");
        }
    }

    /// Checks that the database can be written to, by a test write unless something was committed a moment ago.
    ///
    /// # Errors
    /// When the test write fails, or other writers have kept the database busy for more than a minute (503).
    pub async fn can_write(&self) -> Result<()> {
        // Concurrent checks wait for the same test.
        let mut tried = self.last_write.tried.lock().await;
        if self.last_write.is_within(FRESH) {
            return Ok(());
        }
        if let Some((at, problem)) = &*tried
            && at.elapsed() < FRESH
        {
            return Err(problem.clone());
        }
        *tried = None;
        match time::timeout(PATIENCE, self.write_something()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(problem)) if problem.retry && self.last_write.is_within(BUSY) => Ok(()),
            Err(_) if self.last_write.is_within(BUSY) => Ok(()),
            failed => {
                let problem = failed.unwrap_or_else(|_| Err(unavailable())).err().unwrap_or_else(unavailable);
                *tried = Some((Instant::now(), problem.clone()));
                Err(problem)
            }
        }
    }

    async fn write_something(&self) -> Result<()> {
        let tx = self.begin().await?;
        // The value differs each time, because an unchanged value would not be written.
        let (value, place) = (hash::hex(&hash::random::<8>()), if is_postgres(self.backend()) { "$1" } else { "?" });
        let sql = format!(
            "INSERT INTO installation (name, value) VALUES ('written', {place}) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        );
        match tx.execute_raw(Statement::from_sql_and_values(self.backend(), sql, [value.into()])).await {
            Ok(_) => self.commit(tx).await,
            Err(error) => {
                self.roll_back(tx).await;
                Err(error.into())
            }
        }
    }
}

fn unavailable() -> Problem {
    Problem::new(Kind::Unavailable).header("Retry-After", "5")
}
