use actix_web::{get, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Query, Reply, Result, Valid, contract::Contract},
    records::store as records,
};

/// List secrecy marks
///
/// The marks on records whose actor or forum the caller holds the permission for, oldest first. With `reviewBefore` only those that
/// are due for review.
#[utoipa::path(tag = "disclosure", operation_id = "listSecrecyMarks", params(SecrecyMarkFilter, Paging),
    responses((status = 200, description = "A page of marks", body = Page<SecrecyMark>)))]
#[get("/secrecy-marks")]
async fn list(
    by: By<needs::ReadSecrecy>,
    Query(filter): Query<SecrecyMarkFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<SecrecyMark>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(&by.reach, &filter, paging, by, &db).await).await
}

/// Set a secrecy mark
///
/// Hides a member of a record, or the whole content of it. It stays visible to administrators, to those who lead the forum that owns
/// the record, and to those who administer the actor that owns it. For all others `redacted` lists the hidden members with the ground.
/// Required codes, days and references are never hidden.
#[utoipa::path(tag = "disclosure", operation_id = "createSecrecyMark", request_body = NewSecrecyMark,
    responses((status = 201, description = "The secrecy mark", body = SecrecyMark)))]
#[post("/secrecy-marks")]
async fn create(
    by: By<needs::WriteSecrecy>,
    new: Valid<NewSecrecyMark>,
    contract: Data<Contract>,
    db: Data<Db>,
) -> Result<Reply<SecrecyMark>> {
    db.write(&by, async |w| {
        let record = records::find_referenced(by.sight(), new.0.record_kind, new.0.record_id, &w.tx).await?;
        record.require(&by.reach)?;
        let mark = store::insert(&record, new.0.clone(), &contract, w).await?;
        Reply::created("/secrecy-marks", mark.id, mark.version, &mark)
    })
    .await
}

/// Show a secrecy mark
///
/// One mark by its id, even when it has been lifted.
#[utoipa::path(tag = "disclosure", operation_id = "getSecrecyMark",
    responses((status = 200, description = "The mark", body = SecrecyMark)))]
#[get("/secrecy-marks/{markId}")]
async fn show(by: By<needs::ReadSecrecy>, At(id): At<MarkId>, db: Data<Db>) -> Result<Reply<SecrecyMark>> {
    let mark = store::find(&by.reach, id, db.reader()).await?;
    let call = by.allowing(async |_, reach| store::find(reach, id, db.reader()).await.map(drop)).await?;
    Reply::shown(&call, mark.version, &mark)
}

/// Lift a secrecy mark
///
/// The hidden members are shown again. The mark stays on record, with the user who lifted it and the motive.
#[utoipa::path(tag = "disclosure", operation_id = "liftSecrecyMark", request_body = SecrecyMarkLift,
    responses((status = 200, description = "The lifted mark", body = SecrecyMark)))]
#[post("/secrecy-marks/{markId}/lift")]
async fn lift(by: By<needs::WriteSecrecy>, At(id): At<MarkId>, lift: Valid<SecrecyMarkLift>, db: Data<Db>) -> Result<Reply<SecrecyMark>> {
    db.write(&by, async |w| {
        let mark = store::find(&by.reach, id, &w.tx).await?;
        let mark = store::lift(&mark, &lift.0.motive, w).await?;
        Reply::changed(mark.version, &mark)
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(lift);
}
