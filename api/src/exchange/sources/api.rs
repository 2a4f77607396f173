use actix_web::{get, patch, post, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{SourceId, store};
use crate::{
    access::{
        By,
        policy::{Permission, needs},
    },
    kernel::{At, Db, Page, Paging, Patch, Query, Reply, Result, Valid, extract::trimmed},
    registry::actors::ActorId,
};

/// A source to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSource {
    /// The actor whose system it is; null for the installation's own, which only those write who may write everywhere.
    pub actor_id: Option<ActorId>,
    /// The system's name, such as `Föreningsregistret`.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    #[serde(deserialize_with = "trimmed")]
    pub name: String,
    /// What the system calls its ids, so that two systems' ids are never taken for each other's.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    #[serde(deserialize_with = "trimmed")]
    pub id_scheme: String,
    /// The members of an actor that the system keeps up to date. All others are written when an actor is created, and are
    /// then curated here.
    #[serde(default)]
    #[schema(max_items = 40, example = json!(["name", "website"]))]
    pub owned_fields: Vec<String>,
}

/// A partner system that records come from (källa).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    pub id: SourceId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewSource,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// List sources
///
/// The partner systems of the actors that the caller may see and of the installation itself, oldest first.
#[utoipa::path(tag = "exchange", operation_id = "listSources", params(Paging),
    responses((status = 200, description = "A page of sources", body = Page<Source>)), extensions(("x-permission" = json!("sources.read"))))]
#[get("/sources")]
async fn list(by: By<needs::ReadSources>, Query(paging): Query<Paging>, db: Data<Db>) -> Result<Reply<Page<Source>>> {
    Reply::page(&by, &store::list(by.sight(), &paging, &by, &db).await?)
}

/// Register a source
///
/// By whoever may write the actor; without an actor, by whoever may write everywhere. A service account is let in by a grant of role `service` with the source as its scope.
#[utoipa::path(tag = "exchange", operation_id = "createSource", request_body = NewSource,
    responses((status = 201, description = "The source as registered", body = Source)), extensions(("x-permission" = json!("sources.write"))))]
#[post("/sources")]
async fn create(by: By<needs::WriteSources>, new: Valid<NewSource>, db: Data<Db>) -> Result<Reply<Source>> {
    db.write(&by, async |w| {
        store::may_write(by.sight(), &by.reach, new.0.actor_id, &w.tx).await?;
        let source = store::insert(&new.0, w).await?;
        Reply::created("/sources", source.id, source.version, &source)
    })
    .await
}

/// Show a source
///
/// One source by its id.
#[utoipa::path(tag = "exchange", operation_id = "getSource",
    responses((status = 200, description = "The source", body = Source)), extensions(("x-permission" = json!("sources.read"))))]
#[get("/sources/{sourceId}")]
async fn show(by: By<needs::ReadSources>, At(id): At<SourceId>, db: Data<Db>) -> Result<Reply<Source>> {
    let source = store::find(by.sight(), id, db.reader()).await?;
    let call = by
        .allowing(async |permission, reach| match permission {
            Permission::SyncSources => store::may_sync(by.sight(), reach, &source, db.reader()).await,
            _ => store::may_write(by.sight(), reach, source.fields.actor_id, db.reader()).await,
        })
        .await?;
    Reply::shown(&call, source.version, &source)
}

/// Change a source
///
/// Merge patch: members left out stay.
#[utoipa::path(tag = "exchange", operation_id = "updateSource", request_body = Patch<NewSource>,
    responses((status = 200, description = "The source as it has become", body = Source)), extensions(("x-permission" = json!("sources.write"))))]
#[patch("/sources/{sourceId}")]
async fn change(by: By<needs::WriteSources>, At(id): At<SourceId>, patch: Patch<NewSource>, db: Data<Db>) -> Result<Reply<Source>> {
    db.write(&by, async |w| {
        let mut source = store::find(by.sight(), id, &w.tx).await?;
        store::may_write(by.sight(), &by.reach, source.fields.actor_id, &w.tx).await?;
        by.expects(source.version)?;
        if let Some(changed) = patch.apply(&source.fields)? {
            store::may_write(by.sight(), &by.reach, changed.actor_id, &w.tx).await?;
            source = store::update(&source, changed, w).await?;
        }
        Reply::changed(source.version, &source)
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(change);
}
