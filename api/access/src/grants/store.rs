use sea_orm::{
    ActiveEnum,
    ActiveValue::Set,
    Condition, ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryOrder, QueryTrait,
    entity::prelude::*,
    sea_query::{Expr, IntoColumnRef, LockType, Query, SelectStatement, SimpleExpr},
};

use super::{Grant, GrantId, NewGrant, Scope, ScopeKind, table, types::GrantFilter};
use crate::{
    Caller, Reach,
    caller::Place,
    kernel::{
        Db, Fault, Page, Paging, Problem, Result, Write,
        events::{Change, ChangeOperation},
        page::Key,
        request::Call,
        say,
        table::valid_on,
    },
    policy::{Permission, Role, Standing, allows},
    standing,
    users::{UserId, lookup},
};

fn view(row: table::Model) -> Grant {
    Grant {
        id: row.id,
        version: row.version,
        fields: NewGrant {
            user_id: row.user_id,
            role: row.role,
            scope: Scope { kind: row.scope_kind, id: row.scope_id },
            valid_from: row.valid_from,
            valid_to: row.valid_to,
        },
        provider: row.provider,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The condition for grants within the reach.
pub(crate) fn reach_condition(reach: &Reach) -> Condition {
    place_condition((table::Entity, table::Column::ScopeKind), (table::Entity, table::Column::ScopeId), reach)
}

/// The condition for rows that refer to a place by a kind (`kind`, a [`ScopeKind`]) and an id, where the place is within
/// the reach.
pub(crate) fn place_condition(kind: impl IntoColumnRef, id: impl IntoColumnRef, reach: &Reach) -> Condition {
    if reach.everywhere {
        return Condition::all();
    }
    let (kind, id) = (Expr::col(kind), Expr::col(id));
    let mut condition = Condition::any();
    let scope = |known: ScopeKind| kind.clone().eq(known.to_value());
    for path in &reach.areas {
        for (kind, table) in [(ScopeKind::Area, "area"), (ScopeKind::Source, "source"), (ScopeKind::Actor, "actor")] {
            let mut lies = select_area(table, id.clone());
            lies.and_where(Expr::col(("area", "path")).gte(path.clone())).and_where(Expr::col(("area", "path")).lt(format!("{path}~")));
            condition = condition.add(scope(kind).and(Expr::SubQuery(None, Box::new(lies.into())).is_not_null()));
        }
    }
    condition
        .add(scope(ScopeKind::Actor).and(id.clone().is_in(reach.actors.iter().copied())))
        .add(scope(ScopeKind::Forum).and(id.clone().is_in(reach.forums.iter().copied())))
        .add(scope(ScopeKind::Source).and(id.clone().in_subquery(sources_of(Expr::col("actor_id").is_in(reach.actors.iter().copied())))))
        .add(scope(ScopeKind::Source).and(id.is_in(reach.sources.iter().copied())))
}

/// Whether a grant is within the reach.
pub(crate) async fn is_within(reach: &Reach, grant: &Grant, db: &impl ConnectionTrait) -> Result<bool> {
    Ok(table::Entity::find_by_id(grant.id).filter(reach_condition(reach)).count(db).await? > 0)
}

/// Selects the ids of the sources that belong to some actors.
fn sources_of(whose: SimpleExpr) -> SelectStatement {
    Query::select().column("id").from("source").and_where(whose).take()
}

/// Returns a page of the grants within the reach.
pub(super) async fn list(reach: &Reach, filter: &GrantFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Grant>> {
    let select = table::Entity::find()
        .filter(reach_condition(reach))
        .apply_if(filter.user_id, |select, user| select.filter(table::Column::UserId.eq(user)));
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.fetch(select, keys, call, db).await?.map(view))
}

/// Returns one grant. If a reach is given, the grant must be within it. Otherwise 404.
pub(super) async fn find(reach: Option<&Reach>, id: GrantId, db: &impl ConnectionTrait) -> Result<Grant> {
    let select = table::Entity::find_by_id(id).apply_if(reach, |select, reach| select.filter(reach_condition(reach)));
    select.one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// Checks that the caller may give a grant: its reach covers the place, and it holds there everything that the role would
/// give, with the credential of the call. Therefore nobody can get through another user, or a chain of users, what they
/// cannot get directly.
///
/// # Errors
/// When the caller may not (403).
pub async fn may_grant(caller: &Caller, reach: &Reach, new: &NewGrant, db: &impl ConnectionTrait) -> Result<()> {
    let places = places_of_scope(&new.scope, db).await?;
    places.iter().try_for_each(|place| place.looked_after(reach))?;
    caller.holds_all_of(new.role, &places, reach)
}

/// Checks that the caller may remove a grant: its reach covers the place. If the role gives permissions that the caller
/// does not hold there, the caller may remove it only when it is a role for working for an actor or a service's role in a
/// source.
///
/// # Errors
/// When the caller may not (403).
pub async fn may_remove_grant(caller: &Caller, reach: &Reach, grant: &NewGrant, db: &impl ConnectionTrait) -> Result<()> {
    let Some(place) = places_of_scope(&grant.scope, db).await?.into_iter().next() else { return Ok(()) };
    place.looked_after(reach)?;
    let for_actor = matches!(
        (grant.role, grant.scope.kind),
        (Role::ActorAdmin | Role::Contributor | Role::Reader, ScopeKind::Actor) | (Role::Service, ScopeKind::Source)
    );
    if for_actor {
        return Ok(());
    }
    for permission in Permission::ALL.iter().filter(|permission| allows(Standing::Role(grant.role), **permission)) {
        place.looked_after(&caller.reach(*permission)?)?;
    }
    Ok(())
}

/// Returns all places where a grant within a scope would hold. For an actor: first the actor, then its administrations.
/// Empty when the scope lacks the id that its kind needs.
async fn places_of_scope(scope: &Scope, db: &impl ConnectionTrait) -> Result<Vec<Place>> {
    let Some(id) = scope.id else {
        return Ok(if scope.kind == ScopeKind::Everywhere { vec![Place::Everywhere] } else { Vec::new() });
    };
    Ok(match scope.kind {
        ScopeKind::Everywhere => vec![Place::Everywhere],
        // An area that does not exist counts as everywhere, so only a caller with reach everywhere learns that it is
        // missing.
        ScopeKind::Area => vec![area_path("area", id, db).await?.map_or(Place::Everywhere, Place::Area)],
        ScopeKind::Actor => {
            let mut places = Vec::new();
            for actor in standing::with_administrations(id, db).await? {
                places.push(Place::Actor(actor, area_path("actor", actor, db).await?));
            }
            if places.is_empty() { vec![Place::Actor(id, None)] } else { places }
        }
        ScopeKind::Forum => vec![Place::Forum(id)],
        ScopeKind::Source => {
            vec![Place::Source { actor: owner_of_source(id, db).await?, seat: area_path("source", id, db).await? }]
        }
    })
}

/// Selects the path of an area, or of the area where an actor, or the actor of a source, has its seat. As a scalar subquery it is
/// asked for single rows; a list of all actors of an area would be made first.
fn select_area(table: &'static str, id: impl Into<SimpleExpr>) -> SelectStatement {
    let mut select = Query::select();
    select.column(("area", "path")).from("area");
    if table != "area" {
        select.inner_join("actor", Expr::col(("actor", "seat_area_id")).equals(("area", "id")));
    }
    if table == "source" {
        select.inner_join("source", Expr::col(("source", "actor_id")).equals(("actor", "id")));
    }
    select.and_where(Expr::col((table, "id")).eq(id)).take()
}

/// Returns the path of an area, or of the area where an actor, or the actor of a source, has its seat.
async fn area_path(table: &'static str, id: Uuid, db: &impl ConnectionTrait) -> Result<Option<String>> {
    let row = db.query_one(&select_area(table, id)).await?;
    Ok(row.map(|row| row.try_get("", "path")).transpose()?)
}

/// Returns the actor that a source belongs to; `None` for the installation's own sources.
async fn owner_of_source(id: Uuid, db: &impl ConnectionTrait) -> Result<Option<Uuid>> {
    let select = Query::select().column("actor_id").from("source").and_where(Expr::col("id").eq(id)).take();
    let row = db.query_one(&select).await?;
    Ok(row.map(|row| row.try_get::<Option<Uuid>>("", "actor_id")).transpose()?.flatten())
}

/// Stores a grant. The caller's right to give it has been checked before.
///
/// # Errors
/// When the user or the scope does not exist, the scope's id does not agree with its kind, or the period ends before it
/// begins (422).
pub async fn insert(new: &NewGrant, w: &Write<'_>) -> Result<Grant> {
    let mut faults = Vec::new();
    if super::super::users::table::Entity::find_by_id(new.user_id).count(&w.tx).await? == 0 {
        faults.push(Fault::at_pointer("/userId", "not-found", say!("Användaren finns inte.", "The user does not exist.")));
    }
    let table = match new.scope.kind {
        ScopeKind::Everywhere => None,
        ScopeKind::Area => Some("area"),
        ScopeKind::Actor => Some("actor"),
        ScopeKind::Forum => Some("forum"),
        ScopeKind::Source => Some("source"),
    };
    match (table, new.scope.id) {
        (None, Some(_)) => faults.push(Fault::at_pointer(
            "/scope/id",
            "not-empty",
            say!("Ange inget id när behörigheten gäller överallt.", "Give no id when the grant holds everywhere."),
        )),
        (Some(_), None) => faults.push(Fault::at_pointer(
            "/scope/id",
            "required",
            say!("Ange id för det som behörigheten gäller.", "Give the id of what the grant holds for."),
        )),
        (Some(table), Some(id)) => {
            let mut there = Query::select();
            there.column("id").from(table).and_where(Expr::col("id").eq(id)).lock(LockType::KeyShare);
            if new.scope.kind == ScopeKind::Actor {
                there.and_where(Expr::col("merged_into").is_null());
            }
            if w.tx.query_one(&there).await?.is_none() {
                faults.push(Fault::at_pointer(
                    "/scope/id",
                    "not-found",
                    say!("Det som behörigheten ska gälla finns inte.", "What the grant is to hold for does not exist."),
                ));
            }
        }
        (None, None) => {}
    }
    faults.extend(crate::kernel::text::period_fault(new.valid_from, new.valid_to));
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let row = table::ActiveModel {
        id: Set(w.new_id()),
        version: Set(1),
        created_at: Set(w.now),
        updated_at: Set(w.now),
        user_id: Set(new.user_id),
        role: Set(new.role),
        scope_kind: Set(new.scope.kind),
        scope_id: Set(new.scope.id),
        valid_from: Set(new.valid_from),
        valid_to: Set(new.valid_to),
        provider: Set(None),
    };
    let row = row.insert(&w.tx).await?;
    set_home_if_none(new.user_id, &new.scope, row.id, w).await?;
    w.access_changed();
    w.record(change(row.id, ChangeOperation::Upsert, 1));
    Ok(view(row))
}

/// Makes the place of a grant the home of a user who holds no other valid grant. A user is never moved from a home that
/// is still valid.
async fn set_home_if_none(user: UserId, scope: &Scope, but: GrantId, w: &Write<'_>) -> Result<()> {
    let others = table::Entity::find()
        .filter(table::Column::UserId.eq(user))
        .filter(table::Column::Id.ne(but))
        .filter(Expr::col(table::Column::ValidTo).is_null().or(Expr::col(table::Column::ValidTo).gt(w.today())))
        .count(&w.tx)
        .await?;
    if others == 0 { lookup::set_home(user, scope, w).await } else { Ok(()) }
}

/// Moves the grants of an invited account to another account. The place of a grant becomes the user's home if the user
/// holds no valid grant.
///
/// # Errors
/// When the database cannot be read or written.
pub(crate) async fn move_grants(from: UserId, to: UserId, w: &Write<'_>) -> Result<()> {
    let prepared = table::Entity::find().filter(table::Column::UserId.eq(from)).order_by_asc(table::Column::Id).all(&w.tx).await?;
    for row in prepared {
        let (id, version) = (row.id, row.version + 1);
        let scope = Scope { kind: row.scope_kind, id: row.scope_id };
        let moved = table::ActiveModel { user_id: Set(to), version: Set(version), updated_at: Set(w.now), ..row.clone().into() };
        moved.update(&w.tx).await?;
        set_home_if_none(to, &scope, id, w).await?;
        w.record(change(id, ChangeOperation::Upsert, version));
    }
    w.access_changed();
    Ok(())
}

/// Whether a user is an administrator of the installation.
///
/// # Errors
/// When the database cannot be read.
pub async fn is_admin(user: UserId, w: &Write<'_>) -> Result<bool> {
    let held = table::Entity::find()
        .filter(table::Column::UserId.eq(user))
        .filter(table::Column::Role.eq(Role::Admin))
        .filter(table::Column::ScopeKind.eq(ScopeKind::Everywhere))
        .filter(valid_on(table::Column::ValidFrom, table::Column::ValidTo, w.today()));
    Ok(held.count(&w.tx).await? > 0)
}

/// Removes a grant. The last administrator of the installation keeps theirs.
pub(super) async fn remove(grant: &Grant, w: &Write<'_>) -> Result<()> {
    let id = grant.id;
    table::Entity::delete_by_id(id).exec(&w.tx).await?;
    w.access_changed();
    if grant.fields.role == Role::Admin && grant.fields.scope.kind == ScopeKind::Everywhere {
        lookup::require_an_admin(w).await?;
    }
    w.record(change(id, ChangeOperation::Delete, 2));
    Ok(())
}

fn change(id: GrantId, op: ChangeOperation, version: i64) -> Change {
    Change::new("grant", id.uuid(), op, version, crate::Visibility::Actor.of(None, None))
}

/// Returns the actor that an actor has been merged into, after any number of merges; the actor itself when it has not
/// been merged.
///
/// # Errors
/// When the database cannot be read.
pub async fn survivor_of(actor: Uuid, db: &impl ConnectionTrait) -> Result<Uuid> {
    let mut met = vec![actor];
    let mut last = actor;
    loop {
        let select = Query::select().column("merged_into").from("actor").and_where(Expr::col("id").eq(last)).take();
        let into: Option<Uuid> = match db.query_one(&select).await? {
            Some(row) => row.try_get("", "merged_into")?,
            None => None,
        };
        match into.filter(|into| !met.contains(into)) {
            Some(into) => {
                met.push(into);
                last = into;
            }
            None => return Ok(last),
        }
    }
}

/// Returns all grants whose scope is one of these actors.
///
/// # Errors
/// When the database cannot be read.
pub async fn list_for_actors(actors: &[Uuid], db: &impl ConnectionTrait) -> Result<Vec<Grant>> {
    let select = table::Entity::find()
        .filter(table::Column::ScopeKind.eq(ScopeKind::Actor))
        .filter(table::Column::ScopeId.is_in(actors.iter().copied()));
    Ok(select.order_by_asc(table::Column::Id).all(db).await?.into_iter().map(view).collect())
}

/// Returns all grants of a user, oldest first.
///
/// # Errors
/// When the database cannot be read.
pub async fn list_for_user(user: UserId, db: &impl ConnectionTrait) -> Result<Vec<Grant>> {
    let rows = table::Entity::find().filter(table::Column::UserId.eq(user)).order_by_asc(table::Column::Id).all(db).await?;
    Ok(rows.into_iter().map(view).collect())
}
