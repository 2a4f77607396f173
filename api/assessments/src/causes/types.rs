//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

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

/// On what level a cause lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum CauseLevel {
    Local,
    Regional,
    National,
}

/// How a cause explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum CauseExplanation {
    /// Things go together (samband).
    Association,
    LocalEvent,
    NationalEvent,
    /// Outside the country.
    ExternalEvent,
    PoliticalDecision,
}

/// How sure the parties are.
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
    /// What lies behind.
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 4000, example = "Bostadsbeståndet är ensidigt: nästan bara hyresrätter i norra delen.")]
    pub statement: String,
    /// How it works.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 4000)]
    pub mechanism: Option<String>,
    pub level: CauseLevel,
    pub explanation: Option<CauseExplanation>,
    /// Whether it lies in how society is built.
    #[serde(default)]
    pub structural: bool,
    pub confidence: Option<Confidence>,
    /// Codes of the codelist `PolicyDomain` in which it can be dealt with.
    #[serde(default)]
    #[schema(max_items = 30)]
    pub policy_domains: Vec<String>,
    /// The findings of the same assessment that it explains.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub findings: Vec<FindingId>,
}

/// What lies behind findings (orsak).
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
