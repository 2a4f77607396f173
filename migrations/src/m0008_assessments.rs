//! Shared situation assessments with findings, evidence, causes, endorsements and revisions.

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
        let mut assessment = resource("assessment");
        named(&mut assessment, "title");
        refers(&mut assessment, "forum_id", "forum", true);
        refers(&mut assessment, "area_id", "area", true);
        assessment.col(text_null("purpose")).col(text("status")).col(text("visibility"));
        period(&mut assessment);
        assessment.col(timestamp_with_time_zone_null("deleted_at"));
        manager.create_table(assessment).await?;
        index(manager, "assessment", &["title_sort", "id"], false).await?;
        index(manager, "assessment", &["forum_id"], false).await?;

        let mut finding = resource("finding");
        refers(&mut finding, "assessment_id", "assessment", true);
        finding.col(text("kind")).col(text("statement")).col(json_binary("policy_domains"));
        manager.create_table(finding).await?;
        index(manager, "finding", &["assessment_id", "id"], false).await?;

        let mut evidence = resource("evidence");
        refers(&mut evidence, "finding_id", "finding", true);
        evidence.col(text("kind")).col(text_null("note")).col(json_binary("query")).col(text("answer")).col(text("digest"));
        manager.create_table(evidence).await?;
        index(manager, "evidence", &["finding_id", "id"], false).await?;

        let mut seen = Table::create();
        seen.table("evidence_observation");
        refers(&mut seen, "evidence_id", "evidence", true);
        refers(&mut seen, "observation_id", "observation", true);
        seen.primary_key(Index::create().col("evidence_id").col("observation_id"));
        manager.create_table(seen).await?;
        index(manager, "evidence_observation", &["observation_id", "evidence_id"], false).await?;

        let mut cause = resource("cause");
        refers(&mut cause, "assessment_id", "assessment", true);
        cause
            .col(text("statement"))
            .col(text_null("mechanism"))
            .col(text("level"))
            .col(text_null("explanation"))
            .col(boolean("structural"))
            .col(text_null("confidence"))
            .col(json_binary("policy_domains"))
            .col(json_binary("findings"));
        manager.create_table(cause).await?;
        index(manager, "cause", &["assessment_id", "id"], false).await?;

        let mut explains = Table::create();
        explains.table("cause_finding");
        refers(&mut explains, "cause_id", "cause", true);
        refers(&mut explains, "finding_id", "finding", true);
        explains.primary_key(Index::create().col("cause_id").col("finding_id"));
        manager.create_table(explains).await?;
        index(manager, "cause_finding", &["finding_id", "cause_id"], false).await?;

        let mut endorsement = resource("endorsement");
        refers(&mut endorsement, "assessment_id", "assessment", true);
        refers(&mut endorsement, "actor_id", "actor", true);
        endorsement.col(text("position")).col(text_null("reason"));
        manager.create_table(endorsement).await?;
        index(manager, "endorsement", &["assessment_id", "actor_id"], true).await?;

        let mut revision = Table::create();
        revision.table("revision").col(uuid("id").primary_key());
        refers(&mut revision, "assessment_id", "assessment", true);
        revision
            .col(integer("number"))
            .col(text("content"))
            .col(text("digest"))
            .col(timestamp_with_time_zone("published_at"))
            .col(text("published_by_name"));
        manager.create_table(revision).await?;
        index(manager, "revision", &["assessment_id", "number"], true).await?;
        Ok(())
    }
}
