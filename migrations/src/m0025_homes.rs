//! Homes of accounts: the place of an account's first grant, which decides who looks after it. And invited accounts that nobody
//! has activated, whose e-mail address does not prevent another account with it.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DbBackend};

use super::columns::index;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One at a time, because SQLite adds only one column per statement.
        for mut column in [text_null("home_kind"), uuid_null("home_id"), text_null("claimed_fold"), uuid_null("joined_to")] {
            manager.alter_table(Table::alter().table("user_account").add_column(column.take()).take()).await?;
        }
        index(manager, "user_account", &["home_kind", "home_id"], false).await?;
        index(manager, "user_account", &["claimed_fold"], false).await?;
        let run = async |sql: &str| manager.get_connection().execute_unprepared(sql).await.map(drop);
        // The home is the place of the account's first grant.
        run("UPDATE user_account SET \
             home_kind = (SELECT g.scope_kind FROM access_grant g WHERE g.user_id = user_account.id ORDER BY g.created_at, g.id LIMIT 1), \
             home_id = (SELECT g.scope_id FROM access_grant g WHERE g.user_id = user_account.id ORDER BY g.created_at, g.id LIMIT 1)")
        .await?;
        // For these accounts nobody has shown yet that they read the mail.
        let id = if manager.get_database_backend() == DbBackend::Postgres { "CAST(id AS text)" } else { "lower(hex(id))" };
        run(&format!(
            "UPDATE user_account SET claimed_fold = email_fold, email_fold = 'invited:' || {id} WHERE kind = 'person' AND \
             (status = 'invited' OR (status = 'disabled' AND password_hash IS NULL AND id NOT IN (SELECT user_id FROM user_identity)))"
        ))
        .await
    }
}
