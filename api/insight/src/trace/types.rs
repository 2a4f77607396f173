//! The types of this resource: the response body, the query parameters and the enumerations.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::assessments::findings::answers::ChangedObservation;

/// The kinds of records in a trace, from the last (decision) back to the first (observation).
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

/// The kind of link between two records of a trace.
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

/// One record of a trace.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TraceNode {
    pub kind: TraceKind,
    pub id: Uuid,
    /// The present version of the record.
    pub version: i64,
    /// A short text for the record, such as its title, question or value.
    pub label: String,
    /// For evidence: the values that have changed since they were frozen, each with the frozen and the present value.
    pub changed: Vec<ChangedObservation>,
}

/// A link between two records of a trace. It points in the direction from decisions to observations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TraceEdge {
    pub from_id: Uuid,
    pub link: TraceLink,
    pub to_id: Uuid,
}

/// The records and links that are connected with one record (spår).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// The records of the trace, ordered by kind from decisions to observations.
    pub nodes: Vec<TraceNode>,
    pub edges: Vec<TraceEdge>,
}

/// The direction of a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Towards the observations.
    #[default]
    Back,
    /// Towards the decisions.
    Forward,
}

/// Query parameters of the trace.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct Walking {
    /// The direction: `back` towards the observations (the default), or `forward` towards the decisions.
    #[serde(default)]
    #[param(inline, required = false, nullable = false, value_type = Option<Direction>)]
    pub direction: Direction,
}
