//! The types of imports of organisations: the options, the job, and the outcomes of its rows.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::users::UserId,
    intake::types::{ImportColumn, ImportOutcome, ImportStatus, JobId, LeftOutColumn},
    matches::MatchId,
    registry::actors::{ActorId, ActorKind},
    sources::{SourceId, rules::UnwrittenReason},
};

/// The id of an import job.
pub type ImportJobId = JobId;

/// The records to import. The members of each are those of an actor, with the same names as the columns of a table.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewImport {
    /// The records. The body may also be just this list.
    pub items: Vec<Map<String, Value>>,
}

/// An import job (inläsning).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportJob {
    pub id: ImportJobId,
    /// The version of the job. It grows as the job proceeds.
    pub version: i64,
    pub status: ImportStatus,
    /// The reason why the job failed, or what it could not do, in the caller's language.
    pub reason: Option<String>,
    /// The source that the file comes from; null for a file without a source.
    pub source_id: Option<SourceId>,
    /// The kind of actor of rows that name none.
    pub kind: Option<ActorKind>,
    /// Whether the file contains all records that the source has.
    pub full: bool,
    /// Whether the job only reports what would happen.
    pub dry_run: bool,
    /// The columns that are read, and their meanings.
    pub columns: Vec<ImportColumn>,
    /// The columns that are not read.
    pub left_out: Vec<LeftOutColumn>,
    /// Things that the sender of the file should check, such as a missing column of organisation numbers.
    pub warnings: Vec<ImportWarning>,
    /// The number of rows in the file.
    pub total: i64,
    /// The number of rows that have been processed: the sum of the counts from `created` to `refused`.
    pub processed: i64,
    /// The number of rows that became new actors.
    pub created: i64,
    /// The number of rows that changed actors.
    pub updated: i64,
    /// The number of rows that changed nothing, because the actor already had their values.
    pub unchanged: i64,
    /// The number of rows that wait in the match queue.
    pub held: i64,
    /// The number of rows that could not be used.
    pub refused: i64,
    /// The number of refused rows without details: only the first 1,000 refused rows of a file are listed.
    pub untold: i64,
    /// The number of records that the source had before and that a full file lacks.
    pub absent: i64,
    /// The user who started the job; null for the installation itself.
    pub started_by: Option<UserId>,
    /// The time when work on the job began.
    pub started_at: Option<DateTime<Utc>>,
    /// The time when the job ended, successfully or not.
    pub finished_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A warning about a file. It does not stop the import.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportWarning {
    /// The stable code of the warning.
    #[schema(example = "no-number-column")]
    pub code: String,
    /// The explanation and what to do, in the caller's language.
    pub detail: String,
}

/// The outcome of a row; in a dry run, what it would be.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportRow {
    /// The number of the row: in a table as a spreadsheet shows it, where the heading is row 1; otherwise the line, or the
    /// place in the list.
    pub row: i64,
    pub outcome: ImportOutcome,
    /// The record's id in the source. When the file has no ids: its organisation number or area, and its name.
    pub external_id: Option<String>,
    /// The id of the actor; null when there is none, and in a dry run for an actor that would have been created.
    pub actor_id: Option<ActorId>,
    /// The match in which a held row waits for a decision.
    pub match_id: Option<MatchId>,
    /// The faults for which the row was refused, or its cells that could not be read and were left out.
    pub errors: Vec<ImportFault>,
    /// Members for which the row has another value and that were not changed.
    pub left_alone: Vec<ImportLeftAlone>,
}

/// A fault of a row.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportFault {
    /// The JSON Pointer to the faulty member; empty for the whole row.
    #[schema(example = "/name")]
    pub pointer: String,
    /// The heading of the faulty column, as written in the file.
    #[schema(example = "Namn")]
    pub column: Option<String>,
    /// The stable code of the fault.
    #[schema(example = "required")]
    pub code: String,
    /// The explanation and what to do, in the caller's language.
    pub detail: String,
}

/// A member for which a row has another value and that was not changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportLeftAlone {
    /// The name of the member.
    #[schema(example = "focus")]
    pub member: String,
    pub reason: UnwrittenReason,
}

/// The query parameters of an import.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ImportOptions {
    /// The source that the file comes from. Without it, rows with an `id` change that actor, and other rows become new
    /// actors.
    #[param(nullable = false)]
    pub source_id: Option<SourceId>,
    /// The kind of actor of rows that name none.
    #[param(nullable = false, inline)]
    pub kind: Option<ActorKind>,
    /// The file contains all records that the source has, so records that are missing in it are marked absent. Requires
    /// `sourceId`.
    #[serde(default)]
    #[param(required = false, default = false)]
    pub full: bool,
    /// The meanings of unknown headings, each as heading and member separated by a colon.
    #[param(nullable = false, style = Form, explode = false, example = json!(["Org no:organisationNumber"]))]
    pub columns: Option<Vec<String>>,
    /// Only report what would happen, row by row.
    #[serde(default)]
    #[param(required = false, default = false)]
    pub dry_run: bool,
}

/// The filter of the list of rows.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct RowFilter {
    /// Only rows with this outcome.
    #[param(nullable = false, inline)]
    pub outcome: Option<ImportOutcome>,
}
