//! Rows of imports that wait to be processed. They are stored before their job, one piece at a time, so that a large file is
//! stored in short transactions.

use sea_orm_migration::{prelude::*, schema::*};

use super::columns::index;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut piece = Table::create();
        piece
            .table("import_piece")
            .col(uuid("import_job_id"))
            // Number of rows of the file before this piece.
            .col(big_integer("first_row"))
            // Before the rows, so that it can be read without reading them.
            .col(timestamp_with_time_zone("created_at"))
            .col(text("rows"))
            .primary_key(Index::create().col("import_job_id").col("first_row"));
        manager.create_table(piece).await?;
        index(manager, "import_job", &["finished_at", "id"], false).await?;
        // All pieces had 500 rows.
        manager
            .get_connection()
            .execute_unprepared(
                "INSERT INTO import_piece (import_job_id, first_row, created_at, rows) \
                 SELECT chunk.import_job_id, chunk.number * 500, job.created_at, chunk.rows \
                 FROM import_chunk chunk JOIN import_job job ON job.id = chunk.import_job_id",
            )
            .await?;
        manager.drop_table(Table::drop().table("import_chunk").to_owned()).await
    }
}
