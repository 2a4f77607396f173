//! The databases: `SQLite` with one writer and a pool of readers, or `PostgreSQL` with one pool for both.

mod migrating;
mod postgres;
mod sqlite;

use std::{collections::HashSet, fs, path::PathBuf, sync::Mutex, time::Duration};

use prometheus_client::metrics::counter::Counter;
use samsyn_migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use self::migrating::{bring_up_to_date, refuse_newer};
use super::{
    clock::Clock,
    events::Feed,
    hash::{self, Seal},
    id::{Id, Ids},
    problem::{Problem, Result},
    request::Once,
    table::is_postgres,
};

/// How to reach the database and how hard to use it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `sqlite:path/to/file.db` or `postgres://user:password@host/name`.
    pub url: String,
    /// Connections for reading; on `PostgreSQL`, for all.
    pub connections: u32,
    /// How long a call waits for a connection before it is told to come back.
    pub acquire_timeout: Duration,
    /// How long `PostgreSQL` works on one statement before it gives up.
    pub statement_timeout: Duration,
    /// Whether `SQLite` survives a power cut without losing the last commits, at the cost of slower writes.
    pub durable: bool,
}

/// Why a database cannot be used.
#[derive(Debug)]
pub enum OpenError {
    /// The address is no database address.
    Url(String),
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
            Self::Url(url) => write!(f, "database.url is {url}, which is neither sqlite:FILE nor postgres://USER@HOST/NAME"),
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
    reader: DatabaseConnection,
    writer: DatabaseConnection,
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
    /// Opens the database. Migrates it when `migrate` says so; otherwise it must be of the program's own version.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(settings: &Settings, migrate: bool, clock: Clock, ids: Ids) -> Result<Self, OpenError> {
        let failed = |error: sea_orm::DbErr| OpenError::Database(error.to_string());
        if migrate {
            bring_up_to_date(settings).await?;
        }
        let (reader, writer) = connect(settings).await?;
        refuse_newer(&writer).await?;
        let pending = Migrator::get_pending_migrations(&writer).await.map_err(failed)?.len();
        if pending > 0 {
            return Err(OpenError::Older(pending));
        }
        let secret = installation_secret(&writer).await.map_err(failed)?;
        let seal = Seal::new(&secret, "page");
        // Followers keep their places for long, so those that were given before they were sealed still lead on.
        let places = Seal::new(&secret, "feed").fresh(ids.are_random()).or_signed(&secret);
        let feed = feed(&writer).await.map_err(failed)?;
        Ok(Self { reader, writer, clock, ids, seal, places, feed, retries: Counter::default(), running: Mutex::default() })
    }

    /// For reading: sees everything committed, including by this process a moment ago.
    pub const fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    pub(crate) const fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// Which of the two databases it is.
    pub fn backend(&self) -> DbBackend {
        self.reader.get_database_backend()
    }

    /// Connections for reading: how many there are, and how many of them wait for work.
    #[must_use]
    pub fn connections(&self) -> (u32, usize) {
        if is_postgres(self.backend()) {
            let pool = self.reader.get_postgres_connection_pool();
            (pool.size(), pool.num_idle())
        } else {
            let pool = self.reader.get_sqlite_connection_pool();
            (pool.size(), pool.num_idle())
        }
    }

    /// A new id.
    pub fn new_id<T>(&self) -> Id<T> {
        self.ids.next(self.clock.now())
    }

    /// A place in the feed of changes, as it is told to followers. It does not grow old by itself, and is another text each
    /// time: two that are told after each other tell nobody whether anything has happened between.
    pub fn feed_cursor(&self, position: i64) -> String {
        self.places.close(format!("feed {} {position:012}", self.feed.epoch()).as_bytes())
    }

    /// The epoch and position of a place in the feed, or nothing when it is none of ours.
    #[must_use]
    pub fn open_feed_cursor(&self, cursor: &str) -> Option<(i64, i64)> {
        let opened = String::from_utf8(self.places.open(cursor)?).ok()?;
        let (epoch, position) = opened.strip_prefix("feed ")?.split_once(' ')?;
        Some((epoch.parse().ok()?, position.parse().ok()?))
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<()> {
        self.reader.query_one_raw(Statement::from_string(self.backend(), "SELECT 1")).await.map(drop).map_err(Problem::from)
    }

    /// Whether its connections have been let go of.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        if is_postgres(self.backend()) {
            self.writer.get_postgres_connection_pool().is_closed()
        } else {
            self.reader.get_sqlite_connection_pool().is_closed()
        }
    }

    /// Lets go of all connections; `SQLite` then folds its log into the file.
    pub async fn close(&self) {
        let _ = self.reader.clone().close().await;
        if !is_postgres(self.backend()) {
            let _ = self.writer.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await;
            let _ = self.writer.clone().close().await;
        }
    }
}

/// The file behind a `SQLite` address.
#[must_use]
pub fn sqlite_file(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    Some(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))
}

async fn connect(settings: &Settings) -> Result<(DatabaseConnection, DatabaseConnection), OpenError> {
    if let Some(file) = sqlite_file(&settings.url) {
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(|error| OpenError::Connect(format!("{}: {error}", folder.display())))?;
        }
        return sqlite::connect(&file, settings).await;
    }
    if settings.url.starts_with("postgres://") || settings.url.starts_with("postgresql://") {
        return postgres::connect(settings).await;
    }
    Err(OpenError::Url(settings.url.clone()))
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
    let latest = read("SELECT coalesce(max(position), 0) AS latest FROM event").await?.map_or(Ok(0), |row| row.try_get("", "latest"))?;
    let epoch: Option<String> = match read("SELECT value FROM installation WHERE name = 'feed_epoch'").await? {
        Some(row) => Some(row.try_get("", "value")?),
        None => None,
    };
    Ok(Feed::new(latest, epoch.and_then(|epoch| epoch.parse().ok()).unwrap_or(1)))
}
