use std::collections::HashMap;

use actix_web::{HttpRequest, delete, get, patch, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{
        By,
        policy::{Permission, needs},
    },
    kernel::{
        At, Db, Listed, Page, Paging, Patch, Problem, Query, Rendered, Reply, Result, Valid, Write, fields, page::Selection, reply::Nothing,
    },
    mandates::store as mandates,
    relations::store as relations,
};

pub use batch::{ActorBatch, ActorOperation, CreateActor, DeleteActor, UpdateActor};

mod batch;

async fn register_one(by: &By<needs::WriteActors>, new: NewActor, w: &Write<'_>) -> Result<Actor> {
    store::may_write(&by.reach, &new, None, &w.tx).await?;
    store::may_set_parent(by.sight(), &by.reach, None, &new, &w.tx).await?;
    store::insert(new, by.sight(), w).await
}

async fn change_one(
    by: &By<needs::WriteActors>,
    id: ActorId,
    expects: impl Fn(i64) -> Result<()>,
    patch: &Patch<NewActor>,
    w: &Write<'_>,
) -> Result<Actor> {
    let actor = store::find_unless_merged(by.sight(), id, &w.tx).await?;
    store::may_write(&by.reach, &actor.fields, Some(id), &w.tx).await?;
    expects(actor.version)?;
    let Some(changed) = patch.apply(actor.id, &actor.fields)? else { return Ok(actor) };
    store::may_write(&by.reach, &changed, Some(id), &w.tx).await?;
    if changed.parent_id.is_some() && changed.parent_id != actor.fields.parent_id {
        // The users of the new parent get rights over the actor, which is more than a narrowed token may give.
        by.caller.is_whole(&by.reach)?;
    }
    store::may_set_parent(by.sight(), &by.reach, Some(&actor), &changed, &w.tx).await?;
    store::update(&actor, changed, by.sight(), w).await
}

/// Removes an actor and returns the version that it has after that.
async fn remove_one(by: &By<needs::WriteActors>, id: ActorId, expects: impl Fn(i64) -> Result<()>, w: &Write<'_>) -> Result<i64> {
    let actor = store::find_unless_merged(by.sight(), id, &w.tx).await?;
    store::may_write(&by.reach, &actor.fields, Some(id), &w.tx).await?;
    expects(actor.version)?;
    store::remove(&actor, w).await?;
    Ok(actor.version + 1)
}

/// Adds the related records to the actors, with one query per kind for the whole page. With `asOf` the actors and their records
/// are shown as they were on that day.
async fn expand(actors: &mut [Actor], expansion: &Expansion, by: &By<needs::ReadRegistry>, db: &Db) -> Result<()> {
    if let Some(day) = expansion.as_of {
        store::as_of(actors, day, by.asked.secrecy.as_ref(), db.reader()).await?;
    }
    let Some(asked) = expansion.expand.as_ref().filter(|asked| !asked.is_empty()) else { return Ok(()) };
    let ids: Vec<_> = actors.iter().map(|actor| actor.id).collect();
    let (mut mandates, mut relations) = (HashMap::new(), HashMap::new());
    if asked.contains(&ActorExpand::Mandates) {
        mandates = mandates::for_actors(by.sight(), &ids, expansion.as_of, by.asked.secrecy.as_ref(), db.reader()).await?;
    }
    if asked.contains(&ActorExpand::Relations) {
        relations = relations::for_actors(by.sight(), &ids, expansion.as_of, by.asked.secrecy.as_ref(), db.reader()).await?;
    }
    for actor in actors {
        let (mandates, relations) = (mandates.remove(&actor.id), relations.remove(&actor.id));
        actor.expanded = Some(ActorExpansion { mandates: mandates.unwrap_or_default(), relations: relations.unwrap_or_default() });
    }
    Ok(())
}

/// List actors
///
/// The actors that the caller can see, ordered by name unless `sort` says otherwise. With `removed=true`: the actors that were
/// removed within the last 30 days and that the caller may restore. That needs the permission `actors.write`; without it the
/// list is empty.
#[utoipa::path(tag = "actors", operation_id = "listActors", params(ActorFilter, Expansion, Paging),
    responses((status = 200, description = "A page of actors", body = Page<Actor>)))]
#[get("/actors")]
async fn list(
    by: By<needs::ReadRegistry>,
    Query(filter): Query<ActorFilter>,
    Query(expansion): Query<Expansion>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Rendered>> {
    let writes = match filter.removed {
        Some(true) => Some(by.caller.reach(Permission::WriteActors).unwrap_or_default()),
        _ => None,
    };
    Listed::from_pages(by, paging, async move |by, paging| {
        let page = store::list(by.sight(), (&filter, expansion.as_of, writes.as_ref()), paging, by, &db).await?;
        if expansion.is_empty() {
            return page.try_map(|row| store::shown(&row));
        }
        let mut page = page.try_map(store::view)?;
        expand(&mut page.items, &expansion, by, &db).await?;
        page.try_map(|actor| Rendered::of(&actor))
    })
    .await
}

/// Register an actor
///
/// An organisation number that another actor has as its own is refused, and `conflictsWith` has the address of that actor. A
/// branch may have the number of its parent, with the scope `parent`.
#[utoipa::path(tag = "actors", operation_id = "createActor", request_body = NewActor,
    responses((status = 201, description = "The registered actor", body = Actor)))]
#[post("/actors")]
async fn create(by: By<needs::WriteActors>, new: Valid<NewActor>, db: Data<Db>) -> Result<Reply<Actor>> {
    db.write(&by, async |w| {
        let actor = register_one(&by, new.0.clone(), w).await?;
        Reply::created("/actors", actor.id, actor.version, &actor)
    })
    .await
}

/// Show an actor
///
/// One actor by its id. When the actor was merged into another, the answer is a redirect (301) to that actor, which most
/// clients follow automatically. With `Prefer: handling=strict` the answer is instead a problem (410, `merged`) that names it.
#[utoipa::path(tag = "actors", operation_id = "getActor", params(Expansion, Selection),
    responses((status = 200, description = "The actor", body = Actor), (status = 301, description = "The actor was merged into another, whose address is in `Location`")))]
#[get("/actors/{actorId}")]
async fn show(
    by: By<needs::ReadRegistry>,
    At(id): At<ActorId>,
    Query(expansion): Query<Expansion>,
    request: HttpRequest,
    db: Data<Db>,
) -> Result<Reply<Rendered>> {
    let row = match store::find_row_unless_merged(by.sight(), id, db.reader()).await {
        Err(Problem { merged_into: Some(into), .. }) if !is_strict(&request) => {
            return Ok(Reply::moved("/actors", into, request.query_string()));
        }
        found => found?,
    };
    let version = row.version;
    let call =
        by.allowing(async |_, reach| store::may_write_in(reach, row.seat_area_id, row.parent_id, Some(id), db.reader()).await).await?;
    let shown = if expansion.is_empty() {
        store::shown(&row)?
    } else {
        let mut actor = store::view(row)?;
        expand(std::slice::from_mut(&mut actor), &expansion, &by, &db).await?;
        Rendered::of(&actor)?
    };
    Reply::shown(&call, version, &shown)
}

/// Change an actor
///
/// Merge patch: members that are left out stay as they are, null clears a member, and lists are replaced as a whole.
#[utoipa::path(tag = "actors", operation_id = "updateActor", request_body = Patch<NewActor>,
    responses((status = 200, description = "The changed actor", body = Actor)))]
#[patch("/actors/{actorId}")]
async fn change(by: By<needs::WriteActors>, At(id): At<ActorId>, patch: Patch<NewActor>, db: Data<Db>) -> Result<Reply<Actor>> {
    db.write(&by, async |w| {
        let actor = change_one(&by, id, |version| by.expects(version), &patch, w).await?;
        Reply::changed(actor.version, &actor)
    })
    .await
}

/// Remove an actor
///
/// The actor is no longer shown. Records that refer to it stay, and its identifiers become free for others. Within 30 days it
/// can be restored (`POST /actors/{actorId}/restore`); until then `GET /actors?removed=true` lists it for callers who may
/// restore it.
#[utoipa::path(tag = "actors", operation_id = "deleteActor",
    responses((status = 204, description = "The actor is removed")))]
#[delete("/actors/{actorId}")]
async fn remove(by: By<needs::WriteActors>, At(id): At<ActorId>, db: Data<Db>) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        remove_one(&by, id, |version| by.expects(version), w).await?;
        Ok(Reply::no_content())
    })
    .await
}

/// Whether the request has `Prefer: handling=strict` (RFC 7240).
fn is_strict(request: &HttpRequest) -> bool {
    fields::preference(request.headers(), "handling").is_some_and(|handling| handling == "strict")
}

/// Restore a removed actor
///
/// Possible within 30 days after the removal, for callers who may write the actor. The actor gets back its values and its
/// identifiers. When another actor has taken one of its numbers since, nothing is restored and `conflictsWith` names that actor.
#[utoipa::path(tag = "actors", operation_id = "restoreActor",
    responses((status = 200, description = "The restored actor", body = Actor)))]
#[post("/actors/{actorId}/restore")]
async fn restore(by: By<needs::WriteActors>, At(id): At<ActorId>, db: Data<Db>) -> Result<Reply<Actor>> {
    db.write(&by, async |w| {
        let removed = store::find_restorable(by.sight(), &by.reach, id, w).await?;
        let actor = store::restore(&removed, &by.caller, &by.reach, w).await?;
        Reply::changed(actor.version, &actor)
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(batch::change_many).service(list).service(create).service(show).service(change).service(remove).service(restore);
}
