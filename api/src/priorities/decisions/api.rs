use actix_web::{get, patch, post, web::Data};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{DecisionId, DecisionStatus, store};
use crate::{
    access::{By, Sight, Visibility, policy::needs},
    forums::forums::among_members,
    interventions::interventions::InterventionId,
    kernel::{At, Db, Listed, Page, Paging, Patch, Query, Reply, Result, Valid, extract::blank_is_none, page::Selection},
    priorities::rounds::{RoundId, store as rounds},
};

/// A decision to be recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewDecision {
    /// The round that it decides.
    pub round_id: RoundId,
    /// What was chosen, the first first.
    #[schema(min_items = 1, max_items = 100)]
    pub chosen: Vec<InterventionId>,
    /// Why; required when it departs from the round's result.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 8000)]
    pub reason: Option<String>,
    /// The day of the decision.
    pub decided_on: NaiveDate,
    /// Who may see it; `forum` unless given, that is the forum's members.
    #[serde(default = "among_members")]
    pub visibility: Visibility,
}

/// What was chosen in the end (beslut).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    pub id: DecisionId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewDecision,
    /// Whether it departs from the beginning of the round's joint ranking, by places.
    pub departs: bool,
    pub status: DecisionStatus,
    /// What it said before each correction, newest first.
    pub former: Vec<FormerDecision>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What a decision said before it was corrected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FormerDecision {
    /// The decision.
    pub id: DecisionId,
    /// The version that this was.
    pub version: i64,
    pub chosen: Vec<InterventionId>,
    pub reason: Option<String>,
    pub decided_on: NaiveDate,
    pub departs: bool,
    /// When it was corrected.
    pub corrected_at: DateTime<Utc>,
}

/// Which decisions to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct DecisionFilter {
    /// The decision of this round.
    #[param(nullable = false)]
    pub round_id: Option<RoundId>,
}

/// List decisions
///
/// The decisions that the caller may see, oldest first. Interventions that the caller may not see are left out.
#[utoipa::path(tag = "priorities", operation_id = "listDecisions", params(DecisionFilter, Paging),
    responses((status = 200, description = "A page of decisions", body = Page<Decision>)), extensions(("x-permission" = json!("priorities.read"))))]
#[get("/decisions")]
async fn list(
    by: By<needs::ReadPriorities>,
    Query(filter): Query<DecisionFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Decision>> {
    Listed::of(by, paging, async move |by, paging| store::list(by.sight(), &filter, paging, by, &db).await).await
}

/// Record a decision
///
/// On a round that is closed. When what is chosen is not how the joint ranking begins, the reason must be given.
#[utoipa::path(tag = "priorities", operation_id = "createDecision", request_body = NewDecision,
    responses((status = 201, description = "The decision as recorded", body = Decision)), extensions(("x-permission" = json!("priorities.decide"))))]
#[post("/decisions")]
async fn create(by: By<needs::Decide>, new: Valid<NewDecision>, db: Data<Db>) -> Result<Reply<Decision>> {
    db.write(&by, async |w| {
        let round = rounds::find_to_write(by.sight(), &by.reach, new.0.round_id, w).await.map_err(store::no_round)?;
        let decision = store::insert(&round, new.0.clone(), w).await?;
        Reply::created("/decisions", decision.id, decision.version, &decision)
    })
    .await
}

/// Show a decision
///
/// One decision by its id.
#[utoipa::path(tag = "priorities", operation_id = "getDecision", params(Selection),
    responses((status = 200, description = "The decision", body = Decision)), extensions(("x-permission" = json!("priorities.read"))))]
#[get("/decisions/{decisionId}")]
async fn show(by: By<needs::ReadPriorities>, At(id): At<DecisionId>, db: Data<Db>) -> Result<Reply<Decision>> {
    let decision = store::find(by.sight(), id, db.reader()).await?;
    let round = rounds::find(&Sight::of_installation(), decision.fields.round_id, db.reader()).await?;
    let call = by.allowing(async |_, reach| rounds::may_write(reach, &round, db.reader()).await).await?;
    Reply::composed(&call, 200, decision.version, &decision)
}

/// Correct a decision
///
/// Merge patch, when what was recorded is not what was decided. What it said before is kept and shown in `former`. Of what was
/// chosen the caller must see all.
#[utoipa::path(tag = "priorities", operation_id = "updateDecision", request_body = Patch<NewDecision>,
    responses((status = 200, description = "The decision as it has become", body = Decision)), extensions(("x-permission" = json!("priorities.decide"))))]
#[patch("/decisions/{decisionId}")]
async fn change(by: By<needs::Decide>, At(id): At<DecisionId>, patch: Patch<NewDecision>, db: Data<Db>) -> Result<Reply<Decision>> {
    db.write(&by, async |w| {
        let mut decision = store::find(by.sight(), id, &w.tx).await?;
        let round = rounds::find_locked(&Sight::of_installation(), decision.fields.round_id, w).await?;
        rounds::may_write(&by.reach, &round, &w.tx).await?;
        by.expects(decision.version)?;
        store::sees_all(&decision, w).await?;
        if let Some(changed) = patch.apply(&decision.fields)? {
            decision = store::correct(&round, &decision, changed, w).await?;
        }
        Reply::changed(decision.version, &decision)
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(change);
}
