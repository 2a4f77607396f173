//! SQL that reads observations. Imports and their reports have files of their own.

mod imports;
mod reports;

use std::collections::{BTreeSet, HashMap};

use sea_orm::{ConnectionTrait, EntityTrait, QueryOrder, QuerySelect, QueryTrait, entity::prelude::*, sea_query::SelectStatement};

pub use imports::{Source, import, import_piece};
pub use reports::report;

use super::{
    spellings, table,
    types::{Breakdown, FormerValue, ImportId, Observation, ObservationFilter, ObservationId, ObservationStatus, ObservedValue},
};
use crate::{
    geography::areas::AreaId,
    indicators::Indicator,
    kernel::{Db, Page, Paging, Problem, Result, page::Key, request::Call},
};

/// Number of rows that are compared or looked up in one query.
const CHUNK: usize = 1000;
/// The most observations in an answer to a statistical query.
pub const MAX_SELECTED: usize = 50_000;
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
        .apply_if(filter.period.as_deref().map(spellings::normalise_period), |select, period| {
            select.filter(table::Column::Period.eq(period))
        });
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.fetch(select, keys, call, db).await?.map(view))
}

/// One observation.
///
/// # Errors
/// When there is none (404).
pub async fn find(id: ObservationId, db: &impl ConnectionTrait) -> Result<Observation> {
    table::Entity::find_by_id(id).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// Observations by their ids, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn find_all(ids: &[ObservationId], db: &impl ConnectionTrait) -> Result<Vec<Observation>> {
    let mut found = Vec::new();
    for ids in ids.chunks(CHUNK) {
        found.extend(table::Entity::find().filter(table::Column::Id.is_in(ids.iter().copied())).all(db).await?.into_iter().map(view));
    }
    found.sort_by_key(|observation| observation.id);
    Ok(found)
}

/// The earlier values of an observation, newest first. Without their numbers when the observation is suppressed now.
pub(super) async fn list_former(observation: &Observation, db: &impl ConnectionTrait) -> Result<Vec<FormerValue>> {
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

/// The present values of the observations whose ids the query `ids` selects.
///
/// # Errors
/// When the database does not answer.
pub async fn present_values(ids: SelectStatement, db: &impl ConnectionTrait) -> Result<HashMap<ObservationId, ObservedValue>> {
    use table::Column;
    type Columns = (ObservationId, i64, Option<f64>, Option<f64>, Option<f64>, ObservationStatus);
    let columns = [Column::Id, Column::Version, Column::Value, Column::Numerator, Column::Denominator, Column::Status];
    let select = table::Entity::find().select_only().columns(columns).filter(Column::Id.in_subquery(ids));
    let rows: Vec<Columns> = select.into_tuple().all(db).await?;
    let present =
        |(id, version, value, numerator, denominator, status)| (id, ObservedValue { version, value, numerator, denominator, status });
    Ok(rows.into_iter().map(present).collect())
}

/// Id, source and terms of use of these imports, oldest import first.
///
/// # Errors
/// When the database does not answer.
pub async fn origins(imports: &BTreeSet<ImportId>, db: &impl ConnectionTrait) -> Result<Vec<(ImportId, String, Option<String>)>> {
    use table::import::Column;
    let mut found = Vec::new();
    for ids in imports.iter().copied().collect::<Vec<_>>().chunks(CHUNK) {
        let select = table::import::Entity::find().select_only().columns([Column::Id, Column::Source, Column::Licence]);
        found.extend(select.filter(Column::Id.is_in(ids.iter().copied())).order_by_asc(Column::Id).into_tuple().all(db).await?);
    }
    Ok(found)
}

/// The observations of an indicator in these areas and periods, by area, period and breakdown. No periods means all. Returns at
/// most [`MAX_SELECTED`] + 1 of them, so that the caller notices when there are too many.
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
            select.filter(table::Column::BreakdownKey.eq(spellings::normalise_breakdown(breakdown, &indicator.fields.variants).key()))
        });
    if !periods.is_empty() {
        select = select.filter(table::Column::Period.is_in(periods.iter().map(|given| spellings::normalise_period(given))));
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
