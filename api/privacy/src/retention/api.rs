use actix_web::{get, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Query, Reply, Result, Valid, record::Terms},
};

/// List runs of disposal
///
/// The protocols of all runs, oldest first.
#[utoipa::path(tag = "privacy", operation_id = "listRetentionRuns", params(Paging),
    responses((status = 200, description = "A page of runs", body = Page<RetentionRun>)))]
#[get("/retention-runs")]
async fn list(by: By<needs::RetainRecords>, Query(paging): Query<Paging>, db: Data<Db>) -> Result<Listed<RetentionRun>> {
    by.reach.require(&[], None, None)?;
    Listed::from_pages(by, paging, async move |by, paging| store::list(paging, by, &db).await).await
}

/// Dispose of data that has served its purpose
///
/// Applies all rules of disposal (gallring) at once; with `dryRun` it only counts. Answers with the protocol, which is kept. Data
/// under a legal hold is left alone and counted as held back.
#[utoipa::path(tag = "privacy", operation_id = "createRetentionRun", request_body = NewRetentionRun,
    responses((status = 201, description = "The protocol", body = RetentionRun,
        headers(("ETag" = String, description = "Identifies the protocol."), ("Location" = String, description = "The address of the protocol.")))))]
#[post("/retention-runs")]
async fn create(
    by: By<needs::RetainRecords>,
    new: Valid<NewRetentionRun>,
    terms: Data<Terms>,
    db: Data<Db>,
) -> Result<Reply<RetentionRun>> {
    by.reach.require(&[], None, None)?;
    db.write(&by, async |w| {
        let run = store::run(new.0.dry_run, &terms, w).await?;
        Reply::created("/retention-runs", run.id, 1, &run)
    })
    .await
}

/// Show a run of disposal
///
/// One protocol by its id.
#[utoipa::path(tag = "privacy", operation_id = "getRetentionRun",
    responses((status = 200, description = "The protocol", body = RetentionRun)))]
#[get("/retention-runs/{retentionRunId}")]
async fn show(by: By<needs::RetainRecords>, At(id): At<RetentionRunId>, db: Data<Db>) -> Result<Reply<RetentionRun>> {
    by.reach.require(&[], None, None)?;
    Reply::shown(&by, 1, &store::find(id, db.reader()).await?)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show);
}
