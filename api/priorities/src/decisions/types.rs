//! The types of this resource: bodies of requests and answers, filters, enumerations and ids.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::Visibility,
    forums::forums::among_members,
    interventions::interventions::InterventionId,
    kernel::{Id, extract::blank_is_none},
    rounds::RoundId,
};

/// The id of a decision.
pub type DecisionId = Id<Decision>;

/// Whether a decision has been corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum DecisionStatus {
    /// The decision is as it was recorded.
    Recorded,
    /// The decision has been corrected, and shows its earlier content.
    Corrected,
}

/// A decision to be recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewDecision {
    /// The round that it decides.
    pub round_id: RoundId,
    /// The chosen interventions, the most important first.
    #[schema(min_items = 1, max_items = 100)]
    pub chosen: Vec<InterventionId>,
    /// The reason. Required when the choice departs from the round's result.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 8000)]
    pub reason: Option<String>,
    /// The day of the decision.
    pub decided_on: NaiveDate,
    /// The widest group that may see it. The default is `forum`: the members of the forum.
    #[serde(default = "among_members")]
    pub visibility: Visibility,
}

/// The final choice of a round (beslut).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    pub id: DecisionId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewDecision,
    /// Whether the choice differs from the beginning of the round's joint ranking, by places.
    pub departs: bool,
    pub status: DecisionStatus,
    /// The content before each correction, newest first.
    pub former: Vec<FormerDecision>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The content of a decision before a correction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FormerDecision {
    /// The id of the decision.
    pub id: DecisionId,
    /// The version of the decision that had this content.
    pub version: i64,
    pub chosen: Vec<InterventionId>,
    pub reason: Option<String>,
    pub decided_on: NaiveDate,
    pub departs: bool,
    /// The time of the correction.
    pub corrected_at: DateTime<Utc>,
}

/// Filters of the list of decisions.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct DecisionFilter {
    /// The decision of this round.
    #[param(nullable = false)]
    pub round_id: Option<RoundId>,
}
