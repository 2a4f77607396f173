use actix_web::{get, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, policy::needs},
    actors::{ActorId, store as actors},
    kernel::{At, Db, Listed, Page, Paging, Query, Result},
};

/// Show an actor's history
///
/// Every version of the actor, newest first, with its changes. Each version is shown only to callers who could see the actor
/// with the visibility of that version. Members that are under secrecy now are hidden in all versions.
#[utoipa::path(tag = "actors", operation_id = "listActorHistory", params(Paging),
    responses((status = 200, description = "A page of versions", body = Page<VersionEntry>)))]
#[get("/actors/{actorId}/history")]
async fn list(
    by: By<needs::ReadRegistry>,
    At(id): At<ActorId>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<VersionEntry>> {
    actors::find(by.sight(), id, db.reader()).await?;
    Listed::from_pages(by, paging, async move |by, paging| store::list(by.sight(), id.uuid(), paging, by, &db).await).await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list);
}
