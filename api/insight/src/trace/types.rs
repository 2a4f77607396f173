//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::assessments::findings::answers::ChangedObservation;

/// What the thread runs through, from the last link back to the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TraceKind {
    Decision,
    Round,
    Intervention,
    Cause,
    Finding,
    Evidence,
    Observation,
}

/// How one thing hangs on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TraceLink {
    /// A decision chooses an intervention.
    Chooses,
    /// A decision decides a round.
    Decides,
    /// A round considers an intervention.
    Considers,
    /// An intervention addresses a cause.
    Addresses,
    /// A cause explains a finding.
    Explains,
    /// A finding rests on evidence.
    RestsOn,
    /// Evidence uses an observation.
    Uses,
}

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
