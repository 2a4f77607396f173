//! Full-text search in names and texts: folded words with prefix match. The index is updated in the transaction of each write.
//!
//! Words are cut and folded here ([`text::words`]), so the databases only look them up: with FTS5 in `SQLite`, with a `tsvector` in
//! `PostgreSQL`. Records whose name begins with the searched text come first, then the order of the list holds.

use sea_orm::{
    ColumnTrait, DbBackend, ExprTrait, Value,
    sea_query::{CaseStatement, Expr, Func, Query, SimpleExpr},
};

use super::{Id, Write, db::Words, page::Key, problem::Result, table::is_postgres, text};

/// Puts the texts of a record in the index. They replace its earlier texts.
///
/// # Errors
/// When the database does not answer (503).
pub async fn put<T>(kind: &'static str, id: Id<T>, texts: &[&str], write: &Write<'_>) -> Result<()> {
    put_many(kind, &[(id, texts.join(" "))], write).await
}

/// Puts the texts of several records of one kind in the index. They replace earlier texts. No record may occur twice.
///
/// # Errors
/// When the database does not answer (503).
pub async fn put_many<T>(kind: &'static str, records: &[(Id<T>, String)], write: &Write<'_>) -> Result<()> {
    let words = |texts: &str| Some(text::words(texts).join(" "));
    let changes = records.iter().map(|(id, texts)| Words { kind, id: id.uuid(), words: words(texts) }).collect();
    Ok(write.tx.change_words(changes).await?)
}

/// Removes a record from the index.
///
/// # Errors
/// When the database does not answer (503).
pub async fn remove<T>(id: Id<T>, write: &Write<'_>) -> Result<()> {
    // An entry is found by the id alone.
    Ok(write.tx.change_words(vec![Words { kind: "", id: id.uuid(), words: None }]).await?)
}

/// Returns the condition for the records of a kind in which every word of `q` is the beginning of a word. `id` is the column with the
/// record's id. A `q` without words matches no record.
pub fn matches(kind: &str, id: impl ColumnTrait, q: &str, backend: DbBackend) -> SimpleExpr {
    let words = text::words(q);
    if words.is_empty() {
        return Expr::val(false);
    }
    let mut found = Query::select();
    found.column("entity_id").from("search_entry");
    if is_postgres(backend) {
        let query = words.iter().map(|word| format!("'{word}':*")).collect::<Vec<_>>().join(" & ");
        found.and_where(Expr::col("kind").eq(kind)).and_where(Expr::cust_with_values("words @@ $1::tsquery", [query]));
    } else {
        let query = words.iter().map(|word| format!("\"{word}\"*")).collect::<Vec<_>>().join(" AND ");
        let query = format!("kind : \"{kind}\" AND words : ({query})");
        found.and_where(Expr::cust_with_values("id IN (SELECT rowid FROM search_words WHERE search_words MATCH ?)", [query]));
    }
    Expr::col(id.as_column_ref()).in_subquery(found)
}

/// Returns the first sort key of a searched list: names that begin with `q` come before all others. `name` returns the folded name of
/// a row.
pub fn rank<M>(folded_name: impl ColumnTrait, q: &str, name: impl Fn(&M) -> &str + 'static) -> Key<M> {
    let wanted = text::fold(q.trim());
    let length = i32::try_from(wanted.chars().count()).unwrap_or(i32::MAX);
    let start = Func::cust("substr").arg(Expr::col(folded_name.as_column_ref())).arg(1).arg(length);
    let rank = CaseStatement::new().case(Expr::expr(start).eq(wanted.clone()), 0).finally(1);
    Key::new(rank, move |row| Value::from(i32::from(!name(row).starts_with(&wanted)))).without_index()
}
