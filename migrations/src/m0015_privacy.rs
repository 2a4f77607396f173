//! Legal holds, erasures of people, and the protocols of disposal.

use sea_orm_migration::{prelude::*, schema::*};

use super::columns::{index, period, refers, resource};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut hold = resource("legal_hold");
        hold.col(text("record_kind")).col(uuid("record_id")).col(text("reason"));
        period(&mut hold);
        refers(&mut hold, "created_by", "user_account", false);
        manager.create_table(hold).await?;
        index(manager, "legal_hold", &["record_id"], false).await?;

        let mut erasure = Table::create();
        erasure.table("erasure").col(uuid("id").primary_key());
        refers(&mut erasure, "user_id", "user_account", true);
        erasure.col(timestamp_with_time_zone("erased_at"));
        refers(&mut erasure, "erased_by", "user_account", false);
        erasure.col(text("reason")).col(text_null("disposal_decision")).col(json_binary("outcome"));
        manager.create_table(erasure).await?;
        index(manager, "erasure", &["user_id"], false).await?;

        let mut run = Table::create();
        run.table("retention_run").col(uuid("id").primary_key()).col(timestamp_with_time_zone("started_at"));
        refers(&mut run, "started_by", "user_account", false);
        run.col(boolean("dry_run")).col(json_binary("rules"));
        manager.create_table(run).await?;
        // Erasure and the extract of personal data search the events by user.
        index(manager, "event", &["changed_by"], false).await?;
        Ok(())
    }
}
