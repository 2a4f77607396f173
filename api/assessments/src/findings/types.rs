//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

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

/// What kind of finding it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Between areas or groups (skillnad).
    Difference,
    /// Over time or in how things go together (mönster).
    Pattern,
}

/// What kind of evidence it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// A question to the statistics with its frozen answer.
    Statistic,
}

/// A finding to be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewFinding {
    pub kind: FindingKind,
    /// What the parties hold to be there.
    #[serde(deserialize_with = "trimmed")]
    #[schema(min_length = 1, max_length = 4000, example = "Medianinkomsten i Fittja är knappt hälften av den i Tullinge.")]
    pub statement: String,
    /// Codes of the codelist `PolicyDomain` that it touches.
    #[serde(default)]
    #[schema(max_items = 30)]
    pub policy_domains: Vec<String>,
}

/// A difference or pattern that the parties hold to be there (iakttagelse).
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

/// A question to the statistics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatisticalQuery {
    pub indicator_id: IndicatorId,
    /// The areas asked about.
    #[schema(min_items = 1, max_items = 400)]
    pub area_ids: Vec<AreaId>,
    /// The periods asked about; all there are when left out.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub periods: Vec<String>,
    /// For whom; all breakdowns there are when left out.
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

/// What a finding rests on (underlag).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    pub id: EvidenceId,
    /// Always 1: evidence is frozen.
    pub version: i64,
    pub finding_id: FindingId,
    pub kind: EvidenceKind,
    pub note: Option<String>,
    pub query: StatisticalQuery,
    /// The answer, byte for byte as it was.
    #[schema(value_type = StatisticalAnswer)]
    pub answer: Box<RawValue>,
    /// SHA-256 of the answer as it is written in its form, in hexadecimal.
    pub hash: String,
    /// The number of the form that the answer is written in: 2 is the canonical form of RFC 8785; 1, of what was frozen earlier,
    /// writes numbers below 0.00001, from 2^53 and -0 otherwise.
    pub form: i32,
    /// The values that are no longer as they were frozen, with both; what was agreed on stands, but rests on other numbers now.
    /// It is told where evidence is read, and is no part of what is published.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub changed: Option<Vec<ChangedObservation>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Evidence {
    /// Its answer with what shows that it is as it was.
    #[must_use]
    pub fn frozen(&self) -> Frozen {
        Frozen { content: self.answer.clone(), hash: Some(self.hash.clone()), form: Some(self.form) }
    }
}
