//! Forums, the areas they work in, and their members.

use sea_orm_migration::{prelude::*, schema::*};

use super::columns::{index, named, period, refers, resource};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut forum = resource("forum");
        forum.col(text("kind")).col(text("level"));
        named(&mut forum, "name");
        forum
            .col(json_binary("areas"))
            .col(text_null("purpose"))
            .col(text_null("mandate_text"))
            .col(text_null("meeting_rhythm"))
            .col(boolean("complements_line_organisation"))
            .col(text("status"))
            .col(text("visibility"))
            .col(timestamp_with_time_zone_null("deleted_at"));
        manager.create_table(forum).await?;
        index(manager, "forum", &["name_sort", "id"], false).await?;

        let mut area = Table::create();
        area.table("forum_area");
        refers(&mut area, "forum_id", "forum", true);
        refers(&mut area, "area_id", "area", true);
        area.primary_key(Index::create().col("forum_id").col("area_id"));
        manager.create_table(area).await?;
        index(manager, "forum_area", &["area_id", "forum_id"], false).await?;

        let mut member = resource("forum_member");
        refers(&mut member, "forum_id", "forum", true);
        refers(&mut member, "actor_id", "actor", true);
        member.col(text("function")).col(text("status")).col(text_null("current_level")).col(text_null("desired_level"));
        period(&mut member);
        manager.create_table(member).await?;
        index(manager, "forum_member", &["forum_id", "actor_id"], true).await?;
        index(manager, "forum_member", &["actor_id"], false).await?;
        Ok(())
    }
}
