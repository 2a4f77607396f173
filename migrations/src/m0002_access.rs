//! Users, their grants and sessions, and the keys that tokens are signed with.

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
        let mut user = resource("user_account");
        user.col(text("email")).col(text("email_fold").unique_key()).col(text("name")).col(text_null("password_hash")).col(text("status"));
        manager.create_table(user).await?;
        let mut grant = resource("access_grant");
        refers(&mut grant, "user_id", "user_account", true);
        grant.col(text("role")).col(text("scope_kind")).col(uuid_null("scope_id"));
        period(&mut grant);
        manager.create_table(grant).await?;
        index(manager, "access_grant", &["user_id"], false).await?;
        let mut session = Table::create();
        session.table("session").col(uuid("id").primary_key());
        refers(&mut session, "user_id", "user_account", true);
        session
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("expires_at"))
            .col(timestamp_with_time_zone_null("revoked_at"));
        manager.create_table(session).await?;
        index(manager, "session", &["user_id"], false).await?;
        let mut token = Table::create();
        token.table("refresh_token").col(text("digest").primary_key());
        refers(&mut token, "session_id", "session", true);
        token.col(timestamp_with_time_zone("created_at")).col(timestamp_with_time_zone_null("spent_at"));
        manager.create_table(token).await?;
        index(manager, "refresh_token", &["session_id"], false).await?;
        manager
            .create_table(
                Table::create()
                    .table("signing_key")
                    .col(text("id").primary_key())
                    .col(binary("private_key"))
                    .col(text("public_key"))
                    .col(timestamp_with_time_zone("created_at"))
                    .take(),
            )
            .await?;
        Ok(())
    }
}
