//! Joins inserts, so that several are sent in one message to the database.

use sea_orm::{DbBackend, Statement, Value, Values};

use super::VALUES;
use crate::table::is_postgres;

/// An insert, with the name of its table.
#[derive(Debug)]
pub(super) struct Insert {
    pub table: String,
    pub statement: Statement,
}

/// Joins inserts in their order: for `SQLite` as a text of several statements, for `PostgreSQL` as one statement whose other inserts
/// stand in its `WITH` clause. Such a statement inserts once into each table, because its parts do not see each other's rows.
pub(super) fn joined(inserts: Vec<Insert>, backend: DbBackend) -> Vec<Statement> {
    let postgres = is_postgres(backend);
    let mut messages: Vec<Message> = Vec::new();
    for Insert { table, statement } in inserts {
        let values = statement.values.map(|Values(values)| values).unwrap_or_default();
        let is_full = |message: &Message| {
            let has_table = postgres && message.parts.iter().any(|(known, _)| *known == table);
            has_table || message.values.len() + values.len() > VALUES
        };
        if messages.last().is_none_or(is_full) {
            messages.push(Message::default());
        }
        if let Some(message) = messages.last_mut() {
            let sql = if postgres { renumbered(&statement.sql, message.values.len()) } else { statement.sql };
            message.parts.push((table, sql));
            message.values.extend(values);
        }
    }
    messages.into_iter().map(|message| message.into_statement(backend)).collect()
}

#[derive(Default)]
struct Message {
    /// The table and the text of each insert.
    parts: Vec<(String, String)>,
    values: Vec<Value>,
}

impl Message {
    fn into_statement(self, backend: DbBackend) -> Statement {
        let mut texts = self.parts.into_iter().map(|(_, sql)| sql);
        let sql = if is_postgres(backend) {
            let first = texts.next().unwrap_or_default();
            let others: Vec<_> = texts.enumerate().map(|(at, sql)| format!("insert_{at} AS ({sql})")).collect();
            if others.is_empty() { first } else { format!("WITH {} {first}", others.join(", ")) }
        } else {
            texts.collect::<Vec<_>>().join("; ")
        };
        Statement::from_sql_and_values(backend, sql, self.values)
    }
}

/// Adds a number to the numbers of all parameters (`$1`). An insert of rows has no other dollar sign.
fn renumbered(sql: &str, by: usize) -> String {
    if by == 0 {
        return sql.to_owned();
    }
    let mut text = String::with_capacity(sql.len() + 64);
    let mut parts = sql.split('$');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let number = part[..digits].parse::<usize>().unwrap_or_default();
        text.push('$');
        text.push_str(&(number + by).to_string());
        text.push_str(&part[digits..]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(table: &str, sql: &str, values: &[i64]) -> Insert {
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values.iter().map(|value| Value::from(*value)));
        Insert { table: table.to_owned(), statement }
    }

    #[test]
    fn inserts_into_different_tables_are_one_statement_on_postgres() {
        let inserts = vec![
            insert("a", "INSERT INTO a (x, y) VALUES ($1, $2)", &[1, 2]),
            insert("b", "INSERT INTO b (z) VALUES ($1), ($2)", &[3, 4]),
            insert("a", "INSERT INTO a (x, y) VALUES ($1, $2)", &[5, 6]),
        ];
        let messages = joined(inserts, DbBackend::Postgres);
        let texts: Vec<_> = messages.iter().map(|message| message.sql.as_str()).collect();
        let first = "WITH insert_0 AS (INSERT INTO b (z) VALUES ($3), ($4)) INSERT INTO a (x, y) VALUES ($1, $2)";
        assert_eq!(texts, [first, "INSERT INTO a (x, y) VALUES ($1, $2)"]);
        assert_eq!(messages[0].values, Some(Values([1, 2, 3, 4].map(|value: i64| Value::from(value)).to_vec())));
    }

    #[test]
    fn inserts_are_one_text_on_sqlite_and_keep_their_order() {
        let inserts = vec![insert("a", "INSERT INTO a VALUES (?)", &[1]), insert("a", "INSERT INTO a VALUES (?)", &[2])];
        let messages = joined(inserts, DbBackend::Sqlite);
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].sql, "INSERT INTO a VALUES (?); INSERT INTO a VALUES (?)");
    }

    #[test]
    fn a_message_has_no_more_values_than_the_databases_take() {
        let many: Vec<i64> = (0..20_000).collect();
        let messages = joined(vec![insert("a", "INSERT", &many), insert("b", "INSERT", &many)], DbBackend::Sqlite);
        assert_eq!(messages.len(), 2);
    }
}
