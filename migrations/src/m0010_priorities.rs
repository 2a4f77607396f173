//! Rounds of prioritisation, their candidates and ballots, and the decisions taken.

use sea_orm_migration::{prelude::*, schema::*};

use super::columns::{index, refers, resource};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut round = resource("round");
        refers(&mut round, "forum_id", "forum", true);
        round
            .col(text("question"))
            .col(text("scope"))
            .col(text("horizon"))
            .col(json_binary("candidates"))
            .col(json_binary("criteria"))
            .col(text("method"))
            .col(text("tie_break"))
            .col(text("status"))
            .col(json_binary_null("result"))
            .col(text("visibility"));
        manager.create_table(round).await?;
        index(manager, "round", &["forum_id", "id"], false).await?;

        let mut candidate = Table::create();
        candidate.table("round_candidate");
        refers(&mut candidate, "round_id", "round", true);
        refers(&mut candidate, "intervention_id", "intervention", true);
        candidate.col(integer("ordinal")).primary_key(Index::create().col("round_id").col("intervention_id"));
        manager.create_table(candidate).await?;
        index(manager, "round_candidate", &["intervention_id", "round_id"], false).await?;

        let mut ballot = resource("ballot");
        refers(&mut ballot, "round_id", "round", true);
        refers(&mut ballot, "actor_id", "actor", true);
        ballot.col(json_binary("scores")).col(boolean("abstains")).col(text_null("conflict_of_interest"));
        manager.create_table(ballot).await?;
        index(manager, "ballot", &["round_id", "actor_id"], true).await?;

        let mut decision = resource("decision");
        refers(&mut decision, "round_id", "round", true);
        decision
            .col(json_binary("chosen"))
            .col(boolean("departs"))
            .col(text_null("reason"))
            .col(date("decided_on"))
            .col(text("visibility"));
        manager.create_table(decision).await?;
        index(manager, "decision", &["round_id"], true).await?;
        Ok(())
    }
}
