//! Imports of files: the jobs, the rows that wait to be processed, and the outcome of each.

use sea_orm_migration::{prelude::*, schema::*};

use super::columns::{index, resource};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut job = resource("import_job");
        job.col(text("status"))
            // The user who started it, and the rights that the session or token had; null for the installation itself.
            .col(uuid_null("user_id"))
            .col(json_binary_null("scopes"))
            .col(json_binary("withheld"))
            .col(uuid_null("source_id"))
            .col(text_null("kind"))
            .col(boolean("is_full"))
            .col(boolean("dry_run"))
            .col(json_binary("columns"))
            .col(json_binary("left_out"));
        for count in ["total", "processed", "created", "updated", "unchanged", "held", "refused", "absent"] {
            job.col(big_integer(count));
        }
        job.col(text_null("reason_sv"))
            .col(text_null("reason_en"))
            .col(timestamp_with_time_zone_null("started_at"))
            .col(timestamp_with_time_zone_null("finished_at"))
            // The worker that has it, until when, and how often it was taken without progress.
            .col(uuid_null("holder"))
            .col(timestamp_with_time_zone_null("held_until"))
            .col(integer("tries"));
        manager.create_table(job).await?;
        index(manager, "import_job", &["user_id", "id"], false).await?;
        manager.get_connection().execute_unprepared("CREATE INDEX import_job_live ON import_job (id) WHERE finished_at IS NULL").await?;

        let mut chunk = Table::create();
        chunk
            .table("import_chunk")
            .col(uuid("import_job_id"))
            .col(integer("number"))
            .col(text("rows"))
            .primary_key(Index::create().col("import_job_id").col("number"))
            .foreign_key(ForeignKey::create().from_col("import_job_id").to("import_job", "id"));
        manager.create_table(chunk).await?;

        let mut row = Table::create();
        row.table("import_row")
            .col(uuid("import_job_id"))
            .col(big_integer("number"))
            .col(text("outcome"))
            .col(text_null("external_id"))
            .col(uuid_null("actor_id"))
            .col(uuid_null("match_id"))
            .col(json_binary("errors"))
            .col(json_binary("left_alone"))
            .primary_key(Index::create().col("import_job_id").col("number"))
            .foreign_key(ForeignKey::create().from_col("import_job_id").to("import_job", "id"));
        manager.create_table(row).await?;
        index(manager, "import_row", &["import_job_id", "outcome", "number"], false).await
    }
}
