//! Additions to events for followers of the feed: the areas of the record, its visibility before the change, and the record that
//! it was merged into.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut areas = json_binary("areas");
        areas.default(if manager.get_database_backend() == DbBackend::Postgres { Expr::cust("'[]'::jsonb") } else { Expr::val("[]") });
        for column in [text_null("was_visibility"), uuid_null("was_forum_id"), uuid_null("was_actor_id"), areas, uuid_null("merged_into")] {
            manager.alter_table(Table::alter().table("event").add_column(column).take()).await?;
        }
        Ok(())
    }
}
