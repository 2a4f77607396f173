//! The types of imports: status of a job, outcome of a row, faults of a row.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use super::table::{Job, JobId};
use crate::kernel::{Fault, language::Language};

/// The status of an import job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ImportStatus {
    /// Waits for a worker.
    Queued,
    /// Is being worked through.
    Running,
    /// All rows have been worked through.
    Completed,
    /// A user stopped it. Rows that were imported before remain.
    Cancelled,
    /// It could not go on; `reason` says why. Rows that were imported before remain.
    Failed,
}

/// The outcome of a row. In a dry run, the outcome that it would have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ImportOutcome {
    /// A new record was created.
    Created,
    /// An existing record was changed.
    Updated,
    /// The record already had these values.
    Unchanged,
    /// The row may be an actor that exists already. A user decides in the match queue.
    Held,
    /// The row could not be used.
    Refused,
}

/// The reason why a row was refused or a part of it was not used, in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowFault {
    /// JSON Pointer to the member at fault; empty for the whole row.
    pub pointer: String,
    /// The heading of the column, if there is one.
    pub column: Option<String>,
    /// A stable code.
    pub code: String,
    /// What is wrong and what to do, in Swedish.
    pub sv: String,
    /// What is wrong and what to do, in English.
    pub en: String,
}

impl RowFault {
    /// Makes the stored form of a fault.
    #[must_use]
    pub fn from_fault(fault: Fault, column: Option<String>) -> Self {
        Self { pointer: fault.pointer, column, code: fault.code.to_owned(), sv: fault.detail.sv, en: fault.detail.en }
    }

    /// Returns what is wrong and what to do, in a language.
    #[must_use]
    pub fn detail(&self, language: Language) -> &str {
        if language == Language::Sv { &self.sv } else { &self.en }
    }
}

/// A member that a row did not change, and the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The name of the member.
    pub member: String,
    /// The reason, a code of the target.
    pub reason: String,
}

/// A column of a file that is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportColumn {
    /// The heading as it is in the file.
    #[schema(example = "Org.nr")]
    pub heading: String,
    /// The member that the column is read as, or a helper such as `organisationNumber`, `municipality` or `email`.
    #[schema(example = "organisationNumber")]
    pub member: String,
}

/// A column of a file that is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftOutColumn {
    /// The heading as it is in the file.
    #[schema(example = "Kassör")]
    pub heading: String,
    /// A known heading that may have been meant.
    pub did_you_mean: Option<String>,
    /// The reason why the column is left out.
    #[serde(default)]
    pub reason: LeftOutReason,
}

/// The reason why a column is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeftOutReason {
    /// The heading is unknown.
    #[default]
    Unknown,
    /// Another column means the same, and that one is read.
    Repeated,
    /// The column has cells but no heading. It is called by its letters, as in a spreadsheet.
    NoHeading,
}
