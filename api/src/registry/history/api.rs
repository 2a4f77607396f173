use actix_web::{get, web::Data};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::store;
use crate::{
    access::{By, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Query, Result, events::ChangeOperation},
    registry::actors::{ActorId, store as actors},
};

/// A member that a version changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberChange {
    /// The member of the record.
    #[schema(example = "name")]
    pub member: String,
    /// What it was; null where there was nothing, or where it is hidden.
    pub before: Option<Value>,
    /// What it became; null where nothing is left, or where it is hidden.
    pub after: Option<Value>,
    /// Why neither is shown, where the member is under secrecy (sekretess): the law, chapter and paragraph.
    #[schema(example = "OSL 26:1")]
    pub ground: Option<String>,
}

/// A version of a record (version).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionEntry {
    pub version: i64,
    pub changed_at: DateTime<Utc>,
    /// The user who made it. Null for the installation itself, for who has been erased, for versions from before the history
    /// began, and where the change feed does not tell either.
    pub changed_by: Option<Uuid>,
    pub op: ChangeOperation,
    /// What it changed, compared with the version before it in this list. The first one tells all that it had.
    pub changes: Vec<MemberChange>,
}

/// Show an actor's history
///
/// Every version of the actor, newest first, with what it changed. A version is shown to those who could see the actor as
/// it was then, so what was for its own people alone stays so. What is under secrecy now is hidden in all versions.
#[utoipa::path(tag = "actors", operation_id = "listActorHistory", params(Paging),
    responses((status = 200, description = "A page of versions", body = Page<VersionEntry>)), extensions(("x-permission" = json!("registry.read"))))]
#[get("/actors/{actorId}/history")]
async fn list(
    by: By<needs::ReadRegistry>,
    At(id): At<ActorId>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<VersionEntry>> {
    actors::find(by.sight(), id, db.reader()).await?;
    Listed::of(by, paging, async move |by, paging| store::list(by.sight(), id.uuid(), paging, by, &db).await).await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list);
}
