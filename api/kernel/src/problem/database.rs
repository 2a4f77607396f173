//! Converts errors of the databases to problems.

use sea_orm::{DbErr, RuntimeErr, SqlErr};

use super::{Kind, Problem};
use crate::say;

/// Converts the error of a statement: to a problem that is worth a retry, to one that says that the database is unavailable, or to an
/// internal error.
impl From<DbErr> for Problem {
    fn from(error: DbErr) -> Self {
        if let Some(SqlErr::UniqueConstraintViolation(_)) = error.sql_err() {
            // In a retry the store finds the record with the same value, and can name it.
            return Self { retry: true, ..Self::new(Kind::Conflict) };
        }
        if let Some(SqlErr::ForeignKeyConstraintViolation(_)) = error.sql_err() {
            return Self::conflict(say!(
                "Uppgiften hänvisar till något som inte finns eller som andra uppgifter hänger på.",
                "The record refers to something that is not there, or other records depend on it."
            ));
        }
        let unavailable = || Self::new(Kind::Unavailable).header("Retry-After", "1");
        match &error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => {
                tracing::warn!(%error, "database away or all connections busy");
                unavailable()
            }
            DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner)) => {
                if let Some(code) = sqlite_code(inner) {
                    return Self::from_sqlite(code, &error);
                }
                let code = inner.as_database_error().and_then(|inner| inner.code().map(std::borrow::Cow::into_owned));
                match code.as_deref() {
                    Some("40001" | "40P01") => Self { retry: true, ..unavailable() },
                    Some("53100") => Self::storage_full(&error),
                    // The database is read-only or has too many connections; a lock or a statement took too long; a session was
                    // ended or could not begin.
                    Some(
                        "25006" | "53300" | "55P03" | "57014" | "25P03" | "57P01" | "57P02" | "57P03" | "57P05" | "08000" | "08003"
                        | "08006",
                    ) => {
                        tracing::warn!(%error, "database cannot answer");
                        unavailable()
                    }
                    None if !matches!(**inner, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => {
                        tracing::warn!(%error, "database connection lost");
                        unavailable()
                    }
                    _ => Self::internal(&error),
                }
            }
            _ => Self::internal(&error),
        }
    }
}

/// Returns the extended result code of an error of `SQLite`; `None` for other errors.
fn sqlite_code(error: &sqlx::Error) -> Option<i32> {
    let error = error.as_database_error()?.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
    sqlx::error::DatabaseError::code(error)?.parse().ok()
}

impl Problem {
    /// Converts an extended result code of `SQLite`. Its lowest byte is the primary result code.
    fn from_sqlite(code: i32, error: &DbErr) -> Self {
        /// The commit hook refused a commit that would have stored only a part of a transaction; see `kernel::db::sqlite`.
        const REFUSED_COMMIT: i32 = 531;
        match code & 0xff {
            // SQLITE_BUSY and SQLITE_LOCKED.
            5 | 6 => Self { retry: true, ..Self::new(Kind::Unavailable).header("Retry-After", "1") },
            13 => Self::storage_full(error),
            // SQLITE_ABORT, NOMEM, READONLY, INTERRUPT, IOERR and CANTOPEN.
            4 | 7 | 8 | 9 | 10 | 14 => Self::files_unusable(error),
            _ if code == REFUSED_COMMIT => Self::files_unusable(error),
            _ => Self::internal(error),
        }
    }

    fn files_unusable(error: &DbErr) -> Self {
        tracing::error!(%error, "the database cannot use its files");
        Self::new(Kind::Unavailable).header("Retry-After", "5")
    }

    fn storage_full(error: &DbErr) -> Self {
        tracing::error!(%error, "storage full");
        Self::new(Kind::StorageFull).header("Retry-After", "30")
    }
}
