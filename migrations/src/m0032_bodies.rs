//! An index of the public bodies in the reference data, because each new or changed name is compared with theirs.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = "CREATE INDEX actor_of_pack ON actor (pack) WHERE pack IS NOT NULL AND deleted_at IS NULL";
        manager.get_connection().execute_unprepared(index).await.map(drop)
    }
}
