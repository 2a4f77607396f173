use actix_web::{get, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{plan, store, types::*};
use crate::{
    access::{By, policy::needs},
    kernel::{At, Db, Fault, Listed, Page, Paging, Problem, Query, Reply, Result, Valid, say},
    registry::actors::ActorId,
};

/// Preview a merge
///
/// Returns what would happen if the actor were merged into another one, record by record and member by member. The merge
/// does exactly this. Records that the caller may not see are counted but not listed.
#[utoipa::path(tag = "actors", operation_id = "previewMerge", params(PreviewQuery),
    responses((status = 200, description = "The effects of the merge", body = MergePreview)))]
#[get("/actors/{actorId}/merge-preview")]
async fn preview(
    by: By<needs::MergeActors>,
    At(id): At<ActorId>,
    Query(which): Query<PreviewQuery>,
    db: Data<Db>,
) -> Result<Reply<MergePreview>> {
    let merger = plan::Merger { caller: &by.caller, reach: &by.reach, secrecy: by.asked.secrecy.as_ref() };
    let into = which.into.ok_or_else(|| {
        Problem::parameters(vec![Fault::of_parameter(
            "into",
            "required",
            say!("Ange into: den aktör som skulle leva vidare.", "Give into: the actor that would live on."),
        )])
    })?;
    let plan = plan::make_plan(&merger, id, into, plan::SurvivorNamed::InQuery, db.reader()).await?;
    Reply::computed(&by, &plan.preview(&merger))
}

/// Merge an actor into another
///
/// The actor becomes part of the other one, and its old address leads there. Records that refer to it move to the other
/// actor, unless the other already has an equal one. Nothing of the other actor is overwritten: lists are united, empty
/// members are filled, and the merged actor's name is kept among its other names. A merge can be undone. Read the preview
/// first.
#[utoipa::path(tag = "actors", operation_id = "mergeActor", request_body = NewMerge,
    responses((status = 201, description = "The merge", body = Merge)))]
#[post("/actors/{actorId}/merge")]
async fn unite(by: By<needs::MergeActors>, At(id): At<ActorId>, new: Valid<NewMerge>, db: Data<Db>) -> Result<Reply<Merge>> {
    db.write(&by, async |w| {
        let merger = plan::Merger { caller: &by.caller, reach: &by.reach, secrecy: by.asked.secrecy.as_ref() };
        let merge = store::merge(&merger, id, &new.0, w).await?;
        let merge = store::redact(&by.caller, merge, by.asked.secrecy.as_ref(), &w.tx).await?;
        Reply::created("/merges", merge.id, merge.version, &merge)
    })
    .await
}

/// List merges
///
/// Returns the merges of actors that the caller may merge, oldest first, including those that have been undone.
#[utoipa::path(tag = "actors", operation_id = "listMerges", params(Paging),
    responses((status = 200, description = "A page of merges", body = Page<Merge>)))]
#[get("/merges")]
async fn list(by: By<needs::MergeActors>, Query(paging): Query<Paging>, db: Data<Db>) -> Result<Listed<Merge>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(&by.caller, &by.reach, paging, by, &db).await).await
}

/// Show a merge
///
/// Returns one merge by its id.
#[utoipa::path(tag = "actors", operation_id = "getMerge",
    responses((status = 200, description = "The merge", body = Merge)))]
#[get("/merges/{mergeId}")]
async fn show(by: By<needs::MergeActors>, At(id): At<MergeId>, db: Data<Db>) -> Result<Reply<Merge>> {
    let merge = store::find(by.sight(), &by.reach, id, db.reader()).await?;
    let call = by.allowing(async |_, reach| store::may_undo(&by.caller, reach, &merge, db.reader()).await).await?;
    let merge = store::redact(&by.caller, merge, by.asked.secrecy.as_ref(), db.reader()).await?;
    Reply::shown(&call, merge.version, &merge)
}

/// Undo a merge
///
/// Restores the merged actor as it was, and moves its records back. Records and members that have been changed or removed
/// since are not restored; `leftAlone` lists them. When the survivor itself has been merged into another actor since, undo
/// that merge first.
#[utoipa::path(tag = "actors", operation_id = "undoMerge",
    responses((status = 200, description = "The merge as it has become", body = Merge)))]
#[post("/merges/{mergeId}/undo")]
async fn undo(by: By<needs::MergeActors>, At(id): At<MergeId>, db: Data<Db>) -> Result<Reply<Merge>> {
    db.write(&by, async |w| {
        let merge = store::find(by.sight(), &by.reach, id, &w.tx).await?;
        let undone = store::undo(&by.caller, &by.reach, &merge, w).await?;
        let undone = store::redact(&by.caller, undone, by.asked.secrecy.as_ref(), &w.tx).await?;
        Reply::changed(undone.version, &undone)
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(preview).service(unite).service(list).service(show).service(undo);
}
