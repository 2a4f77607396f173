use actix_web::{get, patch, post, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{Criterion, RankingMethod, RoundId, RoundResult, RoundScope, RoundStatus, TieBreak, store};
use crate::{
    access::{
        By, Visibility,
        policy::{Permission, needs},
    },
    forums::forums::{ForumId, among_members, rules as of_forum, store as forums},
    interventions::interventions::{Horizon, InterventionId},
    kernel::{At, Db, Listed, Page, Paging, Patch, Query, Reply, Result, Valid, extract::trimmed, page::Selection},
};

/// A round to be prepared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewRound {
    /// The forum that chooses.
    pub forum_id: ForumId,
    /// What is to be chosen.
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 1000, example = "Vilka insatser ska gå först nästa år?")]
    pub question: String,
    /// Whose choice it is; `joint` unless given.
    #[serde(default)]
    pub scope: RoundScope,
    pub horizon: Horizon,
    /// What is chosen among.
    #[schema(min_items = 2, max_items = 100)]
    pub candidates: Vec<InterventionId>,
    /// What candidates are scored on.
    #[schema(min_items = 1, max_items = 20)]
    pub criteria: Vec<Criterion>,
    /// How the joint ranking is computed; `weighted_scoring` unless given.
    #[serde(default)]
    pub method: RankingMethod,
    /// What decides between equals; `weightiest_criterion` unless given.
    #[serde(default)]
    pub tie_break: TieBreak,
    /// Who may see it; `forum` unless given, that is the forum's members.
    #[serde(default = "among_members")]
    pub visibility: Visibility,
}

/// A choice of what comes first (prioritering).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Round {
    pub id: RoundId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewRound,
    pub status: RoundStatus,
    /// What the ballots say together; null until the round is closed.
    pub result: Option<RoundResult>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Which rounds to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct RoundFilter {
    /// Rounds of this forum.
    #[param(nullable = false)]
    pub forum_id: Option<ForumId>,
    /// Rounds that have come this far.
    #[param(nullable = false, inline)]
    pub status: Option<RoundStatus>,
}

/// List rounds
///
/// The rounds that the caller may see, oldest first.
#[utoipa::path(tag = "priorities", operation_id = "listRounds", params(RoundFilter, Paging),
    responses((status = 200, description = "A page of rounds", body = Page<Round>)), extensions(("x-permission" = json!("priorities.read"))))]
#[get("/rounds")]
async fn list(
    by: By<needs::ReadPriorities>,
    Query(filter): Query<RoundFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Round>> {
    Listed::of(by, paging, async move |by, paging| store::list(by.sight(), &filter, paging, by, &db).await).await
}

/// Prepare a round
///
/// As a draft. Its candidates are interventions that the forum's members may see.
#[utoipa::path(tag = "priorities", operation_id = "createRound", request_body = NewRound,
    responses((status = 201, description = "The round as prepared", body = Round)), extensions(("x-permission" = json!("priorities.write"))))]
#[post("/rounds")]
async fn create(by: By<needs::WriteRounds>, new: Valid<NewRound>, db: Data<Db>) -> Result<Reply<Round>> {
    db.write(&by, async |w| {
        let forum = forums::referred(by.sight(), new.0.forum_id, "/forumId", &w.tx).await?;
        of_forum::require(of_forum::Operation::Work, forum.fields.status)?;
        forums::may_write(&by.reach, &forum.fields, Some(forum.id), &w.tx).await?;
        if new.0.visibility.is_wider_than(Visibility::Forum) {
            forums::may_write(&by.caller.reach(Permission::Decide)?, &forum.fields, Some(forum.id), &w.tx).await?;
        }
        let round = store::insert(by.sight(), new.0.clone(), w).await?;
        Reply::created("/rounds", round.id, round.version, &round)
    })
    .await
}

/// Show a round
///
/// One round by its id, with its result once it is closed.
#[utoipa::path(tag = "priorities", operation_id = "getRound", params(Selection),
    responses((status = 200, description = "The round", body = Round)), extensions(("x-permission" = json!("priorities.read"))))]
#[get("/rounds/{roundId}")]
async fn show(by: By<needs::ReadPriorities>, At(id): At<RoundId>, db: Data<Db>) -> Result<Reply<Round>> {
    let round = store::find(by.sight(), id, db.reader()).await?;
    let call = by.allowing(async |_, reach| store::may_write(reach, &round, db.reader()).await).await?;
    Reply::shown(&call, round.version, &round)
}

/// Change a round
///
/// Merge patch, while the round is a draft: once it is open, criteria, weights, method and tie-break are fixed.
#[utoipa::path(tag = "priorities", operation_id = "updateRound", request_body = Patch<NewRound>,
    responses((status = 200, description = "The round as it has become", body = Round)), extensions(("x-permission" = json!("priorities.write"))))]
#[patch("/rounds/{roundId}")]
async fn change(by: By<needs::WriteRounds>, At(id): At<RoundId>, patch: Patch<NewRound>, db: Data<Db>) -> Result<Reply<Round>> {
    db.write(&by, async |w| {
        let mut round = store::find_to_write(by.sight(), &by.reach, id, w).await?;
        by.expects(round.version)?;
        store::is(&round, RoundStatus::Draft)?;
        if let Some(changed) = patch.apply(&round.fields)? {
            if changed.visibility.is_wider_than(round.fields.visibility) {
                store::may_write(&by.caller.reach(Permission::Decide)?, &round, &w.tx).await?;
            }
            round = store::update(by.sight(), &round, changed, w).await?;
        }
        Reply::changed(round.version, &round)
    })
    .await
}

/// Open a round
///
/// From now on the members of the forum can cast their ballots, and the rules are fixed.
#[utoipa::path(tag = "priorities", operation_id = "openRound",
    responses((status = 200, description = "The round as opened", body = Round)), extensions(("x-permission" = json!("priorities.write"))))]
#[post("/rounds/{roundId}/open")]
async fn open(by: By<needs::WriteRounds>, At(id): At<RoundId>, db: Data<Db>) -> Result<Reply<Round>> {
    db.write(&by, async |w| {
        let round = store::find_to_write(by.sight(), &by.reach, id, w).await?;
        store::is(&round, RoundStatus::Draft)?;
        let round = store::proceed(&round, RoundStatus::Open, None, w).await?;
        Reply::changed(round.version, &round)
    })
    .await
}

/// Close a round
///
/// No more ballots; the joint ranking, each party's own and their agreement (Kendall's W) are computed and kept.
#[utoipa::path(tag = "priorities", operation_id = "closeRound",
    responses((status = 200, description = "The round with its result", body = Round)), extensions(("x-permission" = json!("priorities.write"))))]
#[post("/rounds/{roundId}/close")]
async fn close(by: By<needs::WriteRounds>, At(id): At<RoundId>, db: Data<Db>) -> Result<Reply<Round>> {
    db.write(&by, async |w| {
        let round = store::find_to_write(by.sight(), &by.reach, id, w).await?;
        store::is(&round, RoundStatus::Open)?;
        let round = store::close(&round, w).await?;
        Reply::changed(round.version, &round)
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(change).service(open).service(close);
}
