//! The types of this resource: bodies of requests and answers, filters, enumerations and ids.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::answers::{ChangedObservation, StatisticalAnswer};
use crate::{
    assessments::AssessmentId,
    geography::areas::AreaId,
    kernel::{
        Id,
        extract::{blank_is_none, trimmed},
        frozen::Frozen,
    },
    statistics::{indicators::IndicatorId, observations::Breakdown},
};

/// The id of a finding.
pub type FindingId = Id<Finding>;

/// The id of evidence.
pub type EvidenceId = Id<Evidence>;

/// The kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A difference between areas or groups (skillnad).
    Difference,
    /// A pattern over time, or between things that vary together (mönster).
    Pattern,
}

/// The kind of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// A query to the statistics with its frozen answer.
    Statistic,
}

/// A finding to be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewFinding {
    pub kind: FindingKind,
    /// The difference or the pattern, in the parties' words.
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 4000, example = "Medianinkomsten i Fittja är knappt hälften av den i Tullinge.")]
    pub statement: String,
    /// Codes of the codelist `PolicyDomain`: the domains that the finding concerns.
    #[serde(default)]
    #[schema(max_items = 30)]
    pub policy_domains: Vec<String>,
}

/// A difference or a pattern that the parties see (iakttagelse).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    pub id: FindingId,
    /// Grows by one with each change.
    pub version: i64,
    pub assessment_id: AssessmentId,
    #[serde(flatten)]
    pub fields: NewFinding,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A query to the statistics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatisticalQuery {
    pub indicator_id: IndicatorId,
    /// The areas asked about.
    #[schema(min_items = 1, max_items = 400)]
    pub area_ids: Vec<AreaId>,
    /// The periods asked about. All periods when left out.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub periods: Vec<String>,
    /// The group asked about. All breakdowns when left out.
    pub breakdown: Option<Breakdown>,
}

/// Evidence to be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewEvidence {
    pub kind: EvidenceKind,
    /// What the evidence shows, in the parties' own words.
    #[serde(default, deserialize_with = "blank_is_none")]
    #[schema(max_length = 2000)]
    pub note: Option<String>,
    pub query: StatisticalQuery,
}

/// The facts under a finding (underlag).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    pub id: EvidenceId,
    /// Always 1, because evidence is frozen.
    pub version: i64,
    pub finding_id: FindingId,
    pub kind: EvidenceKind,
    pub note: Option<String>,
    pub query: StatisticalQuery,
    /// The answer, byte for byte as it was frozen.
    #[schema(value_type = StatisticalAnswer)]
    pub answer: Box<RawValue>,
    /// SHA-256 of the answer in its form, in hexadecimal.
    pub hash: String,
    /// The number of the form in which the answer is written. 2 is the canonical form of RFC 8785. 1 is the form of older
    /// evidence; it writes numbers below 0.00001, numbers from 2^53, and -0 differently.
    pub form: i32,
    /// The observations that have changed since they were frozen, with both values. The text that was agreed on stands, but now
    /// rests on other numbers. Included where evidence is read, and not part of what is published.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub changed: Option<Vec<ChangedObservation>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Evidence {
    /// The answer with its digest and form.
    #[must_use]
    pub fn frozen(&self) -> Frozen {
        Frozen { content: self.answer.clone(), hash: Some(self.hash.clone()), form: Some(self.form) }
    }
}
