use actix_web::{get, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Query, Reply, Result, Valid, contract::Contract},
    records::store as records,
};

/// List disclosures
///
/// The disclosures of records whose actor, forum or area the caller holds the permission for, oldest first.
#[utoipa::path(tag = "disclosure", operation_id = "listDisclosures", params(DisclosureFilter, Paging),
    responses((status = 200, description = "A page of disclosures", body = Page<RecordDisclosure>)))]
#[get("/disclosures")]
async fn list(
    by: By<needs::ReadDisclosures>,
    Query(filter): Query<DisclosureFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<RecordDisclosure>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(&by.reach, &filter, paging, by, &db).await).await
}

/// Disclose a record
///
/// Answers with the record as it can be handed out: everything under secrecy is masked, even if the caller can see it. The decision
/// and the content that is handed out are stored with a digest, and never change. The name of the person who asked for the record is
/// neither asked for nor stored.
#[utoipa::path(tag = "disclosure", operation_id = "createDisclosure", request_body = NewRecordDisclosure,
    responses((status = 201, description = "The decision and the content that was handed out", body = RecordDisclosure)))]
#[post("/disclosures")]
async fn create(
    by: By<needs::WriteDisclosures>,
    new: Valid<NewRecordDisclosure>,
    contract: Data<Contract>,
    db: Data<Db>,
) -> Result<Reply<RecordDisclosure>> {
    db.write(&by, async |w| {
        let record = records::find_referenced(by.sight(), new.0.record_kind, new.0.record_id, &w.tx).await?;
        record.require(&by.reach)?;
        let disclosure = store::insert(record, new.0.clone(), &contract, w).await?;
        Reply::created("/disclosures", disclosure.id, disclosure.version, &disclosure)
    })
    .await
}

/// Show a disclosure
///
/// One disclosure by its id, with the content that was handed out.
#[utoipa::path(tag = "disclosure", operation_id = "getDisclosure",
    responses((status = 200, description = "The disclosure", body = RecordDisclosure)))]
#[get("/disclosures/{disclosureId}")]
async fn show(by: By<needs::ReadDisclosures>, At(id): At<DisclosureId>, db: Data<Db>) -> Result<Reply<RecordDisclosure>> {
    let disclosure = store::find(&by.reach, id, db.reader()).await?;
    Reply::shown(&by, disclosure.version, &disclosure)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show);
}
