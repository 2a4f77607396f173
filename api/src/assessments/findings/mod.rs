//! Findings (iakttagelser): a difference or a pattern that the parties hold to be there, and the evidence that it rests on.
//! Evidence from statistics is a question with its answer as it was, frozen with a digest: later changes of the numbers do
//! not change what was agreed on.

pub mod answers;
mod api;
pub mod store;
pub mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{Evidence, Finding, NewFinding, StatisticalQuery, routes};

use crate::kernel::Id;

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
