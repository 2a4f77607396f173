//! Queries of actors, and permission checks. The modules below write actors with their areas and identifiers.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use sea_orm::{
    ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryOrder, QuerySelect, QueryTrait,
    entity::prelude::*,
    sea_query::{BinOper, Expr, Query, SelectStatement, SimpleExpr},
};

mod drafts;
mod events;
mod hanging;
mod put;
mod removal;
mod views;

pub use drafts::Draft;
pub(crate) use drafts::TakenNumbers;
pub(super) use drafts::own_numbers;
pub(super) use events::history_version;
pub use hanging::{announce_dependents, announce_new_parent};
pub use put::{insert, put_from_pack, put_many, update};
pub(super) use put::{mark_claimed, search_text};
pub use removal::remove;
pub(super) use removal::{find_restorable, restore};
pub(super) use views::{shown, view};

use super::{Actor, ActorId, ActorName, ActorStatus, NewActor, rules, table, tombstones, types::ActorFilter};
use crate::{
    access::{Reach, Sight, Visibility, grants::store as grants},
    geography::areas::{AreaId, store as areas},
    kernel::{
        Db, Fault, Page, Paging, Problem, Result, Write, db::Connection, page::Key, problem::Kind, request::Call, say, search::Search,
        secrecy::Secrecy, table::List,
    },
    relations::store as relations,
};

pub(super) const KIND: &str = "actor";

/// Selects the actors that are not removed and that the caller can see.
fn find_visible(sight: &Sight) -> Select<table::Entity> {
    table::Entity::find().filter(table::Column::DeletedAt.is_null()).filter(sight.rows(
        table::Column::Visibility,
        None,
        Some(table::Column::Id.into_expr()),
    ))
}

/// Sets the names, identifiers and parents of these actors to those of a day, as far as they are known.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn as_of(actors: &mut [Actor], day: NaiveDate, secrecy: Option<&Secrecy>, db: &impl ConnectionTrait) -> Result<()> {
    let ids: Vec<ActorId> = actors.iter().map(|actor| actor.id).collect();
    let parents = relations::parents_on(&ids, day, db).await?;
    for actor in actors {
        let name = actor.fields.name.clone();
        rules::as_of(&mut actor.fields, day);
        let hides = |member| secrecy.is_some_and(|secrecy| secrecy.hides(actor.id.uuid(), member));
        if hides("formerNames") {
            // The former names are under secrecy, so none of them may be shown as the name.
            actor.fields.name = name;
        }
        // The first parent relation begins on the day of foundation, so it would reveal a hidden `founded`.
        if !hides("founded") {
            actor.fields.parent_id = parents.get(&actor.id).copied();
        }
    }
    Ok(())
}

/// Returns a page of the actors that the caller can see. With `removed`, the reach of `actors.write`, it is a page of the removed
/// actors that can be restored with that reach.
pub(super) async fn list(
    sight: &Sight,
    (filter, as_of, removed): (&ActorFilter, Option<NaiveDate>, Option<&Reach>),
    paging: &Paging,
    call: &Call,
    db: &Db,
) -> Result<Page<table::Model>> {
    let served = |area| {
        Query::select()
            .column(table::served::Column::ActorId)
            .from(table::served::Entity)
            .and_where(table::served::Column::AreaId.eq(area))
            .take()
    };
    let select = match removed {
        None => find_visible(sight),
        Some(reach) => removal::restorable(sight, reach, db.clock.now()),
    };
    let select = select
        .apply_if(filter.kind.clone(), |select, kinds| select.filter(table::Column::Kind.is_in(kinds)))
        .apply_if(filter.sector, |select, sector| select.filter(table::Column::Sector.eq(sector)))
        .apply_if(filter.municipality.as_deref(), |select, code| select.filter(table::Column::MunicipalityCode.eq(code)))
        .apply_if(filter.serves, |select, area| select.filter(table::Column::Id.in_subquery(served(area))))
        .apply_if(filter.parent_id, |select, parent| match as_of {
            Some(day) => select.filter(table::Column::Id.in_subquery(relations::parts_on(parent, day))),
            None => select.filter(table::Column::ParentId.eq(parent)),
        })
        .apply_if(as_of, |select, day| {
            select
                .filter(table::Column::Founded.is_null().or(table::Column::Founded.lte(day)))
                .filter(table::Column::Dissolved.is_null().or(table::Column::Dissolved.gt(day)))
        })
        .apply_if(filter.id.clone(), |select, ids| select.filter(table::Column::Id.is_in(ids)))
        .apply_if(filter.identifier.as_deref(), |select, identifiers| {
            select.filter(table::Column::Id.in_subquery(with_identifiers(identifiers)))
        })
        .apply_if(filter.updated_after, |select, time| select.filter(table::Column::UpdatedAt.gt(time)));
    let sort = filter.sort.as_deref().unwrap_or("name");
    let descending = sort.starts_with('-');
    let id = Key::column(table::Column::Id, |row: &table::Model| row.id.into()).reversed(descending);
    let keys = match sort.trim_start_matches('-') {
        "createdAt" => vec![id],
        "updatedAt" => vec![Key::column(table::Column::UpdatedAt, |row: &table::Model| row.updated_at.into()).reversed(descending), id],
        _ => vec![Key::column(table::Column::NameSort, |row: &table::Model| row.name_sort.clone().into()).reversed(descending), id],
    };
    let search = filter.q.as_deref().map(|q| {
        let search = Search::new(KIND, table::Column::Id, q, db.backend());
        if filter.sort.is_some() { search } else { search.names_first(table::Column::NameSort, |row: &table::Model| &row.name_sort) }
    });
    paging.search(select, search, keys, Some(table::read), call, db).await
}

/// Splits an identifier into scheme and value, in the form in which they are stored. The value follows the last colon, since
/// the scheme of a source (`external:name`) contains a colon itself.
fn scheme_and_value(identifier: &str) -> (&str, String) {
    let (scheme, value) = identifier.rsplit_once(':').unwrap_or_default();
    match scheme {
        rules::ORGANISATION_NUMBER => (scheme, rules::organisation_number(value, "").unwrap_or_default()),
        _ => (scheme, value.to_owned()),
    }
}

/// Selects the ids of the actors that have any of these identifiers. Each pair is compared as one joined text, since SQLite and
/// PostgreSQL have no common syntax for comparing pairs. The two conditions before that let the database use the index.
fn with_identifiers(identifiers: &[String]) -> SelectStatement {
    use table::identifier::Column::{ActorId, Scheme, Value};
    let wanted: Vec<_> = identifiers.iter().map(|identifier| scheme_and_value(identifier)).collect();
    let pair = |scheme: SimpleExpr, value: SimpleExpr| scheme.binary(BinOper::Custom("||"), value);
    let joined = pair(pair(Scheme.into_expr(), Expr::val(":")), Value.into_expr());
    Query::select()
        .column(ActorId)
        .from(table::identifier::Entity)
        .and_where(Scheme.is_in(wanted.iter().map(|(scheme, _)| *scheme).collect::<BTreeSet<_>>()))
        .and_where(Value.is_in(wanted.iter().map(|(_, value)| value.as_str())))
        .and_where(joined.is_in(wanted.iter().map(|(scheme, value)| format!("{scheme}:{value}"))))
        .take()
}

fn with_identifier(identifier: &str) -> SelectStatement {
    let (scheme, value) = scheme_and_value(identifier);
    Query::select()
        .column(table::identifier::Column::ActorId)
        .from(table::identifier::Entity)
        .and_where(table::identifier::Column::Scheme.eq(scheme))
        .and_where(table::identifier::Column::Value.eq(value))
        .take()
}

/// Returns one actor that the caller can see.
///
/// # Errors
/// When the actor does not exist, is removed, or is hidden from the caller (404).
pub async fn find(sight: &Sight, id: ActorId, db: &impl ConnectionTrait) -> Result<Actor> {
    view(find_visible(sight).filter(table::Column::Id.eq(id)).one(db).await?.ok_or_else(Problem::not_found)?)
}

/// Returns those of these actors that the caller can see.
///
/// # Errors
/// When the database does not answer.
pub async fn find_all(sight: &Sight, ids: &[ActorId], db: &impl ConnectionTrait) -> Result<Vec<Actor>> {
    let rows = find_visible(sight).filter(table::Column::Id.is_in(ids.iter().copied())).all(db).await?;
    rows.into_iter().map(view).collect()
}

/// Returns one actor that the caller can see, like [`find`], but distinguishes merged actors.
///
/// # Errors
/// When the actor was merged into another that the caller can see (410, with `merged_into`); when it does not exist, is removed
/// or is hidden (404).
pub async fn find_unless_merged(sight: &Sight, id: ActorId, db: &impl ConnectionTrait) -> Result<Actor> {
    match find(sight, id, db).await {
        Err(problem) if problem.kind == Kind::NotFound => Err(merged_or_missing(sight, id, db).await?),
        found => found,
    }
}

/// Returns the row of an actor that the caller can see.
///
/// # Errors
/// See [`find_unless_merged`].
pub(super) async fn find_row_unless_merged(sight: &Sight, id: ActorId, db: &Connection) -> Result<table::Model> {
    let select = find_visible(sight).filter(table::Column::Id.eq(id));
    match db.rows(select, Some(table::read)).await?.pop() {
        Some(row) => Ok(row),
        None => Err(merged_or_missing(sight, id, db).await?),
    }
}

/// Returns the problem with an actor that is not found: it was merged into another, or it is missing.
async fn merged_or_missing(sight: &Sight, id: ActorId, db: &impl ConnectionTrait) -> Result<Problem> {
    let survivor = super::tombstones::survivor(sight, id, db).await?;
    Ok(survivor.map_or_else(Problem::not_found, |survivor| Problem::merged("/actors", survivor.uuid())))
}

/// Returns those of these ids that name no actor which the caller can see, in the given order.
///
/// # Errors
/// When the database does not answer.
pub async fn missing(sight: &Sight, ids: &[ActorId], db: &impl ConnectionTrait) -> Result<Vec<ActorId>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let found: Vec<ActorId> = find_visible(sight)
        .select_only()
        .column(table::Column::Id)
        .filter(table::Column::Id.is_in(ids.iter().copied()))
        .into_tuple()
        .all(db)
        .await?;
    Ok(ids.iter().copied().filter(|id| !found.contains(id)).collect())
}

/// Returns the names of those of these actors that the caller can see, by id.
///
/// # Errors
/// When the database does not answer.
pub async fn names(sight: &Sight, ids: &[ActorId], db: &impl ConnectionTrait) -> Result<HashMap<ActorId, ActorName>> {
    let mut found = HashMap::new();
    for ids in ids.chunks(500) {
        let rows: Vec<(ActorId, String)> = find_visible(sight)
            .select_only()
            .columns([table::Column::Id, table::Column::Name])
            .filter(table::Column::Id.is_in(ids.iter().copied()))
            .into_tuple()
            .all(db)
            .await?;
        found.extend(rows.into_iter().map(|(id, name)| (id, ActorName { id, name })));
    }
    Ok(found)
}

/// Returns those of these actors that were merged into others.
///
/// # Errors
/// When the database does not answer.
pub async fn merged_among(ids: &[ActorId], db: &impl ConnectionTrait) -> Result<Vec<ActorId>> {
    let merged = table::Entity::find()
        .select_only()
        .column(table::Column::Id)
        .filter(table::Column::Id.is_in(ids.iter().copied()))
        .filter(table::Column::MergedInto.is_not_null());
    Ok(merged.into_tuple().all(db).await?)
}

/// Returns those of these actors that are neither removed nor dissolved on a day, whoever asks. A dormant actor is included.
///
/// # Errors
/// When the database does not answer.
pub async fn not_dissolved_on(ids: &[ActorId], day: NaiveDate, db: &impl ConnectionTrait) -> Result<Vec<ActorId>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let working = find_visible(&Sight::of_installation())
        .select_only()
        .column(table::Column::Id)
        .filter(table::Column::Id.is_in(ids.iter().copied()))
        .filter(table::Column::Status.ne(ActorStatus::Dissolved))
        .filter(table::Column::Dissolved.is_null().or(table::Column::Dissolved.gt(day)));
    Ok(working.into_tuple().all(db).await?)
}

/// Checks that the caller may write a record that belongs to an actor, which is the case when it may write the actor. The
/// request body names the actor in `actorId`.
///
/// # Errors
/// When the caller sees no such actor or it was merged (422 at `/actorId`), or when the caller may not write it (403).
pub async fn may_write_records_of(sight: &Sight, reach: &Reach, actor: ActorId, db: &impl ConnectionTrait) -> Result<()> {
    match find_unless_merged(sight, actor, db).await {
        Ok(actor) => may_write(reach, &actor.fields, Some(actor.id), db).await,
        Err(Problem { merged_into: Some(into), .. }) => Err(Problem::fault(
            "/actorId",
            "merged",
            say!("Aktören har gått upp i en annan. Ange {into} i stället.", "The actor has become part of another. Give {into} instead."),
        )),
        Err(problem) if problem.kind == Kind::NotFound => {
            Err(Problem::fault("/actorId", "not-found", say!("Aktören finns inte.", "The actor does not exist.")))
        }
        Err(problem) => Err(problem),
    }
}

/// Checks that the caller may write an actor with these fields. The reach must cover the area of its seat or the actor itself;
/// for a new actor (`id` is `None`) the parent suffices.
///
/// # Errors
/// When the reach covers none of these (403).
pub async fn may_write(reach: &Reach, actor: &NewActor, id: Option<ActorId>, db: &impl ConnectionTrait) -> Result<()> {
    may_write_in(reach, actor.seat_area_id, actor.parent_id, id, db).await
}

/// Checks that the caller may write an actor with this seat and this parent, as [`may_write`] does.
///
/// # Errors
/// See [`may_write`].
pub(super) async fn may_write_in(
    reach: &Reach,
    seat: Option<AreaId>,
    parent: Option<ActorId>,
    id: Option<ActorId>,
    db: &impl ConnectionTrait,
) -> Result<()> {
    if reach.everywhere {
        return Ok(());
    }
    // The areas served are only what the actor says of itself. The seat decides which coordinators may write the actor.
    let path = match seat {
        Some(seat) => areas::path(seat, db).await?,
        None => None,
    };
    let paths: Vec<&str> = path.iter().map(String::as_str).collect();
    reach.require(&paths, id.map(ActorId::uuid), None).or_else(|refused| match (id, parent) {
        (None, Some(parent)) => reach.require(&[], Some(parent.uuid()), None),
        // A caller with the permission in some areas or for some actors gets the hint that neither seat nor parent was given.
        (None, None) if seat.is_none() && !(reach.areas.is_empty() && reach.actors.is_empty()) => Err(Problem {
            faults: vec![Fault::at_pointer(
                "/seatAreaId",
                "required",
                say!(
                    "Ange området där aktören har sitt säte, till exempel kommunens kod 0127.",
                    "Give the area in which the actor has its seat, for example the municipality's code 0127."
                ),
            )],
            ..refused.detail(say!(
                "Ange seatAreaId, aktörens säte i ett område som du samordnar, eller parentId, en aktör som du arbetar för. Annars kan du inte registrera den.",
                "Give seatAreaId, the actor's seat in an area that you coordinate, or parentId, an actor that you work for. Else you cannot register it."
            ))
        }),
        _ => Err(refused),
    })
}

/// Checks that the caller may set the parent of an actor, where `after` has another parent than `before`. The caller must see
/// the parent, and must hold the permission for the parent or in the area of the actor's seat; to hold it for the actor alone is
/// not enough. The users of the new parent, and of its ancestors, get all rights over an actor that exists already. So where
/// there are such users, only the actor's own users and those who run the installation may do it.
///
/// # Errors
/// When the caller may not (403), or sees no such parent (422 at `/parentId`).
pub async fn may_set_parent(
    sight: &Sight,
    reach: &Reach,
    before: Option<&Actor>,
    after: &NewActor,
    db: &impl ConnectionTrait,
) -> Result<()> {
    let same = |parent: &ActorId| before.is_some_and(|before| before.fields.parent_id == Some(*parent));
    let Some(parent) = after.parent_id.filter(|parent| !same(parent)) else { return Ok(()) };
    if !missing(sight, &[parent], db).await?.is_empty() {
        return Err(Problem::invalid(vec![parent_not_found()]));
    }
    may_relate(reach, before.map_or(after, |before| &before.fields), parent, db).await?;
    let Some(before) = before.filter(|before| !sight.all && !reach.actors.contains(&before.id.uuid())) else { return Ok(()) };
    let over = tombstones::ancestors(before.fields.parent_id, db).await?;
    let above = tombstones::ancestors(Some(parent), db).await?;
    let gaining: Vec<_> = above.into_iter().filter(|id| !over.contains(id)).map(ActorId::uuid).collect();
    if grants::list_for_actors(&gaining, db).await?.is_empty() {
        return Ok(());
    }
    Err(reach.missing().detail(say!(
        "De som arbetar för den överordnade aktören skulle få alla rättigheter över den här. Be någon som administrerar aktören, eller den som driver tjänsten, att flytta den.",
        "The people of the actor above would get all rights over this one. Ask an administrator of the actor, or who runs the service, to move it."
    )))
}

/// Checks that a caller who may write an actor may also relate it to another actor. The reach must cover the other actor, or the
/// area of the first actor's seat.
///
/// # Errors
/// When the reach covers neither (403).
pub async fn may_relate(reach: &Reach, actor: &NewActor, other: ActorId, db: &impl ConnectionTrait) -> Result<()> {
    match reach.require(&[], Some(other.uuid()), None) {
        Ok(()) => Ok(()),
        Err(_) => may_write(reach, &NewActor { parent_id: None, ..actor.clone() }, None, db).await,
    }
}

/// Locks the rows of these actors until the end of the transaction, so that nobody changes them or adds references to them. The
/// order is by id, so that two transactions cannot deadlock.
///
/// # Errors
/// When the database does not answer.
pub async fn lock(actors: &[ActorId], w: &Write<'_>) -> Result<()> {
    let mut rows = table::Entity::find().select_only().column(table::Column::Id);
    rows = rows.filter(table::Column::Id.is_in(actors.iter().copied())).order_by_asc(table::Column::Id).lock_exclusive();
    let _: Vec<ActorId> = rows.into_tuple().all(&w.tx).await?;
    Ok(())
}

/// The facts of an actor that decide who is told of changes in the feed, both of the actor and of records that depend on it.
#[derive(Clone, Debug)]
pub struct FeedFacts {
    /// Whether the actor is not removed.
    pub exists: bool,
    pub visibility: Visibility,
    /// The actor whose users can see it when its visibility is `actor`.
    pub owner: ActorId,
    /// The seat and the areas served.
    pub areas: Vec<AreaId>,
}

/// Returns the feed facts of these actors by id, also of removed actors.
///
/// # Errors
/// When the database does not answer.
pub async fn feed_facts(actors: &[ActorId], db: &impl ConnectionTrait) -> Result<HashMap<ActorId, FeedFacts>> {
    type Row = (ActorId, Visibility, Option<AreaId>, List<AreaId>, Option<ChronoDateTimeUtc>);
    let mut found = HashMap::new();
    let columns =
        [table::Column::Id, table::Column::Visibility, table::Column::SeatAreaId, table::Column::AreasServed, table::Column::DeletedAt];
    for actors in actors.chunks(10_000) {
        let select = table::Entity::find().select_only().columns(columns);
        let rows: Vec<Row> = select.filter(table::Column::Id.is_in(actors.iter().copied())).into_tuple().all(db).await?;
        found.extend(rows.into_iter().map(|(id, visibility, seat, served, deleted_at)| {
            let areas = seat.into_iter().chain(served.0).collect();
            (id, FeedFacts { exists: deleted_at.is_none(), visibility, owner: id, areas })
        }));
    }
    Ok(found)
}

fn parent_not_found() -> Fault {
    Fault::at_pointer("/parentId", "not-found", say!("Aktören i parentId finns inte.", "The actor in parentId does not exist."))
}

/// Returns the actor that has an identifier and is not removed. The identifier is written as scheme, colon and value.
///
/// # Errors
/// When the database does not answer.
pub async fn by_identifier(identifier: &str, db: &impl ConnectionTrait) -> Result<Option<ActorId>> {
    let select = table::Entity::find().filter(table::Column::DeletedAt.is_null());
    Ok(select.filter(table::Column::Id.in_subquery(with_identifier(identifier))).one(db).await?.map(|row| row.id))
}

/// Returns the SQL condition that the actor named by a column is not removed. It is a scalar subquery, evaluated for each row:
/// a condition such as `IN` would be turned into a join by `SQLite`, which then reads all actors first.
pub fn is_not_removed(actor: impl ColumnTrait) -> SimpleExpr {
    let living = Query::select()
        .expr(Expr::col((table::Entity, table::Column::DeletedAt)).is_null())
        .from(table::Entity)
        .and_where(Expr::col((table::Entity, table::Column::Id)).eq(Expr::col(actor.as_column_ref())))
        .take();
    Expr::SubQuery(None, Box::new(living.into()))
}

/// Returns the SQL condition that the caller can see the actor named by a column. It is a scalar subquery, like [`is_not_removed`].
pub fn is_visible(sight: &Sight, actor: impl ColumnTrait) -> SimpleExpr {
    Expr::SubQuery(None, Box::new(select_visible_id(sight, actor).into())).is_not_null()
}

/// Selects the id of the actor that a column names, if the caller can see that actor.
pub(super) fn select_visible_id(sight: &Sight, actor: impl ColumnTrait) -> SelectStatement {
    Query::select()
        .column((table::Entity, table::Column::Id))
        .from(table::Entity)
        .and_where(Expr::col((table::Entity, table::Column::Id)).eq(Expr::col(actor.as_column_ref())))
        .and_where(Expr::col((table::Entity, table::Column::DeletedAt)).is_null())
        .cond_where(sight.rows(table::Column::Visibility, None, Some(table::Column::Id.into_expr())))
        .take()
}

/// Returns the number of actors that are not removed.
///
/// # Errors
/// When the database does not answer.
pub async fn count(db: &impl ConnectionTrait) -> Result<u64> {
    Ok(table::Entity::find().filter(table::Column::DeletedAt.is_null()).count(db).await?)
}
