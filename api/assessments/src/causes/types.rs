//! The types of this resource: bodies of requests and answers, filters, enumerations and ids.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    assessments::AssessmentId,
    findings::FindingId,
    kernel::{
        Id,
        extract::{blank_is_none, trimmed},
    },
};

/// The id of a cause.
pub type CauseId = Id<Cause>;

/// The level of society on which a cause lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum CauseLevel {
    Local,
    Regional,
    National,
}

/// The kind of explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum CauseExplanation {
    /// A correlation (samband).
    Association,
    LocalEvent,
    NationalEvent,
    /// An event outside the country.
    ExternalEvent,
    PoliticalDecision,
}

/// The certainty of the parties about a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    Low,
    Medium,
    High,
}

/// A cause to be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewCause {
    /// The cause, in the parties' words.
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 4000, example = "Bostadsbeståndet är ensidigt: nästan bara hyresrätter i norra delen.")]
    pub statement: String,
    /// The mechanism: how the cause leads to the findings.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 4000)]
    pub mechanism: Option<String>,
    pub level: CauseLevel,
    pub explanation: Option<CauseExplanation>,
    /// Whether the cause lies in how society is organised, not in single persons.
    #[serde(default)]
    pub structural: bool,
    pub confidence: Option<Confidence>,
    /// Codes of the codelist `PolicyDomain`: the domains in which the cause can be dealt with.
    #[serde(default)]
    #[schema(max_items = 30)]
    pub policy_domains: Vec<String>,
    /// The findings that the cause explains. They belong to the same assessment.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub findings: Vec<FindingId>,
}

/// A reason for findings, in the opinion of the parties (orsak).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    pub id: CauseId,
    /// Grows by one with each change.
    pub version: i64,
    pub assessment_id: AssessmentId,
    #[serde(flatten)]
    pub fields: NewCause,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}
