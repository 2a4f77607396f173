//! The base: secrets of the installation, events, kept answers, the index of words.

use sea_orm_migration::{prelude::*, schema::*};

use super::columns::index;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let postgres = manager.get_database_backend() == sea_orm_migration::sea_orm::DbBackend::Postgres;
        let run = async |sql: &str| manager.get_connection().execute_unprepared(sql).await.map(drop);
        manager.create_table(Table::create().table("installation").col(text("name").primary_key()).col(text("value")).take()).await?;
        manager.create_table(Table::create().table("access_epoch").col(big_integer("epoch")).take()).await?;
        run("INSERT INTO access_epoch (epoch) VALUES (1)").await?;
        manager
            .create_table(
                Table::create()
                    .table("event")
                    .col(big_pk_auto("seq"))
                    .col(big_integer_null("position").unique_key())
                    .col(text("entity_kind"))
                    .col(uuid("entity_id"))
                    .col(text("op"))
                    .col(big_integer("version"))
                    .col(timestamp_with_time_zone("changed_at"))
                    .col(uuid_null("changed_by"))
                    .col(text("changed_by_name"))
                    .col(text_null("request_id"))
                    .col(text("visibility"))
                    .col(uuid_null("forum_id"))
                    .col(uuid_null("actor_id"))
                    .take(),
            )
            .await?;
        run("CREATE INDEX event_unpositioned ON event (seq) WHERE position IS NULL").await?;
        index(manager, "event", &["entity_id", "seq"], false).await?;
        manager
            .create_table(
                Table::create()
                    .table("idempotent_answer")
                    .col(text("scope"))
                    .col(text("key"))
                    .col(text("digest"))
                    .col(integer("status"))
                    .col(text_null("etag"))
                    .col(text_null("location"))
                    .col(binary("body"))
                    .col(timestamp_with_time_zone("created_at"))
                    .primary_key(Index::create().col("scope").col("key"))
                    .take(),
            )
            .await?;
        index(manager, "idempotent_answer", &["created_at"], false).await?;
        let mut search = Table::create();
        search.table("search_entry").col(big_pk_auto("id")).col(text("kind")).col(uuid("entity_id").unique_key());
        manager.create_table(search).await?;
        if postgres {
            run("ALTER TABLE search_entry ADD COLUMN words tsvector NOT NULL").await?;
            run("CREATE INDEX search_entry_words ON search_entry USING gin (words)").await?;
        } else {
            run("CREATE VIRTUAL TABLE search_words USING fts5(kind, words, content='', contentless_delete=1, prefix='2 3', tokenize='unicode61 remove_diacritics 0')").await?;
        }
        Ok(())
    }
}
