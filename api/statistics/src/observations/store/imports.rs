//! Imports of observations. Rows are compared with the stored ones first, so that the same table again writes nothing.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ConnectionTrait, EntityTrait, IntoActiveModel,
    entity::prelude::*,
    sea_query::OnConflict,
};

use super::{
    super::{
        cells::RowFault,
        reading::ReadRow,
        rules::Row,
        table,
        types::{Disclosure, ImportId, ObservationImport, ObservationStatus, RowProblem},
    },
    CHUNK,
};
use crate::{
    access::{Reach, Visibility},
    geography::areas::{AreaId, store as areas},
    indicators::{Indicator, IndicatorId, store as indicators},
    intake::{
        table::row,
        types::{ImportOutcome, ImportStatus, Job, RowFault as JobFault},
    },
    kernel::{
        Result, Write,
        events::{Change, ChangeOperation},
        language::Language,
        say,
    },
};

/// The most faults in a report. Further ones are only counted.
pub(super) const REPORTED: usize = 1000;
/// The columns of an observation that another import overwrites.
const OVERWRITTEN: [table::Column; 8] = [
    table::Column::Version,
    table::Column::UpdatedAt,
    table::Column::Value,
    table::Column::Numerator,
    table::Column::Denominator,
    table::Column::Status,
    table::Column::Disclosure,
    table::Column::ImportId,
];

/// The indicator of the rows, and their origin.
pub struct Source<'a> {
    /// The indicator whose values the rows are.
    pub indicator: &'a Indicator,
    /// The source of the rows.
    pub source: &'a str,
    /// The terms of use.
    pub licence: Option<&'a str>,
    /// Whether nothing is stored.
    pub dry_run: bool,
}

/// Stores the usable rows of a whole file, and reports the others. When every row is stored already nothing is written, not even
/// the import.
///
/// # Errors
/// When the database does not answer.
pub async fn import(reach: &Reach, source: &Source<'_>, rows: &[ReadRow], w: &Write<'_>) -> Result<ObservationImport> {
    let id: ImportId = w.new_id();
    let compared = compare(reach, source.indicator.id, rows, id, w).await?;
    if source.dry_run || !compared.report.has_changes_or_faults() {
        return Ok(compared.report.view(None, source, w));
    }
    compared.report.insert(id, source, w).await?;
    compared.changes.store(w).await?;
    Ok(compared.report.view(Some(id), source, w))
}

/// Stores a piece of the rows of a job. Returns the outcome of each row, in their order. The first piece with a change or a fault
/// creates the import; its counts are those of all pieces so far.
///
/// # Errors
/// When the database does not answer.
pub async fn import_piece(reach: &Reach, source: &Source<'_>, job: &Job, rows: &[ReadRow], w: &Write<'_>) -> Result<Vec<row::Model>> {
    let id = ImportId::from(job.id.uuid());
    let Compared { mut report, changes, outcomes } = compare(reach, source.indicator.id, rows, id, w).await?;
    if !source.dry_run {
        let before = table::import::Entity::find_by_id(id).one(&w.tx).await?;
        if before.is_some() || report.has_changes_or_faults() {
            report.add_earlier_pieces(job);
            match before {
                Some(before) => report.update(before, w).await?,
                None => report.insert(id, source, w).await?,
            }
        }
        changes.store(w).await?;
    }
    let of_row = |(row, outcome): (&ReadRow, Outcome)| {
        let number = row.number();
        let errors = outcome.faults.iter().map(|fault| JobFault {
            pointer: String::new(),
            column: Some(fault.column.clone()),
            code: fault.code.clone(),
            sv: fault.sv.clone(),
            en: fault.en.clone(),
        });
        row::Model {
            import_job_id: job.id,
            number: i64::try_from(number).unwrap_or(i64::MAX),
            outcome: outcome.outcome,
            external_id: None,
            record_id: None,
            match_id: None,
            errors: errors.collect::<Vec<_>>().into(),
            left_alone: Vec::new().into(),
        }
    };
    Ok(rows.iter().zip(outcomes).map(of_row).collect())
}

/// The outcome of a row, or the expected one in a dry run, with its faults or warnings.
struct Outcome {
    outcome: ImportOutcome,
    faults: Vec<RowFault>,
}

/// The result of comparing rows with the stored observations.
struct Compared {
    report: Report,
    changes: Changes,
    /// One for each row, in their order.
    outcomes: Vec<Outcome>,
}

/// The rows to insert and to overwrite.
#[derive(Default)]
struct Changes {
    new: Vec<table::ActiveModel>,
    changed: Vec<table::ActiveModel>,
    former: Vec<table::former::ActiveModel>,
}

impl Changes {
    async fn store(mut self, w: &Write<'_>) -> Result<()> {
        while !self.former.is_empty() {
            let chunk: Vec<_> = self.former.drain(..self.former.len().min(500)).collect();
            table::former::Entity::insert_many(chunk).exec_without_returning(&w.tx).await?;
        }
        while !self.changed.is_empty() {
            let chunk: Vec<_> = self.changed.drain(..self.changed.len().min(500)).collect();
            // All of these rows exist, so each is overwritten.
            let overwrite = OnConflict::column(table::Column::Id).update_columns(OVERWRITTEN).to_owned();
            table::Entity::insert_many(chunk).on_conflict(overwrite).exec_without_returning(&w.tx).await?;
        }
        while !self.new.is_empty() {
            let chunk: Vec<_> = self.new.drain(..self.new.len().min(500)).collect();
            table::Entity::insert_many(chunk).exec_without_returning(&w.tx).await?;
        }
        Ok(())
    }
}

/// Compares rows with the stored observations of an indicator.
async fn compare(reach: &Reach, indicator: IndicatorId, rows: &[ReadRow], id: ImportId, w: &Write<'_>) -> Result<Compared> {
    // Imports of an indicator wait for each other, so that each sees the values that the previous one stored.
    indicators::lock(indicator, w).await?;
    let areas = Areas::load(reach, rows, w).await?;
    let mut report = Report { total: rows.len(), read: rows.len(), ..Report::default() };
    let (mut changes, mut outcomes) = (Changes::default(), Vec::with_capacity(rows.len()));
    let mut present = HashMap::new();
    for (at, read) in rows.iter().enumerate() {
        if at % CHUNK == 0 {
            // Only the observations that these rows are about are loaded, however many the indicator has.
            present = self::load_present(indicator, &areas.known, &rows[at..rows.len().min(at + CHUNK)], &w.tx).await?;
        }
        let usable = read.read.as_ref().map_err(Clone::clone).and_then(|row| Ok((row, areas.area_of(row)?)));
        let usable = usable.and_then(|(row, area)| if read.repeats { Err(repeated_fault(row)) } else { Ok((row, area)) });
        let (row, area) = match usable {
            Ok(usable) => usable,
            Err(fault) => {
                report.faults.push(fault.clone());
                outcomes.push(Outcome { outcome: ImportOutcome::Refused, faults: vec![fault] });
                continue;
            }
        };
        report.warnings.extend(row.warnings.iter().cloned());
        let outcome = match present.remove(&(area, row.period.clone(), row.breakdown.key())) {
            Some(before) if is_same(&before, row) => {
                report.unchanged += 1;
                ImportOutcome::Unchanged
            }
            Some(before) => {
                report.changed += 1;
                let mut new = new_row(row, indicator, area, id, w);
                new.id = Set(before.id);
                new.version = Set(before.version + 1);
                new.created_at = Set(before.created_at);
                if row.status == ObservationStatus::Final && !same_numbers(&before, row) {
                    new.status = Set(ObservationStatus::Revised);
                }
                changes.former.push(table::former::ActiveModel {
                    observation_id: Set(before.id),
                    version: Set(before.version),
                    value: Set(before.value),
                    numerator: Set(before.numerator),
                    denominator: Set(before.denominator),
                    status: Set(before.status),
                    updated_at: Set(before.updated_at),
                    import_id: Set(before.import_id),
                });
                changes.changed.push(new);
                ImportOutcome::Updated
            }
            None => {
                report.created += 1;
                changes.new.push(new_row(row, indicator, area, id, w));
                ImportOutcome::Created
            }
        };
        outcomes.push(Outcome { outcome, faults: row.warnings.clone() });
    }
    Ok(Compared { report, changes, outcomes })
}

fn repeated_fault(row: &Row) -> RowFault {
    RowFault::new(
        row.number,
        "areaCode",
        "repeated",
        say!("Samma område, period och indelning står på en tidigare rad.", "The same area, period and breakdown stand in an earlier row."),
    )
}

/// The areas that rows name.
struct Areas {
    known: HashMap<String, AreaId>,
    /// The codes of areas where the caller may not import.
    foreign: BTreeSet<String>,
}

impl Areas {
    async fn load(reach: &Reach, rows: &[ReadRow], w: &Write<'_>) -> Result<Self> {
        let codes: BTreeSet<_> = rows.iter().filter_map(|row| row.read.as_ref().ok()).map(|row| row.area_code.clone()).collect();
        let found = areas::by_codes(&codes.into_iter().collect::<Vec<_>>(), &w.tx).await?;
        let paths = areas::paths(&found.values().map(|area| area.id).collect::<Vec<_>>(), &w.tx).await?;
        let mut areas = Self { known: HashMap::new(), foreign: BTreeSet::new() };
        for (code, area) in found {
            let path = paths.get(&area.id).map(String::as_str).unwrap_or_default();
            if reach.require(&[path], None, None).is_ok() {
                areas.known.insert(code, area.id);
            } else {
                areas.foreign.insert(code);
            }
        }
        Ok(areas)
    }

    fn area_of(&self, row: &Row) -> std::result::Result<AreaId, RowFault> {
        let code = &row.area_code;
        self.known.get(code).copied().ok_or_else(|| {
            if self.foreign.contains(code) {
                RowFault::new(
                    row.number,
                    "areaCode",
                    "forbidden",
                    say!(
                        "Din behörighet att importera statistik omfattar inte området {code}.",
                        "Your permission to import statistics does not reach the area {code}."
                    ),
                )
            } else {
                RowFault::new(
                    row.number,
                    "areaCode",
                    "unknown-area",
                    say!(
                        "Det finns inget område med koden {code}. Koder är text: 0127, inte 127.",
                        "There is no area with the code {code}. Codes are text: 0127, not 127."
                    ),
                )
            }
        })
    }
}

type RowKey = (AreaId, String, String);

/// The stored observations of an indicator in the areas and periods of these rows.
async fn load_present(
    indicator: IndicatorId,
    known: &HashMap<String, AreaId>,
    rows: &[ReadRow],
    db: &impl ConnectionTrait,
) -> Result<HashMap<RowKey, table::Model>> {
    let usable = || rows.iter().filter_map(|row| row.read.as_ref().ok());
    let areas: BTreeSet<AreaId> = usable().filter_map(|row| known.get(&row.area_code)).copied().collect();
    let periods: BTreeSet<&str> = usable().map(|row| row.period.as_str()).collect();
    let rows = table::Entity::find()
        .filter(table::Column::IndicatorId.eq(indicator))
        .filter(table::Column::AreaId.is_in(areas))
        .filter(table::Column::Period.is_in(periods))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| ((row.area_id, row.period.clone(), row.breakdown_key.clone()), row)).collect())
}

fn is_same(before: &table::Model, row: &Row) -> bool {
    // The status `revised` equals `final` in a table, which does not know the earlier values.
    let status = before.status == row.status || (before.status, row.status) == (ObservationStatus::Revised, ObservationStatus::Final);
    status && same_numbers(before, row)
}

fn same_numbers(before: &table::Model, row: &Row) -> bool {
    (before.value, before.numerator, before.denominator) == (row.value, row.numerator, row.denominator)
}

fn new_row(row: &Row, indicator: IndicatorId, area: AreaId, import: ImportId, w: &Write<'_>) -> table::ActiveModel {
    let disclosure = if row.status == ObservationStatus::Suppressed { Disclosure::Suppression } else { Disclosure::None };
    table::ActiveModel {
        id: Set(w.new_id()),
        version: Set(1),
        created_at: Set(w.now),
        updated_at: Set(w.now),
        indicator_id: Set(indicator),
        area_id: Set(area),
        period: Set(row.period.clone()),
        breakdown_key: Set(row.breakdown.key()),
        breakdown: Set(row.breakdown.clone()),
        value: Set(row.value),
        numerator: Set(row.numerator),
        denominator: Set(row.denominator),
        status: Set(row.status),
        disclosure: Set(disclosure),
        import_id: Set(import),
    }
}

#[derive(Default)]
struct Report {
    total: usize,
    read: usize,
    created: usize,
    changed: usize,
    unchanged: usize,
    /// Number of refused rows in earlier pieces.
    refused_before: usize,
    faults: Vec<RowFault>,
    warnings: Vec<RowFault>,
}

fn as_i32(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

pub(super) fn view_faults(faults: &[RowFault], language: Language) -> Vec<RowProblem> {
    faults.iter().take(REPORTED).map(|fault| fault.view(language)).collect()
}

impl Report {
    /// Whether there is a change or a fault.
    fn has_changes_or_faults(&self) -> bool {
        self.created + self.changed > 0 || !self.faults.is_empty()
    }

    fn refused(&self) -> usize {
        self.refused_before + self.faults.len()
    }

    /// Adds the counts of the earlier pieces of a job.
    fn add_earlier_pieces(&mut self, job: &Job) {
        let count = |count: i64| usize::try_from(count).unwrap_or_default();
        self.total = count(job.total);
        self.read += count(job.processed);
        self.created += count(job.created);
        self.changed += count(job.updated);
        self.unchanged += count(job.unchanged);
        self.refused_before += count(job.refused);
    }

    fn view(&self, id: Option<ImportId>, source: &Source<'_>, w: &Write<'_>) -> ObservationImport {
        ObservationImport {
            id,
            status: ImportStatus::Completed,
            reason: None,
            dry_run: source.dry_run,
            indicator_id: source.indicator.id,
            source: source.source.to_owned(),
            licence: source.licence.map(ToOwned::to_owned),
            rows_total: as_i32(self.total),
            rows_read: as_i32(self.read),
            rows_created: as_i32(self.created),
            rows_changed: as_i32(self.changed),
            rows_unchanged: as_i32(self.unchanged),
            rows_refused: as_i32(self.refused()),
            errors: view_faults(&self.faults, w.call.asked.language),
            warnings: view_faults(&self.warnings, w.call.asked.language),
            created_at: w.now,
        }
    }

    async fn insert(&self, id: ImportId, source: &Source<'_>, w: &Write<'_>) -> Result<()> {
        let import = table::import::Model {
            id,
            version: 1,
            created_at: w.now,
            updated_at: w.now,
            indicator_id: source.indicator.id,
            source: source.source.to_owned(),
            licence: source.licence.map(ToOwned::to_owned),
            rows_read: as_i32(self.read),
            rows_created: as_i32(self.created),
            rows_changed: as_i32(self.changed),
            rows_unchanged: as_i32(self.unchanged),
            rows_refused: as_i32(self.refused()),
            errors: self.faults.iter().take(REPORTED).cloned().collect::<Vec<_>>().into(),
            warnings: self.warnings.iter().take(REPORTED).cloned().collect::<Vec<_>>().into(),
        };
        table::import::Entity::insert(import.into_active_model()).exec_without_returning(&w.tx).await?;
        w.record(Change::new("observation_import", id.uuid(), ChangeOperation::Upsert, 1, Visibility::Public.of(None, None)));
        Ok(())
    }

    /// Updates a stored import after a further piece.
    async fn update(&self, before: table::import::Model, w: &Write<'_>) -> Result<()> {
        let together = |before: Vec<RowFault>, more: &[RowFault]| {
            before.into_iter().chain(more.iter().cloned()).take(REPORTED).collect::<Vec<_>>().into()
        };
        let (id, version) = (before.id, before.version + 1);
        let import = table::import::ActiveModel {
            id: Unchanged(id),
            version: Set(version),
            updated_at: Set(w.now),
            rows_read: Set(as_i32(self.read)),
            rows_created: Set(as_i32(self.created)),
            rows_changed: Set(as_i32(self.changed)),
            rows_unchanged: Set(as_i32(self.unchanged)),
            rows_refused: Set(as_i32(self.refused())),
            errors: Set(together(before.errors.0, &self.faults)),
            warnings: Set(together(before.warnings.0, &self.warnings)),
            ..Default::default()
        };
        table::import::Entity::update(import).exec(&w.tx).await?;
        w.record(Change::new("observation_import", id.uuid(), ChangeOperation::Upsert, version, Visibility::Public.of(None, None)));
        Ok(())
    }
}
