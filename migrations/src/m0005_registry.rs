//! Actors with their areas and identifiers, and their mandates.

use sea_orm_migration::{prelude::*, schema::*};

use super::columns::{index, named, period, refers, resource};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut actor = resource("actor");
        actor.col(text("kind")).col(text("sector"));
        named(&mut actor, "name");
        actor.col(json_binary("other_names"));
        refers(&mut actor, "parent_id", "actor", false);
        refers(&mut actor, "seat_area_id", "area", false);
        actor
            // The municipality of the seat, so that one index finds and sorts its actors.
            .col(text_null("municipality_code"))
            .col(json_binary("areas_served"))
            .col(json_binary("identifiers"))
            .col(json_binary("policy_domains"))
            .col(json_binary("target_groups"))
            .col(text_null("focus"))
            .col(text_null("website"))
            .col(text("status"))
            .col(text("visibility"))
            .col(text_null("pack"))
            // The version that the pack stored. A higher one has been changed in this installation.
            .col(big_integer_null("pack_version"))
            .col(timestamp_with_time_zone_null("deleted_at"));
        manager.create_table(actor).await?;
        let run = async |sql: &str| manager.get_connection().execute_unprepared(sql).await.map(drop);
        // Lists show only actors that are not removed, so the indexes have only those.
        run("CREATE INDEX actor_by_name ON actor (name_sort, id) WHERE deleted_at IS NULL").await?;
        run("CREATE INDEX actor_by_municipality ON actor (municipality_code, kind, name_sort, id) WHERE deleted_at IS NULL").await?;
        run("CREATE INDEX actor_in_municipality ON actor (municipality_code, name_sort, id) WHERE deleted_at IS NULL").await?;
        run("CREATE INDEX actor_by_kind ON actor (kind, name_sort, id) WHERE deleted_at IS NULL").await?;
        run("CREATE INDEX actor_by_update ON actor (updated_at, id) WHERE deleted_at IS NULL").await?;
        index(manager, "actor", &["parent_id"], false).await?;

        let mut served = Table::create();
        served.table("actor_area");
        refers(&mut served, "actor_id", "actor", true);
        refers(&mut served, "area_id", "area", true);
        served.primary_key(Index::create().col("actor_id").col("area_id"));
        manager.create_table(served).await?;
        index(manager, "actor_area", &["area_id", "actor_id"], false).await?;

        let mut identifier = Table::create();
        identifier.table("actor_identifier").col(uuid("id").primary_key());
        refers(&mut identifier, "actor_id", "actor", true);
        identifier.col(text("scheme")).col(text("value")).col(text("scope")).col(boolean("live"));
        manager.create_table(identifier).await?;
        index(manager, "actor_identifier", &["actor_id"], false).await?;
        index(manager, "actor_identifier", &["scheme", "value"], false).await?;
        manager
            .create_index(
                Index::create()
                    .name("actor_identifier_own")
                    .table("actor_identifier")
                    .col("scheme")
                    .col("value")
                    .unique()
                    .and_where(Expr::col("scope").eq("own"))
                    .and_where(Expr::col("live").eq(true))
                    .take(),
            )
            .await?;

        let mut mandate = resource("mandate");
        refers(&mut mandate, "actor_id", "actor", true);
        mandate.col(text("policy_domain"));
        refers(&mut mandate, "area_id", "area", true);
        mandate.col(json_binary("powers")).col(text("basis")).col(text_null("legal_basis"));
        period(&mut mandate);
        mandate.col(text("visibility")).col(timestamp_with_time_zone_null("deleted_at"));
        manager.create_table(mandate).await?;
        index(manager, "mandate", &["actor_id", "id"], false).await?;
        index(manager, "mandate", &["area_id", "policy_domain", "id"], false).await?;
        Ok(())
    }
}
