//! More about actors, every version of a record, relations between actors, and what actors state.

use sea_orm_migration::{prelude::*, schema::*};

use super::columns::{index, period, refers, resource};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for mut list in ["working_methods", "languages", "contact_points", "former_names"].map(json_binary) {
            manager.alter_table(Table::alter().table("actor").add_column(list.default("[]")).take()).await?;
        }
        // What an actor became part of is kept with it and never joined, so it needs no foreign key.
        for column in [date_null("founded"), date_null("dissolved"), uuid_null("merged_into")] {
            manager.alter_table(Table::alter().table("actor").add_column(column).take()).await?;
        }

        manager
            .create_table(
                Table::create()
                    .table("record_version")
                    .col(uuid("entity_id"))
                    .col(big_integer("version"))
                    .col(text("entity_kind"))
                    .col(text("op"))
                    .col(timestamp_with_time_zone("changed_at"))
                    .col(uuid_null("changed_by"))
                    .col(text("visibility"))
                    .col(uuid_null("forum_id"))
                    .col(uuid_null("actor_id"))
                    .col(json_binary("body"))
                    .primary_key(Index::create().col("entity_id").col("version"))
                    .take(),
            )
            .await?;
        // Whose id stands in the history is asked when somebody is erased.
        index(manager, "record_version", &["changed_by"], false).await?;

        let mut relation = resource("actor_relation");
        relation.col(text("kind"));
        refers(&mut relation, "actor_id", "actor", true);
        refers(&mut relation, "other_actor_id", "actor", true);
        period(&mut relation);
        relation.col(timestamp_with_time_zone_null("deleted_at"));
        manager.create_table(relation).await?;
        index(manager, "actor_relation", &["actor_id", "id"], false).await?;
        index(manager, "actor_relation", &["other_actor_id", "id"], false).await?;

        let mut statement = resource("statement");
        statement.col(text("kind"));
        refers(&mut statement, "actor_id", "actor", true);
        statement.col(text("text")).col(text("policy_domain"));
        refers(&mut statement, "area_id", "area", true);
        statement.col(json_binary("target_groups")).col(boolean_null("sufficient")).col(text_null("plan"));
        period(&mut statement);
        statement.col(text("visibility")).col(timestamp_with_time_zone_null("deleted_at"));
        manager.create_table(statement).await?;
        index(manager, "statement", &["actor_id", "id"], false).await?;
        index(manager, "statement", &["area_id", "policy_domain", "id"], false).await
    }
}
