//! The databases: `SQLite` with one connection for writing and a pool for reading, or `PostgreSQL` with a pool for each.

mod address;
mod connection;
mod direct;
mod group;
mod guards;
mod later;
mod migrating;
mod observer;
mod postgres;
mod sqlite;
mod transaction;
mod words;
mod writing;

use std::{
    collections::HashSet,
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};

use prometheus_client::metrics::counter::Counter;
use samsyn_migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use sqlx::postgres::PgConnectOptions;

pub use self::{
    address::{check as check_address, sqlite_file},
    connection::Connection,
    direct::{Cells, Read, ReadResult},
    observer::{Observer, Sender, observed},
    transaction::Transaction,
    words::Words,
};
use self::{
    connection::Watch,
    direct::Direct,
    group::Writers,
    migrating::{migrate_schema, refuse_newer},
    sqlite::Witness,
    writing::LastWrite,
};
use super::{
    clock::Clock,
    events::{self, Feed, Place},
    hash::{self, Seal},
    id::{Id, Ids},
    measures::Caches,
    problem::{Kind, Problem, Result},
    record::{self, Declared},
    request::Once,
    table::is_postgres,
};

/// The largest number of values in a statement. `SQLite` takes 32,766 and `PostgreSQL` 65,535.
pub(super) const VALUES: usize = 30_000;

/// The settings of the database.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `sqlite:path/to/file.db` or `postgres://user:password@host/name`, with commas between several hosts.
    pub url: String,
    /// The number of connections: on `SQLite` all for reading; on `PostgreSQL` half for reading and half for writing.
    pub connections: u32,
    /// The longest time that a call waits for a connection. Then it is refused.
    pub acquire_timeout: Duration,
    /// The longest time that `PostgreSQL` works on one statement; zero means no limit.
    pub statement_timeout: Duration,
    /// The longest time that a statement waits for a lock on `PostgreSQL`.
    pub lock_timeout: Duration,
    /// Whether `SQLite` keeps the last commits after a power cut, at the cost of slower writes.
    pub durable: bool,
    /// The size in mebibytes of the page cache of all connections to `SQLite` together.
    pub cache_mebibytes: u64,
}

/// The reason why a database cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    /// The address is no database address.
    Url,
    /// The database cannot be reached or opened; the error.
    Connect(String),
    /// The database was migrated by a newer program; the names of the unknown migrations.
    Newer(Vec<String>),
    /// The database lacks migrations and may not be migrated now; their number.
    Older(usize),
    /// A migration or the first read failed; the error.
    Database(String),
    /// A setting has a value that cannot be used; the error.
    Setting(String),
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Url => f.write_str("database_url is neither sqlite:FILE nor postgres://USER@HOST/NAME"),
            Self::Connect(why) => write!(f, "the database cannot be reached: {why}"),
            Self::Newer(names) => write!(
                f,
                "the database is newer than this program: it has migrations that this program does not know ({}). Install the newer program, or restore the backup that was taken before it.",
                names.join(", ")
            ),
            Self::Older(count) => write!(f, "the database lacks {count} migrations; run `samsyn migrate` first"),
            Self::Database(why) => write!(f, "the database cannot be used: {why}"),
            Self::Setting(why) => f.write_str(why),
        }
    }
}
impl std::error::Error for OpenError {}

/// The database, with the clock, the source of ids and the seals of cursors.
#[derive(Debug)]
pub struct Db {
    reader: Arc<Connection>,
    writer: Arc<Connection>,
    guard: Guard,
    /// The last write, by which the service knows whether the database can be written to.
    last_write: LastWrite,
    /// The clock.
    pub clock: Clock,
    /// The source of new ids.
    pub ids: Ids,
    /// The seal of cursors of lists.
    pub seal: Seal,
    /// The seal of cursors of the feed, which hides their position.
    feed_seal: Seal,
    /// The state of the feed of changes.
    pub feed: Feed,
    /// The number of retries of transactions because of conflicts with others.
    pub retries: Counter,
    /// The idempotency keys of calls that this process is carrying out.
    pub(super) running: Mutex<HashSet<Once>>,
    /// Whether many records of a kind have some searched words.
    pub(super) common_words: moka::sync::Cache<(&'static str, String), bool>,
}

impl Db {
    /// Opens the database for a program with the declarations `records`. When `migrate` is true the database is migrated first;
    /// otherwise its schema must have the version of the program.
    ///
    /// # Errors
    /// The reason, see [`OpenError`].
    pub async fn open(settings: &Settings, records: &'static [Declared], migrate: bool, clock: Clock, ids: Ids) -> Result<Self, OpenError> {
        record::declare(records);
        let failed = |error: sea_orm::DbErr| OpenError::Database(error.to_string());
        if migrate {
            migrate_schema(settings).await?;
        }
        let (reader, writer, guard) = connect(settings).await?;
        let pool = writer.pool();
        refuse_newer(&pool).await?;
        let pending = Migrator::get_pending_migrations(&pool).await.map_err(failed)?.len();
        if pending > 0 {
            return Err(OpenError::Older(pending));
        }
        let secret = installation_secret(&pool).await.map_err(failed)?;
        let seal = Seal::new(&secret, "page");
        // Followers keep cursors for long, so cursors from the time before they were encrypted must still work.
        let feed_seal = Seal::new(&secret, "feed").with_random_nonces(ids.are_random()).accept_signed(&secret);
        let feed = read_feed(&pool).await.map_err(failed)?;
        Ok(Self {
            reader,
            writer,
            guard,
            last_write: LastWrite::default(),
            clock,
            ids,
            seal,
            feed_seal,
            feed,
            retries: Counter::default(),
            running: Mutex::default(),
            common_words: moka::sync::Cache::builder().max_capacity(1_000).time_to_live(Duration::from_mins(1)).build(),
        })
    }

    /// Returns the pool for reading. It sees everything that has been committed, also by this process a moment ago.
    pub fn reader(&self) -> &Connection {
        &self.reader
    }

    /// Returns the pool for single statements that write. Transactions begin with [`Db::begin`].
    pub fn writer(&self) -> &Connection {
        &self.writer
    }

    /// Returns the kind of database.
    pub fn backend(&self) -> DbBackend {
        self.reader.get_database_backend()
    }

    /// Returns the number of connections, and how many of them are idle. On `SQLite` only those for reading count.
    #[must_use]
    pub fn connections(&self) -> (u32, usize) {
        if is_postgres(self.backend()) {
            let (reader, writer) = (self.reader.pool(), self.writer.pool());
            let (reader, writer) = (reader.get_postgres_connection_pool(), writer.get_postgres_connection_pool());
            (reader.size() + writer.size(), reader.num_idle() + writer.num_idle())
        } else {
            let reader = self.reader.pool();
            let pool = reader.get_sqlite_connection_pool();
            (pool.size(), pool.num_idle())
        }
    }

    /// Returns the options for a connection to `PostgreSQL` outside of the pools; `None` on `SQLite`.
    pub fn postgres_options(&self) -> Option<PgConnectOptions> {
        is_postgres(self.backend()).then(|| postgres::connect_options(self.writer.pool().get_postgres_connection_pool()))
    }

    /// Tells how much the caches of the database hold.
    pub fn note_caches(&self, caches: &Caches) {
        caches.note("common_words", &self.common_words);
    }

    /// Returns a new id.
    pub fn new_id<T>(&self) -> Id<T> {
        self.ids.next(self.clock.now())
    }

    /// Returns the cursor of a place in the feed of changes. A cursor does not expire. It is another text each time, so two cursors do
    /// not reveal whether anything has changed between them.
    pub fn feed_cursor(&self, place: Place) -> String {
        self.feed_seal.close(format!("feed {} {place}", self.feed.epoch()).as_bytes())
    }

    /// Returns the epoch and the place of a cursor of the feed; `None` when the text is no such cursor.
    #[must_use]
    pub fn open_feed_cursor(&self, cursor: &str) -> Option<(i64, Place)> {
        let opened = String::from_utf8(self.feed_seal.open(cursor)?).ok()?;
        let (epoch, place) = opened.strip_prefix("feed ")?.split_once(' ')?;
        Some((epoch.parse().ok()?, place.parse().ok()?))
    }

    /// Checks that the database answers and, on `PostgreSQL`, that it accepts writes.
    ///
    /// # Errors
    /// When it does not answer or is read-only (503).
    pub async fn ping(&self) -> Result<()> {
        let Some(watch) = self.guard.watch() else {
            return self.reader.query_one_raw(Statement::from_string(self.backend(), "SELECT 1")).await.map(drop).map_err(Problem::from);
        };
        let round = watch.round();
        let row = self.reader.query_one_raw(Statement::from_string(self.backend(), "SHOW transaction_read_only")).await?;
        let reads_only: String = row.map_or_else(|| Ok(String::new()), |row| row.try_get("", "transaction_read_only"))?;
        if reads_only == "off" {
            return Ok(());
        }
        watch.alarm(round);
        Err(Problem::new(Kind::Unavailable))
    }

    /// Whether the connections have been closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        match self.guard.watch() {
            Some(watch) => watch.is_closed(),
            None => self.reader.pool().get_sqlite_connection_pool().is_closed(),
        }
    }

    /// Closes all connections. On `SQLite` the write-ahead log is first written to the file of the database.
    pub async fn close(&self) {
        if let Some(watch) = self.guard.watch() {
            watch.close();
            let (reader, writer) = (self.reader.pool().close(), self.writer.pool().close());
            // A database that has vanished does not answer, so the wait has a limit.
            let _ = tokio::time::timeout(Duration::from_secs(5), futures_util::future::join(reader, writer)).await;
            return;
        }
        self.reader.close_direct();
        let _ = self.reader.pool().close().await;
        let _ = self.writer.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await;
        let _ = self.writer.pool().close().await;
    }
}

type Connections = (Arc<Connection>, Arc<Connection>, Guard);

/// The object that watches the connections.
#[derive(Debug)]
enum Guard {
    /// On `SQLite`: watches commits and rollbacks.
    File(Arc<Witness>),
    /// On `PostgreSQL`: watches whether the database answers.
    Network(Arc<Watch>),
}

impl Guard {
    const fn watch(&self) -> Option<&Arc<Watch>> {
        match self {
            Self::Network(watch) => Some(watch),
            Self::File(_) => None,
        }
    }

    const fn witness(&self) -> Option<&Arc<Witness>> {
        match self {
            Self::File(witness) => Some(witness),
            Self::Network(_) => None,
        }
    }
}

async fn connect(settings: &Settings) -> Result<Connections, OpenError> {
    if let Some(file) = sqlite_file(&settings.url) {
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(|error| OpenError::Connect(format!("{}: {error}", folder.display())))?;
        }
        let (reader, writer, witness) = sqlite::connect(&file, settings).await?;
        let direct = Direct::new(&file, settings.cache_mebibytes * 1024 / 3);
        let writers = Writers::new(Arc::clone(&witness), settings.acquire_timeout);
        return Ok((
            Arc::new(Connection::to_file(reader, Some(direct), None)),
            Arc::new(Connection::to_file(writer, None, Some(writers))),
            Guard::File(witness),
        ));
    }
    let (reader, writer, watch) = postgres::connect(settings).await?;
    Ok((reader, writer, Guard::Network(watch)))
}

/// Returns the secret of the installation, which all its instances share. The first instance makes it.
async fn installation_secret(db: &DatabaseConnection) -> Result<String, sea_orm::DbErr> {
    let backend = db.get_database_backend();
    let read = || db.query_one_raw(Statement::from_string(backend, "SELECT value FROM installation WHERE name = 'seal'"));
    if read().await?.is_none() {
        let (first, second) = if is_postgres(backend) { ("$1", "$2") } else { ("?", "?") };
        db.execute_raw(Statement::from_sql_and_values(
            backend,
            format!("INSERT INTO installation (name, value) VALUES ({first}, {second}) ON CONFLICT (name) DO NOTHING"),
            ["seal".into(), hash::secret().into()],
        ))
        .await?;
    }
    read().await?.ok_or_else(|| sea_orm::DbErr::RecordNotFound("installation secret".to_owned()))?.try_get("", "value")
}

/// Reads the last place and the epoch of the feed.
async fn read_feed(db: &DatabaseConnection) -> Result<Feed, sea_orm::DbErr> {
    let read = async |sql: &str| db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    let latest = events::latest().one(db).await?.map(Place::from).unwrap_or_default();
    let epoch: Option<String> = match read("SELECT value FROM installation WHERE name = 'feed_epoch'").await? {
        Some(row) => Some(row.try_get("", "value")?),
        None => None,
    };
    Ok(Feed::new(latest, epoch.and_then(|epoch| epoch.parse().ok()).unwrap_or(1)))
}
