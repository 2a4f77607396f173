//! Interventions, where they act and which causes they address.

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
        let mut intervention = resource("intervention");
        named(&mut intervention, "title");
        intervention.col(text_null("description"));
        refers(&mut intervention, "owner_actor_id", "actor", true);
        refers(&mut intervention, "forum_id", "forum", false);
        intervention
            .col(text("status"))
            .col(text("horizon"))
            .col(text("addresses"))
            .col(text("instrument"))
            .col(json_binary("areas"))
            .col(json_binary("causes"))
            .col(json_binary("policy_domains"))
            .col(json_binary("target_groups"))
            .col(big_integer_null("budget"));
        period(&mut intervention);
        intervention.col(text("visibility")).col(timestamp_with_time_zone_null("deleted_at"));
        manager.create_table(intervention).await?;
        index(manager, "intervention", &["title_sort", "id"], false).await?;
        index(manager, "intervention", &["owner_actor_id"], false).await?;

        let mut area = Table::create();
        area.table("intervention_area");
        refers(&mut area, "intervention_id", "intervention", true);
        refers(&mut area, "area_id", "area", true);
        area.primary_key(Index::create().col("intervention_id").col("area_id"));
        manager.create_table(area).await?;
        index(manager, "intervention_area", &["area_id", "intervention_id"], false).await?;

        let mut cause = Table::create();
        cause.table("intervention_cause");
        refers(&mut cause, "intervention_id", "intervention", true);
        refers(&mut cause, "cause_id", "cause", true);
        cause.primary_key(Index::create().col("intervention_id").col("cause_id"));
        manager.create_table(cause).await?;
        index(manager, "intervention_cause", &["cause_id", "intervention_id"], false).await?;
        Ok(())
    }
}
