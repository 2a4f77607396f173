//! Results of rounds become text, exactly as it was computed. Frozen content has the number of its form. Drafts of rounds can be
//! removed, and decisions can be corrected.

use sea_orm_migration::{
    prelude::*,
    schema::*,
    sea_orm::{DbBackend, JsonValue, prelude::Uuid},
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            manager.get_connection().execute_unprepared("ALTER TABLE round ALTER COLUMN result TYPE text USING result::text").await?;
        }
        complete_results(manager).await?;
        let round = |column: ColumnDef| Table::alter().table("round").add_column(column).take();
        manager.alter_table(round(text_null("result_hash"))).await?;
        manager.alter_table(round(integer_null("result_form"))).await?;
        manager.alter_table(round(timestamp_with_time_zone_null("deleted_at"))).await?;
        manager.alter_table(Table::alter().table("disclosure").add_column(integer_null("form")).take()).await?;
        manager.get_connection().execute_unprepared("UPDATE disclosure SET form = 1 WHERE digest IS NOT NULL").await?;
        let decision = |column: ColumnDef| Table::alter().table("decision").add_column(column).take();
        manager.alter_table(decision(text("status").default("recorded").take())).await?;
        manager.alter_table(decision(json_binary("former").default("[]").take())).await
    }
}

/// Completes results from before ranks could be shared: each candidate has a place of its own, and every ballot counts.
async fn complete_results(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let select = Query::select().columns(["id", "result"]).from("round").and_where(Expr::col("result").is_not_null()).take();
    for row in db.query_all(&select).await? {
        let (id, text): (Uuid, String) = (row.try_get("", "id")?, row.try_get("", "result")?);
        let Ok(mut result) = text.parse::<JsonValue>() else { continue };
        for ranked in result["ranking"].as_array_mut().into_iter().flatten() {
            ranked["place"] = ranked["rank"].clone();
            ranked["placedBy"] = JsonValue::Null;
        }
        for party in result["parties"].as_array_mut().into_iter().flatten() {
            let count = party["ranking"].as_array().map_or(0, Vec::len);
            party["ranks"] = (1..=count).map(JsonValue::from).collect();
        }
        result["unranked"] = JsonValue::Null;
        result["uncounted"] = JsonValue::Array(Vec::new());
        let update = Query::update().table("round").value("result", result.to_string()).and_where(Expr::col("id").eq(id)).take();
        db.execute(&update).await?;
    }
    Ok(())
}
