//! Kept answers have the id of the user whom they belong to.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DatabaseBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("idempotent_answer").add_column(uuid_null("user_id")).take()).await?;
        // The scope of an answer to a signed-in caller begins with `Some(` and the user's id.
        let id = if manager.get_database_backend() == DatabaseBackend::Postgres {
            "substring(scope FROM 6 FOR 36)::uuid"
        } else {
            "unhex(replace(substr(scope, 6, 36), '-', ''))"
        };
        let sql = format!("UPDATE idempotent_answer SET user_id = {id} WHERE scope LIKE 'Some(%'");
        manager.get_connection().execute_unprepared(&sql).await.map(drop)
    }
}
