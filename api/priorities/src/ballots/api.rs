use actix_web::{delete, get, put, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Problem, Query, Reply, Result, Valid, reply::Nothing},
    registry::actors::ActorId,
    rounds::{RoundId, RoundStatus, rules::Operation, store as rounds},
};

/// List ballots
///
/// While the round is open, a caller sees only the ballots of its own actors. Once it is closed, everybody who can see the round
/// can see all ballots.
#[utoipa::path(tag = "priorities", operation_id = "listBallots", params(Paging),
    responses((status = 200, description = "A page of ballots", body = Page<Ballot>)))]
#[get("/rounds/{roundId}/ballots")]
async fn list(by: By<needs::ReadPriorities>, At(round): At<RoundId>, Query(paging): Query<Paging>, db: Data<Db>) -> Result<Listed<Ballot>> {
    let round = rounds::find(by.sight(), round, db.reader()).await?;
    let own = matches!(round.status, RoundStatus::Draft | RoundStatus::Open);
    Listed::from_pages(by, paging, async move |by, paging| store::list(by.sight(), round.id, own, paging, by, &db).await).await
}

/// Show a ballot
///
/// The ballot of one party. While the round is open, only the party itself can see it.
#[utoipa::path(tag = "priorities", operation_id = "getBallot",
    responses((status = 200, description = "The ballot", body = Ballot)))]
#[get("/rounds/{roundId}/ballots/{actorId}")]
async fn show(by: By<needs::ReadPriorities>, At((round, actor)): At<(RoundId, ActorId)>, db: Data<Db>) -> Result<Reply<Ballot>> {
    let round = rounds::find(by.sight(), round, db.reader()).await?;
    let open = matches!(round.status, RoundStatus::Draft | RoundStatus::Open);
    let ballot = store::find(round.id, actor, db.reader()).await?.filter(|_| !open || by.sight().actors.contains(&actor.uuid()));
    let ballot = store::with_actor_name(by.sight(), ballot.ok_or_else(Problem::not_found)?, db.reader()).await?;
    let call = by.allowing(async |_, reach| reach.speaks_for(actor.uuid())).await?;
    Reply::composed(&call, 200, ballot.version, &ballot)
}

/// Cast a ballot
///
/// For a user who works for the actor. The actor must take part in the forum. The ballot can be changed while the round is open,
/// with `If-Match`.
#[utoipa::path(tag = "priorities", operation_id = "castBallot", request_body = NewBallot,
    responses((status = 200, description = "The ballot after the change", body = Ballot),
        (status = 201, description = "The ballot as cast", body = Ballot)), extensions(("x-for-each-party" = json!(true))))]
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
            let ballot = store::with_actor_name(by.sight(), ballot, &w.tx).await?;
            return Reply::created(&format!("/rounds/{}/ballots", round.id), actor, ballot.version, &ballot);
        };
        by.expects(before.version)?;
        // When something of the stored ballot is hidden from the caller, the answer must not reveal that the new ballot is the
        // same.
        let hidden = by.asked.secrecy.as_ref().is_some_and(|secrecy| !secrecy.hidden(before.id.uuid()).is_empty());
        let ballot =
            if !hidden && before.fields == new.0 { before } else { store::put(&round, actor, Some(&before), new.0.clone(), w).await? };
        let ballot = store::with_actor_name(by.sight(), ballot, &w.tx).await?;
        Reply::changed(ballot.version, &ballot)
    })
    .await
}

/// Withdraw a ballot
///
/// For a user who works for the actor, while the round is open. The party can vote again.
#[utoipa::path(tag = "priorities", operation_id = "deleteBallot",
    responses((status = 204, description = "The ballot is withdrawn")))]
#[delete("/rounds/{roundId}/ballots/{actorId}")]
async fn take_back(by: By<needs::Vote>, At((round, actor)): At<(RoundId, ActorId)>, db: Data<Db>) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        let round = rounds::find_locked(by.sight(), round, w).await?;
        by.reach.speaks_for(actor.uuid())?;
        rounds::require(Operation::Vote, &round)?;
        let ballot = store::find(round.id, actor, &w.tx).await?.ok_or_else(Problem::not_found)?;
        by.expects(ballot.version)?;
        store::remove(&round, &ballot, w).await?;
        Ok(Reply::no_content())
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(show).service(cast).service(take_back);
}
