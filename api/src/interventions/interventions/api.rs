use actix_web::{delete, get, patch, post, web::Data};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{Addresses, Horizon, Instrument, InterventionId, InterventionStatus, store};
use crate::{
    access::{By, Visibility, policy::needs},
    assessments::causes::CauseId,
    forums::forums::ForumId,
    geography::areas::AreaId,
    kernel::{
        At, Db, Listed, Page, Paging, Patch, Query, Reply, Result, Valid,
        extract::{blank_is_none, each_trimmed, trimmed},
        page::Selection,
        reply::Nothing,
    },
    registry::actors::ActorId,
};

/// An intervention to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewIntervention {
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 300, example = "Blandade upplåtelseformer i Fittja")]
    pub title: String,
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 8000)]
    pub description: Option<String>,
    /// The actor who answers for it.
    pub owner_actor_id: ActorId,
    /// The forum that it belongs to, when it is a forum's.
    pub forum_id: Option<ForumId>,
    pub status: InterventionStatus,
    pub horizon: Horizon,
    pub addresses: Addresses,
    pub instrument: Instrument,
    /// Where it acts.
    #[serde(default)]
    #[schema(max_items = 400)]
    pub areas: Vec<AreaId>,
    /// The causes that it is aimed at.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub causes: Vec<CauseId>,
    /// Codes of the codelist `PolicyDomain` that it works in.
    #[serde(default)]
    #[schema(max_items = 30)]
    pub policy_domains: Vec<String>,
    /// Whom it is for, in its own words.
    #[serde(default, deserialize_with = "each_trimmed")]
    #[schema(max_items = 30)]
    pub target_groups: Vec<String>,
    /// What it may cost, in whole kronor.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    pub budget: Option<i64>,
    /// First day.
    pub valid_from: Option<NaiveDate>,
    /// First day after it.
    pub valid_to: Option<NaiveDate>,
    /// Who may see it; `members` unless given, that is any signed-in user.
    #[serde(default = "signed_in")]
    pub visibility: Visibility,
}

const fn signed_in() -> Visibility {
    Visibility::Members
}

/// What an actor does against segregation (insats).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Intervention {
    pub id: InterventionId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewIntervention,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Which interventions to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct InterventionFilter {
    /// Words to search for in titles and descriptions; each must begin some word. Titles that begin with it come first.
    #[param(nullable = false, max_length = 200)]
    pub q: Option<String>,
    /// Interventions that have come this far.
    #[param(nullable = false, inline)]
    pub status: Option<InterventionStatus>,
    /// Interventions of this actor.
    #[param(nullable = false)]
    pub owner_actor_id: Option<ActorId>,
    /// Interventions that act in this area.
    #[param(nullable = false)]
    pub area_id: Option<AreaId>,
    /// Interventions aimed at this cause.
    #[param(nullable = false)]
    pub cause_id: Option<CauseId>,
}

/// List interventions
///
/// The interventions that the caller may see, by title. Causes that the caller may not see are left out.
#[utoipa::path(tag = "interventions", operation_id = "listInterventions", params(InterventionFilter, Paging),
    responses((status = 200, description = "A page of interventions", body = Page<Intervention>)), extensions(("x-permission" = json!("interventions.read"))))]
#[get("/interventions")]
async fn list(
    by: By<needs::ReadInterventions>,
    Query(filter): Query<InterventionFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Intervention>> {
    Listed::of(by, paging, async move |by, paging| store::list(by.sight(), &filter, paging, by, &db).await).await
}

/// Register an intervention
///
/// By somebody who works for the owner, or who coordinates where the owner has its seat.
#[utoipa::path(tag = "interventions", operation_id = "createIntervention", request_body = NewIntervention,
    responses((status = 201, description = "The intervention as registered", body = Intervention)), extensions(("x-permission" = json!("interventions.write"))))]
#[post("/interventions")]
async fn create(by: By<needs::WriteInterventions>, new: Valid<NewIntervention>, db: Data<Db>) -> Result<Reply<Intervention>> {
    db.write(&by, async |w| {
        store::may_write(by.sight(), &by.reach, &new.0, &w.tx).await?;
        let intervention = store::insert(by.sight(), new.0.clone(), w).await?;
        Reply::created("/interventions", intervention.id, intervention.version, &intervention)
    })
    .await
}

/// Show an intervention
///
/// One intervention by its id. Causes that the caller may not see are left out.
#[utoipa::path(tag = "interventions", operation_id = "getIntervention", params(Selection),
    responses((status = 200, description = "The intervention", body = Intervention)), extensions(("x-permission" = json!("interventions.read"))))]
#[get("/interventions/{interventionId}")]
async fn show(by: By<needs::ReadInterventions>, At(id): At<InterventionId>, db: Data<Db>) -> Result<Reply<Intervention>> {
    let intervention = store::find(by.sight(), id, db.reader()).await?;
    let call = by.allowing(async |_, reach| store::may_change(by.sight(), reach, &intervention.fields, db.reader()).await).await?;
    Reply::shown(&call, intervention.version, &intervention)
}

/// Change an intervention
///
/// Merge patch: members left out stay, null clears, lists are replaced whole.
#[utoipa::path(tag = "interventions", operation_id = "updateIntervention", request_body = Patch<NewIntervention>,
    responses((status = 200, description = "The intervention as it has become", body = Intervention)), extensions(("x-permission" = json!("interventions.write"))))]
#[patch("/interventions/{interventionId}")]
async fn change(
    by: By<needs::WriteInterventions>,
    At(id): At<InterventionId>,
    patch: Patch<NewIntervention>,
    db: Data<Db>,
) -> Result<Reply<Intervention>> {
    db.write(&by, async |w| {
        let mut intervention = store::find(by.sight(), id, &w.tx).await?;
        store::may_change(by.sight(), &by.reach, &intervention.fields, &w.tx).await?;
        by.expects(intervention.version)?;
        if let Some(changed) = patch.apply(&intervention.fields)? {
            store::may_write(by.sight(), &by.reach, &changed, &w.tx).await?;
            intervention = store::update(by.sight(), &intervention, changed, w).await?;
        }
        Reply::changed(intervention.version, &intervention)
    })
    .await
}

/// Remove an intervention
///
/// For one that was registered by mistake. One that has ended gets the status `completed` or `cancelled` instead.
#[utoipa::path(tag = "interventions", operation_id = "deleteIntervention",
    responses((status = 204, description = "The intervention is removed")), extensions(("x-permission" = json!("interventions.write"))))]
#[delete("/interventions/{interventionId}")]
async fn remove(by: By<needs::WriteInterventions>, At(id): At<InterventionId>, db: Data<Db>) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        let intervention = store::find(by.sight(), id, &w.tx).await?;
        store::may_change(by.sight(), &by.reach, &intervention.fields, &w.tx).await?;
        by.expects(intervention.version)?;
        store::remove(&intervention, w).await?;
        Ok(Reply::nothing())
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(change).service(remove);
}
