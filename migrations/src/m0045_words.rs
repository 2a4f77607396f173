//! On `SQLite`, the words of a record beside its entry in the index of words, as on `PostgreSQL`: so a list can be walked with a look
//! at the words of each record. The index refers to these words and keeps nothing else of a record.
//!
//! Statistics of the tables go too, see `kernel/db/sqlite.rs`. Folded names go: names that begin with a searched text are found by their sort key.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

const SQLITE: &[&str] = &[
    "ALTER TABLE search_entry ADD COLUMN words text NOT NULL DEFAULT ''",
    "CREATE VIRTUAL TABLE search_places USING fts5vocab(search_words, instance)",
    "UPDATE search_entry SET words = each.words FROM \
     (SELECT doc, group_concat(term, ' ') AS words FROM \
     (SELECT doc, term FROM search_places WHERE col = 'words' ORDER BY doc, offset) GROUP BY doc) AS each \
     WHERE each.doc = search_entry.id",
    "DROP TABLE search_places",
    "DROP TABLE search_words",
    "CREATE VIRTUAL TABLE search_words USING fts5(kind, words, content='search_entry', content_rowid='id', columnsize=0, \
     detail=column, prefix='2 3', tokenize='unicode61 remove_diacritics 0')",
    "INSERT INTO search_words (search_words) VALUES ('rebuild')",
    // Statistics from a time when the tables were small.
    "DROP TABLE IF EXISTS sqlite_stat1",
    "DROP TABLE IF EXISTS sqlite_stat4",
];

const FOLDED: &[&str] = &[
    "ALTER TABLE actor DROP COLUMN name_fold",
    "ALTER TABLE forum DROP COLUMN name_fold",
    "ALTER TABLE assessment DROP COLUMN title_fold",
    "ALTER TABLE intervention DROP COLUMN title_fold",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let words = if manager.get_database_backend() == DbBackend::Postgres { &[] } else { SQLITE };
        for statement in words.iter().chain(FOLDED) {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
