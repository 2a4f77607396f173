use std::{cell::Cell, sync::Arc};

use actix_web::{HttpMessage, HttpRequest, get, post, web, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    Order,
    fit::check_file,
    headings::FileContext,
    mapping::Mapping,
    store,
    types::{ImportJob, ImportJobId, ImportOptions, ImportRow, NewImport, RowFilter},
};
use crate::{
    access::{By, policy::needs},
    columns::COLUMNS,
    intake::{
        formats::Format,
        headings::{parse_meanings, require_headings},
        room::{announced, receive, unknown_media_type, with_retry_after},
        spool::intake_in_turn,
        store as jobs,
        types::ImportStatus,
        worker::Worker,
    },
    kernel::{At, Db, Fault, Listed, Page, Paging, Problem, Query, Reply, Result, places, say},
    sources::store as sources,
};

/// List imports
///
/// Returns the jobs that the caller has started, newest first; an admin gets all jobs. A job is kept for 90 days.
#[utoipa::path(tag = "exchange", operation_id = "listImports", params(Paging),
    responses((status = 200, description = "A page of jobs", body = Page<ImportJob>)))]
#[get("/imports")]
async fn list(by: By<needs::ReadImports>, Query(paging): Query<Paging>, db: Data<Db>) -> Result<Listed<ImportJob>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(&by.caller, paging, by, &db).await).await
}

/// Import actors
///
/// Imports actors from a table (CSV with semicolon, comma or tab, or the first visible sheet of an XLSX workbook) or from
/// objects (JSON or NDJSON). Headings are recognised in Swedish and English and as in exports. Unknown columns are left out
/// and reported; `columns` gives their meanings. When the file has no ids of its own, a record is identified by its
/// organisation number. The answer is a job: follow it at its address, and read the outcome of each row at
/// `/imports/{importJobId}/rows`. A row that cannot be used is reported and does not stop the others. `importRows` in
/// `GET /config` is the maximum number of rows; a larger file is refused as a whole (413) before anything is stored. A file
/// is also refused when the caller has too many imports under way (429), when all callers together have (503), or when the
/// disk has no room for it (507).
#[utoipa::path(tag = "exchange", operation_id = "createImport", params(ImportOptions),
    request_body(content((NewImport = "application/json"), (String = "text/csv"), (String = "application/x-ndjson"),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))),
    responses((status = 202, description = "The job, which waits to be processed", body = ImportJob)), extensions(("x-file-body" = json!("always"))))]
#[post("/imports")]
async fn create(
    by: By<needs::WriteImports>,
    Query(options): Query<ImportOptions>,
    request: HttpRequest,
    payload: web::Payload,
    worker: Data<Worker>,
    db: Data<Db>,
) -> Result<Reply<ImportJob>> {
    if let Some(source) = options.source_id {
        sources::find_for_sync(by.sight(), &by.reach, source, db.reader()).await?;
    } else if by.reach.actors.is_empty() && by.reach.areas.is_empty() && !by.reach.everywhere {
        // A caller whose only right is a grant for a source can import nothing without a source.
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
    let columns = parse_meanings(options.columns.as_deref().unwrap_or_default(), &COLUMNS).map_err(Problem::parameters)?;
    let format = Format::of_media_type(request.content_type()).ok_or_else(unknown_media_type)?;
    let (room, announced) = (worker.room(), announced(request.headers()));
    // Receiving a file takes time and has limits of its own, so the call gives up its place among the calls under way.
    let turn = room.admit_import(&by.caller, &db).await?;
    places::leave();
    let received = receive(payload, announced, &room.bounds).await.map_err(with_retry_after)?;
    // The digest of the body is part of what identifies a repeated call. It is known only now, because the body is read
    // here.
    let call = by.with_digest(received.digest);
    let (kind, from_source) = (options.kind, options.source_id.is_some());
    let known = FileContext { kind, from_source, today: db.clock.today(), columns: columns.clone() };
    // The reader keeps both turns, because it goes on reading for a while when the caller disconnects.
    let turns = (room.reading_turn(&by.caller).await?, turn);
    let (read, _turn) =
        intake_in_turn(format, Arc::new(received.file), Mapping::new(known), &room.bounds, Some(turns)).await.map_err(with_retry_after)?;
    let ours =
        say!("Filen är en export härifrån; läs in den utan sourceId.", "The file is an export from here; import it without sourceId.");
    require_headings(&columns, &read.columns, &read.left_out)?;
    check_file(&read, format, from_source, ours, by.sight(), &db).await?;
    room.bounds.spool.require_room(read.pieces.bytes().saturating_mul(2)).map_err(with_retry_after)?;
    let order = Order { source: options.source_id, kind: options.kind, full: options.full, dry_run: options.dry_run };
    let id = jobs::stage(&read, &db).await?;
    let is_there = Cell::new(false);
    let written = db
        .write(&call, async |w| {
            is_there.set(true);
            jobs::admit(&by.caller, &room.bounds, &w.tx).await?;
            let job = store::view(jobs::insert(id, order.to_stored()?, &read, &by.caller, w).await?, by.asked.language);
            Reply::queued("/imports", job.id, job.version, &job)
        })
        .await;
    if written.is_err() || !is_there.get() {
        // The write was refused, or its answer was kept from an earlier call.
        jobs::unstage(id, &db).await?;
    }
    let reply = written?;
    worker.wake();
    Ok(reply)
}

/// Show an import
///
/// Returns the progress of a job and the numbers of its rows by outcome.
#[utoipa::path(tag = "exchange", operation_id = "getImport",
    responses((status = 200, description = "The job", body = ImportJob)))]
#[get("/imports/{importJobId}")]
async fn show(by: By<needs::ReadImports>, At(id): At<ImportJobId>, db: Data<Db>) -> Result<Reply<ImportJob>> {
    let job = store::find(&by.caller, id, db.reader()).await?;
    // Every caller who may see a job may cancel it.
    let call = by.allowing(async |_, _| Ok(())).await?;
    let job = store::view(job, by.asked.language);
    Reply::shown(&call, job.version, &job)
}

/// Cancel an import
///
/// Cancels a job that has not ended. Rows that have been written stay. A job that has ended is not changed.
#[utoipa::path(tag = "exchange", operation_id = "cancelImport",
    responses((status = 200, description = "The job as it has become", body = ImportJob)))]
#[post("/imports/{importJobId}/cancel")]
async fn cancel(by: By<needs::WriteImports>, At(id): At<ImportJobId>, db: Data<Db>) -> Result<Reply<ImportJob>> {
    db.write(&by, async |w| {
        store::find(&by.caller, id, &w.tx).await?;
        jobs::end(id, ImportStatus::Cancelled, None, 0, w).await?;
        let job = store::view(jobs::by_id(id, &w.tx).await?, by.asked.language);
        Reply::changed(job.version, &job)
    })
    .await
}

/// List rows of an import
///
/// Returns the outcomes of the rows, in the order of the file. A dry run lists all rows; an import lists all except those
/// that changed nothing. Of the refused rows only the first 1,000 are listed, each with at most 20 faults; `untold` of the
/// job is the number of the others.
#[utoipa::path(tag = "exchange", operation_id = "listImportRows", params(RowFilter, Paging),
    responses((status = 200, description = "A page of rows", body = Page<ImportRow>)))]
#[get("/imports/{importJobId}/rows")]
async fn rows(
    by: By<needs::ReadImports>,
    At(id): At<ImportJobId>,
    Query(filter): Query<RowFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<ImportRow>> {
    store::find(&by.caller, id, db.reader()).await?;
    Listed::from_pages(by, paging, async move |by, paging| store::rows(id, &filter, paging, by, &db).await).await
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(cancel).service(rows);
}
