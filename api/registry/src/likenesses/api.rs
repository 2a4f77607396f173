use actix_web::{get, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Query, Reply, Result},
};

/// List likenesses
///
/// Pairs of actors that may be the same organisation, oldest first. A pair is listed when the caller can see both actors and may
/// write one of them. Likenesses are found whenever an actor is registered or changed, also by a source or an import. To make
/// the two actors one, merge them (`POST /actors/{actorId}/merge`). A pair with a merged or removed actor is no longer listed.
#[utoipa::path(tag = "exchange", operation_id = "listLikenesses", params(LikenessFilter, Paging),
    responses((status = 200, description = "A page of likenesses", body = Page<Likeness>)))]
#[get("/likenesses")]
async fn list(
    by: By<needs::ReadMatches>,
    Query(filter): Query<LikenessFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Likeness>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(by.sight(), &by.reach, &filter, paging, by, &db).await).await
}

/// Dismiss a likeness
///
/// States that the two actors are different organisations. The caller must be allowed to write both actors, or hold the permission
/// in the area of the seat of one of them. When one of them came with the reference data, such as a municipality, the caller must
/// be allowed to write that one. The likeness no longer waits for a decision, until the actors become alike in another way.
#[utoipa::path(tag = "exchange", operation_id = "dismissLikeness",
    responses((status = 200, description = "The dismissed likeness", body = Likeness)))]
#[post("/likenesses/{likenessId}/dismiss")]
async fn dismiss(by: By<needs::DecideMatches>, At(id): At<LikenessId>, db: Data<Db>) -> Result<Reply<Likeness>> {
    db.write(&by, async |w| {
        let likeness = store::dismiss(by.sight(), &by.reach, id, w).await?;
        Reply::changed(likeness.version, &likeness)
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(dismiss);
}
