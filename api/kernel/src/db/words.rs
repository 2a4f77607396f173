//! The statements that change the index of words.

use std::collections::BTreeMap;

use sea_orm::{DbBackend, Statement, Value};
use uuid::Uuid;

use crate::table::is_postgres;

/// The table of the records in the index, with their words.
pub(super) const TABLE: &str = "search_entry";
/// The number of records that one statement puts in the index. `SQLite` takes at most 32,766 parameters.
const ROWS: usize = 2_000;

/// A change of the index: the words by which a record is found, or none when it is removed.
#[derive(Clone, Debug)]
pub struct Words {
    pub kind: &'static str,
    pub id: Uuid,
    /// The folded words, separated by blanks; `None` removes the record.
    pub words: Option<String>,
}

/// Keeps the last change of each record.
pub(super) fn last_of_each(changes: Vec<Words>) -> Vec<Words> {
    let last: BTreeMap<Uuid, Words> = changes.into_iter().map(|change| (change.id, change)).collect();
    last.into_values().collect()
}

/// Returns the statements that remove records from the index.
pub(super) fn removals(changes: &[Words], backend: DbBackend) -> Vec<Statement> {
    let removed: Vec<Value> = changes.iter().filter(|change| change.words.is_none()).map(|change| change.id.into()).collect();
    let mut statements = Vec::new();
    for ids in removed.chunks(ROWS) {
        let places = places(ids.len(), backend);
        if !is_postgres(backend) {
            statements.push(forget(&places, ids.to_vec()));
        }
        let sql = format!("DELETE FROM search_entry WHERE entity_id IN ({places})");
        statements.push(Statement::from_sql_and_values(backend, sql, ids.to_vec()));
    }
    statements
}

/// Returns the statements that put records in the index. Their words replace earlier ones.
pub(super) fn inserts(changes: &[Words], backend: DbBackend) -> Vec<Statement> {
    let put: Vec<_> = changes.iter().filter_map(|change| Some((change, change.words.as_deref()?))).collect();
    let mut statements = Vec::new();
    for rows in put.chunks(ROWS) {
        let values = rows.iter().flat_map(|(change, words)| [Value::from(change.id), change.kind.into(), (*words).into()]);
        let put = |rows: &str| {
            let sql = format!(
                "INSERT INTO search_entry (entity_id, kind, words) VALUES {rows} ON CONFLICT (entity_id) DO UPDATE SET words = excluded.words"
            );
            Statement::from_sql_and_values(backend, sql, values)
        };
        if is_postgres(backend) {
            let row =
                |row: usize| format!("(${}, ${}, array_to_tsvector(string_to_array(${}, ' ')))", row * 3 + 1, row * 3 + 2, row * 3 + 3);
            statements.push(put(&(0..rows.len()).map(row).collect::<Vec<_>>().join(", ")));
        } else {
            let places = places(rows.len(), backend);
            let ids = || rows.iter().map(|(change, _)| change.id.into()).collect();
            statements.push(forget(&places, ids()));
            statements.push(put(&vec!["(?, ?, ?)"; rows.len()].join(", ")));
            let sql = format!(
                "INSERT INTO search_words (rowid, kind, words) SELECT id, kind, words FROM search_entry WHERE entity_id IN ({places})"
            );
            statements.push(Statement::from_sql_and_values(backend, sql, ids()));
        }
    }
    statements
}

/// Returns the statement that takes the words of records out of the index of `SQLite`. Their entries still have these words.
fn forget(places: &str, ids: Vec<Value>) -> Statement {
    let sql = format!(
        "INSERT INTO search_words (search_words, rowid, kind, words) \
         SELECT 'delete', id, kind, words FROM search_entry WHERE entity_id IN ({places})"
    );
    Statement::from_sql_and_values(DbBackend::Sqlite, sql, ids)
}

fn places(count: usize, backend: DbBackend) -> String {
    let place = |at: usize| if is_postgres(backend) { format!("${at}") } else { "?".to_owned() };
    (1..=count).map(place).collect::<Vec<_>>().join(", ")
}
