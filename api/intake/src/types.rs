//! The nouns of imports: how far a job has come, what became of a row, what is wrong with one.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::table;
use crate::kernel::{Fault, Id, language::Language};

/// A job of importing.
pub type Job = table::Model;

/// The id of a job of importing.
pub type JobId = Id<Job>;

/// How far a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ImportStatus {
    /// Waits for a worker.
    Queued,
    /// Is being worked through.
    Running,
    /// All rows are in or told of.
    Completed,
    /// Somebody stopped it; what was in by then stays.
    Cancelled,
    /// It could not go on; `reason` says why, and what was in by then stays.
    Failed,
}

/// What became of a row, or would.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ImportOutcome {
    /// A new actor.
    Created,
    /// An actor was changed.
    Updated,
    /// It said what was there already.
    Unchanged,
    /// It may be an actor that is there already; somebody decides in the match queue.
    Held,
    /// It could not be used.
    Refused,
}

/// Why a row is not in, in both languages, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowFault {
    /// JSON pointer to the member at fault; empty for the whole row.
    pub pointer: String,
    /// The heading of its column, where it has one.
    pub column: Option<String>,
    /// A stable code.
    pub code: String,
    /// What to do, in Swedish.
    pub sv: String,
    /// What to do, in English.
    pub en: String,
}

impl RowFault {
    /// A fault as it is kept.
    #[must_use]
    pub fn of(fault: Fault, column: Option<String>) -> Self {
        Self { pointer: fault.pointer, column, code: fault.code.to_owned(), sv: fault.detail.sv, en: fault.detail.en }
    }

    /// What to do, in a language.
    #[must_use]
    pub fn detail(&self, language: Language) -> &str {
        if language == Language::Sv { &self.sv } else { &self.en }
    }
}

/// A member that a row did not change, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The member.
    pub member: String,
    /// Why, by a word of the target's own.
    pub reason: String,
}
