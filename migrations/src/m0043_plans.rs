//! Indexes for statements that read whole tables without them.
//!
//! Most rows of some columns are null. Those rows are left out of the indexes: `SQLite` counts them as equal, so that it would
//! rather read the whole table than look a value up.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const STATEMENTS: &[&str] = &[
    "DROP INDEX actor_parent_id",
    "CREATE INDEX actor_parent_id ON actor (parent_id) WHERE parent_id IS NOT NULL",
    "DROP INDEX source_actor_match_id",
    "CREATE INDEX source_actor_match_id ON source_actor (match_id) WHERE match_id IS NOT NULL",
    // The list of removed actors.
    "CREATE INDEX actor_removed ON actor (name_sort, id) WHERE deleted_at IS NOT NULL",
    // The assessments of an area.
    "CREATE INDEX assessment_area_id ON assessment (area_id, title_sort, id) WHERE deleted_at IS NULL",
    // The entries of the audit log about what was not carried out.
    "CREATE INDEX audit_entry_refused ON audit_entry (outcome, id) WHERE outcome IN ('denied', 'failed')",
    // What one record, or the records of an actor or a forum, have been put under or disclosed.
    "CREATE INDEX secrecy_mark_record_id ON secrecy_mark (record_id, id)",
    "CREATE INDEX secrecy_mark_actor_id ON secrecy_mark (actor_id, id) WHERE actor_id IS NOT NULL",
    "CREATE INDEX secrecy_mark_forum_id ON secrecy_mark (forum_id, id) WHERE forum_id IS NOT NULL",
    "CREATE INDEX disclosure_actor_id ON disclosure (actor_id, id) WHERE actor_id IS NOT NULL",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in STATEMENTS {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
