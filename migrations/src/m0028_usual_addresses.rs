//! The addresses from which each account signs in, so that failed guesses from elsewhere do not lock the account out there.

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
        let mut table = Table::create();
        table.table("usual_address");
        refers(&mut table, "user_id", "user_account", true);
        // The digest is of the account and the address, so that no address is stored.
        table.col(text("digest")).col(timestamp_with_time_zone("seen_at"));
        table.primary_key(Index::create().col("user_id").col("digest"));
        manager.create_table(table).await?;
        index(manager, "usual_address", &["seen_at"], false).await
    }
}
