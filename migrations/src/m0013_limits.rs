//! Limits: calls counted by all instances together, and failed tries.

use sea_orm_migration::{prelude::*, schema::*};

use super::columns::index;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("rate_window")
                    .col(text("key"))
                    .col(big_integer("window_start"))
                    .col(big_integer("window_end"))
                    .col(big_integer("count"))
                    .primary_key(Index::create().col("key").col("window_start"))
                    .take(),
            )
            .await?;
        index(manager, "rate_window", &["window_end"], false).await?;
        manager
            .create_table(
                Table::create()
                    .table("failed_tries")
                    .col(text("key").primary_key())
                    .col(timestamp_with_time_zone("window_start"))
                    .col(big_integer("count"))
                    .take(),
            )
            .await?;
        index(manager, "failed_tries", &["window_start"], false).await
    }
}
