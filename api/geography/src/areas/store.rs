//! Queries of areas. The path of an area is the codes from the nation down to it, each followed by a slash, such as `00/01/0127/`.

use std::collections::HashMap;

use sea_orm::{
    Condition, ConnectionTrait, EntityTrait, ExprTrait, QueryOrder, QuerySelect, QueryTrait,
    entity::prelude::*,
    sea_query::{Expr, Query, SelectStatement},
};

use super::{Area, AreaId, AreaLevel, table, types::AreaFilter};
use crate::kernel::{Db, Fault, Page, Paging, Problem, Result, page::Key, request::Call, say, text};

fn view(row: table::Model) -> Area {
    Area {
        id: row.id,
        level: row.level,
        version: row.version,
        code: row.code,
        name: row.name,
        parent_id: row.parent_id,
        category: row.category,
        valid_from: row.valid_from,
        valid_to: row.valid_to,
    }
}

pub(super) async fn list(filter: &AreaFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Area>> {
    let mut select = table::Entity::find()
        .apply_if(filter.level, |select, level| select.filter(table::Column::Level.eq(level)))
        .apply_if(filter.version.clone(), |select, version| select.filter(table::Column::Version.eq(version)))
        .apply_if(filter.code.clone(), |select, code| select.filter(table::Column::Code.eq(code)))
        .apply_if(filter.parent_id, |select, parent| select.filter(table::Column::ParentId.eq(parent)));
    if let Some(name) = &filter.name {
        let start = text::fold(name);
        let length = i32::try_from(start.chars().count()).unwrap_or(i32::MAX);
        let begins = sea_orm::sea_query::Func::cust("substr").arg(table::Column::NameFold.into_expr()).arg(1).arg(length);
        select = select.filter(Expr::expr(begins).eq(start));
    }
    if let Some(above) = filter.below {
        let path = path(above, db.reader()).await?.unwrap_or_else(|| "-".to_owned());
        select = select.filter(at_or_below(&path)).filter(table::Column::Id.ne(above));
    }
    let keys = vec![
        Key::column(table::Column::Path, |row: &table::Model| row.path.clone().into()),
        Key::column(table::Column::Id, |row: &table::Model| row.id.into()),
    ];
    Ok(paging.fetch(select, keys, call, db).await?.map(view))
}

/// Returns one area.
///
/// # Errors
/// When there is no area with this id (404).
pub async fn find(id: AreaId, db: &impl ConnectionTrait) -> Result<Area> {
    table::Entity::find_by_id(id).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

fn at_or_below(path: &str) -> Condition {
    // `~` sorts after every character of a path.
    Condition::all().add(table::Column::Path.gte(path)).add(table::Column::Path.lt(format!("{path}~")))
}

/// Selects the ids of the areas with any of these paths, and of all areas below them.
#[must_use]
pub fn at_or_below_any(paths: &[String]) -> SelectStatement {
    // A condition beside the paths would keep `SQLite` from its index.
    let none = Condition::any().add_option(paths.is_empty().then(|| Expr::val(false)));
    let any = paths.iter().fold(none, |any, path| any.add(at_or_below(path)));
    Query::select().column(table::Column::Id).from(table::Entity).cond_where(any).take()
}

/// Selects the ids of the area with this path, and of all areas above it.
#[must_use]
pub fn at_or_above(path: &str) -> SelectStatement {
    let paths = path.match_indices('/').map(|(end, _)| path[..=end].to_owned());
    Query::select().column(table::Column::Id).from(table::Entity).and_where(table::Column::Path.is_in(paths)).take()
}

/// Returns the code of the municipality in a path. It is `None` for the path of the nation or of a county.
#[must_use]
pub fn municipality_of(path: &str) -> Option<&str> {
    // Nation, county, municipality: the third code.
    path.split('/').nth(2).filter(|code| !code.is_empty())
}

/// Returns the path of an area, or `None` when there is no such area.
///
/// # Errors
/// When the database does not answer.
pub async fn path(id: AreaId, db: &impl ConnectionTrait) -> Result<Option<String>> {
    Ok(table::Entity::find_by_id(id).select_only().column(table::Column::Path).into_tuple().one(db).await?)
}

/// Returns the paths of these areas by id. Ids without an area are left out.
///
/// # Errors
/// When the database does not answer.
pub async fn paths(ids: &[AreaId], db: &impl ConnectionTrait) -> Result<HashMap<AreaId, String>> {
    let mut found = HashMap::new();
    for ids in ids.chunks(10_000) {
        let rows: Vec<(AreaId, String)> = table::Entity::find()
            .select_only()
            .columns([table::Column::Id, table::Column::Path])
            .filter(table::Column::Id.is_in(ids.iter().copied()))
            .into_tuple()
            .all(db)
            .await?;
        found.extend(rows);
    }
    Ok(found)
}

/// Returns these areas by id. Ids without an area are left out.
///
/// # Errors
/// When the database does not answer.
pub async fn by_ids(ids: &[AreaId], db: &impl ConnectionTrait) -> Result<HashMap<AreaId, Area>> {
    let mut found = HashMap::new();
    for ids in ids.chunks(10_000) {
        let rows = table::Entity::find().filter(table::Column::Id.is_in(ids.iter().copied())).all(db).await?;
        found.extend(rows.into_iter().map(|row| (row.id, view(row))));
    }
    Ok(found)
}

/// Returns the areas with these codes, of any level, by code. When several versions have the same code, it is the newest version.
///
/// # Errors
/// When the database does not answer.
pub async fn by_codes(codes: &[String], db: &impl ConnectionTrait) -> Result<HashMap<String, Area>> {
    let mut found = HashMap::new();
    for codes in codes.chunks(500) {
        let rows = table::Entity::find()
            .filter(table::Column::Code.is_in(codes))
            .order_by(table::Column::Version, sea_orm::Order::Asc)
            .all(db)
            .await?;
        found.extend(rows.into_iter().map(|row| (row.code.clone(), view(row))));
    }
    Ok(found)
}

/// Returns all areas of these levels, ordered by version and code, so that the newest version of an area comes last.
///
/// # Errors
/// When the database does not answer.
pub async fn by_levels(levels: &[AreaLevel], db: &impl ConnectionTrait) -> Result<Vec<Area>> {
    let select = table::Entity::find()
        .filter(table::Column::Level.is_in(levels.iter().copied()))
        .order_by(table::Column::Version, sea_orm::Order::Asc)
        .order_by(table::Column::Code, sea_orm::Order::Asc);
    Ok(select.all(db).await?.into_iter().map(view).collect())
}

/// Returns the fault of an area that does not exist, at the JSON Pointer `pointer`.
#[must_use]
pub fn not_found_fault(pointer: impl Into<String>) -> Fault {
    Fault::at_pointer(
        pointer,
        "not-found",
        say!(
            "Området finns inte. Sök fram dess id med GET /areas?code=…",
            "The area does not exist. Look up its id with GET /areas?code=…"
        ),
    )
}
