use actix_web::{delete, get, patch, post, web::Data};
use serde_json::value::RawValue;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{closing, rules::Operation, store, types::*};
use crate::{
    access::{
        By, Visibility,
        policy::{Permission, needs},
    },
    forums::forums::{rules as forum_rules, store as forums},
    kernel::{
        At, Db, Listed, Page, Paging, Patch, Problem, Query, Reply, Result, Valid, frozen::FrozenCheck, page::Selection, reply::Nothing,
    },
};

/// List rounds
///
/// The rounds that the caller may see, oldest first.
#[utoipa::path(tag = "priorities", operation_id = "listRounds", params(RoundFilter, Paging),
    responses((status = 200, description = "A page of rounds", body = Page<Round>)))]
#[get("/rounds")]
async fn list(
    by: By<needs::ReadPriorities>,
    Query(filter): Query<RoundFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Round>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(by.sight(), &filter, paging, by, &db).await).await
}

/// Prepare a round
///
/// The round is prepared as a draft. Its candidates are interventions that the members of the forum may see.
#[utoipa::path(tag = "priorities", operation_id = "createRound", request_body = NewRound,
    responses((status = 201, description = "The round as prepared", body = Round)))]
#[post("/rounds")]
async fn create(by: By<needs::WriteRounds>, new: Valid<NewRound>, db: Data<Db>) -> Result<Reply<Round>> {
    db.write(&by, async |w| {
        let forum = forums::find_referenced(by.sight(), new.0.forum_id, "/forumId", &w.tx).await?;
        forum_rules::require(forum_rules::Operation::Work, forum.fields.status)?;
        forums::may_write(&by.reach, &forum.fields, Some(forum.id), &w.tx).await?;
        if new.0.visibility.is_wider_than(Visibility::Forum) {
            forums::may_write(&by.caller.reach(Permission::Decide)?, &forum.fields, Some(forum.id), &w.tx).await?;
        }
        let round = store::insert(by.sight(), new.0.clone(), w).await?;
        let round = store::with_names(by.sight(), round, &w.tx).await?;
        Reply::created("/rounds", round.id, round.version, &round)
    })
    .await
}

/// Show a round
///
/// One round by its id, with its result once it is closed.
#[utoipa::path(tag = "priorities", operation_id = "getRound", params(Selection),
    responses((status = 200, description = "The round", body = Round)))]
#[get("/rounds/{roundId}")]
async fn show(by: By<needs::ReadPriorities>, At(id): At<RoundId>, db: Data<Db>) -> Result<Reply<Round>> {
    let round = store::find(by.sight(), id, db.reader()).await?;
    let call = by.allowing(async |_, reach| store::may_write(reach, &round, db.reader()).await).await?;
    Reply::composed(&call, 200, round.version, &store::with_names(by.sight(), round, db.reader()).await?)
}

/// Change a round
///
/// Merge patch, while the round is a draft. Once it is open, its criteria, weights, method and tie-break are fixed.
#[utoipa::path(tag = "priorities", operation_id = "updateRound", request_body = Patch<NewRound>,
    responses((status = 200, description = "The round after the change", body = Round)))]
#[patch("/rounds/{roundId}")]
async fn change(by: By<needs::WriteRounds>, At(id): At<RoundId>, patch: Patch<NewRound>, db: Data<Db>) -> Result<Reply<Round>> {
    db.write(&by, async |w| {
        let mut round = store::find_to_write(by.sight(), &by.reach, id, w).await?;
        by.expects(round.version)?;
        store::require(Operation::Write, &round)?;
        store::require_open_forum(&round, w).await?;
        if let Some(changed) = patch.apply(round.id, &round.fields)? {
            if changed.visibility.is_wider_than(round.fields.visibility) {
                store::may_write(&by.caller.reach(Permission::Decide)?, &round, &w.tx).await?;
            }
            round = store::update(by.sight(), &round, changed, w).await?;
        }
        let round = store::with_names(by.sight(), round, &w.tx).await?;
        Reply::changed(round.version, &round)
    })
    .await
}

/// Open a round
///
/// From now on the members of the forum can cast their ballots, and the rules are fixed.
#[utoipa::path(tag = "priorities", operation_id = "openRound",
    responses((status = 200, description = "The round as opened", body = Round)))]
#[post("/rounds/{roundId}/open")]
async fn open(by: By<needs::WriteRounds>, At(id): At<RoundId>, db: Data<Db>) -> Result<Reply<Round>> {
    db.write(&by, async |w| {
        let round = store::find_to_write(by.sight(), &by.reach, id, w).await?;
        store::require_open_forum(&round, w).await?;
        let round = store::open(by.sight(), &round, w).await?;
        let round = store::with_names(by.sight(), round, &w.tx).await?;
        Reply::changed(round.version, &round)
    })
    .await
}

/// Close a round
///
/// Stops the voting. The joint ranking, each party's own ranking and their agreement (Kendall's W) are computed and stored. A
/// ballot counts when its actor takes part in the forum on this day; the others are listed in `uncounted`. When no ballot counts
/// there is no ranking.
#[utoipa::path(tag = "priorities", operation_id = "closeRound",
    responses((status = 200, description = "The round with its result", body = Round)))]
#[post("/rounds/{roundId}/close")]
async fn close(by: By<needs::WriteRounds>, At(id): At<RoundId>, db: Data<Db>) -> Result<Reply<Round>> {
    db.write(&by, async |w| {
        let round = store::find_to_write(by.sight(), &by.reach, id, w).await?;
        let round = closing::close(&round, w).await?;
        let round = store::with_names(by.sight(), round, &w.tx).await?;
        Reply::changed(round.version, &round)
    })
    .await
}

/// Withdraw a round
///
/// For a round that was opened by mistake or is no longer needed. Its ballots stay, and its result if it was closed.
#[utoipa::path(tag = "priorities", operation_id = "withdrawRound",
    responses((status = 200, description = "The round as withdrawn", body = Round)))]
#[post("/rounds/{roundId}/withdraw")]
async fn withdraw(by: By<needs::WriteRounds>, At(id): At<RoundId>, db: Data<Db>) -> Result<Reply<Round>> {
    db.write(&by, async |w| {
        let round = store::find_to_write(by.sight(), &by.reach, id, w).await?;
        let round = store::step(&round, Operation::Withdraw, w).await?;
        let round = store::with_names(by.sight(), round, &w.tx).await?;
        Reply::changed(round.version, &round)
    })
    .await
}

/// Remove a round
///
/// Only a draft can be removed. A round that has been opened is withdrawn instead.
#[utoipa::path(tag = "priorities", operation_id = "deleteRound",
    responses((status = 204, description = "The round is removed")))]
#[delete("/rounds/{roundId}")]
async fn remove(by: By<needs::WriteRounds>, At(id): At<RoundId>, db: Data<Db>) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        let round = store::find_to_write(by.sight(), &by.reach, id, w).await?;
        by.expects(round.version)?;
        store::remove(&round, w).await?;
        Ok(Reply::no_content())
    })
    .await
}

/// Show a result's bytes
///
/// The result byte for byte as it was computed, so that anybody can compute its digest. Only for callers who may see all of it.
#[utoipa::path(tag = "priorities", operation_id = "getRoundCanonical",
    responses((status = 200, description = "The result, byte for byte", body = RoundResult)))]
#[get("/rounds/{roundId}/canonical")]
async fn canonical(by: By<needs::ReadPriorities>, At(id): At<RoundId>, db: Data<Db>) -> Result<Reply<Box<RawValue>>> {
    let round = store::find(by.sight(), id, db.reader()).await?;
    let result = round.frozen().ok_or_else(Problem::not_found)?;
    if let Some(secrecy) = &by.asked.secrecy {
        secrecy.refuse_redacted(&mut result.value()?)?;
    }
    Reply::shown(&by, round.version, &result.content)
}

/// Check a result
///
/// Says whether the stored bytes are those that were computed.
#[utoipa::path(tag = "priorities", operation_id = "verifyRound",
    responses((status = 200, description = "The result of the check", body = FrozenCheck)))]
#[get("/rounds/{roundId}/verify")]
async fn verify(by: By<needs::ReadPriorities>, At(id): At<RoundId>, db: Data<Db>) -> Result<Reply<FrozenCheck>> {
    let round = store::find(by.sight(), id, db.reader()).await?;
    let result = round.frozen().ok_or_else(Problem::not_found)?;
    Reply::computed(&by, &result.find_differences("/resultHash", "/resultForm")?.into())
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(change).service(open).service(close);
    config.service(withdraw).service(remove).service(canonical).service(verify);
}
