use actix_web::{get, patch, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, Sight, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Patch, Query, Reply, Result, Valid, page::Selection},
    rounds::store as rounds,
};

/// List decisions
///
/// The decisions that the caller may see, oldest first. Chosen interventions that the caller may not see are left out.
#[utoipa::path(tag = "priorities", operation_id = "listDecisions", params(DecisionFilter, Paging),
    responses((status = 200, description = "A page of decisions", body = Page<Decision>)))]
#[get("/decisions")]
async fn list(
    by: By<needs::ReadPriorities>,
    Query(filter): Query<DecisionFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Decision>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(by.sight(), &filter, paging, by, &db).await).await
}

/// Record a decision
///
/// Records the decision of a closed round. The reason is required when the chosen interventions are not the beginning of the
/// joint ranking.
#[utoipa::path(tag = "priorities", operation_id = "createDecision", request_body = NewDecision,
    responses((status = 201, description = "The decision as recorded", body = Decision)))]
#[post("/decisions")]
async fn create(by: By<needs::Decide>, new: Valid<NewDecision>, db: Data<Db>) -> Result<Reply<Decision>> {
    db.write(&by, async |w| {
        let round = rounds::find_to_write(by.sight(), &by.reach, new.0.round_id, w).await.map_err(store::round_fault)?;
        let decision = store::insert(&round, new.0.clone(), w).await?;
        Reply::created("/decisions", decision.id, decision.version, &decision)
    })
    .await
}

/// Show a decision
///
/// One decision by its id.
#[utoipa::path(tag = "priorities", operation_id = "getDecision", params(Selection),
    responses((status = 200, description = "The decision", body = Decision)))]
#[get("/decisions/{decisionId}")]
async fn show(by: By<needs::ReadPriorities>, At(id): At<DecisionId>, db: Data<Db>) -> Result<Reply<Decision>> {
    let decision = store::find(by.sight(), id, db.reader()).await?;
    let round = rounds::find(&Sight::of_installation(), decision.fields.round_id, db.reader()).await?;
    let call = by.allowing(async |_, reach| rounds::may_write(reach, &round, db.reader()).await).await?;
    Reply::composed(&call, 200, decision.version, &decision)
}

/// Correct a decision
///
/// Merge patch, for a decision that was recorded wrongly. The earlier content is kept and shown in `former`. The caller must be
/// able to see all chosen interventions.
#[utoipa::path(tag = "priorities", operation_id = "updateDecision", request_body = Patch<NewDecision>,
    responses((status = 200, description = "The decision after the change", body = Decision)))]
#[patch("/decisions/{decisionId}")]
async fn change(by: By<needs::Decide>, At(id): At<DecisionId>, patch: Patch<NewDecision>, db: Data<Db>) -> Result<Reply<Decision>> {
    db.write(&by, async |w| {
        let mut decision = store::find(by.sight(), id, &w.tx).await?;
        let round = rounds::find_locked(&Sight::of_installation(), decision.fields.round_id, w).await?;
        rounds::may_write(&by.reach, &round, &w.tx).await?;
        by.expects(decision.version)?;
        store::require_all_visible(&decision, w).await?;
        if let Some(changed) = patch.apply(decision.id, &decision.fields)? {
            decision = store::correct(&round, &decision, changed, w).await?;
        }
        Reply::changed(decision.version, &decision)
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(change);
}
