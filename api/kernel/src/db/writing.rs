//! Transactions that write: how they begin and end, and whether the database can be written to.

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

/// How long what was last written shows that the database can be written to.
const FRESH: Duration = Duration::from_secs(1);
/// How long a write is waited for that only tries.
const PATIENCE: Duration = Duration::from_millis(700);
/// How long others may keep the database busy before that is taken for a fault: longer than the longest write.
const BUSY: Duration = Duration::from_mins(1);

/// When something was last committed, and what came of the last try.
#[derive(Debug)]
pub(super) struct Written {
    last: watch::Sender<Option<Instant>>,
    tried: Mutex<Option<(Instant, Problem)>>,
}

impl Default for Written {
    fn default() -> Self {
        Self { last: watch::Sender::new(None), tried: Mutex::default() }
    }
}

impl Written {
    fn within(&self, time: Duration) -> bool {
        self.last.borrow().is_some_and(|last| last.elapsed() < time)
    }
}

impl Db {
    /// Begins a transaction that writes. None begins elsewhere.
    ///
    /// # Errors
    /// When the database does not answer or others write for too long.
    pub async fn begin(&self) -> Result<Transaction> {
        let tx = self.writer.begin().await?;
        if let Some(witness) = self.guard.witness() {
            witness.begins();
        }
        Ok(tx)
    }

    /// Commits what [`Db::begin`] began. Without an error it has been committed: what the driver says is not enough for that.
    ///
    /// # Errors
    /// When it could not be committed; then nothing of it is there.
    pub async fn commit(&self, tx: Transaction) -> Result<()> {
        let before = self.guard.witness().map(|witness| witness.commits());
        self.end(tx.commit()).await?;
        if self.guard.witness().map(|witness| witness.commits()) == before && before.is_some() {
            tracing::error!("the database committed nothing of what it was given");
            return Err(unavailable());
        }
        self.written.last.send_replace(Some(Instant::now()));
        Ok(())
    }

    /// Ends a transaction, or a part of one. Where `SQLite` has rolled it back already, that is a fault of the disk.
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

    /// Rolls back for a reason that the caller is told. It cannot fail: what the database has not rolled back it does when the
    /// connection is closed.
    pub async fn roll_back(&self, tx: Transaction) {
        if let Err(error) = tx.rollback().await {
            tracing::warn!(%error, "a transaction had ended before it was rolled back");
        }
    }

    /// Whether the database keeps what is written to it. It is found out by writing, unless something was just written.
    ///
    /// # Errors
    /// When it does not, or others keep it busy for so long that it is no longer known.
    pub async fn can_write(&self) -> Result<()> {
        // Whoever asks at the same time waits for the same answer.
        let mut tried = self.written.tried.lock().await;
        if self.written.within(FRESH) {
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
            Ok(Err(problem)) if problem.retry && self.written.within(BUSY) => Ok(()),
            Err(_) if self.written.within(BUSY) => Ok(()),
            failed => {
                let problem = failed.unwrap_or_else(|_| Err(unavailable())).err().unwrap_or_else(unavailable);
                *tried = Some((Instant::now(), problem.clone()));
                Err(problem)
            }
        }
    }

    async fn write_something(&self) -> Result<()> {
        let tx = self.begin().await?;
        // Another value each time, for what is as it was is not written.
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
