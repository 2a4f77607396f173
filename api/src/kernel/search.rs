//! Full-text search over names and texts: folded words with prefix match, kept in step in the transaction of each write.
//!
//! Words are cut and folded here ([`text::words`]), so the two databases only look them up: FTS5 in `SQLite`, a `tsvector`
//! in `PostgreSQL`. What is found is ranked by whether the name begins with what was asked, then in the list's own order.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, ExprTrait, Statement, Value,
    sea_query::{CaseStatement, Expr, Func, Query, SimpleExpr},
};

use super::{Id, Write, page::Key, problem::Result, table::is_postgres, text};

/// Puts a record's texts in the index, in place of what it had.
///
/// # Errors
/// When the database does not answer.
pub async fn put<T>(kind: &str, id: Id<T>, texts: &[&str], write: &Write<'_>) -> Result<()> {
    let backend = write.tx.get_database_backend();
    let words = text::words(&texts.join(" ")).join(" ");
    let run = async |sql: &str, values: Vec<Value>| write.tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await;
    if is_postgres(backend) {
        run(
            "INSERT INTO search_entry (kind, entity_id, words) VALUES ($1, $2, array_to_tsvector(string_to_array($3, ' '))) \
             ON CONFLICT (entity_id) DO UPDATE SET words = excluded.words",
            vec![kind.into(), id.into(), words.into()],
        )
        .await?;
    } else {
        run("INSERT INTO search_entry (kind, entity_id) VALUES (?, ?) ON CONFLICT (entity_id) DO NOTHING", vec![kind.into(), id.into()])
            .await?;
        run(
            "INSERT OR REPLACE INTO search_words (rowid, kind, words) SELECT id, ?, ? FROM search_entry WHERE entity_id = ?",
            vec![kind.into(), words.into(), id.into()],
        )
        .await?;
    }
    Ok(())
}

/// Takes a record out of the index.
///
/// # Errors
/// When the database does not answer.
pub async fn remove<T>(id: Id<T>, write: &Write<'_>) -> Result<()> {
    let backend = write.tx.get_database_backend();
    if !is_postgres(backend) {
        write
            .tx
            .execute_raw(Statement::from_sql_and_values(
                backend,
                "DELETE FROM search_words WHERE rowid = (SELECT id FROM search_entry WHERE entity_id = ?)",
                [id.into()],
            ))
            .await?;
    }
    let parameter = if is_postgres(backend) { "$1" } else { "?" };
    write
        .tx
        .execute_raw(Statement::from_sql_and_values(
            backend,
            format!("DELETE FROM search_entry WHERE entity_id = {parameter}"),
            [id.into()],
        ))
        .await?;
    Ok(())
}

/// The records of a kind in which every word of `q` begins some word.
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

/// The first key of a searched list: names that begin with what was asked come before all others.
pub fn rank<M>(folded_name: impl ColumnTrait, q: &str, of: impl Fn(&M) -> &str + 'static) -> Key<M> {
    let wanted = text::fold(q.trim());
    let length = i32::try_from(wanted.chars().count()).unwrap_or(i32::MAX);
    let start = Func::cust("substr").arg(Expr::col(folded_name.as_column_ref())).arg(1).arg(length);
    let rank = CaseStatement::new().case(Expr::expr(start).eq(wanted.clone()), 0).finally(1);
    Key::new(rank, move |row| Value::from(i32::from(!of(row).starts_with(&wanted))))
}
