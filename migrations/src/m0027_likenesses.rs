//! Actors that may be the same, and numbers that two actors have because the writer of the second could not see the first.

use sea_orm_migration::{prelude::*, schema::*};

use super::columns::{index, refers, resource};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("actor_identifier").add_column(boolean("claimed").default(false)).take()).await?;
        manager.drop_index(Index::drop().name("actor_identifier_own").table("actor_identifier").to_owned()).await?;
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
                    .and_where(Expr::col("claimed").eq(false))
                    .take(),
            )
            .await?;

        let mut likeness = resource("actor_likeness");
        // A likeness is shown only while both actors exist, so it has no foreign keys that prevent their removal.
        likeness
            .col(uuid("actor_id"))
            .col(uuid("other_actor_id"))
            .col(boolean("same_identifier"))
            .col(boolean("same_name"))
            .col(text_null("dismissed_by_name"))
            .col(timestamp_with_time_zone_null("dismissed_at"));
        refers(&mut likeness, "dismissed_by", "user_account", false);
        manager.create_table(likeness).await?;
        index(manager, "actor_likeness", &["actor_id", "other_actor_id"], true).await?;
        index(manager, "actor_likeness", &["other_actor_id"], false).await
    }
}
