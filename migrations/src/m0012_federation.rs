//! Signing in with an organisation's identity provider: the identities of users there, sign-ins in progress, and codes for
//! frontends.

use sea_orm_migration::{prelude::*, schema::*};

use super::columns::{index, refers};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut identity = Table::create();
        identity.table("user_identity").col(text("issuer")).col(text("subject"));
        refers(&mut identity, "user_id", "user_account", true);
        identity
            .col(boolean("email_verified"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("last_used_at"))
            .primary_key(Index::create().col("issuer").col("subject"));
        manager.create_table(identity).await?;
        // A user has one identity at each provider.
        index(manager, "user_identity", &["user_id", "issuer"], true).await?;
        let mut attempt = Table::create();
        attempt
            .table("login_attempt")
            .col(text("state_digest").primary_key())
            .col(text("browser_digest"))
            .col(text("provider"))
            .col(text("nonce"))
            .col(text("verifier"))
            .col(text("client_id"))
            .col(text("redirect_uri"))
            .col(text("client_challenge"))
            .col(text("client_state"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("expires_at"))
            .col(timestamp_with_time_zone_null("spent_at"));
        manager.create_table(attempt).await?;
        index(manager, "login_attempt", &["expires_at"], false).await?;
        let mut code = Table::create();
        code.table("login_code").col(text("digest").primary_key());
        refers(&mut code, "user_id", "user_account", true);
        code.col(text("client_id"))
            .col(text("redirect_uri"))
            .col(text("challenge"))
            .col(text("issuer"))
            .col(text_null("acr"))
            .col(json_binary("withheld"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("expires_at"))
            .col(timestamp_with_time_zone_null("spent_at"));
        refers(&mut code, "session_id", "session", false);
        manager.create_table(code).await?;
        index(manager, "login_code", &["expires_at"], false).await?;
        // The provider that gave a grant; null for those that people give.
        manager.alter_table(Table::alter().table("access_grant").add_column(text_null("provider")).take()).await
    }
}
