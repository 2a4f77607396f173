//! Merges of actors: the two actors, and every reference that moved, so that a merge can be undone.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DbBackend};

use super::columns::{index, refers, resource};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Columns that refer to actors and are written by many operations. None of them may be set to an actor that is being merged.
const GUARDED: [(&str, &str); 11] = [
    ("actor", "parent_id"),
    ("mandate", "actor_id"),
    ("forum_member", "actor_id"),
    ("endorsement", "actor_id"),
    ("intervention", "owner_actor_id"),
    ("ballot", "actor_id"),
    ("source", "actor_id"),
    ("source_actor", "actor_id"),
    ("statement", "actor_id"),
    ("actor_relation", "actor_id"),
    ("actor_relation", "other_actor_id"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !manager.has_column("actor", "merged_into").await? {
            manager.alter_table(Table::alter().table("actor").add_column(uuid_null("merged_into")).take()).await?;
        }
        let mut merge = resource("actor_merge");
        refers(&mut merge, "merged_id", "actor", true);
        refers(&mut merge, "into_id", "actor", true);
        refers(&mut merge, "merged_by", "user_account", false);
        merge
            .col(text_null("note"))
            .col(json_binary("moved"))
            .col(json_binary("stayed"))
            .col(json_binary("members"))
            .col(json_binary("came"))
            .col(timestamp_with_time_zone_null("undone_at"));
        refers(&mut merge, "undone_by", "user_account", false);
        merge.col(json_binary("left_alone"));
        manager.create_table(merge).await?;
        index(manager, "actor_merge", &["into_id", "id"], false).await?;
        // An actor is merged into one other at a time.
        let run = async |sql: &str| manager.get_connection().execute_unprepared(sql).await.map(drop);
        run("CREATE UNIQUE INDEX actor_merge_in_force ON actor_merge (merged_id) WHERE undone_at IS NULL").await?;

        let mut row = Table::create();
        row.table("actor_merge_row").col(uuid("id").primary_key());
        refers(&mut row, "merge_id", "actor_merge", true);
        row.col(text("of_table")).col(text("of_column")).col(uuid("row_id")).col(uuid_null("now_id"));
        manager.create_table(row).await?;
        index(manager, "actor_merge_row", &["merge_id", "id"], false).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            for (table, column) in GUARDED {
                if manager.has_table(table).await? {
                    run(&guard(table, column)).await?;
                }
            }
        }
        Ok(())
    }
}

/// A write that refers to an actor waits for a merge of it, then finds it gone and starts again (40001). `SQLite` has one writer
/// at a time, so it needs no guard. The function is the same for all tables with a column of that name.
fn guard(table: &str, column: &str) -> String {
    let when = |event: &str, condition: &str| {
        let name = event.split(' ').next().unwrap_or_default().to_ascii_lowercase();
        format!(
            "CREATE TRIGGER {table}_{column}_lives_on_{name} BEFORE {event} ON {table} FOR EACH ROW \
             WHEN (NEW.{column} IS NOT NULL{condition}) EXECUTE FUNCTION {column}_lives();"
        )
    };
    format!(
        "CREATE OR REPLACE FUNCTION {column}_lives() RETURNS trigger LANGUAGE plpgsql AS $$ \
         BEGIN \
           PERFORM 1 FROM actor WHERE id = NEW.{column} AND merged_into IS NULL FOR KEY SHARE; \
           IF NOT FOUND AND EXISTS (SELECT 1 FROM actor WHERE id = NEW.{column}) THEN \
             RAISE EXCEPTION 'the actor has become part of another' USING ERRCODE = '40001'; \
           END IF; \
           RETURN NEW; \
         END $$; {} {}",
        when("INSERT", ""),
        when(&format!("UPDATE OF {column}"), &format!(" AND NEW.{column} IS DISTINCT FROM OLD.{column}"))
    )
}
