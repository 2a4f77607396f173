//! Processes a piece of a job: writes some hundred rows, and returns their outcomes.

use std::collections::HashMap;

use serde_json::{Value, json};
use uuid::Uuid;

pub(super) use super::outcome::RowOutcome;
use super::{
    Order,
    importer::Importer,
    outcome, own,
    places::AreaLookup,
    record::{Record, Row},
};
use crate::{
    access::{Acting, Reach, policy::Permission},
    columns,
    intake::{
        formats::MAX_FAULTS,
        spool::Intake,
        store as jobs,
        table::row,
        target::try_out,
        types::{ImportOutcome, ImportStatus, Job, Kept, RowFault},
    },
    kernel::{Db, Fault, Result, Write, contract::Contract, extract, personal_number, request::Call, say},
    links::store as links,
    matches::{MatchId, MatchReason},
    registry::actors::{
        ActorId, NewActor,
        matching::{self, MatchVisibility},
        rules,
    },
    sources::{
        NewSource,
        rules::UnwrittenReason,
        store as sources,
        sync::{self, Incoming, SyncResult, Syncing},
    },
};

/// The maximum length of a chain of parents within one piece.
const GENERATIONS: usize = 10;

/// Runs a job whose source does not exist yet, without storing the job or the source. `progress` is called with the job
/// after each piece. Returns the job and at most `most` of its refused rows.
pub(super) async fn rehearse(
    order: Order,
    read: &Intake,
    new: &NewSource,
    contract: &Contract,
    db: &Db,
    most: usize,
    mut progress: impl FnMut(&Job),
) -> Result<(Job, Vec<row::Model>)> {
    let acting = Acting::installation();
    let (call, order) = (Call::of_console("createImport"), order.to_stored()?);
    let mut job = try_out(&call, db, async |w| Ok(jobs::new_job(w.new_id(), order.clone(), read, &acting.caller, w))).await?;
    let mut refused = Vec::new();
    for piece in read.pieces.each() {
        let rows: Vec<Row> = serde_json::from_str(&piece?.1)?;
        let tried = try_out(&call, db, async |w| {
            let source = sources::insert(new, w).await?;
            write(&job, rows.clone(), &Importer { acting: &acting, contract, source: Some(source) }, w).await
        });
        let done = tried.await?;
        jobs::Progress::count(&done).add(&mut job);
        let left = most.saturating_sub(refused.len());
        refused.extend(done.into_iter().filter(|row| row.outcome == ImportOutcome::Refused).take(left));
        progress(&job);
    }
    job.status = ImportStatus::Completed;
    Ok((job, refused))
}

/// Writes rows, and returns their outcomes in the order of the rows.
pub(super) async fn write(job: &Job, rows: Vec<Row>, importer: &Importer<'_>, w: &Write<'_>) -> Result<Vec<row::Model>> {
    w.plan_anew().await?;
    let reach = importer.acting.caller.reach(Permission::WriteImports)?;
    let areas = AreaLookup::load(rows.iter().filter_map(|row| row.read.as_ref().ok().or(row.rest.as_ref())), w).await?;
    let mut done: Vec<Option<RowOutcome>> = rows.iter().map(|_| None).collect();
    let mut aside: Vec<Vec<Fault>> = rows.iter().map(|_| Vec::new()).collect();
    let (mut pending, mut again): (IndexedRecords, IndexedRecords) = (Vec::new(), Vec::new());
    let mut known = Vec::with_capacity(rows.len());
    for (at, row) in rows.into_iter().enumerate() {
        let (is_usable, is_first) = (row.read.is_ok(), row.repeats.is_empty());
        let (row, record) = KnownRow::of(row);
        known.push(row);
        let Some(mut record) = record else { continue };
        aside[at] = remove_unreadable(&mut record, importer.contract);
        let mut faults = areas.resolve(&mut record);
        if faults.is_empty() && is_usable {
            if is_first { &mut pending } else { &mut again }.push((at, record));
        } else {
            let (others, schemes) = remaining_faults(record, &faults, importer.contract);
            faults.extend(others);
            done[at] = Some(RowOutcome { faults, schemes, ..RowOutcome::new(ImportOutcome::Refused) });
        }
    }
    Box::pin(write_after_parents(pending, &mut done, job, importer, &reach, w)).await?;
    // A row that repeats an earlier record is used only when none of the earlier rows could be used.
    for (at, record) in again {
        match find_usable_repeat(job, &known, at, &done, w).await? {
            Some(first) => done[at] = Some(RowOutcome { faults: vec![repeated(first)], ..RowOutcome::new(ImportOutcome::Refused) }),
            None => Box::pin(write_after_parents(vec![(at, record)], &mut done, job, importer, &reach, w)).await?,
        }
    }
    for (done, aside) in done.iter_mut().zip(aside) {
        if let Some(done) = done {
            done.aside = aside;
        }
    }
    outcome::name_owners(&mut done, job.dry_run, &importer.acting.caller.sight, w).await?;
    table_rows(job, known, &done)
}

/// What is known of a row beside its record.
struct KnownRow {
    number: u32,
    external_id: Option<String>,
    /// The faults for which the row cannot be used.
    errors: Vec<RowFault>,
    /// Faults of cells that the record can be stored without.
    aside: Vec<RowFault>,
    repeats: Vec<u32>,
}

impl KnownRow {
    /// Returns the row without its record, and the record or the readable part of it.
    fn of(row: Row) -> (Self, Option<Record>) {
        let Row { row: number, external_id, read, repeats, rest } = row;
        let (record, errors, aside) = match read {
            Ok(mut record) => {
                let aside = std::mem::take(&mut record.aside);
                (Some(record), Vec::new(), aside)
            }
            Err(errors) => (rest, errors, Vec::new()),
        };
        (Self { number, external_id, errors, aside, repeats }, record)
    }
}

/// Writes usable rows, each after its parent.
async fn write_after_parents(
    mut pending: IndexedRecords,
    done: &mut [Option<RowOutcome>],
    job: &Job,
    importer: &Importer<'_>,
    reach: &Reach,
    w: &Write<'_>,
) -> Result<()> {
    // A parent may be in the same piece, and has an id only after it has been written.
    for _ in 0..GENERATIONS {
        let (ready, waiting) = resolve_parents(std::mem::take(&mut pending), importer, w).await?;
        if ready.is_empty() {
            pending = waiting;
            break;
        }
        let (places, records): (Vec<_>, Vec<_>) = ready.into_iter().unzip();
        for (at, outcome) in places.into_iter().zip(apply(records, importer, reach, w).await?) {
            done[at] = Some(outcome);
        }
        pending = waiting;
        if pending.is_empty() {
            break;
        }
    }
    let (may_come, orphans): (Vec<_>, Vec<_>) = pending.into_iter().partition(|(_, record)| job.dry_run && record.parent_is_in_file);
    if !may_come.is_empty() {
        // In a real import the parent would have been written before.
        let (places, records): (Vec<_>, Vec<_>) = may_come
            .into_iter()
            .map(|(at, mut record)| {
                record.fields.remove("parentId");
                (at, record)
            })
            .unzip();
        for (at, outcome) in places.into_iter().zip(apply(records, importer, reach, w).await?) {
            done[at] = Some(outcome);
        }
    }
    for (at, _) in orphans {
        done[at] = Some(RowOutcome { faults: vec![no_parent()], ..RowOutcome::new(ImportOutcome::Refused) });
    }
    Ok(())
}

/// Returns the number of the first earlier row with the same record that could be used, in this piece or in earlier ones.
async fn find_usable_repeat(job: &Job, rows: &[KnownRow], at: usize, done: &[Option<RowOutcome>], w: &Write<'_>) -> Result<Option<u32>> {
    let mut earlier = Vec::new();
    for first in &rows[at].repeats {
        match rows.iter().position(|row| row.number == *first) {
            Some(place) if done[place].as_ref().is_some_and(|done| done.outcome != ImportOutcome::Refused) => return Ok(Some(*first)),
            Some(_) => {}
            None => earlier.push(*first),
        }
    }
    let refused = jobs::refused(job, &earlier, &w.tx).await?;
    Ok(earlier.into_iter().find(|first| !refused.contains(first)))
}

fn repeated(first: u32) -> Fault {
    Fault::at_pointer(
        "",
        "repeated",
        say!("Samma post står redan på rad {first}. Behåll en av dem.", "The same record stands in row {first} already. Keep one of them."),
    )
}

/// Removes values that are not valid web addresses, e-mail addresses or telephone numbers, so that the rest of the row can
/// be stored. Returns their faults.
fn remove_unreadable(record: &mut Record, contract: &Contract) -> Vec<Fault> {
    let mut whole = own::whole_record(record);
    whole.retain(|member, value| matches!(member.as_str(), "website" | "contactPoints") && !value.is_null());
    if whole.is_empty() {
        return Vec::new();
    }
    let points = whole.get("contactPoints").cloned().unwrap_or_default();
    whole.extend([("kind".to_owned(), json!("other")), ("name".to_owned(), json!("-"))]);
    let found = contract.check("NewActor", &Value::Object(whole)).err().map(|problem| problem.faults).unwrap_or_default();
    let mut aside = Vec::new();
    for fault in found {
        let parts: Vec<&str> = fault.pointer.split('/').skip(1).collect();
        let detail = match parts.as_slice() {
            ["website"] => {
                record.fields.remove("website");
                say!(
                    "Webbadressen går inte att läsa och lades åt sidan. Skriv den som https://www.example.se.",
                    "The web address cannot be read and was put aside. Write it like https://www.example.se."
                )
            }
            ["contactPoints", at, way @ ("email" | "phone")] => {
                let Ok(place) = at.parse::<usize>() else { continue };
                let bad = &points[place][*way];
                if record.helpers.get(*way) == Some(bad) {
                    record.helpers.remove(*way);
                }
                if let Some(Value::Object(point)) = record.fields.get_mut("contactPoints").and_then(|points| points.get_mut(place)) {
                    point.insert((*way).to_owned(), Value::Null);
                }
                if *way == "email" {
                    say!(
                        "E-postadressen går inte att läsa och lades åt sidan. Skriv en adress, som info@example.se.",
                        "The e-mail address cannot be read and was put aside. Write one address, such as info@example.se."
                    )
                } else {
                    say!(
                        "Telefonnumret går inte att läsa och lades åt sidan. Skriv ett nummer, som 08-530 610 00.",
                        "The telephone number cannot be read and was put aside. Write one number, such as 08-530 610 00."
                    )
                }
            }
            _ => continue,
        };
        aside.push(Fault { detail, ..fault });
    }
    if aside.iter().any(|fault| fault.pointer.starts_with("/contactPoints"))
        && let Some(Value::Array(points)) = record.fields.get_mut("contactPoints")
    {
        points.retain(|point| ["email", "phone"].iter().any(|way| !point[*way].is_null()));
        if points.is_empty() {
            record.fields.remove("contactPoints");
        }
    }
    aside
}

/// Returns the other faults of a row that is refused already, so that all of them can be corrected at once, and the schemes
/// of its identifiers.
fn remaining_faults(record: Record, known: &[Fault], contract: &Contract) -> (Vec<Fault>, Vec<String>) {
    let mut whole = own::whole_record(&record);
    let schemes = outcome::schemes(&whole);
    whole.retain(|member, value| {
        let is_known = known.iter().any(|fault| fault.pointer.split('/').nth(1) == Some(member));
        let called = member == "parentId" && value.as_str().is_some_and(|parent| Uuid::parse_str(parent).is_err());
        !is_known && !called
    });
    // Members that could not be read have been reported already.
    whole.entry("kind").or_insert_with(|| json!("other"));
    whole.entry("name").or_insert_with(|| json!("-"));
    let whole = Value::Object(whole);
    let found = match contract.check("NewActor", &whole).and_then(|()| extract::typed::<NewActor>(whole)) {
        Ok(actor) => rules::checked_identifiers(&actor.identifiers).err().unwrap_or_default(),
        Err(problem) => problem.faults,
    };
    (found, schemes)
}

async fn apply(records: Vec<Record>, importer: &Importer<'_>, reach: &Reach, w: &Write<'_>) -> Result<Vec<RowOutcome>> {
    let Some(source) = &importer.source else {
        return own::apply(records, importer, reach, w).await;
    };
    let syncing = Syncing { source, sight: &importer.acting.caller.sight, reach, contract: importer.contract };
    let hidden: Vec<Vec<String>> = records.iter().map(|record| record.redacted.clone()).collect();
    let incoming = records.into_iter().map(|record| Incoming {
        external_id: record.external_id.clone(),
        defaults: record.defaults.clone(),
        by_number: record.by_number,
        fields: fields(record),
    });
    let incoming: Vec<_> = incoming.collect();
    let schemes: Vec<_> = incoming.iter().map(|record| outcome::schemes(&record.fields)).collect();
    let outcomes = sync::apply(incoming, &syncing, w).await?;
    Ok(outcomes
        .into_iter()
        .zip(hidden.into_iter().zip(schemes))
        .map(|(outcome, (hidden, schemes))| {
            let (result, match_id) = (outcome.result, outcome.match_id().map(MatchId::uuid));
            let actor = outcome.actor.as_ref().map(|actor| actor.id).or_else(|| outcome.link.as_ref().and_then(|link| link.actor_id));
            let mut left_alone: Vec<_> = outcome.left_alone.iter().map(|left| (left.member.clone(), left.reason)).collect();
            left_alone.extend(hidden.into_iter().map(|member| (member, UnwrittenReason::UnderSecrecy)));
            match (result, outcome.problem) {
                (_, Some(problem)) => RowOutcome { actor, schemes, ..RowOutcome::refused(problem) },
                (SyncResult::Created, None) => RowOutcome { actor, left_alone, ..RowOutcome::new(ImportOutcome::Created) },
                (SyncResult::Updated, None) => RowOutcome { actor, left_alone, ..RowOutcome::new(ImportOutcome::Updated) },
                (SyncResult::Held, None) => RowOutcome { actor, match_id, ..RowOutcome::new(ImportOutcome::Held) },
                (SyncResult::Unchanged | SyncResult::Refused, None) => {
                    RowOutcome { actor, left_alone, ..RowOutcome::new(ImportOutcome::Unchanged) }
                }
            }
        })
        .collect())
}

/// Returns the fields of a record, including the identifiers from columns of their own.
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

type IndexedRecords = Vec<(usize, Record)>;

/// Replaces the names and numbers of records' parents by ids. Returns the records that are ready, and those whose parent
/// does not exist yet.
async fn resolve_parents(records: IndexedRecords, importer: &Importer<'_>, w: &Write<'_>) -> Result<(IndexedRecords, IndexedRecords)> {
    let called = |record: &Record| {
        let parent = record.fields.get("parentId").and_then(Value::as_str).map(ToOwned::to_owned);
        parent.filter(|parent| Uuid::parse_str(parent).is_err())
    };
    let mut asked: Vec<String> = records.iter().filter_map(|(_, record)| called(record)).collect();
    asked.sort();
    asked.dedup();
    let mut found: HashMap<String, ActorId> = HashMap::new();
    if let (Some(source), false) = (&importer.source, asked.is_empty()) {
        let ids: Vec<&str> = asked.iter().map(String::as_str).collect();
        let known = links::by_external_ids(source.id, &ids, &w.tx).await?;
        found.extend(known.into_iter().filter_map(|(id, link)| Some((id, link.actor_id?))));
    }
    let by_number = |parent: &String| Some((rules::ORGANISATION_NUMBER.to_owned(), rules::organisation_number(parent, "").ok()?));
    asked.retain(|parent| !found.contains_key(parent));
    let numbers: Vec<_> = asked.iter().filter_map(by_number).collect();
    let owners = matching::owners(&numbers, &w.tx).await?;
    let telling =
        MatchVisibility::load(owners.values().flatten().copied(), &importer.acting.caller.sight, w.call.asked.secrecy.as_ref(), &w.tx)
            .await?;
    for parent in asked {
        // A number that the caller may not know of finds no actor.
        let known = by_number(&parent).and_then(|number| owners.get(&number));
        if let Some(owner) = known.into_iter().flatten().find(|owner| telling.allows(MatchReason::SameIdentifier, **owner)) {
            found.insert(parent, *owner);
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
    Fault::at_pointer(
        "/parentId",
        "not-found",
        say!(
            "Den överordnade aktören finns inte. Ange dess id, dess organisationsnummer eller dess beteckning i samma källa; står den i samma fil ska den stå före.",
            "The parent is not there. Give its id, its organisation number or what the same source calls it; if it is in the same file it must stand before."
        ),
    )
}

/// The columns whose cells contribute to a member.
const COLUMNS_OF_MEMBER: &[(&str, &[&str])] = &[
    ("seatAreaId", &["seatAreaId", "municipality", "county", "locality"]),
    ("identifiers", &["identifiers", "organisationNumber", "koladaId", "municipality"]),
    ("contactPoints", &["contactPoints", "email", "phone"]),
    ("focus", &["focus", "categories"]),
    ("status", &["status", "dissolved"]),
];

/// Returns the outcomes of rows as they are stored.
fn table_rows(job: &Job, rows: Vec<KnownRow>, done: &[Option<RowOutcome>]) -> Result<Vec<row::Model>> {
    let column = |pointer: &str, schemes: &[String]| {
        let member = pointer.split('/').nth(1)?;
        let of_member = |member: &str| job.columns.0.iter().find(|column| column.member == member).map(|column| column.heading.clone());
        if member == "identifiers"
            && let Some(scheme) = pointer.split('/').nth(2).and_then(|at| schemes.get(at.parse::<usize>().ok()?))
            && let Some(heading) = outcome::column_of(scheme).and_then(of_member)
        {
            return Some(heading);
        }
        let way = pointer.rsplit('/').next().filter(|way| matches!(*way, columns::EMAIL | columns::PHONE));
        if let Some(heading) = way.and_then(of_member) {
            return Some(heading);
        }
        let contributing =
            COLUMNS_OF_MEMBER.iter().find(|(known, _)| *known == member).map_or(std::slice::from_ref(&member), |(_, columns)| columns);
        contributing.iter().find_map(|member| of_member(member))
    };
    rows.into_iter()
        .zip(done)
        .map(|(row, done)| {
            let refused = RowOutcome::new(ImportOutcome::Refused);
            let done = done.as_ref().unwrap_or(&refused);
            let mut errors = row.errors;
            errors.extend(done.faults.iter().map(|fault| RowFault::from_fault(fault.clone(), column(&fault.pointer, &done.schemes))));
            let mut unread = row.aside;
            unread.extend(done.aside.iter().map(|fault| RowFault::from_fault(fault.clone(), column(&fault.pointer, &done.schemes))));
            let mut left = Vec::new();
            for (member, reason) in &done.left_alone {
                left.push(Kept { member: member.clone(), reason: reason_code(*reason)? });
            }
            for fault in &unread {
                let member = fault
                    .pointer
                    .split('/')
                    .nth(1)
                    .and_then(|member| columns::COLUMNS.find_by_member(member))
                    .map_or("contactPoints", |column| columns::target_member(column.member));
                if done.outcome != ImportOutcome::Refused && !left.iter().any(|one| one.member == member) {
                    left.push(Kept { member: member.to_owned(), reason: reason_code(UnwrittenReason::Unreadable)? });
                }
            }
            errors.extend(unread);
            errors.truncate(MAX_FAULTS);
            Ok(row::Model {
                import_job_id: job.id,
                number: row.number.into(),
                outcome: done.outcome,
                external_id: row.external_id.as_deref().map(|id| personal_number::mask(id).into_owned()),
                // An actor that a dry run created does not exist any more.
                record_id: done.actor.filter(|_| !(job.dry_run && done.outcome == ImportOutcome::Created)).map(ActorId::uuid),
                match_id: done.match_id.filter(|_| !job.dry_run),
                errors: errors.into(),
                left_alone: left.into(),
            })
        })
        .collect()
}

/// Returns the code of a reason, as it is stored.
fn reason_code(reason: UnwrittenReason) -> Result<String> {
    Ok(serde_json::to_value(reason)?.as_str().unwrap_or_default().to_owned())
}
