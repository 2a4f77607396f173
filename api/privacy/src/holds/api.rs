use actix_web::{delete, get, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Query, Reply, Result, Valid, reply::Nothing},
};

/// List legal holds
///
/// All holds, also those that have ended, oldest first.
#[utoipa::path(tag = "privacy", operation_id = "listLegalHolds", params(HoldFilter, Paging),
    responses((status = 200, description = "A page of legal holds", body = Page<LegalHold>)))]
#[get("/legal-holds")]
async fn list(
    by: By<needs::HoldRecords>,
    Query(filter): Query<HoldFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<LegalHold>> {
    by.reach.require(&[], None, None)?;
    Listed::from_pages(by, paging, async move |by, paging| store::list(&filter, paging, by, &db).await).await
}

/// Place a legal hold
///
/// From now on, or from `validFrom`, the record can be neither erased nor disposed of.
#[utoipa::path(tag = "privacy", operation_id = "createLegalHold", request_body = NewLegalHold,
    responses((status = 201, description = "The hold as placed", body = LegalHold)))]
#[post("/legal-holds")]
async fn create(by: By<needs::HoldRecords>, new: Valid<NewLegalHold>, db: Data<Db>) -> Result<Reply<LegalHold>> {
    by.reach.require(&[], None, None)?;
    db.write(&by, async |w| {
        let hold = store::insert(new.0.clone(), w).await?;
        Reply::created("/legal-holds", hold.id, hold.version, &hold)
    })
    .await
}

/// Show a legal hold
///
/// One hold by its id.
#[utoipa::path(tag = "privacy", operation_id = "getLegalHold",
    responses((status = 200, description = "The hold", body = LegalHold)))]
#[get("/legal-holds/{legalHoldId}")]
async fn show(by: By<needs::HoldRecords>, At(id): At<LegalHoldId>, db: Data<Db>) -> Result<Reply<LegalHold>> {
    by.reach.require(&[], None, None)?;
    let hold = store::find(id, db.reader()).await?;
    let call = by.allowing(async |_, reach| reach.require(&[], None, None)).await?;
    Reply::shown(&call, hold.version, &hold)
}

/// End a legal hold
///
/// The hold ends today and stays in the list, as evidence of which record was held and when.
#[utoipa::path(tag = "privacy", operation_id = "deleteLegalHold",
    responses((status = 204, description = "The hold has ended")))]
#[delete("/legal-holds/{legalHoldId}")]
async fn remove(by: By<needs::HoldRecords>, At(id): At<LegalHoldId>, db: Data<Db>) -> Result<Reply<Nothing>> {
    by.reach.require(&[], None, None)?;
    db.write(&by, async |w| {
        let hold = store::find(id, &w.tx).await?;
        by.expects(hold.version)?;
        store::end(&hold, w).await?;
        Ok(Reply::no_content())
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(remove);
}
