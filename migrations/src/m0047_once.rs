//! What is stored once only: the present version of an actor is the actor itself, so its history has no body for it. What a source gave
//! and what it wrote are one column, since most members are both.

use sea_orm_migration::{
    prelude::*,
    schema,
    sea_orm::{ConnectionTrait, DbBackend, JsonValue, prelude::Uuid},
};

use super::columns::index;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// The number of rows that are read at once.
const ROWS: u64 = 1_000;

/// Whether a version is that of an actor as it stands.
const IS_PRESENT: &str = "record_version.entity_kind = 'actor' AND record_version.op = 'upsert' AND EXISTS (SELECT 1 FROM actor \
                          WHERE actor.id = record_version.entity_id AND actor.version = record_version.version AND actor.deleted_at IS NULL)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        empty_present_versions(manager).await?;
        join_members(manager).await
    }
}

/// `SQLite` cannot remove a NOT NULL, so there the table is created anew.
async fn empty_present_versions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let run = async |sql: &str| manager.get_connection().execute_unprepared(sql).await.map(drop);
    if manager.get_database_backend() == DbBackend::Postgres {
        run("ALTER TABLE record_version ALTER COLUMN body DROP NOT NULL").await?;
        return run(&format!("UPDATE record_version SET body = NULL WHERE {IS_PRESENT}")).await;
    }
    manager
        .create_table(
            Table::create()
                .table("record_version_anew")
                .col(schema::uuid("entity_id"))
                .col(schema::big_integer("version"))
                .col(schema::text("entity_kind"))
                .col(schema::text("op"))
                .col(schema::timestamp_with_time_zone("changed_at"))
                .col(schema::uuid_null("changed_by"))
                .col(schema::text("visibility"))
                .col(schema::uuid_null("forum_id"))
                .col(schema::uuid_null("actor_id"))
                .col(schema::json_binary_null("body"))
                .primary_key(Index::create().col("entity_id").col("version"))
                .take(),
        )
        .await?;
    run(&format!(
        "INSERT INTO record_version_anew SELECT entity_id, version, entity_kind, op, changed_at, changed_by, visibility, forum_id, \
         actor_id, CASE WHEN {IS_PRESENT} THEN NULL ELSE body END FROM record_version ORDER BY rowid"
    ))
    .await?;
    run("DROP TABLE record_version").await?;
    run("ALTER TABLE record_version_anew RENAME TO record_version").await?;
    index(manager, "record_version", &["changed_by"], false).await
}

async fn join_members(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    manager.alter_table(Table::alter().table("source_actor").add_column(schema::text("members").default("{}")).take()).await?;
    let mut last = Uuid::nil();
    loop {
        let mut select = Query::select();
        select.columns(["id", "given", "base"]).from("source_actor").and_where(Expr::col("id").gt(last));
        let rows = db.query_all(select.order_by("id", Order::Asc).limit(ROWS)).await?;
        for row in &rows {
            last = row.try_get("", "id")?;
            let members = joined(&row.try_get("", "given")?, &row.try_get("", "base")?).to_string();
            db.execute(&Query::update().table("source_actor").value("members", members).and_where(Expr::col("id").eq(last)).take()).await?;
        }
        if rows.is_empty() {
            break;
        }
    }
    for column in ["given", "base"] {
        db.execute_unprepared(&format!("ALTER TABLE source_actor DROP COLUMN {column}")).await?;
    }
    Ok(())
}

/// Joins what a source gave and what it wrote: the members that are both with the same value, and the rest of each.
fn joined(given: &JsonValue, written: &JsonValue) -> JsonValue {
    let rest = |of: &JsonValue, without: &JsonValue| -> JsonValue {
        let members = of.as_object().into_iter().flatten().filter(|(name, value)| without.get(name.as_str()) != Some(*value));
        JsonValue::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect())
    };
    let (given_only, written_only) = (rest(given, written), rest(written, given));
    let both = rest(given, &given_only);
    JsonValue::Object(
        [("both", both), ("given", given_only), ("written", written_only)]
            .map(|(name, part)| (name.to_owned(), part))
            .into_iter()
            .collect(),
    )
}
