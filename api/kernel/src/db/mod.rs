//! The databases: `SQLite` with one writer and a pool of readers, or `PostgreSQL` with a pool for each.

mod address;
mod connection;
mod guards;
mod migrating;
mod postgres;
mod sqlite;
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
    connection::{Connection, Transaction},
};
use self::{
    connection::Watch,
    migrating::{bring_up_to_date, refuse_newer},
    sqlite::Witness,
    writing::Written,
};
use super::{
    clock::Clock,
    events::{self, Feed, Place},
    hash::{self, Seal},
    id::{Id, Ids},
    problem::{Kind, Problem, Result},
    record::{self, Declared},
    request::Once,
    table::is_postgres,
};

/// How to reach the database and how hard to use it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `sqlite:path/to/file.db` or `postgres://user:password@host/name`, with commas between several hosts.
    pub url: String,
    /// Connections for reading; on `PostgreSQL`, half of them for reading and half for writing.
    pub connections: u32,
    /// How long a call waits for a connection before it is told to come back.
    pub acquire_timeout: Duration,
    /// How long `PostgreSQL` works on one statement before it gives up.
    pub statement_timeout: Duration,
    /// How long a statement waits on `PostgreSQL` for what others have locked.
    pub lock_timeout: Duration,
    /// Whether `SQLite` survives a power cut without losing the last commits, at the cost of slower writes.
    pub durable: bool,
    /// How much of the file all connections to `SQLite` together may keep in memory.
    pub cache_mebibytes: u64,
}

/// Why a database cannot be used.
#[derive(Debug)]
pub enum OpenError {
    /// The address is no database address.
    Url,
    /// The database cannot be reached or opened.
    Connect(String),
    /// The database was made by a newer program.
    Newer(Vec<String>),
    /// The database lacks migrations and may not be migrated now.
    Older(usize),
    /// A migration or the first reading failed.
    Database(String),
    /// A setting names something that cannot be used.
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

/// The database with all that reading and writing needs beside it: clock, ids and the seal of cursors.
#[derive(Debug)]
pub struct Db {
    reader: Arc<Connection>,
    writer: Arc<Connection>,
    guard: Guard,
    /// When something was last written, and what came of it.
    written: Written,
    /// What time it is.
    pub clock: Clock,
    /// Where new ids come from.
    pub ids: Ids,
    /// Seals places in lists.
    pub seal: Seal,
    /// Seals places in the feed, so that a place tells nobody how far it is.
    places: Seal,
    /// How far the feed of changes has come.
    pub feed: Feed,
    /// How often a transaction was tried again, because others' stood in its way.
    pub retries: Counter,
    /// Keys of calls that this process is carrying out.
    pub(super) running: Mutex<HashSet<Once>>,
}

impl Db {
    /// Opens the database of a program with these records. Migrates it when `migrate` says so; otherwise it must be of the
    /// program's own version.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(settings: &Settings, records: &'static [Declared], migrate: bool, clock: Clock, ids: Ids) -> Result<Self, OpenError> {
        record::declare(records);
        let failed = |error: sea_orm::DbErr| OpenError::Database(error.to_string());
        if migrate {
            bring_up_to_date(settings).await?;
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
        // Followers keep their places for long, so those that were given before they were sealed still lead on.
        let places = Seal::new(&secret, "feed").fresh(ids.are_random()).or_signed(&secret);
        let feed = feed(&pool).await.map_err(failed)?;
        Ok(Self {
            reader,
            writer,
            guard,
            written: Written::default(),
            clock,
            ids,
            seal,
            places,
            feed,
            retries: Counter::default(),
            running: Mutex::default(),
        })
    }

    /// For reading: sees everything committed, including by this process a moment ago.
    pub fn reader(&self) -> &Connection {
        &self.reader
    }

    /// For statements that write and stand alone. A transaction begins by [`Db::begin`].
    pub fn writer(&self) -> &Connection {
        &self.writer
    }

    /// Which of the two databases it is.
    pub fn backend(&self) -> DbBackend {
        self.reader.get_database_backend()
    }

    /// Connections: how many there are, and how many of them wait for work. On `SQLite` those for reading.
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

    /// How to make a connection beside the others to `PostgreSQL`; nothing on `SQLite`.
    pub fn beside(&self) -> Option<PgConnectOptions> {
        is_postgres(self.backend()).then(|| postgres::options_of(self.writer.pool().get_postgres_connection_pool()))
    }

    /// A new id.
    pub fn new_id<T>(&self) -> Id<T> {
        self.ids.next(self.clock.now())
    }

    /// A place in the feed of changes, as it is told to followers. It does not grow old by itself, and is another text each
    /// time: two that are told after each other tell nobody whether anything has happened between.
    pub fn feed_cursor(&self, place: Place) -> String {
        self.places.close(format!("feed {} {place}", self.feed.epoch()).as_bytes())
    }

    /// The epoch and the place of a cursor of the feed, or nothing when it is none of ours.
    #[must_use]
    pub fn open_feed_cursor(&self, cursor: &str) -> Option<(i64, Place)> {
        let opened = String::from_utf8(self.places.open(cursor)?).ok()?;
        let (epoch, place) = opened.strip_prefix("feed ")?.split_once(' ')?;
        Some((epoch.parse().ok()?, place.parse().ok()?))
    }

    /// Whether the database answers and, on `PostgreSQL`, is one that writes.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<()> {
        let Some(watch) = self.guard.watch() else {
            return self.reader.query_one_raw(Statement::from_string(self.backend(), "SELECT 1")).await.map(drop).map_err(Problem::from);
        };
        let round = watch.round();
        let told = self.reader.query_one_raw(Statement::from_string(self.backend(), "SHOW transaction_read_only")).await?;
        let reads_only: String = told.map_or_else(|| Ok(String::new()), |row| row.try_get("", "transaction_read_only"))?;
        if reads_only == "off" {
            return Ok(());
        }
        watch.alarm(round);
        Err(Problem::new(Kind::Unavailable))
    }

    /// Whether its connections have been let go of.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        match self.guard.watch() {
            Some(watch) => watch.is_closed(),
            None => self.reader.pool().get_sqlite_connection_pool().is_closed(),
        }
    }

    /// Lets go of all connections; `SQLite` then folds its log into the file.
    pub async fn close(&self) {
        if let Some(watch) = self.guard.watch() {
            watch.close();
            let (reader, writer) = (self.reader.pool().close(), self.writer.pool().close());
            // A database that has vanished does not say goodbye.
            let _ = tokio::time::timeout(Duration::from_secs(5), futures_util::future::join(reader, writer)).await;
            return;
        }
        let _ = self.reader.pool().close().await;
        let _ = self.writer.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await;
        let _ = self.writer.pool().close().await;
    }
}

type Connections = (Arc<Connection>, Arc<Connection>, Guard);

/// Who sees to it that the connections do what they say.
#[derive(Debug)]
enum Guard {
    /// Sees what `SQLite` does with what is written.
    File(Arc<Witness>),
    /// Sees to it that the connections work, where the database may vanish.
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
        return Ok((Arc::new(Connection::to_file(reader)), Arc::new(Connection::to_file(writer)), Guard::File(witness)));
    }
    let (reader, writer, watch) = postgres::connect(settings).await?;
    Ok((reader, writer, Guard::Network(watch)))
}

/// The secret of this installation, made when it is first needed and shared by all instances.
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

/// How far the feed has come, and in which epoch.
async fn feed(db: &DatabaseConnection) -> Result<Feed, sea_orm::DbErr> {
    let read = async |sql: &str| db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    let latest = events::latest().one(db).await?.map(Place::from).unwrap_or_default();
    let epoch: Option<String> = match read("SELECT value FROM installation WHERE name = 'feed_epoch'").await? {
        Some(row) => Some(row.try_get("", "value")?),
        None => None,
    };
    Ok(Feed::new(latest, epoch.and_then(|epoch| epoch.parse().ok()).unwrap_or(1)))
}
