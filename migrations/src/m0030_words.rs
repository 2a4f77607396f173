//! The digest of the text that an endorsement was given on, and whether the text has changed since; the visibility of a revision
//! at publication; and the form in which frozen content was written.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// The text of an old endorsement is not known. It is outdated when something has changed since it was given.
const OLD_WORDS: &str = "UPDATE endorsement SET outdated = TRUE, version = version + 1 WHERE \
    EXISTS (SELECT 1 FROM finding f WHERE f.assessment_id = endorsement.assessment_id AND f.updated_at > endorsement.updated_at) \
    OR EXISTS (SELECT 1 FROM evidence e JOIN finding f ON f.id = e.finding_id \
        WHERE f.assessment_id = endorsement.assessment_id AND e.updated_at > endorsement.updated_at) \
    OR EXISTS (SELECT 1 FROM cause c WHERE c.assessment_id = endorsement.assessment_id AND c.updated_at > endorsement.updated_at) \
    OR EXISTS (SELECT 1 FROM assessment a WHERE a.id = endorsement.assessment_id AND a.status IN ('draft', 'review') \
        AND a.updated_at > endorsement.updated_at)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("endorsement").add_column(text_null("text_digest")).take()).await?;
        manager.alter_table(Table::alter().table("endorsement").add_column(boolean("outdated").default(false)).take()).await?;
        manager.get_connection().execute_unprepared(OLD_WORDS).await?;

        manager.alter_table(Table::alter().table("revision").add_column(text("visibility").default("forum")).take()).await?;
        // The frozen content has its visibility in it.
        let visibility = match manager.get_database_backend() {
            DbBackend::Postgres => "content::json -> 'assessment' ->> 'visibility'",
            _ => "json_extract(content, '$.assessment.visibility')",
        };
        let sql = format!("UPDATE revision SET visibility = COALESCE({visibility}, visibility)");
        manager.get_connection().execute_unprepared(&sql).await?;

        for table in ["revision", "evidence"] {
            manager.alter_table(Table::alter().table(table).add_column(integer("form").default(1)).take()).await?;
        }
        Ok(())
    }
}
