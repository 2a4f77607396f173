//! The types of this resource: request and response bodies, filters, enumerations and the id.

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

/// The id and title of an intervention, as other records show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InterventionTitle {
    pub id: InterventionId,
    pub title: String,
}

/// The status of an intervention.
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

/// The time within which something has an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Horizon {
    Short,
    Long,
}

/// The kind of problem that an intervention addresses: the row of the four-field matrix (the guidance, 1.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Addresses {
    UnderlyingCause,
    Consequence,
}

/// The means by which an intervention works: the column of the four-field matrix (the guidance, 1.1.4).
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
    /// The actor that is responsible for it.
    pub owner_actor_id: ActorId,
    /// The forum that it belongs to, if any.
    pub forum_id: Option<ForumId>,
    pub status: InterventionStatus,
    pub horizon: Horizon,
    pub addresses: Addresses,
    pub instrument: Instrument,
    /// The areas in which the work is done.
    #[serde(default)]
    #[schema(max_items = 400)]
    pub areas: Vec<AreaId>,
    /// The causes that it addresses.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub causes: Vec<CauseId>,
    /// Codes of the codelist `PolicyDomain`: the domains that it belongs to.
    #[serde(default)]
    #[schema(max_items = 30)]
    pub policy_domains: Vec<String>,
    /// The people that it is for, in free words.
    #[serde(default, deserialize_with = "each_trimmed")]
    #[schema(max_items = 30)]
    pub target_groups: Vec<String>,
    /// The budget, in whole kronor.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    pub budget: Option<i64>,
    /// First day of the work.
    pub valid_from: Option<NaiveDate>,
    /// First day after the work has ended.
    pub valid_to: Option<NaiveDate>,
    /// The visibility of the intervention. The default is `members`, which means all signed-in users.
    #[serde(default = "default_visibility")]
    pub visibility: Visibility,
}

const fn default_visibility() -> Visibility {
    Visibility::Members
}

/// Work that an actor does or plans against segregation (insats).
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

/// Filters of the list of interventions.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct InterventionFilter {
    /// Words to search for in titles and descriptions. Each must be the beginning of a word. Interventions whose title begins with
    /// the search text come first.
    #[param(nullable = false, max_length = 200)]
    pub q: Option<String>,
    /// Interventions with this status.
    #[param(nullable = false, inline)]
    pub status: Option<InterventionStatus>,
    /// Interventions of this owner.
    #[param(nullable = false)]
    pub owner_actor_id: Option<ActorId>,
    /// Interventions with this area among their `areas`.
    #[param(nullable = false)]
    pub area_id: Option<AreaId>,
    /// Interventions that address this cause.
    #[param(nullable = false)]
    pub cause_id: Option<CauseId>,
}
