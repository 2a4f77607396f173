//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::Visibility,
    assessments::causes::CauseId,
    forums::forums::ForumId,
    geography::areas::AreaId,
    kernel::{
        Id,
        extract::{blank_is_none, each_trimmed, trimmed},
    },
    registry::actors::ActorId,
};

/// The id of an intervention.
pub type InterventionId = Id<Intervention>;

/// An intervention by title, where others name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterventionTitle {
    pub id: InterventionId,
    pub title: String,
}

/// How far an intervention has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum InterventionStatus {
    Idea,
    Planned,
    Ongoing,
    Completed,
    Suspended,
    Cancelled,
}

/// Over what time something works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Horizon {
    Short,
    Long,
}

/// What an intervention takes on: the row of the four-field matrix (the guidance, 1.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Addresses {
    UnderlyingCause,
    Consequence,
}

/// By what an intervention works: the column of the four-field matrix (the guidance, 1.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Instrument {
    StrategicDocument,
    Guideline,
    TargetGroupMeasure,
    AreaMeasure,
}

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
