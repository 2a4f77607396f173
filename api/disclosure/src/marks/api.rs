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
/// The marks within the caller's reach, oldest first. With `reviewBefore` those that are due for review.
#[utoipa::path(tag = "disclosure", operation_id = "listSecrecyMarks", params(SecrecyMarkFilter, Paging),
    responses((status = 200, description = "A page of marks", body = Page<SecrecyMark>)))]
#[get("/secrecy-marks")]
async fn list(
    by: By<needs::ReadSecrecy>,
    Query(filter): Query<SecrecyMarkFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<SecrecyMark>> {
    Listed::of(by, paging, async move |by, paging| store::list(&by.reach, &filter, paging, by, &db).await).await
}

/// Mark as secret
///
/// From now on the member, or all that the record says, is hidden from everybody but administrators and those who lead the
/// forum or administer the actor that owns the record. What is hidden stands in `redacted`, with its ground. Codes, days
/// and references that a record must have are never hidden, for without them it is no record.
#[utoipa::path(tag = "disclosure", operation_id = "createSecrecyMark", request_body = NewSecrecyMark,
    responses((status = 201, description = "The mark as set", body = SecrecyMark)))]
#[post("/secrecy-marks")]
async fn create(
    by: By<needs::WriteSecrecy>,
    new: Valid<NewSecrecyMark>,
    contract: Data<Contract>,
    db: Data<Db>,
) -> Result<Reply<SecrecyMark>> {
    db.write(&by, async |w| {
        let record = records::referred(by.sight(), new.0.record_kind, new.0.record_id, &w.tx).await?;
        record.require(&by.reach)?;
        let mark = store::insert(&record, new.0.clone(), &contract, w).await?;
        Reply::created("/secrecy-marks", mark.id, mark.version, &mark)
    })
    .await
}

/// Show a secrecy mark
///
/// One mark by its id, also when it has been lifted.
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
/// What was hidden is shown again. The mark is kept, with who lifted it and why.
#[utoipa::path(tag = "disclosure", operation_id = "liftSecrecyMark", request_body = SecrecyMarkLift,
    responses((status = 200, description = "The mark as lifted", body = SecrecyMark)))]
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
