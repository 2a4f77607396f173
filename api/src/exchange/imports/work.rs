//! A piece of a job: some hundred rows in one transaction, with what became of them and how far the job has come.

use std::{cell::RefCell, collections::HashMap};

use serde_json::Value;
use uuid::Uuid;

use super::{
    ImportOutcome, ImportStatus, own,
    places::Places,
    record::{Record, Row, RowFault},
    store,
    table::{self, Kept, row},
    worker::{Errand, Worker},
};
use crate::{
    access::{Reach, policy::Permission},
    exchange::{
        links::store as links,
        matches::MatchId,
        sources::{
            rules::UnwrittenReason,
            store as sources,
            sync::{self, Incoming, SyncResult, Syncing},
        },
    },
    kernel::{Db, Fault, Problem, Result, Write, personal_number, problem::Kind, request::Call, say},
    registry::actors::{ActorId, rules, store as actors},
};

/// How long a chain of parents within one piece may be.
const GENERATIONS: usize = 10;

/// What became of a row.
#[derive(Clone, Debug)]
pub(super) struct Done {
    pub outcome: ImportOutcome,
    pub actor: Option<ActorId>,
    pub match_id: Option<Uuid>,
    pub faults: Vec<Fault>,
    pub left_alone: Vec<(String, UnwrittenReason)>,
}

impl Done {
    pub(super) const fn of(outcome: ImportOutcome) -> Self {
        Self { outcome, actor: None, match_id: None, faults: Vec::new(), left_alone: Vec::new() }
    }

    pub(super) fn refused(problem: Problem) -> Self {
        let mut faults = problem.faults;
        if faults.is_empty() {
            faults.push(Fault::at("", problem.kind.slug(), problem.detail.unwrap_or_else(|| problem.kind.help())));
        }
        if let Some(address) = problem.conflicts_with {
            for fault in faults.iter_mut().filter(|fault| fault.code == "taken") {
                fault.detail = say!(
                    "Numret är redan ett annat: det tillhör {address}. Är det samma aktör, ange dess id på raden; är raden en lokal del av den, låt numret ha scope parent.",
                    "The number belongs to {address}. If it is the same actor, give its id in the row; if the row is a local branch of it, give the number the scope parent."
                );
            }
        }
        Self { faults, ..Self::of(ImportOutcome::Refused) }
    }
}

/// Works a piece through.
pub(super) async fn piece(job: &table::Model, rows: Vec<Row>, errand: &Errand, worker: &Worker, db: &Db) -> Result<()> {
    let call = call(job, errand);
    let holder = worker.holder();
    if job.dry_run {
        let done = tried(&call, db, async |w| write(job, &rows, errand, worker, w).await).await?;
        return db
            .transaction(&call, async |w| {
                store::hold(job, holder, w).await?;
                store::advance(job, table_rows(job, &rows, &done), w).await
            })
            .await;
    }
    db.transaction(&call, async |w| {
        store::hold(job, holder, w).await?;
        let done = write(job, &rows, errand, worker, w).await?;
        store::advance(job, table_rows(job, &rows, &done), w).await
    })
    .await
}

/// Ends a job that all rows of have been worked through.
pub(super) async fn finish(job: &table::Model, errand: &Errand, worker: &Worker, db: &Db) -> Result<()> {
    let call = call(job, errand);
    let mut reason = None;
    let mut ids = None;
    let is_full = job.is_full && errand.source.is_some();
    // A file without a row that could be used is a mistake, and does not say that all has gone.
    if is_full && job.refused == job.total {
        reason = Some(say!(
            "Filen har inga rader som går att läsa, så ingenting har markerats som saknat.",
            "The file has no rows that can be read, so nothing was marked absent."
        ));
    } else if job.total == 0 {
        reason = Some(say!("Filen har inga rader att läsa in.", "The file has no rows to import."));
    } else if is_full {
        ids = store::external_ids(job, db.reader()).await?;
        if ids.is_none() {
            reason = Some(say!(
                "Ingen post har märkts som saknad, för filen har rader som inte går att känna igen. Rätta dem och läs in igen.",
                "No record was marked absent, for the file has rows that cannot be recognised. Correct them and import again."
            ));
        }
    }
    let absent = async |w: &Write<'_>| match (&errand.source, &ids) {
        (Some(source), Some(ids)) => {
            sources::lock(source.id, w).await?;
            links::mark_absent(source, ids, w).await
        }
        _ => Ok(0),
    };
    let dry = if job.dry_run { tried(&call, db, absent).await? } else { 0 };
    db.transaction(&call, async |w| {
        store::hold(job, worker.holder(), w).await?;
        let absent = if job.dry_run { dry } else { absent(w).await? };
        store::end(job.id, ImportStatus::Completed, reason.clone(), absent, w).await.map(drop)
    })
    .await
}

fn call(job: &table::Model, errand: &Errand) -> Call {
    errand.acting.call("createImport", 202, format!("import:{}", job.id))
}

/// Does work and takes back what it has written.
async fn tried<T>(call: &Call, db: &Db, work: impl AsyncFn(&Write<'_>) -> Result<T>) -> Result<T> {
    let found = RefCell::new(None);
    let ended = db
        .transaction(call, async |w| {
            found.replace(None);
            let outcome = work(w).await?;
            found.replace(Some(outcome));
            Err::<(), _>(Problem::new(Kind::Conflict))
        })
        .await;
    match (found.into_inner(), ended) {
        (Some(outcome), _) => Ok(outcome),
        (None, Err(problem)) => Err(problem),
        (None, Ok(())) => Err(Problem::internal(&"what was tried has no outcome")),
    }
}

/// Writes what rows say. The outcomes are in the order of the rows that could be read.
async fn write(job: &table::Model, rows: &[Row], errand: &Errand, worker: &Worker, w: &Write<'_>) -> Result<Vec<Option<Done>>> {
    w.plan_anew().await?;
    let reach = errand.acting.caller.reach(Permission::WriteImports)?;
    let places = Places::of(rows.iter().filter_map(|row| row.read.as_ref().ok()), w).await?;
    let mut done: Vec<Option<Done>> = rows.iter().map(|_| None).collect();
    let mut pending: Vec<(usize, Record)> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let Ok(record) = &row.read else { continue };
        let mut record = record.clone();
        let faults = places.settle(&mut record);
        if faults.is_empty() {
            pending.push((at, record));
        } else {
            done[at] = Some(Done { faults, ..Done::of(ImportOutcome::Refused) });
        }
    }
    // A parent may stand in the same piece, and has an id only when it has been written.
    for _ in 0..GENERATIONS {
        let (ready, waiting) = with_parents(std::mem::take(&mut pending), errand, w).await?;
        if ready.is_empty() {
            pending = waiting;
            break;
        }
        let (places, records): (Vec<_>, Vec<_>) = ready.into_iter().unzip();
        for (at, outcome) in places.into_iter().zip(apply(records, errand, &reach, worker, w).await?) {
            done[at] = Some(outcome);
        }
        pending = waiting;
        if pending.is_empty() {
            break;
        }
    }
    let (may_come, orphans): (Vec<_>, Vec<_>) = pending.into_iter().partition(|(_, record)| job.dry_run && record.parent_is_in_file);
    if !may_come.is_empty() {
        // The parent would have been written before this in earnest.
        let (places, records): (Vec<_>, Vec<_>) = may_come
            .into_iter()
            .map(|(at, mut record)| {
                record.fields.remove("parentId");
                (at, record)
            })
            .unzip();
        for (at, outcome) in places.into_iter().zip(apply(records, errand, &reach, worker, w).await?) {
            done[at] = Some(outcome);
        }
    }
    for (at, _) in orphans {
        done[at] = Some(Done { faults: vec![no_parent()], ..Done::of(ImportOutcome::Refused) });
    }
    Ok(done)
}

async fn apply(records: Vec<Record>, errand: &Errand, reach: &Reach, worker: &Worker, w: &Write<'_>) -> Result<Vec<Done>> {
    let Some(source) = &errand.source else {
        return own::apply(records, errand, reach, worker.contract(), w).await;
    };
    let syncing = Syncing { source, sight: &errand.acting.caller.sight, reach, contract: worker.contract() };
    let incoming = records.into_iter().map(|record| Incoming { external_id: record.external_id.clone(), fields: fields(record) });
    let outcomes = sync::apply(incoming.collect(), &syncing, w).await?;
    Ok(outcomes
        .into_iter()
        .map(|outcome| {
            let (result, match_id) = (outcome.result, outcome.match_id().map(MatchId::uuid));
            let actor = outcome.actor.as_ref().map(|actor| actor.id).or_else(|| outcome.link.as_ref().and_then(|link| link.actor_id));
            let left_alone = outcome.left_alone.iter().map(|left| (left.member.clone(), left.reason)).collect();
            match (result, outcome.problem) {
                (_, Some(problem)) => Done { actor, ..Done::refused(problem) },
                (SyncResult::Created, None) => Done { actor, left_alone, ..Done::of(ImportOutcome::Created) },
                (SyncResult::Updated, None) => Done { actor, left_alone, ..Done::of(ImportOutcome::Updated) },
                (SyncResult::Held, None) => Done { actor, match_id, ..Done::of(ImportOutcome::Held) },
                (SyncResult::Unchanged | SyncResult::Refused, None) => Done { actor, left_alone, ..Done::of(ImportOutcome::Unchanged) },
            }
        })
        .collect())
}

/// What a record says of an actor, with the identifiers that stand in columns of their own.
fn fields(record: Record) -> serde_json::Map<String, Value> {
    let mut fields = record.fields;
    if let Some(Value::Array(identifiers)) = fields.get_mut("identifiers") {
        for number in record.numbers {
            if !identifiers.iter().any(|known| known["scheme"] == number["scheme"] && known["value"] == number["value"]) {
                identifiers.push(number);
            }
        }
    }
    fields
}

type Numbered = Vec<(usize, Record)>;

/// Puts ids in place of what records call their parents; those whose parent is not there yet wait.
async fn with_parents(records: Numbered, errand: &Errand, w: &Write<'_>) -> Result<(Numbered, Numbered)> {
    let called = |record: &Record| {
        let parent = record.fields.get("parentId").and_then(Value::as_str).map(ToOwned::to_owned);
        parent.filter(|parent| Uuid::parse_str(parent).is_err())
    };
    let mut asked: Vec<String> = records.iter().filter_map(|(_, record)| called(record)).collect();
    asked.sort();
    asked.dedup();
    let mut found: HashMap<String, ActorId> = HashMap::new();
    if let (Some(source), false) = (&errand.source, asked.is_empty()) {
        let ids: Vec<&str> = asked.iter().map(String::as_str).collect();
        let known = links::by_external_ids(source.id, &ids, &w.tx).await?;
        found.extend(known.into_iter().filter_map(|(id, link)| Some((id, link.actor_id?))));
    }
    for parent in asked {
        if !found.contains_key(&parent)
            && let Ok(number) = rules::organisation_number(&parent, "")
            && let Some(actor) = actors::by_identifier(&format!("{}:{number}", rules::ORGANISATION_NUMBER), &w.tx).await?
        {
            found.insert(parent, actor);
        }
    }
    let (mut ready, mut waiting) = (Vec::new(), Vec::new());
    for (at, mut record) in records {
        match called(&record) {
            None => ready.push((at, record)),
            Some(parent) => match found.get(&parent) {
                Some(actor) => {
                    record.fields.insert("parentId".to_owned(), actor.to_string().into());
                    ready.push((at, record));
                }
                None => waiting.push((at, record)),
            },
        }
    }
    Ok((ready, waiting))
}

fn no_parent() -> Fault {
    Fault::at(
        "/parentId",
        "not-found",
        say!(
            "Den överordnade aktören finns inte. Ange dess id, dess organisationsnummer eller dess beteckning i samma källa; står den i samma fil ska den stå före.",
            "The parent is not there. Give its id, its organisation number or what the same source calls it; if it is in the same file it must stand before."
        ),
    )
}

/// The columns whose cells become a member.
const BEHIND: &[(&str, &[&str])] = &[
    ("seatAreaId", &["seatAreaId", "municipality", "county"]),
    ("identifiers", &["identifiers", "organisationNumber", "koladaId", "municipality"]),
    ("contactPoints", &["contactPoints", "email", "phone"]),
    ("focus", &["focus", "categories"]),
    ("status", &["status", "dissolved"]),
];

/// What became of rows, as it is kept.
fn table_rows(job: &table::Model, rows: &[Row], done: &[Option<Done>]) -> Vec<row::Model> {
    let column = |pointer: &str| {
        let member = pointer.split('/').nth(1)?;
        let behind = BEHIND.iter().find(|(known, _)| *known == member).map_or(std::slice::from_ref(&member), |(_, behind)| behind);
        let found = behind.iter().find_map(|member| job.columns.0.iter().find(|column| column.member == **member));
        found.map(|column| column.heading.clone())
    };
    rows.iter()
        .zip(done)
        .map(|(read, done)| {
            let refused = Done::of(ImportOutcome::Refused);
            let done = done.as_ref().unwrap_or(&refused);
            let mut errors = read.read.clone().err().unwrap_or_default();
            errors.extend(done.faults.iter().map(|fault| RowFault::of(fault.clone(), column(&fault.pointer))));
            row::Model {
                import_job_id: job.id,
                number: read.row.into(),
                outcome: done.outcome,
                external_id: read.external_id.as_deref().map(|id| personal_number::mask(id).into_owned()),
                // What a dry run created is not there any longer.
                actor_id: done.actor.filter(|_| !(job.dry_run && done.outcome == ImportOutcome::Created)),
                match_id: done.match_id.filter(|_| !job.dry_run),
                errors: errors.into(),
                left_alone: done
                    .left_alone
                    .iter()
                    .map(|(member, reason)| Kept { member: member.clone(), reason: *reason })
                    .collect::<Vec<_>>()
                    .into(),
            }
        })
        .collect()
}
