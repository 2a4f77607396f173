use actix_web::{delete, get, post, put, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{Link, store, types::*};
use crate::{
    access::{By, Sight, policy::needs},
    kernel::{
        At, Db, Listed, Page, Paging, Patch, Problem, Query, Reply, Result, Valid, hash::digest128, percent, reply::Nothing, request::Call,
        text,
    },
    matches::store as matches,
    registry::actors::{Actor, ActorId, NewActor, matching},
    sources::{
        Source, SourceId, store as sources,
        sync::{self, Incoming, SyncResult, Syncing},
    },
};

/// List records of a source
///
/// Returns the records of a source in the order of their ids in the source. Each record has its actor and the members that
/// were not written.
#[utoipa::path(tag = "exchange", operation_id = "listSourceActors", params(LinkFilter, Paging),
    responses((status = 200, description = "A page of records", body = Page<SourceActor>)))]
#[get("/sources/{sourceId}/actors")]
async fn list(
    by: By<needs::SyncSources>,
    At(id): At<SourceId>,
    Query(mut filter): Query<LinkFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<SourceActor>> {
    let source = sources::find_for_sync(by.sight(), &by.reach, id, db.reader()).await?;
    filter.external_id = filter.external_id.as_deref().map(text::composed);
    Listed::from_pages(by, paging, async move |by, paging| {
        let page = store::list(source.id, &filter, paging, by, &db).await?;
        let ids: Vec<ActorId> = page.items.iter().filter_map(|link| link.actor_id).collect();
        let actors = matching::by_ids(&ids, db.reader()).await?;
        page.try_map(|link| {
            let actor = link.actor_id.and_then(|id| actors.get(&id));
            view(&link, actor, &source, by.sight(), by)
        })
    })
    .await
}

/// Show a record of a source
///
/// Returns one record by its id in the source.
#[utoipa::path(tag = "exchange", operation_id = "getSourceActor",
    responses((status = 200, description = "The record", body = SourceActor)))]
#[get("/sources/{sourceId}/actors/{externalId}")]
async fn show(by: By<needs::SyncSources>, At((id, external_id)): At<(SourceId, String)>, db: Data<Db>) -> Result<Reply<SourceActor>> {
    let source = sources::find_for_sync(by.sight(), &by.reach, id, db.reader()).await?;
    let external_id = parse_known_external_id(&external_id)?;
    let link = store::find(source.id, &external_id, db.reader()).await?;
    let actor = match link.actor_id {
        Some(id) => matching::by_ids(&[id], db.reader()).await?.remove(&id),
        None => None,
    };
    let shown = view(&link, actor.as_ref(), &source, by.sight(), &by)?;
    let call = by.allowing(async |_, reach| sources::may_sync(by.sight(), reach, &source, db.reader()).await).await?;
    Reply::composed(&call, 200, link.version, &shown)
}

/// Send a record of a source
///
/// Members that are absent are left as they are; null clears a member. A new record becomes an actor with all members that
/// are given, unless it may be an actor that already exists: then the record is held (202), and `Location` is the match
/// that waits for a person's decision. For later records only the members that the source owns are written, except those
/// that somebody has changed here since; `leftAlone` names the members that were not written. Sending the same record again
/// writes nothing. `If-Match` may be left out.
#[utoipa::path(tag = "exchange", operation_id = "upsertSourceActor", request_body = Patch<NewActor>,
    responses((status = 200, description = "The record, changed or as it was", body = SourceActor),
        (status = 201, description = "The record with the actor that was created", body = SourceActor),
        (status = 202, description = "The record is held for a person's decision", body = SourceActor)))]
#[put("/sources/{sourceId}/actors/{externalId}")]
async fn send(
    by: By<needs::SyncSources>,
    At((id, external_id)): At<(SourceId, String)>,
    record: Patch<NewActor>,
    db: Data<Db>,
) -> Result<Reply<SourceActor>> {
    db.write(&by, async |w| {
        let source = sources::find_for_sync(by.sight(), &by.reach, id, &w.tx).await?;
        let external_id = parse_external_id(&external_id)?;
        let (fields, contract) = record.parts();
        if by.asked.if_match.is_some() {
            by.expects(store::find(source.id, &external_id, &w.tx).await?.version)?;
        }
        let syncing = Syncing { source: &source, sight: by.sight(), reach: &by.reach, contract };
        let mut outcomes = sync::apply(vec![Incoming { external_id, fields, ..Incoming::default() }], &syncing, w).await?;
        let outcome = outcomes.pop().ok_or_else(|| Problem::internal(&"a record without an outcome"))?;
        if let Some(problem) = outcome.problem {
            return Err(problem);
        }
        let link = outcome.link.ok_or_else(|| Problem::internal(&"a record without a link"))?;
        let shown = view(&link, outcome.actor.as_ref(), &source, by.sight(), w.call)?;
        let reply = |status| Reply::composed(&Call::default(), status, link.version, &shown);
        Ok(match (outcome.result, link.match_id) {
            (SyncResult::Created, _) => {
                reply(201)?.with_location(&format!("/sources/{}/actors/{}", source.id, percent::encode(&link.external_id)))
            }
            (_, Some(held)) => reply(202)?.located_record("/matches", held),
            _ => reply(200)?,
        })
    })
    .await
}

/// Unlink a record
///
/// Removes the link; the actor remains. A record that is held is withdrawn. A record that is sent again later is a new
/// record.
#[utoipa::path(tag = "exchange", operation_id = "deleteSourceActor",
    responses((status = 204, description = "The link is removed")))]
#[delete("/sources/{sourceId}/actors/{externalId}")]
async fn unlink(by: By<needs::SyncSources>, At((id, external_id)): At<(SourceId, String)>, db: Data<Db>) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        let source = sources::find_for_sync(by.sight(), &by.reach, id, &w.tx).await?;
        sources::lock(source.id, w).await?;
        let link = store::find(source.id, &parse_known_external_id(&external_id)?, &w.tx).await?;
        by.expects(link.version)?;
        store::remove(&link, &source, w).await?;
        if let Some(held) = link.match_id {
            matches::withdraw(held, &source, w).await?;
        }
        Ok(Reply::no_content())
    })
    .await
}

/// Report all records of a source
///
/// Known records whose ids are not in the list are marked as absent (`absentSince`); those whose ids are in the list lose
/// that mark. No actor is changed and nothing is removed. Sending the same list again changes nothing.
#[utoipa::path(tag = "exchange", operation_id = "createFullSync", request_body = FullSync,
    responses((status = 200, description = "The numbers of marked records", body = FullSyncReport,
        headers(("ETag" = String, description = "Identifies this result.")))))]
#[post("/sources/{sourceId}/full-syncs")]
async fn full_sync(by: By<needs::SyncSources>, At(id): At<SourceId>, full: Valid<FullSync>, db: Data<Db>) -> Result<Reply<FullSyncReport>> {
    let has: store::IdDigests = full.0.external_ids.iter().map(|id| digest128(id)).collect();
    db.write(&by, async |w| {
        let source = sources::find_for_sync(by.sight(), &by.reach, id, &w.tx).await?;
        sources::lock(source.id, w).await?;
        Reply::computed(&Call::default(), &store::full_sync(&source, &has, w).await?)
    })
    .await
}

/// Returns a record as the caller may see it.
fn view(link: &Link, actor: Option<&Actor>, source: &Source, sight: &Sight, call: &Call) -> Result<SourceActor> {
    let seen = actor.filter(|actor| sight.sees(actor.fields.visibility, None, Some(actor.id.uuid())));
    // Differences between the record and the actor are shown only to callers who may see the actor.
    let left_alone = match seen {
        Some(actor) => sync::left_alone(source, &link.members.given, link, actor, call.asked.secrecy.as_ref())?,
        None => Vec::new(),
    };
    Ok(SourceActor {
        id: link.id,
        version: link.version,
        external_id: link.external_id.clone(),
        actor_id: link.actor_id,
        actor: seen.cloned(),
        match_id: link.match_id,
        left_alone,
        absent_since: link.absent_since,
        created_at: link.created_at,
        updated_at: link.updated_at,
    })
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(show).service(send).service(unlink).service(full_sync);
}
