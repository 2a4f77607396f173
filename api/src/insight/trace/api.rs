use actix_web::{get, web::Data};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::{TraceKind, TraceLink, walk};
use crate::{
    access::{By, policy::needs},
    assessments::findings::answers::ChangedObservation,
    kernel::{At, Db, Problem, Query, Reply, Result},
};

/// One thing on the thread.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TraceNode {
    pub kind: TraceKind,
    pub id: Uuid,
    /// The version that is there now.
    pub version: i64,
    /// What it says, in short.
    pub label: String,
    /// Of evidence: the values that it rests on which are no longer as they were frozen, with both.
    pub changed: Vec<ChangedObservation>,
}

/// How one thing hangs on the next, from the decision's end to the observation's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TraceEdge {
    pub from_id: Uuid,
    pub link: TraceLink,
    pub to_id: Uuid,
}

/// The thread from one thing (spår).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// Everything on the thread, from the decision's end to the observation's.
    pub nodes: Vec<TraceNode>,
    pub edges: Vec<TraceEdge>,
}

/// Which way to walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Towards the observations.
    #[default]
    Back,
    /// Towards the decisions.
    Forward,
}

/// Which way to walk.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct Walking {
    /// `back` towards the observations, which is the default, or `forward` towards the decisions.
    #[serde(default)]
    #[param(inline, required = false, nullable = false, value_type = Option<Direction>)]
    pub direction: Direction,
}

/// Walk the thread
///
/// From a decision, round, intervention, cause, finding, evidence or observation, back to the observations it rests on or
/// forward to the decisions that rest on it. Evidence tells which of its values have changed since they were frozen. What the caller may not see is not there, nor what lies behind it.
#[utoipa::path(tag = "insight", operation_id = "getTrace", params(Walking),
    responses((status = 200, description = "The thread", body = Trace)), extensions(("x-permission" = json!("trace.read"))))]
#[get("/trace/{kind}/{recordId}")]
async fn show(
    by: By<needs::ReadTrace>,
    At((kind, id)): At<(String, Uuid)>,
    Query(walking): Query<Walking>,
    db: Data<Db>,
) -> Result<Reply<Trace>> {
    let kind = serde_json::from_value(kind.into()).map_err(|_| Problem::not_found())?;
    Reply::computed(&by, &walk::from(by.sight(), by.secrecy.as_ref(), kind, id, walking.direction, db.reader()).await?)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(show);
}
