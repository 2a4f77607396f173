//! Webhooks: their owners and filters, their secrets, and the deliveries.

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
        let mut webhook = resource("webhook");
        refers(&mut webhook, "owner_id", "user_account", true);
        webhook.col(text("url")).col(json_binary("types"));
        refers(&mut webhook, "area_id", "area", false);
        webhook
            .col(text_null("description"))
            // Roles that need a stronger sign-in than the owner's. The webhook does not have them either.
            .col(json_binary("withheld"))
            .col(text("status"))
            .col(text_null("reason"))
            .col(timestamp_with_time_zone("since"))
            .col(timestamp_with_time_zone_null("failing_since"))
            // The position in the feed up to which it has been sent.
            .col(big_integer("position"));
        manager.create_table(webhook).await?;
        index(manager, "webhook", &["owner_id", "id"], false).await?;
        index(manager, "webhook", &["status", "position"], false).await?;

        let mut secret = Table::create();
        secret
            .table("webhook_secret")
            .col(uuid("id").primary_key())
            .col(uuid("webhook_id"))
            .col(binary("secret"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone_null("expires_at"));
        secret.foreign_key(&mut webhook_key());
        manager.create_table(secret).await?;
        index(manager, "webhook_secret", &["webhook_id"], false).await?;

        let mut delivery = Table::create();
        delivery
            .table("webhook_delivery")
            .col(uuid("id").primary_key())
            .col(uuid("webhook_id"))
            .col(text("message_id"))
            .col(text("kind"))
            // Null for a message that is no event.
            .col(big_integer_null("position"))
            .col(text("state"))
            .col(integer("attempts"))
            .col(timestamp_with_time_zone("next_try_at"))
            .col(uuid_null("holder"))
            .col(timestamp_with_time_zone_null("held_until"))
            .col(timestamp_with_time_zone_null("last_tried_at"))
            .col(integer_null("last_status"))
            .col(integer_null("last_millis"))
            .col(text_null("last_error"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("updated_at"));
        delivery.foreign_key(&mut webhook_key());
        manager.create_table(delivery).await?;
        index(manager, "webhook_delivery", &["webhook_id", "position"], true).await?;
        index(manager, "webhook_delivery", &["webhook_id", "id"], false).await?;
        index(manager, "webhook_delivery", &["webhook_id", "state", "id"], false).await?;
        let db = manager.get_connection();
        db.execute_unprepared(
            "CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook_id, next_try_at, id) WHERE state = 'pending'",
        )
        .await?;
        db.execute_unprepared("CREATE INDEX webhook_delivery_done ON webhook_delivery (updated_at) WHERE state <> 'pending'").await?;
        Ok(())
    }
}

/// Rows that belong to a webhook are removed with it.
fn webhook_key() -> ForeignKeyCreateStatement {
    ForeignKey::create().from_col("webhook_id").to("webhook", "id").on_delete(ForeignKeyAction::Cascade).take()
}
