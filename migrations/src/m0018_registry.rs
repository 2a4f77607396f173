//! More about actors, every version of a record, relations between actors, and statements of actors.

use sea_orm_migration::{prelude::*, schema::*};

use sea_orm_migration::sea_orm::prelude::{ChronoDateTimeUtc, Uuid};

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
        // The actor that this one was merged into is only read with it and never joined, so it needs no foreign key.
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
        // Erasure searches the versions by user.
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
        create_part_of_relations(manager).await?;

        let mut statement = resource("statement");
        statement.col(text("kind"));
        refers(&mut statement, "actor_id", "actor", true);
        statement.col(text("text")).col(text("policy_domain"));
        refers(&mut statement, "area_id", "area", true);
        statement.col(json_binary("target_groups")).col(text("sufficiency")).col(text_null("plan"));
        period(&mut statement);
        statement.col(text("visibility")).col(timestamp_with_time_zone_null("deleted_at"));
        manager.create_table(statement).await?;
        index(manager, "statement", &["actor_id", "id"], false).await?;
        index(manager, "statement", &["area_id", "policy_domain", "id"], false).await
    }
}

/// Creates a relation, without a period, for each actor with a parent. Its id is made from that of the actor, so that no other
/// row has it.
async fn create_part_of_relations(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let parts =
        Query::select().columns(["id", "parent_id", "updated_at"]).from("actor").and_where(Expr::col("parent_id").is_not_null()).take();
    for row in db.query_all(&parts).await? {
        let (actor, parent): (Uuid, Uuid) = (row.try_get("", "id")?, row.try_get("", "parent_id")?);
        let updated_at: ChronoDateTimeUtc = row.try_get("", "updated_at")?;
        let mut id = actor.into_bytes();
        id[15] ^= 0xff;
        let insert = Query::insert()
            .into_table("actor_relation")
            .columns(["id", "version", "created_at", "updated_at", "kind", "actor_id", "other_actor_id"])
            .values([
                Uuid::from_bytes(id).into(),
                1_i64.into(),
                updated_at.into(),
                updated_at.into(),
                "part_of".into(),
                actor.into(),
                parent.into(),
            ])
            .map_err(|error| DbErr::Custom(error.to_string()))?
            .take();
        db.execute(&insert).await?;
    }
    Ok(())
}
