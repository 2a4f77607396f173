//! How faults of the databases are told.

use sea_orm::{DbErr, RuntimeErr, SqlErr};

use super::{Kind, Problem};
use crate::say;

/// How a failing statement is told: what may succeed when tried again, what is nobody's fault, and the rest as ours.
impl From<DbErr> for Problem {
    fn from(error: DbErr) -> Self {
        if let Some(SqlErr::UniqueConstraintViolation(_)) = error.sql_err() {
            // Tried again, the store finds the record in the way and can name it.
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
                    return Self::of_sqlite(code, &error);
                }
                let code = inner.as_database_error().and_then(|inner| inner.code().map(std::borrow::Cow::into_owned));
                match code.as_deref() {
                    Some("40001" | "40P01") => Self { retry: true, ..unavailable() },
                    Some("53100") => Self::storage_full(&error),
                    // The database only reads, is full, or waited in vain for a lock; a statement took too long; a session was
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

/// The extended result code of `SQLite`, where an error is one of its own.
fn sqlite_code(error: &sqlx::Error) -> Option<i32> {
    let error = error.as_database_error()?.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
    sqlx::error::DatabaseError::code(error)?.parse().ok()
}

impl Problem {
    /// How a result of `SQLite` is told. Its lowest byte says what kind it is, the others of which sort.
    fn of_sqlite(code: i32, error: &DbErr) -> Self {
        /// The rollback of a transaction that would otherwise be committed in pieces; see `kernel::db`.
        const REFUSED_COMMIT: i32 = 531;
        match code & 0xff {
            // Busy and locked.
            5 | 6 => Self { retry: true, ..Self::new(Kind::Unavailable).header("Retry-After", "1") },
            13 => Self::storage_full(error),
            // Rolled back, out of memory, read-only, input or output, interrupted, cannot be opened.
            4 | 7 | 8 | 9 | 10 | 14 => Self::disk(error),
            _ if code == REFUSED_COMMIT => Self::disk(error),
            _ => Self::internal(error),
        }
    }

    fn disk(error: &DbErr) -> Self {
        tracing::error!(%error, "the database cannot use its files");
        Self::new(Kind::Unavailable).header("Retry-After", "5")
    }

    fn storage_full(error: &DbErr) -> Self {
        tracing::error!(%error, "storage full");
        Self::new(Kind::StorageFull).header("Retry-After", "30")
    }
}
