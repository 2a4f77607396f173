use std::{cell::Cell, fs::File, io::Write, sync::Arc};

use actix_web::{HttpMessage, HttpRequest, get, post, web, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    cells::Cells,
    reading::{ReadRow, Reading},
    store,
    target::Order,
    types::{
        ImportId, ImportOptions, NewObservation, NewObservationImport, Observation, ObservationFilter, ObservationId, ObservationImport,
        ObservationWithHistory,
    },
};
use crate::{
    access::{By, policy::needs},
    indicators::{Indicator, store as indicators},
    intake::{
        formats::Format,
        room::{announced, receive, unknown_media_type, with_retry_after},
        spool::{Intake, intake_in_turn},
        store as jobs,
        worker::Worker,
    },
    kernel::{
        At, Db, Fault, Listed, Page, Paging, Problem, Query, Reply, Result,
        disk::{Spool, failed},
        extract, fields,
        middleware::Left,
        page::Selection,
        places,
        request::{self, Call},
        say,
    },
};

/// The most rows that are stored during the call. A larger file becomes a job.
const MAX_IMMEDIATE_ROWS: i64 = 20_000;

/// List values
///
/// Values in the order in which they were first imported.
#[utoipa::path(tag = "statistics", operation_id = "listObservations", params(ObservationFilter, Paging),
    responses((status = 200, description = "A page of values", body = Page<Observation>)))]
#[get("/observations")]
async fn list(
    by: By<needs::ReadStatistics>,
    Query(filter): Query<ObservationFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Observation>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(&filter, paging, by, &db).await).await
}

/// Show a value
///
/// One value by its id, with its earlier values. A value that a later import changed without giving it a status has the status
/// `revised`. When the value is suppressed now, the numbers of its earlier values are not shown.
#[utoipa::path(tag = "statistics", operation_id = "getObservation", params(Selection),
    responses((status = 200, description = "The value", body = ObservationWithHistory)))]
#[get("/observations/{observationId}")]
async fn show(by: By<needs::ReadStatistics>, At(id): At<ObservationId>, db: Data<Db>) -> Result<Reply<ObservationWithHistory>> {
    let observation = store::find(id, db.reader()).await?;
    let former = store::list_former(&observation, db.reader()).await?;
    Reply::shown(&by, observation.version, &ObservationWithHistory { observation, former })
}

/// Import values
///
/// Accepts a table (CSV with semicolon, comma or tab, and decimal comma or point; or the first visible sheet of an XLSX workbook)
/// or objects (JSON or NDJSON). Headings can be in Swedish or English: områdeskod/areaCode, period, kön/sex, ålder/age,
/// född/born, bakgrund/background, variant, värde/value, täljare/numerator, nämnare/denominator, status. `..` stands for a value
/// that is not available, and `.` for one that is not applicable; a suppressed or missing value is stored without numbers.
/// Impossible values are refused: a share outside 0–100, a count with decimals, a value that contradicts its counts, a variant
/// that the indicator does not have. Rows that are stored already are updated. A row that cannot be stored is reported, and the
/// others are stored. A table with an unknown column, or with two columns for one member, is refused as a whole (422).
///
/// A file of at most 20,000 rows is stored during the call and answered with 201. A larger one, or one that is sent with
/// `Prefer: respond-async`, becomes a job: the answer is 202, and the address in `Location` shows its progress. `importBytes` and
/// `importRows` in `GET /config` are the limits of a file; a file with more rows is refused as a whole (413).
#[utoipa::path(tag = "statistics", operation_id = "createObservationImport", params(ImportOptions),
    request_body(content((NewObservationImport = "application/json"), (String = "text/csv"), (String = "application/x-ndjson"),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))),
    responses((status = 201, description = "The report of the import", body = ObservationImport,
        headers(("ETag" = String, description = "Identifies the report; missing for a dry run, which leaves none."), ("Location" = String, description = "The address of the report; missing for a dry run."))),
        (status = 202, description = "The import, which waits for its turn", body = ObservationImport)), extensions(("x-file-body" = json!("when-large"))))]
#[post("/observation-imports")]
async fn create(
    by: By<needs::WriteStatistics>,
    Query(options): Query<ImportOptions>,
    request: HttpRequest,
    payload: web::Payload,
    worker: Data<Worker>,
    db: Data<Db>,
) -> Result<Reply<ObservationImport>> {
    let (indicator, order) = read_options(&options, &db).await?;
    let format = Format::of_media_type(request.content_type()).ok_or_else(unknown_media_type)?;
    let (room, is_left) = (worker.room(), request.extensions().get::<Left>().is_some());
    if format == Format::Json && !is_left {
        let rows = convert_objects(extract::checked(&request)?, &indicator);
        return store_now(&by, &by, &indicator, &order, options.dry_run, &rows, &db).await;
    }
    let mut call = Call::clone(&by);
    let mut turn = None;
    if is_left || format == Format::Xlsx {
        // A large file takes time to arrive, and a workbook is much larger when it is unpacked; both have limits of their own.
        turn = Some(room.admit_import(&by.caller, &db).await?);
        places::leave();
    }
    let file = if is_left {
        let received = receive(payload, announced(request.headers()), &room.bounds).await.map_err(with_retry_after)?;
        // The digest that identifies a repeated call is known only now, because the body was left for this handler to read.
        call = call.with_digest(received.digest);
        received.file
    } else {
        let meta = request::meta(&request).ok_or_else(|| Problem::internal(&"an import without meta"))?;
        write_to_spool(&room.bounds.spool, &meta.body)?
    };
    let turns = match turn {
        Some(turn) => Some((room.reading_turn(&by.caller).await?, turn)),
        None => None,
    };
    let (read, _turn) =
        intake_in_turn(format, Arc::new(file), Reading::for_indicator(&indicator), &room.bounds, turns).await.map_err(with_retry_after)?;
    if read.total > MAX_IMMEDIATE_ROWS || fields::preference(request.headers(), "respond-async").is_some() {
        return enqueue(&by, &call, &order, options.dry_run, &read, &worker, &db).await;
    }
    let mut rows: Vec<ReadRow> = Vec::new();
    for piece in read.pieces.each() {
        rows.append(&mut serde_json::from_str(&piece?.1)?);
    }
    store_now(&by, &call, &indicator, &order, options.dry_run, &rows, &db).await
}

/// Reads the parameters of an import: the indicator, and the order.
async fn read_options(options: &ImportOptions, db: &Db) -> Result<(Indicator, Order)> {
    let mut missing = Vec::new();
    for (name, value) in [("indicator", &options.indicator), ("source", &options.source)] {
        if value.as_deref().is_none_or(|text| text.trim().is_empty()) {
            missing.push(Fault::of_parameter(name, "required", say!("Ange {name} i adressen.", "Give {name} in the address.")));
        }
    }
    let (Some(code), Some(source), true) = (&options.indicator, &options.source, missing.is_empty()) else {
        return Err(Problem::parameters(missing));
    };
    let indicator = indicators::by_code(code, db.reader()).await?.ok_or_else(|| {
        Problem::parameters(vec![Fault::of_parameter(
            "indicator",
            "not-found",
            say!(
                "Det finns ingen indikator med koden {code}; se GET /indicators.",
                "There is no indicator with the code {code}; see GET /indicators."
            ),
        )])
    })?;
    let order = Order { indicator_id: indicator.id, source: source.clone(), licence: options.licence.clone() };
    Ok((indicator, order))
}

/// Writes a body that is already in memory to a file in the spool.
fn write_to_spool(spool: &Spool, body: &[u8]) -> Result<File> {
    let mut file = spool.file()?;
    file.write_all(body).map_err(failed)?;
    Ok(file)
}

/// Whether the caller asks for an answer before the work is done (RFC 7240).
/// Stores rows during the call and answers with the report.
async fn store_now(
    by: &By<needs::WriteStatistics>,
    call: &Call,
    indicator: &Indicator,
    order: &Order,
    dry_run: bool,
    rows: &[ReadRow],
    db: &Db,
) -> Result<Reply<ObservationImport>> {
    let source = store::Source { indicator, source: &order.source, licence: order.licence.as_deref(), dry_run };
    db.write(call, async |w| {
        let imported = store::import(&by.reach, &source, rows, w).await?;
        match imported.id {
            Some(id) => Reply::created("/observation-imports", id, 1, &imported),
            None => Reply::done("/observations", &imported),
        }
    })
    .await
}

/// Queues rows for the worker and answers with the job.
async fn enqueue(
    by: &By<needs::WriteStatistics>,
    call: &Call,
    order: &Order,
    dry_run: bool,
    read: &Intake,
    worker: &Worker,
    db: &Db,
) -> Result<Reply<ObservationImport>> {
    let bounds = &worker.room().bounds;
    bounds.spool.require_room(read.pieces.bytes().saturating_mul(2)).map_err(with_retry_after)?;
    let id = jobs::stage(read, db).await?;
    let is_there = Cell::new(false);
    let stored = order.to_job_order(dry_run)?;
    let written = db
        .write(call, async |w| {
            is_there.set(true);
            jobs::admit(&by.caller, bounds, &w.tx).await?;
            let job = jobs::insert(id, stored.clone(), read, &by.caller, w).await?;
            let import = ImportId::from(job.id.uuid());
            Reply::queued("/observation-imports", import, job.version, &store::report(import, by.asked.language, &w.tx).await?)
        })
        .await;
    if written.is_err() || !is_there.get() {
        // The call was refused, or is a repeated call that has been answered already, so the staged rows are not needed.
        jobs::unstage(id, db).await?;
    }
    let reply = written?;
    worker.wake();
    Ok(reply)
}

/// Converts rows of JSON, which the contract has checked.
fn convert_objects(import: NewObservationImport, indicator: &Indicator) -> Vec<ReadRow> {
    let number = |number: Option<f64>| number.map(|number| number.to_string());
    let mut reading = Reading::for_indicator(indicator);
    let row = |(at, row): (usize, NewObservation)| {
        let status =
            row.status.and_then(|status| serde_json::to_value(status).ok()).and_then(|status| status.as_str().map(ToOwned::to_owned));
        let cells = [
            ("areaCode", Some(row.area_code)),
            ("period", Some(row.period)),
            ("sex", row.breakdown.sex),
            ("age", row.breakdown.age),
            ("born", row.breakdown.born),
            ("background", row.breakdown.background),
            ("regionOfBirth", row.breakdown.region_of_birth),
            ("timeInSweden", row.breakdown.time_in_sweden),
            ("variant", row.breakdown.variant),
            ("value", number(row.value)),
            ("numerator", number(row.numerator)),
            ("denominator", number(row.denominator)),
            ("status", status),
        ];
        let cells = cells.into_iter().filter_map(|(name, text)| text.map(|text| (name, text))).collect();
        reading.read_row(&Cells { number: at + 1, fault: None, cells })
    };
    import.rows.into_iter().enumerate().map(row).collect()
}

/// Show an import
///
/// The report of an import, with an error for each refused row.
#[utoipa::path(tag = "statistics", operation_id = "getObservationImport",
    responses((status = 200, description = "The report of the import", body = ObservationImport)))]
#[get("/observation-imports/{importId}")]
async fn outcome(by: By<needs::WriteStatistics>, At(id): At<ImportId>, db: Data<Db>) -> Result<Reply<ObservationImport>> {
    Reply::computed(&by, &store::report(id, by.asked.language, db.reader()).await?)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(show).service(create).service(outcome);
}
