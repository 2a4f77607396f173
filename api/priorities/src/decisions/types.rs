//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

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

/// Whether a decision stands as it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum DecisionStatus {
    /// It stands as it was recorded.
    Recorded,
    /// It was corrected, and shows what it said before.
    Corrected,
}

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
