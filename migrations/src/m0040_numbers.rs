//! Records of a source without an id of their own are now known by the organisation number alone, not by number and name, so that
//! a new name does not make a new record. When several records have one number, the first keeps it.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let digits = match manager.get_database_backend() {
            DatabaseBackend::Postgres => "substr(external_id, 1, 10) ~ '^[0-9]{10}$'",
            _ => "substr(external_id, 1, 10) NOT GLOB '*[^0-9]*'",
        };
        let which = format!(
            "(source_id, external_id) IN (SELECT source_id, MIN(external_id) FROM source_actor WHERE substr(external_id, 11, 1) = '/' \
             AND {digits} GROUP BY source_id, substr(external_id, 1, 10)) \
             AND (source_id, substr(external_id, 1, 10)) NOT IN (SELECT source_id, external_id FROM source_actor)"
        );
        for table in ["record_match", "source_actor"] {
            let update = format!("UPDATE {table} SET external_id = substr(external_id, 1, 10) WHERE {which}");
            manager.get_connection().execute_unprepared(&update).await?;
        }
        Ok(())
    }
}
