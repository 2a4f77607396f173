//! Records that partner systems send: the actor of each, the values that the source last wrote, and matches that wait for a
//! person's decision. A source may be the installation's own, and owns some members of its actors.

use sea_orm_migration::{
    prelude::*,
    schema::*,
    sea_orm::{ConnectionTrait, DbBackend, prelude::Uuid},
};

use super::columns::{code, index, refers, resource};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        change_sources(manager).await?;
        add_name_keys(manager).await?;

        let mut held = resource("record_match");
        refers(&mut held, "source_id", "source", true);
        held.col(code(manager, "external_id")).col(text("status")).col(json_binary("incoming")).col(text_null("decision"));
        refers(&mut held, "actor_id", "actor", false);
        held
            // The version of the actor after the decision. Later changes prevent that the decision is undone.
            .col(big_integer_null("actor_version"))
            .col(json_binary("applied"))
            .col(text_null("note"))
            .col(text_null("decided_by_name"))
            .col(timestamp_with_time_zone_null("decided_at"));
        refers(&mut held, "decided_by", "user_account", false);
        refers(&mut held, "undone_by", "user_account", false);
        held.col(text_null("undone_by_name")).col(timestamp_with_time_zone_null("undone_at"));
        manager.create_table(held).await?;
        index(manager, "record_match", &["status", "id"], false).await?;
        index(manager, "record_match", &["source_id", "id"], false).await?;

        let mut candidate = Table::create();
        candidate.table("match_candidate");
        refers(&mut candidate, "match_id", "record_match", true);
        refers(&mut candidate, "actor_id", "actor", true);
        candidate.col(boolean("same_identifier")).col(boolean("same_name"));
        candidate.primary_key(Index::create().col("match_id").col("actor_id"));
        manager.create_table(candidate).await?;
        index(manager, "match_candidate", &["actor_id", "match_id"], false).await?;

        let mut link = resource("source_actor");
        refers(&mut link, "source_id", "source", true);
        link.col(code(manager, "external_id"));
        refers(&mut link, "actor_id", "actor", false);
        refers(&mut link, "match_id", "record_match", false);
        // The record that the source last sent, the values that it last wrote, and the digest of the record as it was sent.
        link.col(json_binary("given")).col(json_binary("base")).col(text("digest")).col(timestamp_with_time_zone_null("absent_since"));
        manager.create_table(link).await?;
        index(manager, "source_actor", &["source_id", "external_id"], true).await?;
        index(manager, "source_actor", &["actor_id"], false).await?;
        index(manager, "source_actor", &["match_id"], false).await
    }
}

/// A source may have no actor, and owns members. `SQLite` cannot remove a NOT NULL, so there the table is created anew.
async fn change_sources(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let run = async |sql: &str| manager.get_connection().execute_unprepared(sql).await.map(drop);
    if manager.get_database_backend() == DbBackend::Postgres {
        run("ALTER TABLE source ALTER COLUMN actor_id DROP NOT NULL").await?;
        return run("ALTER TABLE source ADD COLUMN owned_fields jsonb NOT NULL DEFAULT '[]'").await;
    }
    let mut source = resource("source_anew");
    refers(&mut source, "actor_id", "actor", false);
    source.col(text("name")).col(text("id_scheme")).col(json_binary("owned_fields").default("[]"));
    manager.create_table(source).await?;
    run("INSERT INTO source_anew (id, version, created_at, updated_at, actor_id, name, id_scheme) \
         SELECT id, version, created_at, updated_at, actor_id, name, id_scheme FROM source")
    .await?;
    run("DROP TABLE source").await?;
    run("ALTER TABLE source_anew RENAME TO source").await?;
    index(manager, "source", &["actor_id", "name"], true).await
}

/// The name without its legal form, by which actors that may be the same are found.
async fn add_name_keys(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table("actor").add_column(text("name_key").default("")).take()).await?;
    let db = manager.get_connection();
    let select = Query::select().columns(["id", "name_fold"]).from("actor").take();
    for row in db.query_all(&select).await? {
        let (id, folded): (Uuid, String) = (row.try_get("", "id")?, row.try_get("", "name_fold")?);
        let update = Query::update().table("actor").value("name_key", name_key(&folded)).and_where(Expr::col("id").eq(id)).take();
        db.execute(&update).await?;
    }
    db.execute_unprepared("CREATE INDEX actor_by_name_key ON actor (name_key, id) WHERE deleted_at IS NULL").await.map(drop)
}

/// A copy of `registry::actors::rules::name_key` from the time of this migration. The service updates the column from then on.
fn name_key(folded: &str) -> String {
    const FORMS: &[&str] = &[
        "ab",
        "aktiebolag",
        "aktiebolaget",
        "publ",
        "hb",
        "handelsbolag",
        "kb",
        "kommanditbolag",
        "förening",
        "föreningen",
        "ideell",
        "ideella",
        "ekonomisk",
        "ekonomiska",
        "ek",
        "för",
        "stiftelse",
        "stiftelsen",
        "kommun",
        "kommunen",
        "ideel",
    ];
    let mut words: Vec<&str> = Vec::new();
    for word in folded.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    let kept: Vec<&str> = words.iter().copied().filter(|word| !FORMS.contains(word)).collect();
    if kept.is_empty() { words.join(" ") } else { kept.join(" ") }
}
