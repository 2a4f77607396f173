//! What a database takes on the disk.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::{Outcome, database::Database};

/// Bytes of each table and each index.
pub type Sizes = BTreeMap<String, i64>;

/// By how much a database has grown while actors were created.
pub struct Growth {
    pub actors: usize,
    /// Tables and indexes with the bytes that they have grown by, the most first.
    pub parts: Vec<(String, i64)>,
}

impl Growth {
    pub fn between(before: &Sizes, after: &Sizes, actors: usize) -> Self {
        let mut parts: Vec<(String, i64)> =
            after.iter().map(|(name, size)| (name.clone(), size - before.get(name).copied().unwrap_or_default())).collect();
        parts.sort_by_key(|(_, growth)| -growth);
        Self { actors, parts }
    }

    /// Bytes for each actor.
    pub fn each(&self) -> f64 {
        self.of(self.parts.iter().map(|(_, growth)| growth).sum())
    }

    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub fn of(&self, bytes: i64) -> f64 {
        bytes as f64 / self.actors.max(1) as f64
    }
}

/// Of SQLite the pages that are in use, once the log has been written back; of PostgreSQL the files of tables with what
/// belongs to them, and of indexes.
pub async fn sizes(database: &Database) -> Outcome<Sizes> {
    let connection = database.connect().await?;
    let backend = connection.get_database_backend();
    let sql = if backend == DbBackend::Postgres {
        "SELECT c.relname::text AS name, CASE c.relkind WHEN 'r' THEN pg_table_size(c.oid) ELSE pg_relation_size(c.oid) END AS size \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind IN ('r', 'i')"
    } else {
        connection.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await?;
        "SELECT name, SUM(pgsize) AS size FROM dbstat GROUP BY name"
    };
    let mut sizes = Sizes::new();
    for row in connection.query_all_raw(Statement::from_string(backend, sql)).await? {
        sizes.insert(row.try_get("", "name")?, row.try_get("", "size")?);
    }
    connection.close().await?;
    Ok(sizes)
}
