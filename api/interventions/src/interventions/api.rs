use actix_web::{delete, get, patch, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Patch, Query, Reply, Result, Valid, page::Selection, reply::Nothing},
};

/// List interventions
///
/// The interventions that the caller can see, ordered by title. `causes` has only those that the caller can see, and `forumId` is null
/// unless the caller belongs to the forum.
#[utoipa::path(tag = "interventions", operation_id = "listInterventions", params(InterventionFilter, Paging),
    responses((status = 200, description = "A page of interventions", body = Page<Intervention>)))]
#[get("/interventions")]
async fn list(
    by: By<needs::ReadInterventions>,
    Query(filter): Query<InterventionFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Intervention>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(by.sight(), &filter, paging, by, &db).await).await
}

/// Register an intervention
///
/// The caller must hold the permission for the owner, or in the area of the owner's seat.
#[utoipa::path(tag = "interventions", operation_id = "createIntervention", request_body = NewIntervention,
    responses((status = 201, description = "The registered intervention", body = Intervention)))]
#[post("/interventions")]
async fn create(by: By<needs::WriteInterventions>, new: Valid<NewIntervention>, db: Data<Db>) -> Result<Reply<Intervention>> {
    db.write(&by, async |w| {
        store::may_write(by.sight(), &by.reach, &new.0, &w.tx).await?;
        let intervention = store::insert(by.sight(), new.0.clone(), w).await?;
        Reply::created("/interventions", intervention.id, intervention.version, &intervention)
    })
    .await
}

/// Show an intervention
///
/// One intervention by its id. `causes` has only those that the caller can see, and `forumId` is null unless the caller belongs to
/// the forum.
#[utoipa::path(tag = "interventions", operation_id = "getIntervention", params(Selection),
    responses((status = 200, description = "The intervention", body = Intervention)))]
#[get("/interventions/{interventionId}")]
async fn show(by: By<needs::ReadInterventions>, At(id): At<InterventionId>, db: Data<Db>) -> Result<Reply<Intervention>> {
    let intervention = store::find(by.sight(), id, db.reader()).await?;
    let call = by.allowing(async |_, reach| store::may_change(by.sight(), reach, &intervention.fields, db.reader()).await).await?;
    Reply::shown(&call, intervention.version, &intervention)
}

/// Change an intervention
///
/// Merge patch: members that are left out stay as they are, null clears a member, and lists are replaced as a whole. Causes that the
/// caller cannot see stay.
#[utoipa::path(tag = "interventions", operation_id = "updateIntervention", request_body = Patch<NewIntervention>,
    responses((status = 200, description = "The changed intervention", body = Intervention)))]
#[patch("/interventions/{interventionId}")]
async fn change(
    by: By<needs::WriteInterventions>,
    At(id): At<InterventionId>,
    patch: Patch<NewIntervention>,
    db: Data<Db>,
) -> Result<Reply<Intervention>> {
    db.write(&by, async |w| {
        let mut intervention = store::find(by.sight(), id, &w.tx).await?;
        store::may_change(by.sight(), &by.reach, &intervention.fields, &w.tx).await?;
        by.expects(intervention.version)?;
        if let Some(changed) = patch.apply(intervention.id, &intervention.fields)? {
            store::may_write(by.sight(), &by.reach, &changed, &w.tx).await?;
            intervention = store::update(by.sight(), &intervention, changed, w).await?;
        }
        Reply::changed(intervention.version, &intervention)
    })
    .await
}

/// Remove an intervention
///
/// For an intervention that was registered by mistake. Give one that has ended the status `completed` or `cancelled` instead.
#[utoipa::path(tag = "interventions", operation_id = "deleteIntervention",
    responses((status = 204, description = "The intervention is removed")))]
#[delete("/interventions/{interventionId}")]
async fn remove(by: By<needs::WriteInterventions>, At(id): At<InterventionId>, db: Data<Db>) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        let intervention = store::find(by.sight(), id, &w.tx).await?;
        store::may_change(by.sight(), &by.reach, &intervention.fields, &w.tx).await?;
        by.expects(intervention.version)?;
        store::remove(&intervention, w).await?;
        Ok(Reply::no_content())
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(change).service(remove);
}
