use actix_web::{get, post, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{RetentionRunId, Rule, store};
use crate::{
    access::{By, policy::needs, users::UserId},
    config::Config,
    kernel::{At, Db, Listed, Page, Paging, Query, Reply, Result, Valid},
};

/// A run of disposal to be made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewRetentionRun {
    /// Whether to count only, and remove nothing.
    pub dry_run: bool,
}

/// The protocol of a run of disposal (gallringsprotokoll).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetentionRun {
    pub id: RetentionRunId,
    pub started_at: DateTime<Utc>,
    /// Who started it; null for the installation itself.
    pub started_by: Option<UserId>,
    /// Whether it counted only, and removed nothing.
    pub dry_run: bool,
    /// What became of each rule.
    pub rules: Vec<RuleOutcome>,
}

/// What a run did by one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleOutcome {
    pub rule: Rule,
    /// The days that the rule said at the time.
    #[schema(format = Int32)]
    pub days: i64,
    /// How many were due.
    pub found: i64,
    /// How many were removed; for accounts, erased.
    pub removed: i64,
    /// How many were due but must be kept, by a legal hold or by law.
    pub held_back: i64,
}

/// List runs of disposal
///
/// The protocols of all runs, oldest first.
#[utoipa::path(tag = "privacy", operation_id = "listRetentionRuns", params(Paging),
    responses((status = 200, description = "A page of runs", body = Page<RetentionRun>)), extensions(("x-permission" = json!("privacy.retain"))))]
#[get("/retention-runs")]
async fn list(by: By<needs::RetainRecords>, Query(paging): Query<Paging>, db: Data<Db>) -> Result<Listed<RetentionRun>> {
    by.reach.require(&[], None, None)?;
    Listed::of(by, paging, async move |by, paging| store::list(paging, by, &db).await).await
}

/// Dispose of what has served its purpose
///
/// Carries out all rules of disposal (gallring) at once, or counts only when `dryRun` says so. Answers with the protocol, which is
/// kept. What is under a legal hold is left alone and counted as held back.
#[utoipa::path(tag = "privacy", operation_id = "createRetentionRun", request_body = NewRetentionRun,
    responses((status = 201, description = "The protocol", body = RetentionRun,
        headers(("ETag" = String, description = "Identifies the protocol."), ("Location" = String, description = "Where the protocol is.")))),
    extensions(("x-permission" = json!("privacy.retain"))))]
#[post("/retention-runs")]
async fn create(
    by: By<needs::RetainRecords>,
    new: Valid<NewRetentionRun>,
    config: Data<Config>,
    db: Data<Db>,
) -> Result<Reply<RetentionRun>> {
    by.reach.require(&[], None, None)?;
    db.write(&by, async |w| {
        let run = store::run(new.0.dry_run, &config.retention(), w).await?;
        Reply::created("/retention-runs", run.id, 1, &run)
    })
    .await
}

/// Show a run of disposal
///
/// One protocol by its id.
#[utoipa::path(tag = "privacy", operation_id = "getRetentionRun",
    responses((status = 200, description = "The protocol", body = RetentionRun)), extensions(("x-permission" = json!("privacy.retain"))))]
#[get("/retention-runs/{retentionRunId}")]
async fn show(by: By<needs::RetainRecords>, At(id): At<RetentionRunId>, db: Data<Db>) -> Result<Reply<RetentionRun>> {
    by.reach.require(&[], None, None)?;
    Reply::shown(&by, 1, &store::find(id, db.reader()).await?)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show);
}
