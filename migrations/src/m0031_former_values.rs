//! Earlier values of observations, and warnings about imported rows. Suppressed and missing values lose their numbers, and
//! breakdowns are written with one kind of dash.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DbBackend};

use super::columns::refers;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut former = Table::create();
        former.table("observation_version");
        refers(&mut former, "observation_id", "observation", true);
        former
            .col(big_integer("version"))
            .col(double_null("value"))
            .col(double_null("numerator"))
            .col(double_null("denominator"))
            .col(text("status"))
            .col(timestamp_with_time_zone("updated_at"));
        refers(&mut former, "import_id", "observation_import", true);
        former.primary_key(Index::create().col("observation_id").col("version"));
        manager.create_table(former).await?;
        let mut warnings = json_binary("warnings");
        warnings.default("[]");
        manager.alter_table(Table::alter().table("observation_import").add_column(warnings).to_owned()).await?;

        let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
        let breakdown = if is_postgres { "REPLACE(breakdown::text, '–', '-')::jsonb" } else { "REPLACE(breakdown, '–', '-')" };
        let statements = [
            "UPDATE observation SET value = NULL, numerator = NULL, denominator = NULL, version = version + 1 \
             WHERE status IN ('suppressed', 'not_available', 'not_applicable') \
             AND (value IS NOT NULL OR numerator IS NOT NULL OR denominator IS NOT NULL)"
                .to_owned(),
            // When both spellings exist, both stay, because evidence may rest on either.
            format!(
                "UPDATE observation SET breakdown_key = REPLACE(breakdown_key, '–', '-'), breakdown = {breakdown}, version = version + 1 \
                 WHERE breakdown_key LIKE '%–%' AND NOT EXISTS (SELECT 1 FROM observation other \
                 WHERE other.indicator_id = observation.indicator_id AND other.area_id = observation.area_id \
                 AND other.period = observation.period AND other.breakdown_key = REPLACE(observation.breakdown_key, '–', '-'))"
            ),
        ];
        for statement in statements {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}
