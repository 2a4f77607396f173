//! Packs of reference data, and the codelists with their labels.

use sea_orm_migration::{prelude::*, schema::*};

use super::columns::{code, index, resource};

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
                    .table("pack")
                    .col(text("name").primary_key())
                    .col(text("version"))
                    .col(text("digest"))
                    .col(timestamp_with_time_zone("loaded_at"))
                    .take(),
            )
            .await?;
        let mut entry = resource("codelist_entry");
        entry
            .col(code(manager, "codelist"))
            .col(code(manager, "code"))
            .col(integer("ordinal"))
            .col(text("name_sv"))
            .col(text("name_en"))
            .col(text_null("pack"))
            .col(boolean("edited"));
        manager.create_table(entry).await?;
        index(manager, "codelist_entry", &["codelist", "code"], true).await?;
        Ok(())
    }
}
