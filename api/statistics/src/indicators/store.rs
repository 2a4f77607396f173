//! All SQL of indicators.

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, QuerySelect, QueryTrait, entity::prelude::*};

use super::{Indicator, IndicatorId, NewIndicator, table, types::IndicatorFilter};
use crate::{
    access::Visibility,
    kernel::{
        Db, Fault, Page, Paging, Problem, Result, Write,
        events::{Change, ChangeOperation},
        page::Key,
        request::Call,
        say, text,
    },
};

fn view(row: table::Model) -> Indicator {
    Indicator {
        id: row.id,
        version: row.version,
        fields: NewIndicator {
            number: row.number,
            code: row.code,
            name_sv: row.name_sv,
            name_en: row.name_en,
            statistical_area: row.statistical_area,
            value_kind: row.value_kind,
            unit: row.unit,
            variants: row.variants.0,
            polarity: row.polarity,
            available_from: row.available_from,
            recommended_from: row.recommended_from,
            update_note: row.update_note,
            series_breaks: row.series_breaks.0,
        },
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

pub(super) async fn list(filter: &IndicatorFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Indicator>> {
    let select = table::Entity::find()
        .apply_if(filter.statistical_area, |select, area| select.filter(table::Column::StatisticalArea.eq(area)))
        .apply_if(filter.code.clone(), |select, code| select.filter(table::Column::Code.eq(code)));
    let keys = vec![
        Key::column(table::Column::Code, |row: &table::Model| row.code.clone().into()),
        Key::column(table::Column::Id, |row: &table::Model| row.id.into()),
    ];
    Ok(paging.fetch(select, keys, call, db).await?.map(view))
}

/// One indicator.
///
/// # Errors
/// When there is none (404).
pub async fn find(id: IndicatorId, db: &impl ConnectionTrait) -> Result<Indicator> {
    table::Entity::find_by_id(id).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// The indicator with a code.
///
/// # Errors
/// When the database does not answer.
pub async fn by_code(code: &str, db: &impl ConnectionTrait) -> Result<Option<Indicator>> {
    Ok(table::Entity::find().filter(table::Column::Code.eq(code)).one(db).await?.map(view))
}

/// The ids of the indicators with these codes, by code.
///
/// # Errors
/// When the database does not answer.
pub async fn by_codes(codes: &[String], db: &impl ConnectionTrait) -> Result<Vec<(String, IndicatorId)>> {
    if codes.is_empty() {
        return Ok(Vec::new());
    }
    let select = table::Entity::find().select_only().columns([table::Column::Code, table::Column::Id]);
    Ok(select.filter(table::Column::Code.is_in(codes)).into_tuple().all(db).await?)
}

/// Locks an indicator until the transaction ends, so that imports of its values wait for each other.
///
/// # Errors
/// When the database does not answer.
pub async fn lock(id: IndicatorId, w: &Write<'_>) -> Result<()> {
    table::Entity::find_by_id(id).lock_exclusive().one(&w.tx).await.map(drop).map_err(Into::into)
}

/// Adds an indicator.
///
/// # Errors
/// When its code is taken (409), or a name has a fault (422).
pub async fn insert(new: NewIndicator, w: &Write<'_>) -> Result<Indicator> {
    if let Some(taken) = by_code(&new.code, &w.tx).await? {
        return Err(Problem::conflict(say!(
            "Koden används redan av en annan indikator.",
            "The code is used by another indicator already."
        ))
        .with_record("/indicators", taken.id));
    }
    store(w.new_id(), 1, None, new, None, w).await
}

/// Changes an indicator. With `edited`, newer packs no longer overwrite it.
pub(super) async fn update(indicator: &Indicator, new: NewIndicator, edited: bool, w: &Write<'_>) -> Result<Indicator> {
    if new.code != indicator.fields.code {
        return Err(Problem::fault(
            "/code",
            "immutable",
            say!("Koden kan inte ändras, för importer hänvisar till den.", "The code cannot be changed, for imports refer to it."),
        ));
    }
    store(indicator.id, indicator.version + 1, Some((indicator, edited)), new, None, w).await
}

async fn store(
    id: IndicatorId,
    version: i64,
    before: Option<(&Indicator, bool)>,
    new: NewIndicator,
    pack: Option<&str>,
    w: &Write<'_>,
) -> Result<Indicator> {
    let faults: Vec<Fault> =
        text::nameless_fault("/nameSv", &new.name_sv).into_iter().chain(text::nameless_fault("/nameEn", &new.name_en)).collect();
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let row = table::ActiveModel {
        id: Set(id),
        version: Set(version),
        created_at: Set(before.map_or(w.now, |(before, _)| before.created_at)),
        updated_at: Set(w.now),
        number: Set(new.number),
        code: Set(new.code),
        name_sv: Set(new.name_sv.trim().to_owned()),
        name_en: Set(new.name_en.trim().to_owned()),
        statistical_area: Set(new.statistical_area),
        value_kind: Set(new.value_kind),
        unit: Set(new.unit),
        variants: Set(new.variants.into()),
        polarity: Set(new.polarity),
        available_from: Set(new.available_from),
        recommended_from: Set(new.recommended_from),
        update_note: Set(new.update_note),
        series_breaks: Set(new.series_breaks.into()),
        pack: if before.is_none() { Set(pack.map(ToOwned::to_owned)) } else { sea_orm::NotSet },
        edited: Set(before.is_some_and(|(_, edited)| edited)),
    };
    let indicator = match before {
        None => view(row.insert(&w.tx).await?),
        Some((before, _)) => {
            w.replace::<table::Entity>(row, table::Column::Id.eq(id), table::Column::Version, before.version).await?;
            find(id, &w.tx).await?
        }
    };
    w.record(Change::new("indicator", id.uuid(), ChangeOperation::Upsert, version, Visibility::Public.of(None, None)));
    Ok(indicator)
}

/// Stores an indicator of a pack, unless the installation has edited it or has its own indicator with that code.
///
/// # Errors
/// When the database does not answer.
pub async fn put(pack: &str, new: NewIndicator, w: &Write<'_>) -> Result<()> {
    match table::Entity::find().filter(table::Column::Code.eq(new.code.as_str())).one(&w.tx).await? {
        None => drop(store(w.new_id(), 1, None, new, Some(pack), w).await?),
        Some(row) if row.pack.as_deref() == Some(pack) && !row.edited => {
            let before = view(row);
            if before.fields != new {
                update(&before, new, false, w).await?;
            }
        }
        Some(_) => {}
    }
    Ok(())
}
