use actix_web::{delete, get, patch, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{
        By, Reach,
        policy::{Permission, needs},
    },
    actors::store as actors,
    kernel::{At, Db, Listed, Page, Paging, Patch, Query, Reply, Result, Valid, reply::Nothing},
};

/// List mandates
///
/// The mandates that the caller can see, oldest first.
#[utoipa::path(tag = "mandates", operation_id = "listMandates", params(MandateFilter, Paging),
    responses((status = 200, description = "A page of mandates", body = Page<Mandate>)))]
#[get("/mandates")]
async fn list(
    by: By<needs::ReadRegistry>,
    Query(filter): Query<MandateFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Mandate>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(by.sight(), &filter, paging, by, &db).await).await
}

/// Register a mandate
///
/// States what an actor may do in a policy domain and an area, and on which ground.
#[utoipa::path(tag = "mandates", operation_id = "createMandate", request_body = NewMandate,
    responses((status = 201, description = "The registered mandate", body = Mandate)))]
#[post("/mandates")]
async fn create(by: By<needs::WriteMandates>, new: Valid<NewMandate>, db: Data<Db>) -> Result<Reply<Mandate>> {
    db.write(&by, async |w| {
        actors::may_write_records_of(by.sight(), &by.reach, new.0.actor_id, &w.tx).await?;
        let confirmer = store::confirmer(&by.reach, &new.0, &w.tx).await?;
        store::refuse_duplicate(by.sight(), &new.0, None, &w.tx).await?;
        let mandate = store::insert(new.0.clone(), confirmer, w).await?;
        Reply::created("/mandates", mandate.id, mandate.version, &mandate)
    })
    .await
}

/// Show a mandate
///
/// One mandate by its id.
#[utoipa::path(tag = "mandates", operation_id = "getMandate",
    responses((status = 200, description = "The mandate", body = Mandate)))]
#[get("/mandates/{mandateId}")]
async fn show(by: By<needs::ReadRegistry>, At(id): At<MandateId>, db: Data<Db>) -> Result<Reply<Mandate>> {
    let mandate = store::find(by.sight(), id, db.reader()).await?;
    let may = async |permission, reach: &Reach| match permission {
        Permission::ConfirmMandates => store::may_confirm(reach, &mandate.fields, db.reader()).await,
        _ => store::may_change(by.sight(), reach, &mandate.fields, db.reader()).await,
    };
    Reply::shown(&by.allowing(may).await?, mandate.version, &mandate)
}

/// Change a mandate
///
/// Merge patch: members that are left out stay as they are, null clears a member, and lists are replaced as a whole.
#[utoipa::path(tag = "mandates", operation_id = "updateMandate", request_body = Patch<NewMandate>,
    responses((status = 200, description = "The changed mandate", body = Mandate)))]
#[patch("/mandates/{mandateId}")]
async fn change(by: By<needs::WriteMandates>, At(id): At<MandateId>, patch: Patch<NewMandate>, db: Data<Db>) -> Result<Reply<Mandate>> {
    db.write(&by, async |w| {
        let mut mandate = store::find(by.sight(), id, &w.tx).await?;
        store::may_change(by.sight(), &by.reach, &mandate.fields, &w.tx).await?;
        by.expects(mandate.version)?;
        if let Some(changed) = patch.apply(mandate.id, &mandate.fields)? {
            if let Some(secrecy) = by.asked.secrecy.as_ref().filter(|_| changed.actor_id != mandate.fields.actor_id) {
                secrecy.refuse_moving(id.uuid(), "/actorId")?;
            }
            actors::may_write_records_of(by.sight(), &by.reach, changed.actor_id, &w.tx).await?;
            let confirmer = store::confirmer(&by.reach, &changed, &w.tx).await?;
            store::refuse_duplicate(by.sight(), &changed, Some(id), &w.tx).await?;
            mandate = store::update(&mandate, changed, confirmer, w).await?;
        }
        Reply::changed(mandate.version, &mandate)
    })
    .await
}

/// Confirm a mandate
///
/// For callers who hold the permission in the area of the mandate. After a later change by the actor's own users the mandate is no
/// longer confirmed.
#[utoipa::path(tag = "mandates", operation_id = "confirmMandate",
    responses((status = 200, description = "The confirmed mandate", body = Mandate)))]
#[post("/mandates/{mandateId}/confirm")]
async fn confirm(by: By<needs::ConfirmMandates>, At(id): At<MandateId>, db: Data<Db>) -> Result<Reply<Mandate>> {
    db.write(&by, async |w| {
        let mut mandate = store::find(by.sight(), id, &w.tx).await?;
        store::may_confirm(&by.reach, &mandate.fields, &w.tx).await?;
        if mandate.confirmed_by != Some(Confirmer::Coordinator) {
            mandate = store::update(&mandate, mandate.fields.clone(), Confirmer::Coordinator, w).await?;
        }
        Reply::changed(mandate.version, &mandate)
    })
    .await
}

/// Remove a mandate
///
/// For a mandate that was registered by mistake. Give a mandate that has ended a `validTo` instead.
#[utoipa::path(tag = "mandates", operation_id = "deleteMandate",
    responses((status = 204, description = "The mandate is removed")))]
#[delete("/mandates/{mandateId}")]
async fn remove(by: By<needs::WriteMandates>, At(id): At<MandateId>, db: Data<Db>) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        let mandate = store::find(by.sight(), id, &w.tx).await?;
        store::may_change(by.sight(), &by.reach, &mandate.fields, &w.tx).await?;
        by.expects(mandate.version)?;
        store::remove(&mandate, w).await?;
        Ok(Reply::no_content())
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(change).service(confirm).service(remove);
}
