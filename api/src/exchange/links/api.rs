use actix_web::{delete, get, post, put, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{Link, LinkId, store};
use crate::{
    access::{By, Sight, policy::needs},
    exchange::{
        matches::{MatchId, store as matches},
        sources::{
            Source, SourceId,
            rules::{self, Unwritten},
            store as sources,
            sync::{self, Incoming, SyncResult, Syncing},
        },
    },
    kernel::{
        At, Db, Fault, Listed, Page, Paging, Patch, Problem, Query, Reply, Result, Valid, hash::short, personal_number, reply::Nothing,
        request::Call, text,
    },
    registry::actors::{Actor, ActorId, NewActor, matching},
};

/// A record of a source, and the actor that it is (koppling).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceActor {
    pub id: LinkId,
    /// Grows by one with each change of the link; the actor has a version of its own.
    pub version: i64,
    /// The record's id in the source.
    #[schema(max_length = 200, example = "4711")]
    pub external_id: String,
    /// The actor that the record is; null while it is held.
    pub actor_id: Option<ActorId>,
    /// The actor as it is now; null while the record is held, and where the caller may not see it.
    pub actor: Option<Actor>,
    /// The match that the record waits in for a person's decision; null otherwise.
    pub match_id: Option<MatchId>,
    /// What the source gave and what is not written, for it is another's. Empty where the caller may not see the actor.
    pub left_alone: Vec<Unwritten>,
    /// Since when the source has not had the record; null when it has it.
    pub absent_since: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What a source has now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FullSync {
    /// The ids of all records that the source has. What is not among them is marked as gone from the source.
    #[schema(max_items = 200_000, example = json!(["4711", "4712"]))]
    pub external_ids: Vec<String>,
}

/// What a full synchronisation has come to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FullSyncReport {
    /// Records that are known here and that the source has.
    pub present: i64,
    /// Records that have now been marked as gone from the source.
    pub marked: i64,
    /// Records that the source has again.
    pub unmarked: i64,
    /// Ids that are not known here; send those records.
    pub unknown: i64,
}

/// Which records of a source to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct LinkFilter {
    /// Records that are gone from the source, or those that are not.
    #[param(nullable = false)]
    pub absent: Option<bool>,
    /// The record with this id in the source.
    #[param(nullable = false, max_length = 200)]
    pub external_id: Option<String>,
}

/// List records of a source
///
/// By their ids in the source, each with its actor and with what was left alone.
#[utoipa::path(tag = "exchange", operation_id = "listSourceActors", params(LinkFilter, Paging),
    responses((status = 200, description = "A page of records", body = Page<SourceActor>)), extensions(("x-permission" = json!("sources.sync"))))]
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
    Listed::of(by, paging, async move |by, paging| {
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
/// One record by its id in the source.
#[utoipa::path(tag = "exchange", operation_id = "getSourceActor",
    responses((status = 200, description = "The record", body = SourceActor)), extensions(("x-permission" = json!("sources.sync"))))]
#[get("/sources/{sourceId}/actors/{externalId}")]
async fn show(by: By<needs::SyncSources>, At((id, external_id)): At<(SourceId, String)>, db: Data<Db>) -> Result<Reply<SourceActor>> {
    let source = sources::find_for_sync(by.sight(), &by.reach, id, db.reader()).await?;
    let external_id = known(&external_id)?;
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
/// Absent members are not given, null clears. A new record becomes an actor with all that is given, unless it may be an
/// actor that is there already: then it is held (202), and `Location` is the match that waits for a person. Later only the
/// members that the source owns are written, and of them none that somebody has changed here since; `leftAlone` names
/// them. The same record again writes nothing. `If-Match` may be left out.
#[utoipa::path(tag = "exchange", operation_id = "upsertSourceActor", request_body = Patch<NewActor>,
    responses((status = 200, description = "The record, changed or as it was", body = SourceActor),
        (status = 201, description = "The record with the actor that was created", body = SourceActor),
        (status = 202, description = "The record is held for a person's decision", body = SourceActor)),
    extensions(("x-permission" = json!("sources.sync"))))]
#[put("/sources/{sourceId}/actors/{externalId}")]
async fn send(
    by: By<needs::SyncSources>,
    At((id, external_id)): At<(SourceId, String)>,
    record: Patch<NewActor>,
    db: Data<Db>,
) -> Result<Reply<SourceActor>> {
    db.write(&by, async |w| {
        let source = sources::find_for_sync(by.sight(), &by.reach, id, &w.tx).await?;
        let external_id = readable(&external_id)?;
        let (fields, contract) = record.parts();
        if by.if_match.is_some() {
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
            (SyncResult::Created, _) => reply(201)?.located(&format!("/sources/{}/actors/{}", source.id, encode(&link.external_id))),
            (_, Some(held)) => reply(202)?.located(&format!("/matches/{held}")),
            _ => reply(200)?,
        })
    })
    .await
}

/// Unlink a record
///
/// The link is removed and the actor stays. A record that is held is withdrawn. Sent again it is a new record.
#[utoipa::path(tag = "exchange", operation_id = "deleteSourceActor",
    responses((status = 204, description = "The link is removed")), extensions(("x-permission" = json!("sources.sync"))))]
#[delete("/sources/{sourceId}/actors/{externalId}")]
async fn unlink(by: By<needs::SyncSources>, At((id, external_id)): At<(SourceId, String)>, db: Data<Db>) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        let source = sources::find_for_sync(by.sight(), &by.reach, id, &w.tx).await?;
        sources::lock(source.id, w).await?;
        let link = store::find(source.id, &known(&external_id)?, &w.tx).await?;
        by.expects(link.version)?;
        store::remove(&link, &source, w).await?;
        if let Some(held) = link.match_id {
            matches::withdraw(held, &source, w).await?;
        }
        Ok(Reply::nothing())
    })
    .await
}

/// Say what a source has
///
/// Records that are not among the ids are marked as gone (`absentSince`), and those that are lose that mark. No actor is
/// changed and nothing is removed. The same again changes nothing.
#[utoipa::path(tag = "exchange", operation_id = "createFullSync", request_body = FullSync,
    responses((status = 200, description = "What has been marked", body = FullSyncReport,
        headers(("ETag" = String, description = "Identifies this outcome.")))), extensions(("x-permission" = json!("sources.sync"))))]
#[post("/sources/{sourceId}/full-syncs")]
async fn full_sync(by: By<needs::SyncSources>, At(id): At<SourceId>, full: Valid<FullSync>, db: Data<Db>) -> Result<Reply<FullSyncReport>> {
    let has: store::Known = full.0.external_ids.iter().map(|id| short(id)).collect();
    db.write(&by, async |w| {
        let source = sources::find_for_sync(by.sight(), &by.reach, id, &w.tx).await?;
        sources::lock(source.id, w).await?;
        Reply::computed(&Call::default(), &store::full_sync(&source, &has, w).await?)
    })
    .await
}

/// The id of a record that may be here from before ids were refused that no address leads to. Who sends the address as it is
/// written, `%2E%2E` as such, still reads and removes it.
fn known(external_id: &str) -> Result<String> {
    if rules::is_dots(external_id) { Ok(external_id.to_owned()) } else { readable(external_id) }
}

/// The id of another system, as it stood in the address, if it can be kept.
fn readable(external_id: &str) -> Result<String> {
    // As bodies and imports have it, so that one id is one record however its letters were composed.
    let external_id = text::composed(external_id);
    let Some(fault) = rules::external_id_fault(&external_id) else { return Ok(external_id) };
    Err(Problem::parameters(vec![match fault.code {
        personal_number::CODE => personal_number::fault_of_parameter("externalId"),
        code => Fault::of_parameter("externalId", code, fault.detail),
    }]))
}

/// A record as the caller sees it.
fn view(link: &Link, actor: Option<&Actor>, source: &Source, sight: &Sight, call: &Call) -> Result<SourceActor> {
    let given = link.given.as_object().cloned().unwrap_or_default();
    let seen = actor.filter(|actor| sight.sees(actor.fields.visibility, None, Some(actor.id.uuid())));
    // What of an actor differs from the record is for those who see it.
    let left_alone = match seen {
        Some(actor) => sync::left_alone(source, &given, link, actor, call.secrecy.as_ref())?,
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

/// A part of an address, with all that has a meaning there written out.
fn encode(part: &str) -> String {
    use std::fmt::Write;
    part.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(show).service(send).service(unlink).service(full_sync);
}
