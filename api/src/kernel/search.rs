//! Full-text search over names and texts: folded words with prefix match, kept in step in the transaction of each write.
//!
//! Words are cut and folded here ([`text::words`]), so the two databases only look them up: FTS5 in `SQLite`, a `tsvector`
//! in `PostgreSQL`. What is found is ranked by whether the name begins with what was asked, then in the list's own order.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, ExprTrait, Statement, Value,
    sea_query::{CaseStatement, Expr, Func, SimpleExpr},
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
        return Expr::val(false).into();
    }
    let id = Expr::col(id.as_column_ref());
    if is_postgres(backend) {
        let query = words.iter().map(|word| format!("'{word}':*")).collect::<Vec<_>>().join(" & ");
        let found = Expr::cust_with_values(
            "(SELECT entity_id FROM search_entry WHERE kind = $1 AND words @@ $2::tsquery)",
            [kind.to_owned(), query],
        );
        id.eq(Expr::cust_with_expr("ANY($1)", found))
    } else {
        let query = words.iter().map(|word| format!("\"{word}\"*")).collect::<Vec<_>>().join(" AND ");
        let query = format!("kind : \"{kind}\" AND words : ({query})");
        let found = Expr::cust_with_values(
            "(SELECT entity_id FROM search_entry WHERE id IN (SELECT rowid FROM search_words WHERE search_words MATCH ?))",
            [query],
        );
        id.binary(sea_orm::sea_query::BinOper::In, found)
    }
}

/// The first key of a searched list: names that begin with what was asked come before all others.
pub fn rank<M>(folded_name: impl ColumnTrait, q: &str, of: impl Fn(&M) -> &str + 'static) -> Key<M> {
    let wanted = text::fold(q.trim());
    let length = i32::try_from(wanted.chars().count()).unwrap_or(i32::MAX);
    let start = Func::cust("substr").arg(Expr::col(folded_name.as_column_ref())).arg(1).arg(length);
    let rank = CaseStatement::new().case(Expr::expr(start).eq(wanted.clone()), 0).finally(1);
    Key::new(rank, move |row| Value::from(i32::from(!of(row).starts_with(&wanted))))
}
