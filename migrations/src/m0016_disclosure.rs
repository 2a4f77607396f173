//! Secrecy marks, disclosures, and the journal.

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
        let mut mark = resource("secrecy_mark");
        mark.col(text("record_kind"))
            .col(uuid("record_id"))
            // Empty for the whole record, because a unique index does not compare null.
            .col(text("member"))
            .col(integer("chapter"))
            .col(text("paragraph"))
            .col(text("motive"))
            .col(date("review_on"))
            .col(uuid_null("forum_id"))
            .col(uuid_null("actor_id"))
            .col(text("marked_by_name"))
            .col(text_null("lifted_by_name"))
            .col(text_null("lift_motive"))
            .col(timestamp_with_time_zone_null("lifted_at"));
        manager.create_table(mark).await?;
        manager
            .get_connection()
            .execute_unprepared("CREATE UNIQUE INDEX secrecy_mark_in_force ON secrecy_mark (record_id, member) WHERE lifted_at IS NULL")
            .await?;
        index(manager, "secrecy_mark", &["review_on", "id"], false).await?;

        let mut disclosure = resource("disclosure");
        disclosure
            .col(text("record_kind"))
            .col(uuid("record_id"))
            .col(date("requested_on"))
            .col(text("decision"))
            .col(text_null("note"))
            .col(text_null("content"))
            .col(text_null("digest"))
            .col(json_binary("redacted"))
            .col(uuid_null("forum_id"))
            .col(uuid_null("actor_id"))
            .col(text("areas"))
            .col(text("decided_by_name"));
        manager.create_table(disclosure).await?;
        index(manager, "disclosure", &["record_id", "id"], false).await?;

        let mut entry = resource("journal_entry");
        entry
            .col(integer("year"))
            .col(integer("number"))
            .col(text("direction"))
            .col(date("received_on"))
            .col(text("title"))
            .col(text_null("record_kind"))
            .col(uuid_null("record_id"))
            .col(text_null("counterpart"))
            .col(text("registered_by_name"));
        manager.create_table(entry).await?;
        index(manager, "journal_entry", &["year", "number"], true).await?;

        // The last number given in each year. Taking the next number locks the row until the transaction ends.
        let mut counter = Table::create();
        counter.table("journal_counter").col(integer("year").primary_key()).col(integer("last"));
        manager.create_table(counter).await?;
        Ok(())
    }
}
