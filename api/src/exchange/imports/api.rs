use actix_web::{HttpMessage, HttpRequest, get, http::header, post, web, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{cell::Cell, sync::Arc};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    ImportJobId, ImportOutcome, ImportStatus,
    fit::{all_met, fit},
    formats::Format,
    intake::intake_in_turn,
    mapping::{ImportColumn, Known, LeftOutColumn, chosen},
    room::{later, receive},
    store::{self, Order},
    table::row,
    worker::Worker,
};
use crate::{
    access::{By, policy::needs, users::UserId},
    config::Config,
    exchange::{
        matches::MatchId,
        sources::{SourceId, rules::UnwrittenReason, store as sources},
    },
    kernel::{
        At, Db, Fault, Listed, Page, Paging, Problem, Query, Reply, Result,
        language::Language,
        places,
        problem::Kind,
        request::{Call, Once},
        say,
    },
    registry::actors::{ActorId, ActorKind},
};

/// Records to import. The members of each are those of an actor, by the same names as the columns of a table.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes a body that is read record by record, so that a wrong one stops no other")]
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

impl ImportRow {
    pub(super) fn of(row: row::Model, language: Language) -> Self {
        let errors = row.errors.0.into_iter().map(|fault| ImportFault {
            pointer: fault.pointer,
            column: fault.column,
            code: fault.code,
            detail: if language == Language::Sv { fault.sv } else { fault.en },
        });
        let left_alone = row.left_alone.0.into_iter().map(|left| ImportLeftAlone { member: left.member, reason: left.reason });
        Self {
            row: row.number,
            outcome: row.outcome,
            external_id: row.external_id,
            actor_id: row.actor_id,
            match_id: row.match_id.map(Into::into),
            errors: errors.collect(),
            left_alone: left_alone.collect(),
        }
    }
}

/// What is imported, and how.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct ImportOptions {
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
pub(super) struct RowFilter {
    /// Rows with this outcome.
    #[param(nullable = false, inline)]
    pub outcome: Option<ImportOutcome>,
}

/// List imports
///
/// The jobs that the caller has started, newest first; an admin sees all. A job is kept for 90 days.
#[utoipa::path(tag = "exchange", operation_id = "listImports", params(Paging),
    responses((status = 200, description = "A page of jobs", body = Page<ImportJob>)), extensions(("x-permission" = json!("imports.read"))))]
#[get("/imports")]
async fn list(by: By<needs::ReadImports>, Query(paging): Query<Paging>, db: Data<Db>) -> Result<Listed<ImportJob>> {
    Listed::of(by, paging, async move |by, paging| store::list(&by.caller, paging, by, &db).await).await
}

/// Import actors
///
/// From a table (CSV with semicolon, comma or tab, or the first visible sheet of an XLSX workbook) or from objects (JSON or NDJSON).
/// Headings are read in Swedish or English and as in exports; columns that are not known are left out and told of, and `columns`
/// says what they mean. Where the file gives no id of its own, an organisation's own number is what its record is known by. The answer
/// is a job: follow it at its address, and read what became of each row at `/imports/{importJobId}/rows`. A row that cannot
/// be used is told of and stops no other. A file may have as many rows as `importRows` in `GET /config` says; one with more is
/// refused whole (413) before anything is stored. So is one that comes while the caller has as many imports under way as it may
/// (429), all callers together have (503), or the disk has no room for it (507).
#[utoipa::path(tag = "exchange", operation_id = "createImport", params(ImportOptions),
    request_body(content((NewImport = "application/json"), (String = "text/csv"), (String = "application/x-ndjson"),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))),
    responses((status = 202, description = "The job, which waits to be worked through", body = ImportJob)), extensions(("x-permission" = json!("imports.write"))))]
#[post("/imports")]
async fn create(
    by: By<needs::WriteImports>,
    Query(options): Query<ImportOptions>,
    request: HttpRequest,
    payload: web::Payload,
    config: Data<Config>,
    worker: Data<Worker>,
    db: Data<Db>,
) -> Result<Reply<ImportJob>> {
    if let Some(source) = options.source_id {
        sources::find_for_sync(by.sight(), &by.reach, source, db.reader()).await?;
    } else if by.reach.actors.is_empty() && by.reach.areas.is_empty() && !by.reach.everywhere {
        // Who speaks for a source alone has nothing else to import.
        return Err(by.reach.missing());
    }
    if options.full && options.source_id.is_none() {
        return Err(Problem::parameters(vec![Fault::of_parameter(
            "full",
            "needs-source",
            say!(
                "full går bara med sourceId: det är källans poster som saknas.",
                "full needs sourceId: it is the source's records that are missing."
            ),
        )]));
    }
    let columns = chosen(options.columns.as_deref().unwrap_or_default()).map_err(Problem::parameters)?;
    let format = Format::of_media_type(request.content_type()).ok_or_else(|| {
        Problem::new(Kind::UnsupportedMediaType).detail(say!(
            "Skicka filen som text/csv, application/vnd.openxmlformats-officedocument.spreadsheetml.sheet, application/json eller application/x-ndjson.",
            "Send the file as text/csv, application/vnd.openxmlformats-officedocument.spreadsheetml.sheet, application/json or application/x-ndjson."
        ))
    })?;
    let (room, announced) = (worker.room(), announced(&request));
    // It has limits of its own, and a file takes its time to arrive.
    let turn = room.enter(&by.caller, &db).await?;
    places::leave();
    let received = receive(payload, announced, &config, &room.bounds.spool).await.map_err(later)?;
    // What a repeated call is known by is learnt only now, for the body was left for here.
    let once = by.once.clone().map(|once| Once { digest: received.digest, ..once });
    let call = Call { once, ..Call::clone(&by) };
    let (kind, from_source) = (options.kind, options.source_id.is_some());
    let known = Known { kind, from_source, today: db.clock.today(), columns: columns.clone() };
    // The reader keeps both turns, for it reads on for a while when the caller hangs up.
    let turns = (room.reading(&by.caller).await?, turn);
    let (read, _turn) = intake_in_turn(format, Arc::new(received.file), known, &room.bounds, Some(turns)).await.map_err(later)?;
    let ours =
        say!("Filen är en export härifrån; läs in den utan sourceId.", "The file is an export from here; import it without sourceId.");
    all_met(&columns, &read)?;
    fit(&read, format, from_source, ours, by.sight(), &db).await?;
    room.bounds.spool.room(read.pieces.bytes().saturating_mul(2)).map_err(later)?;
    let order = Order { source: options.source_id, kind: options.kind, full: options.full, dry_run: options.dry_run };
    let id = store::stage(&read, &db).await?;
    let is_there = Cell::new(false);
    let written = db
        .write(&call, async |w| {
            is_there.set(true);
            store::admit(&by.caller, &room.bounds, &w.tx).await?;
            let job = store::view(store::insert(id, order, &read, &by.caller, w).await?, by.language);
            Reply::queued("/imports", job.id, job.version, &job)
        })
        .await;
    if written.is_err() || !is_there.get() {
        // It was refused, or done before.
        store::unstage(id, &db).await?;
    }
    let reply = written?;
    worker.wake();
    Ok(reply)
}

/// How large the caller says that the body is.
fn announced(request: &HttpRequest) -> Option<u64> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Show an import
///
/// How far a job has come and what became of its rows.
#[utoipa::path(tag = "exchange", operation_id = "getImport",
    responses((status = 200, description = "The job", body = ImportJob)), extensions(("x-permission" = json!("imports.read"))))]
#[get("/imports/{importJobId}")]
async fn show(by: By<needs::ReadImports>, At(id): At<ImportJobId>, db: Data<Db>) -> Result<Reply<ImportJob>> {
    let job = store::find(&by.caller, id, db.reader()).await?;
    // Whoever sees a job may stop it.
    let call = by.allowing(async |_, _| Ok(())).await?;
    let job = store::view(job, by.language);
    Reply::shown(&call, job.version, &job)
}

/// Cancel an import
///
/// Stops a job that has not ended; rows that are in by then stay in. One that has ended stays as it is.
#[utoipa::path(tag = "exchange", operation_id = "cancelImport",
    responses((status = 200, description = "The job as it has become", body = ImportJob)), extensions(("x-permission" = json!("imports.write"))))]
#[post("/imports/{importJobId}/cancel")]
async fn cancel(by: By<needs::WriteImports>, At(id): At<ImportJobId>, db: Data<Db>) -> Result<Reply<ImportJob>> {
    db.write(&by, async |w| {
        store::find(&by.caller, id, &w.tx).await?;
        store::end(id, ImportStatus::Cancelled, None, 0, w).await?;
        let job = store::view(store::by_id(id, &w.tx).await?, by.language);
        Reply::changed(job.version, &job)
    })
    .await
}

/// List rows of an import
///
/// What became of each row, in the order of the file. A dry run tells of all rows; an import of all but those that said what was
/// there already. Of rows that were refused the first 1,000 of a file are told of, each with at most 20 faults; `untold` of the
/// job is how many more there were.
#[utoipa::path(tag = "exchange", operation_id = "listImportRows", params(RowFilter, Paging),
    responses((status = 200, description = "A page of rows", body = Page<ImportRow>)), extensions(("x-permission" = json!("imports.read"))))]
#[get("/imports/{importJobId}/rows")]
async fn rows(
    by: By<needs::ReadImports>,
    At(id): At<ImportJobId>,
    Query(filter): Query<RowFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<ImportRow>> {
    store::find(&by.caller, id, db.reader()).await?;
    Listed::of(by, paging, async move |by, paging| store::rows(id, &filter, paging, by, &db).await).await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(cancel).service(rows);
}
