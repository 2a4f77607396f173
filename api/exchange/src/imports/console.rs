//! Runs imports from the command line, in the same way as those of the API, on behalf of the installation itself.

use std::{fs::File, sync::Arc};

use uuid::Uuid;

use super::{
    Order, fit,
    headings::FileContext,
    mapping::{Mapping, Row},
    work,
};
use crate::{
    access::{Access, Acting},
    columns::COLUMNS,
    intake::{
        formats::Format,
        headings::{parse_meanings, require_headings},
        spool::{CHUNK, Intake, intake},
        store as jobs,
        table::row,
        types::Job,
        worker::Worker,
    },
    kernel::{Db, Problem, Result, request::Call, say},
    registry::actors::ActorKind,
    sources::{NewSource, Source, SourceId, rules as members, store as sources},
};

/// The options of an import from the command line.
#[derive(Clone, Debug)]
pub struct Request {
    /// The format of the file.
    pub format: Format,
    /// The name or id of the source. When it is missing, the source is named after the file, unless the file was exported
    /// from here.
    pub source: Option<String>,
    /// The name of the file without its extension.
    pub file: String,
    /// The kind of actor of rows that name none.
    pub kind: Option<ActorKind>,
    /// The meanings of unknown headings, each as heading and member separated by a colon.
    pub columns: Vec<String>,
    /// Whether the file contains all records that the source has.
    pub full: bool,
    /// Whether to report what would happen without storing anything.
    pub dry_run: bool,
}

/// The result of an import.
#[derive(Clone, Debug)]
pub struct Report {
    /// The job after it has ended.
    pub job: Job,
    /// The first rows that could not be used, at most 20.
    pub problems: Vec<row::Model>,
    /// The source of the rows.
    pub source: Option<Source>,
    /// The name of the source that would be created, in a dry run.
    pub new_source: Option<String>,
}

/// The maximum number of problems in the report.
const MAX_PROBLEMS: u64 = 20;

/// Imports a file and waits until the job has ended. `progress` is called with the job after each piece of rows.
///
/// # Errors
/// When the file as a whole cannot be read (422), or the database does not answer.
pub async fn run(request: &Request, file: File, worker: &Worker, access: &Access, db: &Db, progress: impl FnMut(&Job)) -> Result<Report> {
    let (file, bounds) = (Arc::new(file), &worker.room().bounds);
    let columns = parse_meanings(&request.columns, &COLUMNS).map_err(Problem::parameters)?;
    let known = FileContext { kind: request.kind, from_source: false, today: db.clock.today(), columns: columns.clone() };
    let mut read: Intake = intake(request.format, Arc::clone(&file), Mapping::new(known.clone()), bounds).await?;
    let has = |member: &str| read.columns.iter().any(|column| column.member == member);
    let ours = request.source.is_none() && has("id") && has("version");
    if !ours {
        read = intake(request.format, file, Mapping::new(FileContext { from_source: true, ..known }), bounds).await?;
    }
    require_headings(&columns, &read.columns, &read.left_out)?;
    let acting = Acting::installation();
    let told_ours =
        say!("Filen är en export härifrån; läs in den utan --source.", "The file is an export from here; import it without --source.");
    fit::check_file(&read, request.format, !ours, told_ours, &acting.caller.sight, db).await?;
    let of_source = if ours { None } else { Some(find_source(request, db).await?) };
    let order = Order { source: None, kind: request.kind, full: request.full && !ours, dry_run: request.dry_run };
    let source = match of_source {
        None => None,
        Some(Ok(source)) => Some(source),
        Some(Err(new)) if request.dry_run => {
            let most = usize::try_from(MAX_PROBLEMS).unwrap_or(usize::MAX);
            let (job, problems) = work::rehearse(order, &read, &new, worker.contract(), db, most, progress).await?;
            return Ok(Report { job, problems, source: None, new_source: Some(new.name) });
        }
        Some(Err(new)) if is_useless(order, &read, &new, worker, db).await? => {
            let most = usize::try_from(MAX_PROBLEMS).unwrap_or(usize::MAX);
            let (job, problems) = work::rehearse(order, &read, &new, worker.contract(), db, most, progress).await?;
            return Ok(Report { job, problems, source: None, new_source: None });
        }
        Some(Err(new)) => Some(db.transaction(&Call::of_console("createSource"), async |w| sources::insert(&new, w).await).await?),
    };
    let order = Order { source: source.as_ref().map(|source| source.id), ..order };
    let (call, order) = (Call::of_console("createImport"), order.to_stored()?);
    bounds.spool.require_room(read.pieces.bytes().saturating_mul(2))?;
    let id = jobs::stage(&read, db).await?;
    let job = db.transaction(&call, async |w| jobs::insert(id, order.clone(), &read, &acting.caller, w).await).await?;
    let job = worker.run_job(job.id, access, db, progress).await?;
    let problems = jobs::list_recorded(job.id, true, MAX_PROBLEMS, db.reader()).await?;
    Ok(Report { job, problems, source, new_source: None })
}

/// Returns whether a file has no usable row. Then no source is created for it, because other users would see the source.
async fn is_useless(order: Order, read: &Intake, new: &NewSource, worker: &Worker, db: &Db) -> Result<bool> {
    let mut readable = 0;
    for piece in read.pieces.each() {
        let rows: Vec<Row> = serde_json::from_str(&piece?.1)?;
        readable += rows.iter().filter(|row| row.read.is_ok()).count();
        if readable > CHUNK {
            return Ok(false);
        }
    }
    let (job, _) = work::rehearse(order, read, new, worker.contract(), db, 0, |_| {}).await?;
    Ok(job.refused == job.total && job.total > 0)
}

/// Returns the source that the request names, by its id or its name, or otherwise a new source of the installation itself,
/// which does not exist yet.
async fn find_source(request: &Request, db: &Db) -> Result<std::result::Result<Source, NewSource>> {
    if let Some(id) = request.source.as_deref().and_then(|source| Uuid::parse_str(source).ok()) {
        return sources::by_id(SourceId::from(id), db.reader())
            .await
            .map(Ok)
            .map_err(|_| Problem::not_found().detail(say!("Det finns ingen källa med id {id}.", "There is no source with the id {id}.")));
    }
    let name = request.source.clone().unwrap_or_else(|| request.file.clone());
    if let Some(source) = sources::own_by_name(&name, db.reader()).await? {
        return Ok(Ok(source));
    }
    // The new source owns all members except the visibility. Members that have been curated here are protected all the
    // same.
    let owned_fields = members::writable_members().iter().filter(|member| *member != "visibility").cloned().collect();
    Ok(Err(NewSource { actor_id: None, id_scheme: name.chars().take(100).collect(), name, owned_fields }))
}
