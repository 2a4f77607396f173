use actix_web::{get, post, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{LikenessId, store};
use crate::{
    access::{By, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Query, Reply, Result},
    registry::actors::{Actor, matching::MatchReason},
};

/// Two actors that may be one (likhet).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Likeness {
    pub id: LikenessId,
    /// Grows by one with each change.
    pub version: i64,
    /// The actor that was registered first.
    pub actor: Actor,
    /// The other.
    pub other_actor: Actor,
    /// What is alike, or was when it was found.
    pub reasons: Vec<MatchReason>,
    /// Who said that they are two; null until then.
    pub dismissed_by: Option<String>,
    pub dismissed_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Which likenesses to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct LikenessFilter {
    /// Those that somebody has said are two, or those that wait for somebody to say what they are.
    #[param(nullable = false)]
    pub dismissed: Option<bool>,
}

/// List likenesses
///
/// Actors that may be one and the same, oldest first: those of which the caller sees both and may write one. They are found
/// whoever registers or changes an actor, also by a source or an import. To make them one, merge them
/// (`POST /actors/{actorId}/merge`); one that is merged or removed is no longer listed.
#[utoipa::path(tag = "exchange", operation_id = "listLikenesses", params(LikenessFilter, Paging),
    responses((status = 200, description = "A page of likenesses", body = Page<Likeness>)), extensions(("x-permission" = json!("matches.read"))))]
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
    responses((status = 200, description = "The likeness as it has become", body = Likeness)), extensions(("x-permission" = json!("matches.decide"))))]
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
