//! Connections to `SQLite`: one for writing, and a pool for reading.
//!
//! When a write cannot reach the disk, `SQLite` rolls back the whole transaction by itself. The driver does not notice this and still
//! counts the transaction as open. A following statement would then be committed alone, and a savepoint would have no transaction.
//! So a [`Witness`] in the connection for writing sees every commit and every rollback. After a rollback nothing is committed until
//! the connection is given back. A connection that is given back while the driver still counts a transaction is closed.
//!
//! No statistics of the tables are kept. They would be from a time when the tables were smaller, and `SQLite` then reads whole tables
//! that it takes for small. Without them the plan of a statement is always the same, and the tests look at it.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use sea_orm::{DatabaseConnection, SqlxSqliteConnector};
use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{OpenError, Settings};

/// Watches the commits and rollbacks of the connection for writing.
#[derive(Debug, Default)]
pub(super) struct Witness {
    commits: AtomicU64,
    /// Whether a transaction of several statements has begun. `SQLite` may roll back a single statement and execute it again by
    /// itself, for instance when the schema has changed since the statement was prepared.
    begun: AtomicBool,
    rolled_back: AtomicBool,
}

impl Witness {
    /// Notes that a transaction of several statements begins.
    pub(super) fn begins(&self) {
        self.rolled_back.store(false, Ordering::Release);
        self.begun.store(true, Ordering::Release);
    }

    /// Returns the number of committed transactions.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Acquire)
    }

    /// Whether the present transaction has been rolled back.
    pub(super) fn rolled_back(&self) -> bool {
        self.begun.load(Ordering::Acquire) && self.rolled_back.load(Ordering::Acquire)
    }

    fn forget(&self) {
        self.begun.store(false, Ordering::Release);
        self.rolled_back.store(false, Ordering::Release);
    }

    /// Installs the hooks in a new connection.
    async fn watch(self: Arc<Self>, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        self.forget();
        let mut handle = connection.lock_handle().await?;
        let witness = Arc::clone(&self);
        handle.set_commit_hook(move || {
            // Statements after a rollback belong to the same transaction, so they are rolled back too: that is the meaning of false.
            let commits = !witness.rolled_back();
            witness.commits.fetch_add(u64::from(commits), Ordering::Release);
            commits
        });
        handle.set_rollback_hook(move || self.rolled_back.store(true, Ordering::Release));
        Ok(())
    }

    /// Checks a connection that is given back. It fails when the driver still counts a transaction that it could not end.
    async fn check(self: Arc<Self>, connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
        // The rollback of a dropped transaction may still be queued. The ping waits for it.
        connection.ping().await?;
        if connection.is_in_transaction() {
            return Err(sqlx::Error::Protocol("the connection is closed, for its transaction could not be ended".to_owned()));
        }
        self.forget();
        Ok(true)
    }
}

/// Opens the pool for reading and the connection for writing. Returns both, and the witness of the latter.
pub(super) async fn connect(
    file: &PathBuf,
    settings: &Settings,
) -> Result<(DatabaseConnection, DatabaseConnection, Arc<Witness>), OpenError> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(if settings.durable { SqliteSynchronous::Full } else { SqliteSynchronous::Normal })
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .statement_cache_capacity(256)
        // A memory-mapped file would count once for each connection, and a failing disk would end the process.
        .pragma("mmap_size", "0")
        .pragma("temp_store", "MEMORY")
        .pragma("journal_size_limit", "67108864")
        .disable_statement_logging();
    let pool = |connections| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(settings.acquire_timeout)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
    };
    let failed = |error: sqlx::Error| OpenError::Connect(format!("{}: {error}", file.display()));
    let witness = Arc::new(Witness::default());
    let (watching, checking) = (Arc::clone(&witness), Arc::clone(&witness));
    let writer = pool(1)
        .after_connect(move |connection, _| Box::pin(Arc::clone(&watching).watch(connection)))
        .after_release(move |connection, _| Box::pin(Arc::clone(&checking).check(connection)))
        .connect_with(options.clone().pragma("cache_size", cache(settings.cache_mebibytes * 1024 / 3)))
        .await
        .map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).map_err(|error| OpenError::Connect(error.to_string()))?;
    }
    let of_each = settings.cache_mebibytes * 1024 / 3 / u64::from(settings.connections.max(1));
    let options = options.pragma("cache_size", cache(of_each)).pragma("query_only", "ON");
    let reader = pool(settings.connections).connect_with(options).await.map_err(failed)?;
    let [reader, writer] = [reader, writer].map(SqlxSqliteConnector::from_sqlx_sqlite_pool);
    Ok((reader, writer, witness))
}

/// Returns the size of the page cache of a connection, as a setting of `SQLite`. A third of all cache is for writing, which touches pages
/// all over the indexes.
fn cache(kibibytes: u64) -> String {
    format!("-{}", kibibytes.max(1))
}
