//! Indicators, observations and the imports that brought them.

use sea_orm_migration::{prelude::*, schema::*};

use super::columns::{code, index, refers, resource};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut indicator = resource("indicator");
        indicator
            .col(integer_null("number"))
            .col(code(manager, "code").unique_key().to_owned())
            .col(text("name_sv"))
            .col(text("name_en"))
            .col(text("statistical_area"))
            .col(text("value_kind"))
            .col(text_null("unit"))
            .col(json_binary("variants"))
            .col(text("polarity"))
            .col(integer_null("available_from"))
            .col(integer_null("recommended_from"))
            .col(text_null("update_note"))
            .col(json_binary("series_breaks"))
            .col(text_null("pack"))
            .col(boolean("edited"));
        manager.create_table(indicator).await?;

        let mut import = resource("observation_import");
        refers(&mut import, "indicator_id", "indicator", true);
        import
            .col(text("source"))
            .col(text_null("licence"))
            .col(integer("rows_read"))
            .col(integer("rows_created"))
            .col(integer("rows_changed"))
            .col(integer("rows_unchanged"))
            .col(integer("rows_refused"))
            .col(json_binary("errors"));
        manager.create_table(import).await?;

        let mut observation = resource("observation");
        refers(&mut observation, "indicator_id", "indicator", true);
        refers(&mut observation, "area_id", "area", true);
        observation
            .col(code(manager, "period"))
            .col(code(manager, "breakdown_key"))
            .col(json_binary("breakdown"))
            .col(double_null("value"))
            .col(double_null("numerator"))
            .col(double_null("denominator"))
            .col(text("status"))
            .col(text("disclosure"));
        refers(&mut observation, "import_id", "observation_import", true);
        manager.create_table(observation).await?;
        index(manager, "observation", &["indicator_id", "area_id", "period", "breakdown_key"], true).await?;
        // Lists are ordered by id within an indicator or an area. These indexes save sorting all their observations.
        index(manager, "observation", &["indicator_id", "id"], false).await?;
        index(manager, "observation", &["area_id", "id"], false).await?;
        Ok(())
    }
}
