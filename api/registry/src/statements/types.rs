//! The types of this resource: request and response bodies, filters, enumerations and the id.

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

/// The kind of statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum StatementKind {
    /// Need (behov).
    Need,
    /// Challenge (utmaning).
    Challenge,
    /// Competence (kompetens).
    Competence,
    /// Resource (resurs).
    Resource,
}

/// Whether the existing resources are sufficient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Sufficiency {
    /// They are sufficient (det som finns räcker).
    Sufficient,
    /// They are not sufficient (det som finns räcker inte).
    Insufficient,
    /// It is not known or not stated (okänt).
    #[default]
    Unknown,
}

/// A statement to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewStatement {
    pub kind: StatementKind,
    /// The actor that makes the statement.
    pub actor_id: ActorId,
    /// The need, challenge, competence or resource, in the actor's own words. Do not name private persons.
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 4000, example = "Lokaler för läxhjälp på kvällar")]
    pub text: String,
    /// A code of the codelist `PolicyDomain`.
    #[schema(max_length = 64, example = "education")]
    pub policy_domain: String,
    /// The area in which the statement is valid.
    pub area_id: AreaId,
    /// The people that the statement concerns, in the actor's own words.
    #[serde(default, deserialize_with = "each_trimmed")]
    #[schema(max_items = 30)]
    pub target_groups: Vec<String>,
    /// Whether the existing resources are sufficient. The default is `unknown`.
    #[serde(default)]
    pub sufficiency: Sufficiency,
    /// The plan of the actor for it.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 4000)]
    pub plan: Option<String>,
    /// First day on which the statement is valid.
    pub valid_from: Option<NaiveDate>,
    /// First day on which the statement is no longer valid.
    pub valid_to: Option<NaiveDate>,
    /// The visibility of the statement. The default is `public`.
    #[serde(default)]
    pub visibility: Visibility,
}

/// A need, challenge, competence or resource of an actor (behov, utmaning, kompetens, resurs).
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

/// Filters of the list of statements.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct StatementFilter {
    /// Words to search for in the text, the plan and the target groups. Each must be the beginning of a word.
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
    /// Statements for this area or an area below it.
    #[param(nullable = false)]
    pub area_id: Option<AreaId>,
    /// Statements that were valid on this day.
    #[param(nullable = false)]
    pub as_of: Option<NaiveDate>,
}
