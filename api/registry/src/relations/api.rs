use actix_web::{delete, get, patch, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Patch, Query, Reply, Result, Valid, reply::Nothing},
};

/// List relations
///
/// The relations between actors, oldest first. A relation is shown to callers who can see both actors.
#[utoipa::path(tag = "actors", operation_id = "listActorRelations", params(RelationFilter, Paging),
    responses((status = 200, description = "A page of relations", body = Page<ActorRelation>)))]
#[get("/actor-relations")]
async fn list(
    by: By<needs::ReadRegistry>,
    Query(filter): Query<RelationFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<ActorRelation>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(by.sight(), &filter, paging, by, &db).await).await
}

/// Register a relation
///
/// States that an actor is a member of another, or its successor. The caller must be allowed to write the actor, and must hold
/// the permission for the other actor or in the area of the actor's seat. A relation that already exists for a part of the period
/// is refused, and `conflictsWith` has its address. A succession that forms a circle is refused.
#[utoipa::path(tag = "actors", operation_id = "createActorRelation", request_body = NewActorRelation,
    responses((status = 201, description = "The registered relation", body = ActorRelation)))]
#[post("/actor-relations")]
async fn create(by: By<needs::WriteActors>, new: Valid<NewActorRelation>, db: Data<Db>) -> Result<Reply<ActorRelation>> {
    db.write(&by, async |w| {
        store::may_write(by.sight(), &by.reach, &new.0, &w.tx).await?;
        let relation = store::insert(new.0.clone(), w).await?;
        Reply::created("/actor-relations", relation.id, relation.version, &relation)
    })
    .await
}

/// Show a relation
///
/// One relation by its id.
#[utoipa::path(tag = "actors", operation_id = "getActorRelation",
    responses((status = 200, description = "The relation", body = ActorRelation)))]
#[get("/actor-relations/{relationId}")]
async fn show(by: By<needs::ReadRegistry>, At(id): At<RelationId>, db: Data<Db>) -> Result<Reply<ActorRelation>> {
    let relation = store::find(by.sight(), id, by.asked.secrecy.as_ref(), db.reader()).await?;
    let call = by.allowing(async |_, reach| store::may_write(by.sight(), reach, &relation.fields, db.reader()).await).await?;
    Reply::shown(&call, relation.version, &relation)
}

/// Change a relation
///
/// Merge patch: members that are left out stay as they are, null clears a member, and lists are replaced as a whole.
#[utoipa::path(tag = "actors", operation_id = "updateActorRelation", request_body = Patch<NewActorRelation>,
    responses((status = 200, description = "The changed relation", body = ActorRelation)))]
#[patch("/actor-relations/{relationId}")]
async fn change(
    by: By<needs::WriteActors>,
    At(id): At<RelationId>,
    patch: Patch<NewActorRelation>,
    db: Data<Db>,
) -> Result<Reply<ActorRelation>> {
    db.write(&by, async |w| {
        let mut relation = store::find(by.sight(), id, by.asked.secrecy.as_ref(), &w.tx).await?;
        store::may_write(by.sight(), &by.reach, &relation.fields, &w.tx).await?;
        by.expects(relation.version)?;
        store::require_not_derived(&relation)?;
        if let Some(changed) = patch.apply(relation.id, &relation.fields)? {
            store::may_write(by.sight(), &by.reach, &changed, &w.tx).await?;
            relation = store::update(&relation, changed, w).await?;
        }
        Reply::changed(relation.version, &relation)
    })
    .await
}

/// Remove a relation
///
/// For a relation that was registered by mistake. Give a relation that has ended a `validTo` instead.
#[utoipa::path(tag = "actors", operation_id = "deleteActorRelation",
    responses((status = 204, description = "The relation is removed")))]
#[delete("/actor-relations/{relationId}")]
async fn remove(by: By<needs::WriteActors>, At(id): At<RelationId>, db: Data<Db>) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        let relation = store::find(by.sight(), id, by.asked.secrecy.as_ref(), &w.tx).await?;
        store::may_write(by.sight(), &by.reach, &relation.fields, &w.tx).await?;
        by.expects(relation.version)?;
        store::require_not_derived(&relation)?;
        store::remove(&relation, w).await?;
        Ok(Reply::no_content())
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(change).service(remove);
}
