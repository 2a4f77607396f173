use actix_web::{get, post, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{LeftAlone, MergeCount, MergeId, MergeMember, MergeRecord, plan, store};
use crate::{
    access::{
        By,
        policy::{Role, needs},
        users::UserId,
    },
    kernel::{At, Db, Fault, Listed, Page, Paging, Problem, Query, Reply, Result, Valid, extract::blank_is_none, say},
    registry::actors::{Actor, ActorId},
};

/// What one actor is to become part of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewMerge {
    /// The actor that lives on.
    pub into: ActorId,
    /// Why they are one, for whoever asks later.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 1000)]
    pub note: Option<String>,
}

/// Two actors that have become one (sammanslagning).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Merge {
    pub id: MergeId,
    /// Grows by one with each change.
    pub version: i64,
    /// The actor that is part of the other.
    pub merged_actor_id: ActorId,
    /// The actor that lives on.
    pub into: ActorId,
    pub note: Option<String>,
    /// The user who merged them.
    pub by: Option<UserId>,
    pub at: DateTime<Utc>,
    /// How many records became the survivor's, and how many stayed, by kind.
    pub moved: Vec<MergeCount>,
    /// The records that stayed with the merged actor, as far as the caller may see them.
    pub stayed: Vec<MergeRecord>,
    /// What came of the members of the merged actor that differed.
    pub members: Vec<MergeMember>,
    /// When it was undone; null while it holds.
    pub undone_at: Option<DateTime<Utc>>,
    /// The user who undid it.
    pub undone_by: Option<UserId>,
    /// What undoing it did not give back, since it had been changed in the meantime, as far as the caller may see it.
    pub left_alone: Vec<LeftAlone>,
}

/// People who get rights by a merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessGain {
    /// The role that they hold.
    pub role: Role,
    /// The actor that they hold it for, or that is part of the one that they hold it for.
    pub at: ActorId,
    /// The actor over whose records they get it too.
    pub over: ActorId,
    /// How many such grants there are.
    pub grants: i64,
}

/// What a merge would do.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MergePreview {
    pub merged_actor_id: ActorId,
    /// The actor that lives on, as it would become.
    pub survivor: Actor,
    /// What would come of the members of the merged actor that differ.
    pub members: Vec<MergeMember>,
    /// How many records are concerned, by kind.
    pub counts: Vec<MergeCount>,
    /// The records concerned, as far as the caller may see them.
    pub records: Vec<MergeRecord>,
    /// Who would get rights that they do not have.
    pub access: Vec<AccessGain>,
    /// Whether the caller may let all of it follow. If not, the merge is refused (403).
    pub allowed: bool,
}

/// What one actor would become part of.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct IntoWhich {
    /// The actor that would live on; must be given.
    #[param(nullable = false)]
    pub into: Option<ActorId>,
}

/// Preview a merge
///
/// What would happen if the actor became part of another, record by record and member by member. Merging does exactly this.
/// Records that the caller may not see are counted and not named.
#[utoipa::path(tag = "actors", operation_id = "previewMerge", params(IntoWhich),
    responses((status = 200, description = "What would happen", body = MergePreview)), extensions(("x-permission" = json!("actors.merge"))))]
#[get("/actors/{actorId}/merge-preview")]
async fn preview(
    by: By<needs::MergeActors>,
    At(id): At<ActorId>,
    Query(which): Query<IntoWhich>,
    db: Data<Db>,
) -> Result<Reply<MergePreview>> {
    let who = plan::Who { caller: &by.caller, reach: &by.reach, secrecy: by.secrecy.as_ref() };
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
    responses((status = 201, description = "What was done", body = Merge)), extensions(("x-permission" = json!("actors.merge"))))]
#[post("/actors/{actorId}/merge")]
async fn unite(by: By<needs::MergeActors>, At(id): At<ActorId>, new: Valid<NewMerge>, db: Data<Db>) -> Result<Reply<Merge>> {
    db.write(&by, async |w| {
        let who = plan::Who { caller: &by.caller, reach: &by.reach, secrecy: by.secrecy.as_ref() };
        let merge = store::merge(&who, id, &new.0, w).await?;
        let merge = store::as_seen(&by.caller, merge, by.secrecy.as_ref(), &w.tx).await?;
        Reply::created("/merges", merge.id, merge.version, &merge)
    })
    .await
}

/// List merges
///
/// The merges of actors that the caller may merge, oldest first, also those that have been undone.
#[utoipa::path(tag = "actors", operation_id = "listMerges", params(Paging),
    responses((status = 200, description = "A page of merges", body = Page<Merge>)), extensions(("x-permission" = json!("actors.merge"))))]
#[get("/merges")]
async fn list(by: By<needs::MergeActors>, Query(paging): Query<Paging>, db: Data<Db>) -> Result<Listed<Merge>> {
    Listed::of(by, paging, async move |by, paging| store::list(&by.caller, &by.reach, paging, by, &db).await).await
}

/// Show a merge
///
/// One merge by its id.
#[utoipa::path(tag = "actors", operation_id = "getMerge",
    responses((status = 200, description = "The merge", body = Merge)), extensions(("x-permission" = json!("actors.merge"))))]
#[get("/merges/{mergeId}")]
async fn show(by: By<needs::MergeActors>, At(id): At<MergeId>, db: Data<Db>) -> Result<Reply<Merge>> {
    let merge = store::find(by.sight(), &by.reach, id, db.reader()).await?;
    let call = by.allowing(async |_, reach| store::may_undo(&by.caller, reach, &merge, db.reader()).await).await?;
    let merge = store::as_seen(&by.caller, merge, by.secrecy.as_ref(), db.reader()).await?;
    Reply::shown(&call, merge.version, &merge)
}

/// Undo a merge
///
/// The merged actor lives again as it was, and what followed goes back, unless it has been changed or removed since; that is
/// listed in `leftAlone`. Where the survivor itself has become part of another since, that merge is undone first.
#[utoipa::path(tag = "actors", operation_id = "undoMerge",
    responses((status = 200, description = "The merge as it has become", body = Merge)), extensions(("x-permission" = json!("actors.merge"))))]
#[post("/merges/{mergeId}/undo")]
async fn undo(by: By<needs::MergeActors>, At(id): At<MergeId>, db: Data<Db>) -> Result<Reply<Merge>> {
    db.write(&by, async |w| {
        let merge = store::find(by.sight(), &by.reach, id, &w.tx).await?;
        let undone = store::undo(&by.caller, &by.reach, &merge, w).await?;
        let undone = store::as_seen(&by.caller, undone, by.secrecy.as_ref(), &w.tx).await?;
        Reply::changed(undone.version, &undone)
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(preview).service(unite).service(list).service(show).service(undo);
}
