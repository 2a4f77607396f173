//! Observations, and their import: what is there is compared first, so that the same table again writes nothing.

use std::collections::{BTreeSet, HashMap, HashSet};

use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, EntityTrait, QueryOrder, QuerySelect, QueryTrait,
    entity::prelude::*,
    sea_query::{OnConflict, SelectStatement},
};

use super::{
    Breakdown, FormerValue, ImportId, Observation, ObservationId, ObservationImport, ObservationStatus, ObservedValue,
    api::ObservationFilter,
    rules::{self, Cells, Row, RowFault},
    sheet::{self, MAX_ROWS},
    spellings, table,
};
use crate::{
    access::{Reach, Visibility},
    geography::areas::{Area, AreaId, store as areas},
    kernel::{
        Db, Fault, Page, Paging, Problem, Result, Write,
        events::{Change, ChangeOperation},
        hash::short,
        language::Language,
        page::Key,
        problem::Kind,
        request::Call,
        say,
    },
    statistics::indicators::{Indicator, IndicatorId, NewIndicator, store as indicators},
};

/// The most rows whose faults are reported; further ones are only counted.
const REPORTED: usize = 1000;
/// How many rows are compared at once with what is there.
const AT_ONCE: usize = 1000;
/// The most observations that a question may be answered with.
pub const MAX_SELECTED: usize = 50_000;
/// What another import changes of a value.
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

fn view(row: table::Model) -> Observation {
    Observation {
        id: row.id,
        version: row.version,
        indicator_id: row.indicator_id,
        area_id: row.area_id,
        period: row.period,
        breakdown: row.breakdown,
        value: row.value,
        numerator: row.numerator,
        denominator: row.denominator,
        status: row.status,
        disclosure: row.disclosure,
        import_id: row.import_id,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

pub(super) async fn list(filter: &ObservationFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Observation>> {
    let select = table::Entity::find()
        .apply_if(filter.indicator_id, |select, indicator| select.filter(table::Column::IndicatorId.eq(indicator)))
        .apply_if(filter.area_id, |select, area| select.filter(table::Column::AreaId.eq(area)))
        .apply_if(filter.period.as_deref().map(spellings::period), |select, period| select.filter(table::Column::Period.eq(period)));
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.fetch(select, keys, call, db).await?.map(view))
}

/// One observation.
///
/// # Errors
/// When there is none.
pub async fn find(id: ObservationId, db: &impl ConnectionTrait) -> Result<Observation> {
    table::Entity::find_by_id(id).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// Observations by their ids, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn find_all(ids: &[ObservationId], db: &impl ConnectionTrait) -> Result<Vec<Observation>> {
    let mut found = Vec::new();
    for ids in ids.chunks(AT_ONCE) {
        found.extend(table::Entity::find().filter(table::Column::Id.is_in(ids.iter().copied())).all(db).await?.into_iter().map(view));
    }
    found.sort_by_key(|observation| observation.id);
    Ok(found)
}

/// What an observation was before each change, newest first. Of what is kept back now nobody is told the earlier numbers.
pub(super) async fn former(observation: &Observation, db: &impl ConnectionTrait) -> Result<Vec<FormerValue>> {
    let select = table::former::Entity::find().filter(table::former::Column::ObservationId.eq(observation.id));
    let rows = select.order_by_desc(table::former::Column::Version).all(db).await?;
    let shown = |number: Option<f64>| number.filter(|_| observation.status != ObservationStatus::Suppressed);
    let former = rows.into_iter().map(|row| FormerValue {
        version: row.version,
        value: shown(row.value),
        numerator: shown(row.numerator),
        denominator: shown(row.denominator),
        status: row.status,
        import_id: row.import_id,
        updated_at: row.updated_at,
    });
    Ok(former.collect())
}

/// What the observations with the ids of a query are now.
///
/// # Errors
/// When the database does not answer.
pub async fn present_of(ids: SelectStatement, db: &impl ConnectionTrait) -> Result<HashMap<ObservationId, ObservedValue>> {
    use table::Column;
    type Seen = (ObservationId, i64, Option<f64>, Option<f64>, Option<f64>, ObservationStatus);
    let columns = [Column::Id, Column::Version, Column::Value, Column::Numerator, Column::Denominator, Column::Status];
    let select = table::Entity::find().select_only().columns(columns).filter(Column::Id.in_subquery(ids));
    let rows: Vec<Seen> = select.into_tuple().all(db).await?;
    let seen =
        |(id, version, value, numerator, denominator, status)| (id, ObservedValue { version, value, numerator, denominator, status });
    Ok(rows.into_iter().map(seen).collect())
}

/// Where the values of these imports come from, with the terms of their use, oldest import first.
///
/// # Errors
/// When the database does not answer.
pub async fn origins(imports: &BTreeSet<ImportId>, db: &impl ConnectionTrait) -> Result<Vec<(ImportId, String, Option<String>)>> {
    use table::import::Column;
    let mut found = Vec::new();
    for ids in imports.iter().copied().collect::<Vec<_>>().chunks(AT_ONCE) {
        let select = table::import::Entity::find().select_only().columns([Column::Id, Column::Source, Column::Licence]);
        found.extend(select.filter(Column::Id.is_in(ids.iter().copied())).order_by_asc(Column::Id).into_tuple().all(db).await?);
    }
    Ok(found)
}

/// The observations of an indicator in these areas and periods, by area, period and breakdown. Of more than [`MAX_SELECTED`] only
/// so many come that it shows.
///
/// # Errors
/// When the database does not answer.
pub async fn select(
    indicator: &Indicator,
    areas: &[AreaId],
    periods: &[String],
    breakdown: Option<&Breakdown>,
    db: &impl ConnectionTrait,
) -> Result<Vec<Observation>> {
    let mut select = table::Entity::find()
        .filter(table::Column::IndicatorId.eq(indicator.id))
        .filter(table::Column::AreaId.is_in(areas.iter().copied()))
        .apply_if(breakdown, |select, breakdown| {
            select.filter(table::Column::BreakdownKey.eq(spellings::kept(breakdown, &indicator.fields.variants).key()))
        });
    if !periods.is_empty() {
        select = select.filter(table::Column::Period.is_in(periods.iter().map(|given| spellings::period(given))));
    }
    let rows = select
        .order_by_asc(table::Column::AreaId)
        .order_by_asc(table::Column::Period)
        .order_by_asc(table::Column::BreakdownKey)
        .limit(MAX_SELECTED as u64 + 1)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(view).collect())
}

/// Where rows come from and what they are values of.
pub struct Source<'a> {
    /// What the rows are values of.
    pub indicator: &'a Indicator,
    /// Where they come from.
    pub source: &'a str,
    /// Under what terms they may be used.
    pub licence: Option<&'a str>,
    /// Whether it is only tried.
    pub dry_run: bool,
}

/// Rows that have been read, and what is wrong with those that cannot be.
#[derive(Debug, Default)]
pub struct Gathered {
    read: usize,
    rows: Vec<Row>,
    faults: Vec<RowFault>,
}

impl Gathered {
    /// Reads a CSV table; what is wrong with its heading is told of as with rows.
    ///
    /// # Errors
    /// When there are more rows than an import may have.
    pub fn of_table(text: &str, indicator: &NewIndicator) -> Result<Self> {
        match sheet::table(text) {
            Ok(table) => Self::of(table, indicator),
            Err(faults) => {
                let read = sheet::rows(text);
                if read > MAX_ROWS { Err(too_many_rows()) } else { Ok(Self { read, faults, ..Self::default() }) }
            }
        }
    }

    /// Reads rows one after the other.
    ///
    /// # Errors
    /// When there are more of them than an import may have.
    pub fn of(table: impl Iterator<Item = Cells>, indicator: &NewIndicator) -> Result<Self> {
        let mut gathered = Self::default();
        for cells in table {
            if gathered.read == MAX_ROWS {
                return Err(too_many_rows());
            }
            gathered.read += 1;
            match rules::row(&cells, indicator.value_kind, &indicator.variants) {
                Ok(row) => gathered.rows.push(row),
                Err(fault) => gathered.faults.push(fault),
            }
        }
        Ok(gathered)
    }
}

fn too_many_rows() -> Problem {
    let told = || {
        say!(
            "Tabellen har fler än {MAX_ROWS} rader. Ingenting har lästs in. Dela den i flera och läs in dem var för sig.",
            "The table has more than {MAX_ROWS} rows. Nothing was imported. Divide it into several and import each by itself."
        )
    };
    Problem { faults: vec![Fault::at("", "too-many-rows", told())], ..Problem::new(Kind::TooLarge).detail(told()) }
}

/// Stores the rows that can be stored and reports the others.
///
/// # Errors
/// When the database does not answer.
pub async fn import(reach: &Reach, source: &Source<'_>, gathered: &Gathered, w: &Write<'_>) -> Result<ObservationImport> {
    // One import of an indicator after the other, so that each sees what the one before it made of the values.
    indicators::lock(source.indicator.id, w).await?;
    let rows = &gathered.rows;
    let mut report = Report { read: gathered.read, faults: gathered.faults.clone(), ..Report::default() };
    let known = known_areas(reach, rows, &mut report, w).await?;
    let id: ImportId = w.new_id();
    let (mut new, mut changed, mut former) = (Vec::new(), Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    let mut present = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        if at % AT_ONCE == 0 {
            // Only what these rows are about is in memory, however much there is of the indicator.
            present = self::present(source.indicator.id, &known, &rows[at..rows.len().min(at + AT_ONCE)], &w.tx).await?;
        }
        let Some(area) = known.get(&row.area_code) else { continue };
        let key = (area.id, row.period.clone(), row.breakdown.key());
        if !seen.insert(short(&format!("{}/{}/{}", key.0, key.1, key.2))) {
            report.faults.push(RowFault::new(
                row.number,
                "areaCode",
                "repeated",
                say!(
                    "Samma område, period och indelning står på en tidigare rad.",
                    "The same area, period and breakdown stand in an earlier row."
                ),
            ));
            continue;
        }
        report.warnings.extend(row.warnings.iter().cloned());
        match present.remove(&key) {
            Some(before) if same(&before, row) => report.unchanged += 1,
            Some(before) => {
                report.changed += 1;
                let mut new = active(row, source.indicator.id, area.id, id, w);
                new.id = Set(before.id);
                new.version = Set(before.version + 1);
                new.created_at = Set(before.created_at);
                if row.status == ObservationStatus::Final && !same_numbers(&before, row) {
                    new.status = Set(ObservationStatus::Revised);
                }
                former.push(table::former::ActiveModel {
                    observation_id: Set(before.id),
                    version: Set(before.version),
                    value: Set(before.value),
                    numerator: Set(before.numerator),
                    denominator: Set(before.denominator),
                    status: Set(before.status),
                    updated_at: Set(before.updated_at),
                    import_id: Set(before.import_id),
                });
                changed.push(new);
            }
            None => {
                report.created += 1;
                new.push(active(row, source.indicator.id, area.id, id, w));
            }
        }
    }
    report.faults.sort_by_key(|fault| fault.row);
    if source.dry_run {
        return Ok(report.view(None, source, w));
    }
    if report.created + report.changed == 0 && report.faults.is_empty() {
        // The same table again: nothing is written, not even that it came.
        return Ok(report.view(None, source, w));
    }
    report.store(id, source, w).await?;
    w.record(Change::new("observation_import", id.uuid(), ChangeOperation::Upsert, 1, Visibility::Public.of(None, None)));
    while !former.is_empty() {
        let chunk: Vec<_> = former.drain(..former.len().min(500)).collect();
        table::former::Entity::insert_many(chunk).exec_without_returning(&w.tx).await?;
    }
    while !changed.is_empty() {
        let chunk: Vec<_> = changed.drain(..changed.len().min(500)).collect();
        // All of them are there, so that each is overwritten.
        let overwrite = OnConflict::column(table::Column::Id).update_columns(OVERWRITTEN).to_owned();
        table::Entity::insert_many(chunk).on_conflict(overwrite).exec_without_returning(&w.tx).await?;
    }
    while !new.is_empty() {
        let chunk: Vec<_> = new.drain(..new.len().min(500)).collect();
        table::Entity::insert_many(chunk).exec_without_returning(&w.tx).await?;
    }
    Ok(report.view(Some(id), source, w))
}

/// The areas that the rows speak of. Rows of areas that do not exist, or where the caller may not import, are reported.
async fn known_areas(reach: &Reach, rows: &[Row], report: &mut Report, w: &Write<'_>) -> Result<HashMap<String, Area>> {
    let codes: BTreeSet<String> = rows.iter().map(|row| row.area_code.clone()).collect();
    let mut known = areas::by_codes(&codes.into_iter().collect::<Vec<_>>(), &w.tx).await?;
    let ids: Vec<_> = known.values().map(|area| area.id).collect();
    let paths = areas::paths(&ids, &w.tx).await?;
    let mut foreign = BTreeSet::new();
    known.retain(|code, area| {
        let path = paths.get(&area.id).map(String::as_str).unwrap_or_default();
        let reached = reach.require(&[path], None, None).is_ok();
        if !reached {
            foreign.insert(code.clone());
        }
        reached
    });
    for row in rows {
        let code = &row.area_code;
        if foreign.contains(code) {
            report.faults.push(RowFault::new(
                row.number,
                "areaCode",
                "forbidden",
                say!(
                    "Din behörighet att importera statistik omfattar inte området {code}.",
                    "Your permission to import statistics does not reach the area {code}."
                ),
            ));
        } else if !known.contains_key(code) {
            report.faults.push(RowFault::new(
                row.number,
                "areaCode",
                "unknown-area",
                say!(
                    "Det finns inget område med koden {code}. Koder är text: 0127, inte 127.",
                    "There is no area with the code {code}. Codes are text: 0127, not 127."
                ),
            ));
        }
    }
    Ok(known)
}

type RowKey = (AreaId, String, String);

/// What is there already of an indicator in the areas and periods of these rows.
async fn present(
    indicator: IndicatorId,
    known: &HashMap<String, Area>,
    rows: &[Row],
    db: &impl ConnectionTrait,
) -> Result<HashMap<RowKey, table::Model>> {
    let areas: BTreeSet<AreaId> = rows.iter().filter_map(|row| known.get(&row.area_code)).map(|area| area.id).collect();
    let periods: BTreeSet<&str> = rows.iter().map(|row| row.period.as_str()).collect();
    let rows = table::Entity::find()
        .filter(table::Column::IndicatorId.eq(indicator))
        .filter(table::Column::AreaId.is_in(areas))
        .filter(table::Column::Period.is_in(periods))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| ((row.area_id, row.period.clone(), row.breakdown_key.clone()), row)).collect())
}

fn same(before: &table::Model, row: &Row) -> bool {
    // What was revised is final in a table that knows nothing of what was there before.
    let status = before.status == row.status || (before.status, row.status) == (ObservationStatus::Revised, ObservationStatus::Final);
    status && same_numbers(before, row)
}

fn same_numbers(before: &table::Model, row: &Row) -> bool {
    (before.value, before.numerator, before.denominator) == (row.value, row.numerator, row.denominator)
}

fn active(row: &Row, indicator: IndicatorId, area: AreaId, import: ImportId, w: &Write<'_>) -> table::ActiveModel {
    let disclosure = if row.status == ObservationStatus::Suppressed { super::Disclosure::Suppression } else { super::Disclosure::None };
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
    read: usize,
    created: usize,
    changed: usize,
    unchanged: usize,
    faults: Vec<RowFault>,
    warnings: Vec<RowFault>,
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

impl Report {
    /// How many rows were not stored: with a faulty heading, all.
    fn refused(&self) -> usize {
        if self.faults.first().is_some_and(|fault| fault.row == 0) { self.read } else { self.faults.len() }
    }

    fn view(&self, id: Option<ImportId>, source: &Source<'_>, w: &Write<'_>) -> ObservationImport {
        ObservationImport {
            id,
            dry_run: source.dry_run,
            indicator_id: source.indicator.id,
            source: source.source.to_owned(),
            licence: source.licence.map(ToOwned::to_owned),
            rows_read: number(self.read),
            rows_created: number(self.created),
            rows_changed: number(self.changed),
            rows_unchanged: number(self.unchanged),
            rows_refused: number(self.refused()),
            errors: self.faults.iter().take(REPORTED).map(|fault| fault.view(w.call.language)).collect(),
            warnings: self.warnings.iter().take(REPORTED).map(|warning| warning.view(w.call.language)).collect(),
            created_at: w.now,
        }
    }

    async fn store(&self, id: ImportId, source: &Source<'_>, w: &Write<'_>) -> Result<()> {
        let row = table::import::ActiveModel {
            id: Set(id),
            version: Set(1),
            created_at: Set(w.now),
            updated_at: Set(w.now),
            indicator_id: Set(source.indicator.id),
            source: Set(source.source.to_owned()),
            licence: Set(source.licence.map(ToOwned::to_owned)),
            rows_read: Set(number(self.read)),
            rows_created: Set(number(self.created)),
            rows_changed: Set(number(self.changed)),
            rows_unchanged: Set(number(self.unchanged)),
            rows_refused: Set(number(self.refused())),
            errors: Set(self.faults.iter().take(REPORTED).cloned().collect::<Vec<_>>().into()),
            warnings: Set(self.warnings.iter().take(REPORTED).cloned().collect::<Vec<_>>().into()),
        };
        table::import::Entity::insert(row).exec_without_returning(&w.tx).await?;
        Ok(())
    }
}

/// What came of an import.
pub(super) async fn report(id: ImportId, language: Language, db: &impl ConnectionTrait) -> Result<ObservationImport> {
    let row = table::import::Entity::find_by_id(id).one(db).await?.ok_or_else(Problem::not_found)?;
    Ok(ObservationImport {
        id: Some(row.id),
        dry_run: false,
        indicator_id: row.indicator_id,
        source: row.source,
        licence: row.licence,
        rows_read: row.rows_read,
        rows_created: row.rows_created,
        rows_changed: row.rows_changed,
        rows_unchanged: row.rows_unchanged,
        rows_refused: row.rows_refused,
        errors: row.errors.0.iter().map(|fault| fault.view(language)).collect(),
        warnings: row.warnings.0.iter().map(|warning| warning.view(language)).collect(),
        created_at: row.created_at,
    })
}
