//! Triggers in `PostgreSQL` that guard columns with ids of actors, made from the declarations of the records.
//!
//! A write that refers to an actor waits for a merge of that actor. When the actor has been merged, the write fails with 40001 and is
//! tried again. On `SQLite` there is only one writer at a time, so no guards are needed.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement};

use crate::{
    record::{self, Owner},
    table::is_postgres,
};

/// Creates the guards that the database does not have.
pub(super) async fn install(db: &DatabaseConnection) -> Result<(), DbErr> {
    if !is_postgres(db.get_database_backend()) {
        return Ok(());
    }
    let sql = "SELECT tgname::text AS name FROM pg_trigger WHERE tgname LIKE '%\\_lives\\_on\\_%'";
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let existing: Vec<String> = rows.iter().map(|row| row.try_get("", "name")).collect::<Result<_, _>>()?;
    let Some(owner) = record::all().find(|record| record.owner == Owner::Actor("id")) else { return Ok(()) };
    for table in record::tables() {
        for column in table.actors.iter().filter(|column| column.guarded) {
            let (table, column) = (table.name, column.name);
            for (event, when, condition) in [
                ("insert", "INSERT".to_owned(), String::new()),
                ("update", format!("UPDATE OF {column}"), format!(" AND NEW.{column} IS DISTINCT FROM OLD.{column}")),
            ] {
                let name = format!("{table}_{column}_lives_on_{event}");
                if !existing.contains(&name) {
                    db.execute_unprepared(&format!(
                        "{} {}",
                        function(column, owner.table),
                        trigger(&name, table, column, &when, &condition)
                    ))
                    .await?;
                }
            }
        }
    }
    Ok(())
}

/// Returns the SQL for the function of a guard. All tables with a column of that name share it.
fn function(column: &str, actors: &str) -> String {
    format!(
        "CREATE OR REPLACE FUNCTION {column}_lives() RETURNS trigger LANGUAGE plpgsql AS $$ \
         BEGIN \
           PERFORM 1 FROM {actors} WHERE id = NEW.{column} AND merged_into IS NULL FOR KEY SHARE; \
           IF NOT FOUND AND EXISTS (SELECT 1 FROM {actors} WHERE id = NEW.{column}) THEN \
             RAISE EXCEPTION 'the actor has become part of another' USING ERRCODE = '40001'; \
           END IF; \
           RETURN NEW; \
         END $$;"
    )
}

/// Returns the SQL for the trigger of a guard.
fn trigger(name: &str, table: &str, column: &str, event: &str, condition: &str) -> String {
    format!(
        "CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW \
         WHEN (NEW.{column} IS NOT NULL{condition}) EXECUTE FUNCTION {column}_lives();"
    )
}
