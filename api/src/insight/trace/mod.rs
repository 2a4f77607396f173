//! Trace (spår): the red thread from a decision back to the numbers it rests on, and forward again. Each link is a stored
//! reference; what the caller may not see is not there, and neither is what lies behind it.

mod api;
mod walk;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::routes;

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

impl TraceLink {
    /// The member of the record at the decision's end in which the link stands.
    #[must_use]
    pub const fn member(self) -> &'static str {
        match self {
            Self::Chooses => "chosen",
            Self::Decides => "roundId",
            Self::Considers => "candidates",
            Self::Addresses => "causes",
            Self::Explains => "findings",
            Self::RestsOn => "evidence",
            Self::Uses => "query",
        }
    }
}
