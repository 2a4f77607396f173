//! Accounts: invitations and resets by mail, second factors, the way in which a session was signed in, tokens and service
//! accounts.

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
        add_columns(manager).await?;
        let mut code = Table::create();
        code.table("recovery_code").col(text("digest").primary_key());
        refers(&mut code, "user_id", "user_account", true);
        code.col(timestamp_with_time_zone_null("used_at"));
        manager.create_table(code).await?;
        index(manager, "recovery_code", &["user_id"], false).await?;

        let mut secret = Table::create();
        secret.table("account_secret").col(text("digest").primary_key()).col(text("purpose"));
        refers(&mut secret, "user_id", "user_account", true);
        secret
            .col(text_null("email"))
            .col(text("password_digest"))
            .col(timestamp_with_time_zone("expires_at"))
            .col(timestamp_with_time_zone_null("used_at"));
        manager.create_table(secret).await?;
        index(manager, "account_secret", &["user_id"], false).await?;

        manager
            .create_table(
                Table::create()
                    .table("letter")
                    .col(uuid("id").primary_key())
                    .col(text("purpose"))
                    .col(uuid_null("user_id"))
                    .col(text_null("email"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("next_try_at"))
                    .col(integer("tries"))
                    .take(),
            )
            .await?;
        index(manager, "letter", &["next_try_at"], false).await?;

        let mut token = resource("personal_token");
        refers(&mut token, "user_id", "user_account", true);
        token
            .col(text("name"))
            .col(text("digest").unique_key())
            .col(json_binary("scopes"))
            .col(json_binary("withheld"))
            .col(timestamp_with_time_zone("expires_at"))
            .col(timestamp_with_time_zone_null("last_used_at"));
        manager.create_table(token).await?;
        index(manager, "personal_token", &["user_id", "id"], false).await?;

        let mut client = Table::create();
        client.table("service_client");
        refers(&mut client, "user_id", "user_account", true);
        client.primary_key(Index::create().col("user_id")).col(text("auth_method")).col(json_binary("jwks")).col(json_binary("scopes"));
        manager.create_table(client).await?;

        let mut client_secret = Table::create();
        client_secret.table("client_secret").col(text("digest").primary_key());
        refers(&mut client_secret, "user_id", "user_account", true);
        client_secret.col(timestamp_with_time_zone("created_at")).col(timestamp_with_time_zone_null("expires_at"));
        manager.create_table(client_secret).await?;
        index(manager, "client_secret", &["user_id"], false).await?;

        let mut source = resource("source");
        refers(&mut source, "actor_id", "actor", true);
        source.col(text("name")).col(text("id_scheme"));
        manager.create_table(source).await?;
        index(manager, "source", &["actor_id", "name"], true).await?;

        manager
            .create_table(
                Table::create()
                    .table("used_assertion")
                    .col(text("digest").primary_key())
                    .col(timestamp_with_time_zone("expires_at"))
                    .take(),
            )
            .await
    }
}

/// New columns of existing tables. They are added one at a time, because SQLite adds only one per statement.
async fn add_columns(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let user: [ColumnDef; 6] = [
        text("kind").default("person").take(),
        text("language").default("sv").take(),
        uuid_null("registrar_id").take(),
        binary_null("factor_secret").take(),
        binary_null("factor_pending").take(),
        big_integer_null("factor_step").take(),
    ];
    let session: [ColumnDef; 8] = [
        text("method").default("password").take(),
        text_null("acr").take(),
        json_binary("withheld").default("[]").take(),
        json_binary_null("scopes").take(),
        text_null("client_id").take(),
        text("address").default("").take(),
        text("agent").default("").take(),
        timestamp_with_time_zone_null("renewed_at").take(),
    ];
    let key: [ColumnDef; 1] = [timestamp_with_time_zone_null("signs_from").take()];
    for (table, added) in [("user_account", user.to_vec()), ("session", session.to_vec()), ("signing_key", key.to_vec())] {
        for column in added {
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
    }
    index(manager, "user_account", &["kind", "id"], false).await
}
