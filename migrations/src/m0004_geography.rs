//! Areas: the division of the country, by level and version.

use sea_orm_migration::{prelude::*, schema::*};

use super::columns::{code, index, named, period, refers};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut area = Table::create();
        area.table("area").col(uuid("id").primary_key()).col(text("level")).col(text("version")).col(code(manager, "code"));
        named(&mut area, "name");
        refers(&mut area, "parent_id", "area", false);
        // The codes from the nation down, each followed by a slash: the path of everything below an area begins with the area's
        // path.
        area.col(code(manager, "path"));
        area.col(text_null("category"));
        period(&mut area);
        area.col(timestamp_with_time_zone("created_at")).col(timestamp_with_time_zone("updated_at"));
        manager.create_table(area).await?;
        index(manager, "area", &["level", "version", "code"], true).await?;
        index(manager, "area", &["path", "id"], false).await?;
        index(manager, "area", &["code"], false).await?;
        index(manager, "area", &["parent_id"], false).await?;
        Ok(())
    }
}
