//! Migrates the schema to the version of the program, one instance at a time.

use std::{fs, time::Duration};

use samsyn_migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

use super::{OpenError, Settings, connect, guards, sqlite_file};

/// Migrates the database. It uses connections of its own without time limits, because a migration may take longer than any call.
pub(super) async fn migrate_schema(settings: &Settings) -> Result<(), OpenError> {
    // Half of the connections are for writing; the lock and the migrations need one each.
    let settings = Settings { connections: 4, statement_timeout: Duration::ZERO, lock_timeout: Duration::ZERO, ..settings.clone() };
    let (reader, writer, guard) = connect(&settings).await?;
    let (reader, writer) = (reader.pool(), writer.pool());
    let lock = MigrationLock::take(&settings, &writer).await?;
    refuse_newer(&writer).await?;
    let migrated = match Migrator::up(&writer, None).await {
        Ok(()) => guards::install(&writer).await,
        failed => failed,
    };
    drop(lock);
    if let Some(watch) = guard.watch() {
        watch.close();
    }
    let _ = reader.close().await;
    let _ = writer.close().await;
    migrated.map_err(|error| OpenError::Database(error.to_string()))
}

/// A lock that is held while migrating, so that instances which start at the same time migrate one after the other.
enum MigrationLock {
    File(#[expect(dead_code, reason = "dropping it lets go of the lock")] fs::File),
    Session(Option<sqlx::pool::PoolConnection<sqlx::Postgres>>),
}

/// The number of the advisory lock. It must differ from the locks of other programs in the same database.
const MIGRATION_LOCK: i64 = 0x0073_616d_7379_6e01;

impl MigrationLock {
    async fn take(settings: &Settings, db: &DatabaseConnection) -> Result<Self, OpenError> {
        if let Some(file) = sqlite_file(&settings.url) {
            let path = file.with_extension("lock");
            let failed = |error: std::io::Error| OpenError::Connect(format!("{}: {error}", path.display()));
            let lock = fs::File::create(&path).map_err(failed)?;
            lock.lock().map_err(failed)?;
            return Ok(Self::File(lock));
        }
        let failed = |error: sqlx::Error| OpenError::Connect(error.to_string());
        let mut session = db.get_postgres_connection_pool().acquire().await.map_err(failed)?;
        sqlx::query("SELECT pg_advisory_lock($1)").bind(MIGRATION_LOCK).execute(&mut *session).await.map_err(failed)?;
        Ok(Self::Session(Some(session)))
    }
}

impl Drop for MigrationLock {
    fn drop(&mut self) {
        if let Self::Session(session) = self
            && let Some(session) = session.take()
        {
            // The lock belongs to the session and is released when the session ends.
            drop(session.detach());
        }
    }
}

/// Refuses a database that was migrated by a newer program.
pub(super) async fn refuse_newer(db: &DatabaseConnection) -> Result<(), OpenError> {
    let failed = |error: sea_orm::DbErr| OpenError::Database(error.to_string());
    Migrator::install(db).await.map_err(failed)?;
    let known: Vec<_> = Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    let applied = db
        .query_all_raw(Statement::from_string(db.get_database_backend(), "SELECT version FROM seaql_migrations ORDER BY version"))
        .await
        .map_err(failed)?;
    let mut unknown = Vec::new();
    for row in applied {
        let name: String = row.try_get("", "version").map_err(failed)?;
        if !known.contains(&name) {
            unknown.push(name);
        }
    }
    if unknown.is_empty() { Ok(()) } else { Err(OpenError::Newer(unknown)) }
}
