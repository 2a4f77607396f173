//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::Visibility,
    actors::ActorId,
    geography::areas::AreaId,
    kernel::{
        Id,
        extract::{blank_is_none, each_trimmed, trimmed},
    },
};

/// The id of a statement.
pub type StatementId = Id<Statement>;

/// What an actor states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum StatementKind {
    /// Behov.
    Need,
    /// Utmaning.
    Challenge,
    /// Kompetens.
    Competence,
    /// Resurs.
    Resource,
}

/// Whether what there is suffices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Sufficiency {
    /// Det som finns räcker.
    Sufficient,
    /// Det som finns räcker inte.
    Insufficient,
    /// Det är inte känt, eller sägs inte.
    #[default]
    Unknown,
}

/// A statement to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewStatement {
    pub kind: StatementKind,
    /// The actor that states it.
    pub actor_id: ActorId,
    /// What is needed, what is difficult, what the actor can or what it has, in its own words. No private persons.
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 4000, example = "Lokaler för läxhjälp på kvällar")]
    pub text: String,
    /// A code of the codelist `PolicyDomain`.
    #[schema(max_length = 64, example = "education")]
    pub policy_domain: String,
    /// Where it holds.
    pub area_id: AreaId,
    /// Whom it concerns, in the actor's own words.
    #[serde(default, deserialize_with = "each_trimmed")]
    #[schema(max_items = 30)]
    pub target_groups: Vec<String>,
    /// Whether what there is suffices; `unknown` unless given.
    #[serde(default)]
    pub sufficiency: Sufficiency,
    /// What the actor means to do about it.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 4000)]
    pub plan: Option<String>,
    /// First day on which it holds.
    pub valid_from: Option<NaiveDate>,
    /// First day on which it no longer holds.
    pub valid_to: Option<NaiveDate>,
    /// Who may see it; `public` unless given.
    #[serde(default)]
    pub visibility: Visibility,
}

/// What an actor says that it needs, finds difficult, can or has (behov, utmaning, kompetens, resurs).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    pub id: StatementId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewStatement,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Which statements to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct StatementFilter {
    /// Words to search for in the text, the plan and the target groups; each must begin some word.
    #[param(nullable = false, max_length = 200)]
    pub q: Option<String>,
    /// Statements of this actor.
    #[param(nullable = false)]
    pub actor_id: Option<ActorId>,
    /// Statements of these kinds.
    #[param(nullable = false, inline, style = Form, explode = false)]
    pub kind: Option<Vec<StatementKind>>,
    /// Statements in this policy domain.
    #[param(nullable = false, max_length = 64, example = "education")]
    pub policy_domain: Option<String>,
    /// Statements in this area or one below it.
    #[param(nullable = false)]
    pub area_id: Option<AreaId>,
    /// Statements that held on this day.
    #[param(nullable = false)]
    pub as_of: Option<NaiveDate>,
}
