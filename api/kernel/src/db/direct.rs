//! Reads from `SQLite` on the thread of the caller. Handing a short statement to another thread and back costs more than the statement.
//!
//! Only short statements are answered here. One that takes long is broken off, and the pool answers it on a thread of its own, as it
//! does when anything is wrong here. So a statement never fails because of this module, and never keeps its caller's thread for long.

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, Row,
    types::{FromSql, FromSqlError, ToSql, ToSqlOutput, ValueRef},
};
use sea_orm::{ActiveEnum, Statement, Value};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::Id;

/// How long a statement may keep its caller's thread.
const LONGEST: Duration = Duration::from_millis(2);
/// The number of steps of `SQLite` after which it is looked whether a statement takes too long.
const STEPS: i32 = 2_000;

/// Reads a record from the columns of a row, in their order.
pub type Read<M> = fn(&mut Cells<'_>) -> ReadResult<M>;
/// What is read from a column or a row, or the reason why it cannot be read.
pub type ReadResult<T> = rusqlite::Result<T>;

/// Connections to a file, each used by one caller at a time.
#[derive(Debug)]
pub(super) struct Direct {
    file: PathBuf,
    /// Of each connection, in kibibytes.
    cache: u64,
    idle: Mutex<Vec<Connection>>,
    is_closed: AtomicBool,
}

impl Direct {
    /// Opens no more connections than can be busy at once, and shares the cache between them.
    pub(super) fn new(file: &Path, cache_kibibytes: u64) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, |threads| u64::try_from(threads.get()).unwrap_or(1));
        let cache = (cache_kibibytes / threads).max(1);
        Self { file: file.to_owned(), cache, idle: Mutex::default(), is_closed: AtomicBool::default() }
    }

    /// Returns the rows of a statement; `None` when the pool must answer it.
    pub(super) fn rows<M>(&self, statement: &Statement, read: Read<M>) -> Option<Vec<M>> {
        let connection = self.take()?;
        let rows = rows(&connection, statement, read);
        // A connection on which anything was wrong is not used again. That a statement took too long is nothing wrong.
        let is_sound = rows.as_ref().map_or_else(|error| error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted), |_| true);
        if is_sound && !self.is_closed.load(Ordering::Acquire) {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        rows.ok()
    }

    /// Closes the connections.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn take(&self) -> Option<Connection> {
        if self.is_closed.load(Ordering::Acquire) {
            return None;
        }
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.or_else(|| self.open().ok())
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.file, flags)?;
        connection.execute_batch(&format!("PRAGMA query_only = ON; PRAGMA cache_size = -{}; PRAGMA temp_store = MEMORY", self.cache))?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    }
}

fn rows<M>(connection: &Connection, statement: &Statement, read: Read<M>) -> ReadResult<Vec<M>> {
    let mut prepared = connection.prepare_cached(&statement.sql)?;
    for (at, value) in statement.values.iter().flat_map(sea_orm::Values::iter).enumerate() {
        prepared.raw_bind_parameter(at + 1, bound(value).ok_or(FromSqlError::InvalidType)?)?;
    }
    let begun = tokio::time::Instant::now();
    connection.progress_handler(STEPS, Some(move || begun.elapsed() > LONGEST))?;
    let mut found = Vec::new();
    let mut rows = prepared.raw_query();
    while let Some(row) = rows.next()? {
        found.push(read(&mut Cells { row, next: 0 })?);
    }
    Ok(found)
}

/// A value that is bound to a parameter.
enum Bound<'a> {
    Borrowed(ValueRef<'a>),
    Text(String),
}

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Borrowed(value) => ToSqlOutput::Borrowed(*value),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

/// Returns a value as the pool would bind it; `None` for one of a kind that lists are not asked with.
fn bound(value: &Value) -> Option<Bound<'_>> {
    Some(match value {
        Value::Bool(Some(value)) => Bound::Borrowed(ValueRef::Integer(i64::from(*value))),
        Value::Int(Some(value)) => Bound::Borrowed(ValueRef::Integer(i64::from(*value))),
        Value::BigInt(Some(value)) => Bound::Borrowed(ValueRef::Integer(*value)),
        Value::BigUnsigned(Some(value)) => Bound::Borrowed(ValueRef::Integer(i64::try_from(*value).ok()?)),
        Value::String(Some(value)) => Bound::Borrowed(ValueRef::Text(value.as_bytes())),
        Value::Bytes(Some(value)) => Bound::Borrowed(ValueRef::Blob(value)),
        Value::Uuid(Some(value)) => Bound::Borrowed(ValueRef::Blob(value.as_bytes())),
        Value::ChronoDate(Some(value)) => Bound::Text(value.to_string()),
        Value::ChronoDateTimeUtc(Some(value)) => Bound::Text(value.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, false)),
        _ => return None,
    })
}

/// The columns of a row. Each is read once, in their order.
pub struct Cells<'a> {
    row: &'a Row<'a>,
    next: usize,
}

impl Cells<'_> {
    /// Reads a number, a text, bytes, or any of these that can be null.
    ///
    /// # Errors
    /// When the column holds something else. The same holds for the other functions.
    pub fn plain<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        self.next += 1;
        self.row.get(self.next - 1)
    }

    /// Reads an id.
    ///
    /// # Errors
    /// See [`Self::plain`].
    pub fn id<T>(&mut self) -> rusqlite::Result<Id<T>> {
        self.optional_id()?.ok_or_else(|| FromSqlError::InvalidType.into())
    }

    /// Reads an id that can be null.
    ///
    /// # Errors
    /// See [`Self::plain`].
    pub fn optional_id<T>(&mut self) -> rusqlite::Result<Option<Id<T>>> {
        self.some(|cell| Uuid::from_slice(cell.as_blob().ok()?).ok().map(Id::from))
    }

    /// Reads a code.
    ///
    /// # Errors
    /// See [`Self::plain`].
    pub fn code<T: ActiveEnum<Value = String>>(&mut self) -> rusqlite::Result<T> {
        self.some(|cell| T::try_from_value(&cell.as_str().ok()?.to_owned()).ok())?.ok_or_else(|| FromSqlError::InvalidType.into())
    }

    /// Reads a time.
    ///
    /// # Errors
    /// See [`Self::plain`].
    pub fn time(&mut self) -> rusqlite::Result<DateTime<Utc>> {
        self.optional_time()?.ok_or_else(|| FromSqlError::InvalidType.into())
    }

    /// Reads a time that can be null.
    ///
    /// # Errors
    /// See [`Self::plain`].
    pub fn optional_time(&mut self) -> rusqlite::Result<Option<DateTime<Utc>>> {
        self.some(|cell| DateTime::parse_from_rfc3339(cell.as_str().ok()?).ok().map(|time| time.to_utc()))
    }

    /// Reads a day that can be null.
    ///
    /// # Errors
    /// See [`Self::plain`].
    pub fn optional_day(&mut self) -> rusqlite::Result<Option<NaiveDate>> {
        self.some(|cell| cell.as_str().ok()?.parse().ok())
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// See [`Self::plain`].
    pub fn json<T: DeserializeOwned>(&mut self) -> rusqlite::Result<T> {
        self.some(|cell| serde_json::from_str(cell.as_str().ok()?).ok())?.ok_or_else(|| FromSqlError::InvalidType.into())
    }

    /// Reads a column that can be null. `read` returns `None` when it holds something else.
    fn some<T>(&mut self, read: impl FnOnce(ValueRef<'_>) -> Option<T>) -> rusqlite::Result<Option<T>> {
        self.next += 1;
        match self.row.get_ref(self.next - 1)? {
            ValueRef::Null => Ok(None),
            cell => read(cell).map(Some).ok_or_else(|| FromSqlError::InvalidType.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::DbBackend;

    use super::*;

    fn read(cells: &mut Cells<'_>) -> ReadResult<(i64, Option<String>)> {
        Ok((cells.plain()?, cells.plain()?))
    }

    #[test]
    fn short_statements_are_answered_and_all_others_left_to_the_pool() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("small.db");
        let connection = Connection::open(&file)?;
        connection
            .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE word (id integer, word text); INSERT INTO word VALUES (1, 'ett')")?;
        let direct = Direct::new(&file, 1_000);
        let asked = |sql: &str, values: Vec<Value>| direct.rows(&Statement::from_sql_and_values(DbBackend::Sqlite, sql, values), read);
        let all = "SELECT id, word FROM word WHERE id >= ?";
        assert_eq!(asked(all, vec![1.into()]), Some(vec![(1, Some("ett".to_owned()))]));
        connection.execute_batch("INSERT INTO word VALUES (2, NULL)")?;
        assert_eq!(asked(all, vec![2.into()]), Some(vec![(2, None)]), "what was just committed is seen");
        let long = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000000) SELECT max(i), NULL FROM n";
        assert_eq!(asked(long, vec![]), None);
        assert_eq!(direct.idle.lock().map(|idle| idle.len()).unwrap_or_default(), 1, "its connection is used again");
        assert_eq!(asked("SELECT no, such FROM table_", vec![]), None);
        assert_eq!(asked("INSERT INTO word VALUES (3, '') RETURNING id, word", vec![]), None, "nothing is written");
        assert_eq!(asked(all, vec![2.into()]).map(|rows| rows.len()), Some(1));
        direct.close();
        assert_eq!(asked(all, vec![1.into()]), None);
        Ok(())
    }
}
