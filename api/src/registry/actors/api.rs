use actix_web::{HttpRequest, delete, get, patch, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{
        By,
        policy::{Permission, needs},
    },
    kernel::{At, Db, Listed, Page, Paging, Patch, Problem, Query, Reply, Result, Valid, page::Selection, reply::Nothing},
};

pub use batch::{ActorBatch, ActorOperation, CreateActor, DeleteActor, UpdateActor};

mod batch;

/// List actors
///
/// The actors that the caller may see, by name unless sorted otherwise. With `removed=true` those that have been removed
/// within 30 days and that the caller may restore, for which it needs the permission `actors.write`; for others the list is
/// empty.
#[utoipa::path(tag = "actors", operation_id = "listActors", params(ActorFilter, Expansion, Paging),
    responses((status = 200, description = "A page of actors", body = Page<Actor>)), extensions(("x-permission" = json!("registry.read"))))]
#[get("/actors")]
async fn list(
    by: By<needs::ReadRegistry>,
    Query(filter): Query<ActorFilter>,
    Query(expansion): Query<Expansion>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Actor>> {
    let writes = match filter.removed {
        Some(true) => Some(by.caller.reach(Permission::WriteActors).unwrap_or_default()),
        _ => None,
    };
    Listed::of(by, paging, async move |by, paging| {
        let mut page = store::list(by.sight(), (&filter, expansion.as_of, writes.as_ref()), paging, by, &db).await?;
        expand(&mut page.items, &expansion, by, &db).await?;
        Ok(page)
    })
    .await
}

/// Register an actor
///
/// An organisation number that another actor has as its own is refused with the address of that actor; a branch may carry
/// its parent's number with the scope `parent`.
#[utoipa::path(tag = "actors", operation_id = "createActor", request_body = NewActor,
    responses((status = 201, description = "The actor as registered", body = Actor)), extensions(("x-permission" = json!("actors.write"))))]
#[post("/actors")]
async fn create(by: By<needs::WriteActors>, new: Valid<NewActor>, db: Data<Db>) -> Result<Reply<Actor>> {
    db.write(&by, async |w| {
        let actor = registered(&by, new.0.clone(), w).await?;
        Reply::created("/actors", actor.id, actor.version, &actor)
    })
    .await
}

/// Show an actor
///
/// One actor by its id. An actor that has become part of another is answered with the address of that one (301), which
/// most clients follow by themselves. With `Prefer: handling=strict` the answer is a problem (410, `merged`) that names it.
#[utoipa::path(tag = "actors", operation_id = "getActor", params(Expansion, Selection),
    responses((status = 200, description = "The actor", body = Actor), (status = 301, description = "It has become part of another actor, whose address is in `Location`")), extensions(("x-permission" = json!("registry.read"))))]
#[get("/actors/{actorId}")]
async fn show(
    by: By<needs::ReadRegistry>,
    At(id): At<ActorId>,
    Query(expansion): Query<Expansion>,
    request: HttpRequest,
    db: Data<Db>,
) -> Result<Reply<Actor>> {
    let mut actor = match store::find_or_told(by.sight(), id, db.reader()).await {
        Err(Problem { merged_into: Some(into), .. }) if !is_strict(&request) => {
            return Ok(Reply::moved("/actors", into, request.query_string()));
        }
        found => found?,
    };
    expand(std::slice::from_mut(&mut actor), &expansion, &by, &db).await?;
    let call = by.allowing(async |_, reach| store::may_write(reach, &actor.fields, Some(id), db.reader()).await).await?;
    Reply::shown(&call, actor.version, &actor)
}

/// Change an actor
///
/// Merge patch: members left out stay, null clears, lists are replaced whole.
#[utoipa::path(tag = "actors", operation_id = "updateActor", request_body = Patch<NewActor>,
    responses((status = 200, description = "The actor as it has become", body = Actor)), extensions(("x-permission" = json!("actors.write"))))]
#[patch("/actors/{actorId}")]
async fn change(by: By<needs::WriteActors>, At(id): At<ActorId>, patch: Patch<NewActor>, db: Data<Db>) -> Result<Reply<Actor>> {
    db.write(&by, async |w| {
        let actor = changed(&by, id, |version| by.expects(version), &patch, w).await?;
        Reply::changed(actor.version, &actor)
    })
    .await
}

/// Remove an actor
///
/// The actor is no longer shown; what refers to it stays, and its identifiers become free. Within 30 days it can be restored
/// (`POST /actors/{actorId}/restore`), and until then it stands in `GET /actors?removed=true` for those who may.
#[utoipa::path(tag = "actors", operation_id = "deleteActor",
    responses((status = 204, description = "The actor is removed")), extensions(("x-permission" = json!("actors.write"))))]
#[delete("/actors/{actorId}")]
async fn remove(by: By<needs::WriteActors>, At(id): At<ActorId>, db: Data<Db>) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        removed(&by, id, |version| by.expects(version), w).await?;
        Ok(Reply::nothing())
    })
    .await
}

/// Whether the caller wants to be told of anything unusual instead of having it smoothed over (RFC 7240).
fn is_strict(request: &HttpRequest) -> bool {
    let preferences = request.headers().get_all("prefer").filter_map(|value| value.to_str().ok());
    preferences.flat_map(|value| value.split([',', ';'])).any(|preference| {
        preference
            .trim()
            .split_once('=')
            .is_some_and(|(name, value)| name.trim() == "handling" && value.trim().trim_matches('"') == "strict")
    })
}

/// Restore a removed actor
///
/// Within 30 days after it was removed, by who may write it. It is as it was, with its identifiers. When another actor has
/// taken one of its numbers meanwhile nothing is restored, and that actor is named.
#[utoipa::path(tag = "actors", operation_id = "restoreActor",
    responses((status = 200, description = "The actor as restored", body = Actor)), extensions(("x-permission" = json!("actors.write"))))]
#[post("/actors/{actorId}/restore")]
async fn restore(by: By<needs::WriteActors>, At(id): At<ActorId>, db: Data<Db>) -> Result<Reply<Actor>> {
    db.write(&by, async |w| {
        let removed = store::restoring(by.sight(), &by.reach, id, w).await?;
        let actor = store::restore(&removed, &by.caller, &by.reach, w).await?;
        Reply::changed(actor.version, &actor)
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(batch::change_many).service(list).service(create).service(show).service(change).service(remove).service(restore);
}
