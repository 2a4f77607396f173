//! Guards in `PostgreSQL` of columns that name actors, made from the declarations of the records.
//!
//! A write that comes to refer to an actor waits for a merge of that actor, and then finds it gone and begins anew (40001). On
//! `SQLite` writers come one after the other anyway.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement};

use crate::{
    record::{self, Owner},
    table::is_postgres,
};

/// Makes the guards that the database lacks.
pub(super) async fn install(db: &DatabaseConnection) -> Result<(), DbErr> {
    if !is_postgres(db.get_database_backend()) {
        return Ok(());
    }
    let sql = "SELECT tgname::text AS name FROM pg_trigger WHERE tgname LIKE '%\\_lives\\_on\\_%'";
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let there: Vec<String> = rows.iter().map(|row| row.try_get("", "name")).collect::<Result<_, _>>()?;
    let Some(owner) = record::all().find(|record| record.owner == Owner::Actor("id")) else { return Ok(()) };
    for table in record::tables() {
        for column in table.actors.iter().filter(|column| column.guarded) {
            let (table, column) = (table.name, column.name);
            for (event, when, condition) in [
                ("insert", "INSERT".to_owned(), String::new()),
                ("update", format!("UPDATE OF {column}"), format!(" AND NEW.{column} IS DISTINCT FROM OLD.{column}")),
            ] {
                let name = format!("{table}_{column}_lives_on_{event}");
                if !there.contains(&name) {
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

/// The function is the same for all tables with a column of that name.
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

fn trigger(name: &str, table: &str, column: &str, event: &str, condition: &str) -> String {
    format!(
        "CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW \
         WHEN (NEW.{column} IS NOT NULL{condition}) EXECUTE FUNCTION {column}_lives();"
    )
}
