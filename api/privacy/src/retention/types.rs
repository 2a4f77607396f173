//! The types of this resource: bodies of requests and answers, filters, enumerations and ids.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Rule;
use crate::{access::users::UserId, kernel::Id};

/// The id of a run.
pub type RetentionRunId = Id<RetentionRun>;

/// A run of disposal to be made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewRetentionRun {
    /// Whether to count only, and remove nothing.
    pub dry_run: bool,
}

/// The protocol of a run of disposal (gallringsprotokoll).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetentionRun {
    pub id: RetentionRunId,
    pub started_at: DateTime<Utc>,
    /// The user who started it; null when the installation did.
    pub started_by: Option<UserId>,
    /// Whether it counted only, and removed nothing.
    pub dry_run: bool,
    /// The outcome of each rule.
    pub rules: Vec<RuleOutcome>,
}

/// The outcome of one rule in a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleOutcome {
    pub rule: Rule,
    /// The number of days in the rule at the time.
    #[schema(format = Int32)]
    pub days: i64,
    /// Number of rows or accounts that were due.
    pub found: i64,
    /// Number of rows that were removed, or of accounts that were erased.
    pub removed: i64,
    /// Number of those that were due but must be kept, because of a legal hold or by law.
    pub held_back: i64,
}
