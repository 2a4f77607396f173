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
/// What would happen if the actor became part of another, record by record and member by member. Merging does exactly this.
/// Records that the caller may not see are counted and not named.
#[utoipa::path(tag = "actors", operation_id = "previewMerge", params(IntoWhich),
    responses((status = 200, description = "What would happen", body = MergePreview)))]
#[get("/actors/{actorId}/merge-preview")]
async fn preview(
    by: By<needs::MergeActors>,
    At(id): At<ActorId>,
    Query(which): Query<IntoWhich>,
    db: Data<Db>,
) -> Result<Reply<MergePreview>> {
    let who = plan::Who { caller: &by.caller, reach: &by.reach, secrecy: by.asked.secrecy.as_ref() };
    let into = which.into.ok_or_else(|| {
        Problem::parameters(vec![Fault::of_parameter(
            "into",
            "required",
            say!("Ange into: den aktör som skulle leva vidare.", "Give into: the actor that would live on."),
        )])
    })?;
    let plan = plan::draw(&who, id, into, plan::Named::InQuery, db.reader()).await?;
    Reply::computed(&by, &plan.preview(&who))
}

/// Merge an actor into another
///
/// The actor becomes part of the other, and its old address leads there. What refers to it follows, unless the other has one of
/// the same already. Nothing of the other is overwritten: lists are united, gaps are filled, and the name is kept among the
/// other names. It can be undone. Look at the preview first.
#[utoipa::path(tag = "actors", operation_id = "mergeActor", request_body = NewMerge,
    responses((status = 201, description = "What was done", body = Merge)))]
#[post("/actors/{actorId}/merge")]
async fn unite(by: By<needs::MergeActors>, At(id): At<ActorId>, new: Valid<NewMerge>, db: Data<Db>) -> Result<Reply<Merge>> {
    db.write(&by, async |w| {
        let who = plan::Who { caller: &by.caller, reach: &by.reach, secrecy: by.asked.secrecy.as_ref() };
        let merge = store::merge(&who, id, &new.0, w).await?;
        let merge = store::as_seen(&by.caller, merge, by.asked.secrecy.as_ref(), &w.tx).await?;
        Reply::created("/merges", merge.id, merge.version, &merge)
    })
    .await
}

/// List merges
///
/// The merges of actors that the caller may merge, oldest first, also those that have been undone.
#[utoipa::path(tag = "actors", operation_id = "listMerges", params(Paging),
    responses((status = 200, description = "A page of merges", body = Page<Merge>)))]
#[get("/merges")]
async fn list(by: By<needs::MergeActors>, Query(paging): Query<Paging>, db: Data<Db>) -> Result<Listed<Merge>> {
    Listed::of(by, paging, async move |by, paging| store::list(&by.caller, &by.reach, paging, by, &db).await).await
}

/// Show a merge
///
/// One merge by its id.
#[utoipa::path(tag = "actors", operation_id = "getMerge",
    responses((status = 200, description = "The merge", body = Merge)))]
#[get("/merges/{mergeId}")]
async fn show(by: By<needs::MergeActors>, At(id): At<MergeId>, db: Data<Db>) -> Result<Reply<Merge>> {
    let merge = store::find(by.sight(), &by.reach, id, db.reader()).await?;
    let call = by.allowing(async |_, reach| store::may_undo(&by.caller, reach, &merge, db.reader()).await).await?;
    let merge = store::as_seen(&by.caller, merge, by.asked.secrecy.as_ref(), db.reader()).await?;
    Reply::shown(&call, merge.version, &merge)
}

/// Undo a merge
///
/// The merged actor lives again as it was, and what followed goes back, unless it has been changed or removed since; that is
/// listed in `leftAlone`. Where the survivor itself has become part of another since, that merge is undone first.
#[utoipa::path(tag = "actors", operation_id = "undoMerge",
    responses((status = 200, description = "The merge as it has become", body = Merge)))]
#[post("/merges/{mergeId}/undo")]
async fn undo(by: By<needs::MergeActors>, At(id): At<MergeId>, db: Data<Db>) -> Result<Reply<Merge>> {
    db.write(&by, async |w| {
        let merge = store::find(by.sight(), &by.reach, id, &w.tx).await?;
        let undone = store::undo(&by.caller, &by.reach, &merge, w).await?;
        let undone = store::as_seen(&by.caller, undone, by.asked.secrecy.as_ref(), &w.tx).await?;
        Reply::changed(undone.version, &undone)
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(preview).service(unite).service(list).service(show).service(undo);
}
