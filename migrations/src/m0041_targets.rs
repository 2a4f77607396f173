//! Import jobs have a target, and keep the options of their call in the form of the target.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DatabaseBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let add = |column: ColumnDef| Table::alter().table("import_job").add_column(column).take();
        manager.alter_table(add(text("target").default("actors").take())).await?;
        manager.alter_table(add(json_binary("options").default("{}").take())).await?;
        let options = if manager.get_database_backend() == DatabaseBackend::Postgres {
            "jsonb_build_object('sourceId', source_id, 'kind', kind, 'full', is_full)".to_owned()
        } else {
            let part = |from: u8, length: u8| format!("lower(substr(hex(source_id), {from}, {length}))");
            let id = [part(1, 8), part(9, 4), part(13, 4), part(17, 4), part(21, 12)].join(" || '-' || ");
            // `hex(NULL)` is an empty text, so a job without a source would get the id `----`.
            let id = format!("CASE WHEN source_id IS NULL THEN NULL ELSE {id} END");
            format!("json_object('sourceId', {id}, 'kind', kind, 'full', json(CASE WHEN is_full THEN 'true' ELSE 'false' END))")
        };
        let connection = manager.get_connection();
        connection.execute_unprepared(&format!("UPDATE import_job SET options = {options}")).await?;
        connection.execute_unprepared("ALTER TABLE import_job RENAME COLUMN is_full TO keeps_rows").await?;
        for column in ["source_id", "kind"] {
            manager.alter_table(Table::alter().table("import_job").drop_column(column).take()).await?;
        }
        Ok(())
    }
}
