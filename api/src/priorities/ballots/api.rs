use actix_web::{delete, get, put, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{BallotId, Score, store};
use crate::{
    access::{By, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Problem, Query, Reply, Result, Valid, extract::blank_is_none, reply::Nothing},
    priorities::rounds::{RoundId, RoundStatus, rules::Operation, store as rounds},
    registry::actors::{ActorId, ActorName},
};

/// A party's ballot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewBallot {
    /// A score for each candidate on each criterion; empty for who abstains.
    #[serde(default)]
    #[schema(max_items = 2000)]
    pub scores: Vec<Score>,
    /// Whether the party leaves the choice to the others.
    #[serde(default)]
    pub abstains: bool,
    /// The party's own interest in the outcome, when it abstains for that.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 2000)]
    pub conflict_of_interest: Option<String>,
}

/// What a party has voted (röst).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ballot {
    pub id: BallotId,
    /// Grows by one with each change.
    pub version: i64,
    pub round_id: RoundId,
    pub actor_id: ActorId,
    #[serde(flatten)]
    pub fields: NewBallot,
    /// The actor by name; null where the caller may not see it.
    pub actor: Option<ActorName>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// List ballots
///
/// While the round is open a party sees only its own; once it is closed, who sees the round sees all.
#[utoipa::path(tag = "priorities", operation_id = "listBallots", params(Paging),
    responses((status = 200, description = "A page of ballots", body = Page<Ballot>)), extensions(("x-permission" = json!("priorities.read"))))]
#[get("/rounds/{roundId}/ballots")]
async fn list(by: By<needs::ReadPriorities>, At(round): At<RoundId>, Query(paging): Query<Paging>, db: Data<Db>) -> Result<Listed<Ballot>> {
    let round = rounds::find(by.sight(), round, db.reader()).await?;
    let own = matches!(round.status, RoundStatus::Draft | RoundStatus::Open);
    Listed::of(by, paging, async move |by, paging| store::list(by.sight(), round.id, own, paging, by, &db).await).await
}

/// Show a ballot
///
/// What one party has voted; while the round is open, for the party itself.
#[utoipa::path(tag = "priorities", operation_id = "getBallot",
    responses((status = 200, description = "The ballot", body = Ballot)), extensions(("x-permission" = json!("priorities.read"))))]
#[get("/rounds/{roundId}/ballots/{actorId}")]
async fn show(by: By<needs::ReadPriorities>, At((round, actor)): At<(RoundId, ActorId)>, db: Data<Db>) -> Result<Reply<Ballot>> {
    let round = rounds::find(by.sight(), round, db.reader()).await?;
    let open = matches!(round.status, RoundStatus::Draft | RoundStatus::Open);
    let ballot = store::find(round.id, actor, db.reader()).await?.filter(|_| !open || by.sight().actors.contains(&actor.uuid()));
    let ballot = store::named(by.sight(), ballot.ok_or_else(Problem::not_found)?, db.reader()).await?;
    let call = by.allowing(async |_, reach| reach.speaks_for(actor.uuid())).await?;
    Reply::composed(&call, 200, ballot.version, &ballot)
}

/// Cast a ballot
///
/// By somebody who works for the actor, which takes part in the forum. While the round is open the ballot can be changed,
/// with `If-Match`.
#[utoipa::path(tag = "priorities", operation_id = "castBallot", request_body = NewBallot,
    responses((status = 200, description = "The ballot as it has become", body = Ballot),
        (status = 201, description = "The ballot as cast", body = Ballot)), extensions(("x-permission" = json!("priorities.vote"))))]
#[put("/rounds/{roundId}/ballots/{actorId}")]
async fn cast(
    by: By<needs::Vote>,
    At((round, actor)): At<(RoundId, ActorId)>,
    new: Valid<NewBallot>,
    db: Data<Db>,
) -> Result<Reply<Ballot>> {
    db.write(&by, async |w| {
        let round = rounds::find_locked(by.sight(), round, w).await?;
        by.reach.speaks_for(actor.uuid())?;
        rounds::require(Operation::Vote, &round)?;
        let Some(before) = store::find(round.id, actor, &w.tx).await? else {
            let ballot = store::put(&round, actor, None, new.0.clone(), w).await?;
            let ballot = store::named(by.sight(), ballot, &w.tx).await?;
            return Reply::created(&format!("/rounds/{}/ballots", round.id), actor, ballot.version, &ballot);
        };
        by.expects(before.version)?;
        // Where it is hidden what was voted, that it is the same would tell it.
        let hidden = by.secrecy.as_ref().is_some_and(|secrecy| !secrecy.hidden(before.id.uuid()).is_empty());
        let ballot =
            if !hidden && before.fields == new.0 { before } else { store::put(&round, actor, Some(&before), new.0.clone(), w).await? };
        let ballot = store::named(by.sight(), ballot, &w.tx).await?;
        Reply::changed(ballot.version, &ballot)
    })
    .await
}

/// Take a ballot back
///
/// By somebody who works for the actor, while the round is open. The party can vote again.
#[utoipa::path(tag = "priorities", operation_id = "deleteBallot",
    responses((status = 204, description = "The ballot is taken back")), extensions(("x-permission" = json!("priorities.vote"))))]
#[delete("/rounds/{roundId}/ballots/{actorId}")]
async fn take_back(by: By<needs::Vote>, At((round, actor)): At<(RoundId, ActorId)>, db: Data<Db>) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        let round = rounds::find_locked(by.sight(), round, w).await?;
        by.reach.speaks_for(actor.uuid())?;
        rounds::require(Operation::Vote, &round)?;
        let ballot = store::find(round.id, actor, &w.tx).await?.ok_or_else(Problem::not_found)?;
        by.expects(ballot.version)?;
        store::remove(&round, &ballot, w).await?;
        Ok(Reply::nothing())
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(show).service(cast).service(take_back);
}
