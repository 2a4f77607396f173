use actix_web::{get, patch, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{
        By,
        policy::{Permission, needs},
    },
    kernel::{At, Db, Listed, Page, Paging, Patch, Query, Reply, Result, Valid},
};

/// List sources
///
/// Returns the partner systems of the actors that the caller may see and those of the installation itself, oldest first.
#[utoipa::path(tag = "exchange", operation_id = "listSources", params(Paging),
    responses((status = 200, description = "A page of sources", body = Page<Source>)))]
#[get("/sources")]
async fn list(by: By<needs::ReadSources>, Query(paging): Query<Paging>, db: Data<Db>) -> Result<Listed<Source>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(by.sight(), paging, by, &db).await).await
}

/// Register a source
///
/// Registers a source of an actor that the caller may write. Without an actor, the caller must hold the permission
/// everywhere. A service account gets access to the source by a grant of the role `service` with the source as its scope.
#[utoipa::path(tag = "exchange", operation_id = "createSource", request_body = NewSource,
    responses((status = 201, description = "The source as registered", body = Source)))]
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
/// Returns one source by its id.
#[utoipa::path(tag = "exchange", operation_id = "getSource",
    responses((status = 200, description = "The source", body = Source)))]
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
/// The body is a merge patch: members that are left out keep their values.
#[utoipa::path(tag = "exchange", operation_id = "updateSource", request_body = Patch<NewSource>,
    responses((status = 200, description = "The source as it has become", body = Source)))]
#[patch("/sources/{sourceId}")]
async fn change(by: By<needs::WriteSources>, At(id): At<SourceId>, patch: Patch<NewSource>, db: Data<Db>) -> Result<Reply<Source>> {
    db.write(&by, async |w| {
        let mut source = store::find(by.sight(), id, &w.tx).await?;
        store::may_write(by.sight(), &by.reach, source.fields.actor_id, &w.tx).await?;
        by.expects(source.version)?;
        if let Some(changed) = patch.apply(source.id, &source.fields)? {
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
