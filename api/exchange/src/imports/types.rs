//! The nouns of imports of organisations: what is asked for, a job, and what became of its rows.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::users::UserId,
    intake::{
        headings::{ImportColumn, LeftOutColumn},
        types::{ImportOutcome, ImportStatus, JobId},
    },
    matches::MatchId,
    registry::actors::{ActorId, ActorKind},
    sources::{SourceId, rules::UnwrittenReason},
};

/// The id of a job of importing.
pub type ImportJobId = JobId;

/// Records to import. The members of each are those of an actor, by the same names as the columns of a table.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewImport {
    /// The records; the body may also be this list alone.
    pub items: Vec<Map<String, Value>>,
}

/// A job of importing (inläsning).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportJob {
    pub id: ImportJobId,
    /// Grows as the job gets on.
    pub version: i64,
    pub status: ImportStatus,
    /// Why it failed, or what it could not do, in the caller's language.
    pub reason: Option<String>,
    /// The source that the file comes from; null for a file of our own.
    pub source_id: Option<SourceId>,
    /// What kind of actor a row is about when it does not say so.
    pub kind: Option<ActorKind>,
    /// Whether the file has all that the source has.
    pub full: bool,
    /// Whether it only tells what would happen.
    pub dry_run: bool,
    /// The columns that are read, and what they are taken for.
    pub columns: Vec<ImportColumn>,
    /// The columns that are not.
    pub left_out: Vec<LeftOutColumn>,
    /// What whoever sent the file should look at, such as that no column of organisation numbers was read.
    pub warnings: Vec<ImportWarning>,
    /// How many rows the file has.
    pub total: i64,
    /// How many of them have been worked through: the sum of the counts from `created` to `refused`.
    pub processed: i64,
    /// Rows that became new actors.
    pub created: i64,
    /// Rows that changed actors.
    pub updated: i64,
    /// Rows that said what was there already.
    pub unchanged: i64,
    /// Rows that wait in the match queue.
    pub held: i64,
    /// Rows that could not be used.
    pub refused: i64,
    /// Those of them that nothing more is told of: the first 1,000 of a file are told of row by row.
    pub untold: i64,
    /// Records that the source had before and that a full file lacks.
    pub absent: i64,
    /// Who started it; null for the installation itself.
    pub started_by: Option<UserId>,
    /// When it was first worked on.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended, however it did.
    pub finished_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Something of a file to look at, though it stops nothing.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportWarning {
    /// Stable code of the warning.
    #[schema(example = "no-number-column")]
    pub code: String,
    /// What it is and what to do, in the caller's language.
    pub detail: String,
}

/// What became of a row, or would.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportRow {
    /// The row's number: in a table as a spreadsheet shows it, the heading being row 1; otherwise the line or the place in the list.
    pub row: i64,
    pub outcome: ImportOutcome,
    /// What the source calls the record; where the file does not say, its organisation number or place, and its name.
    pub external_id: Option<String>,
    /// The actor; null when there is none, and for one that a dry run would have created.
    pub actor_id: Option<ActorId>,
    /// Where a row that is held waits in the match queue.
    pub match_id: Option<MatchId>,
    /// Why a row was refused, or what of it could not be read and was put aside.
    pub errors: Vec<ImportFault>,
    /// Members that the row said something else about and that were not changed.
    pub left_alone: Vec<ImportLeftAlone>,
}

/// A fault of a row.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportFault {
    /// JSON pointer to the member at fault; empty for the whole row.
    #[schema(example = "/name")]
    pub pointer: String,
    /// The heading of the column at fault, as it stands in the file.
    #[schema(example = "Namn")]
    pub column: Option<String>,
    /// Stable code of the fault.
    #[schema(example = "required")]
    pub code: String,
    /// What is wrong and what to do, in the caller's language.
    pub detail: String,
}

/// A member that a row said something else about and that was not changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportLeftAlone {
    /// The member of the actor.
    #[schema(example = "focus")]
    pub member: String,
    pub reason: UnwrittenReason,
}

/// What is imported, and how.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ImportOptions {
    /// The source that the file comes from. Without it the file is one of our own: rows with `id` change that actor, others become new ones.
    #[param(nullable = false)]
    pub source_id: Option<SourceId>,
    /// What kind of actor a row is about when it does not say so.
    #[param(nullable = false, inline)]
    pub kind: Option<ActorKind>,
    /// The file has all that the source has, so that what is missing is marked absent. Needs `sourceId`.
    #[serde(default)]
    #[param(required = false, default = false)]
    pub full: bool,
    /// What headings mean that are not known, each as heading and member with a colon between.
    #[param(nullable = false, style = Form, explode = false, example = json!(["Org no:organisationNumber"]))]
    pub columns: Option<Vec<String>>,
    /// Only tell what would happen, row by row.
    #[serde(default)]
    #[param(required = false, default = false)]
    pub dry_run: bool,
}

/// Which rows to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct RowFilter {
    /// Rows with this outcome.
    #[param(nullable = false, inline)]
    pub outcome: Option<ImportOutcome>,
}
