use actix_web::{get, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Query, Reply, Result},
};

/// List likenesses
///
/// Actors that may be one and the same, oldest first: those of which the caller sees both and may write one. They are found
/// whoever registers or changes an actor, also by a source or an import. To make them one, merge them
/// (`POST /actors/{actorId}/merge`); one that is merged or removed is no longer listed.
#[utoipa::path(tag = "exchange", operation_id = "listLikenesses", params(LikenessFilter, Paging),
    responses((status = 200, description = "A page of likenesses", body = Page<Likeness>)))]
#[get("/likenesses")]
async fn list(
    by: By<needs::ReadMatches>,
    Query(filter): Query<LikenessFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Likeness>> {
    Listed::of(by, paging, async move |by, paging| store::list(by.sight(), &by.reach, &filter, paging, by, &db).await).await
}

/// Say that they are two
///
/// By whoever may write both, or coordinates where one of them has its seat; where one came with the reference data, as a
/// municipality does, by whoever may write that one. It is not listed as waiting any more, unless something else becomes alike.
#[utoipa::path(tag = "exchange", operation_id = "dismissLikeness",
    responses((status = 200, description = "The likeness as it has become", body = Likeness)))]
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
