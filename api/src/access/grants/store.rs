use sea_orm::{
    ActiveValue::Set,
    Condition, ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryOrder, QueryTrait,
    entity::prelude::*,
    sea_query::{Expr, Query, SelectStatement, SimpleExpr},
};

use super::{Grant, GrantId, NewGrant, Scope, ScopeKind, api::GrantFilter, table};
use crate::{
    access::{
        Caller, Reach,
        policy::{Permission, Role, Standing, allows},
        users::UserId,
    },
    kernel::{
        Db, Fault, Page, Paging, Problem, Result, Write,
        events::{Change, ChangeOperation},
        page::Key,
        request::Call,
        say,
    },
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

/// The grants within reach.
pub(in crate::access) fn reached(reach: &Reach) -> Condition {
    if reach.everywhere {
        return Condition::all();
    }
    let mut within = Condition::any();
    let scope = |kind: ScopeKind| table::Column::ScopeKind.eq(kind);
    for path in &reach.areas {
        let areas = Query::select()
            .column("id")
            .from("area")
            .and_where(Expr::col("path").gte(path.clone()))
            .and_where(Expr::col("path").lt(format!("{path}~")))
            .take();
        let actors = Query::select().column("id").from("actor").and_where(Expr::col("seat_area_id").in_subquery(areas.clone())).take();
        within = within
            .add(scope(ScopeKind::Area).and(table::Column::ScopeId.in_subquery(areas)))
            .add(
                scope(ScopeKind::Source)
                    .and(table::Column::ScopeId.in_subquery(sources_of(Expr::col("actor_id").in_subquery(actors.clone())))),
            )
            .add(scope(ScopeKind::Actor).and(table::Column::ScopeId.in_subquery(actors)));
    }
    within = within
        .add(scope(ScopeKind::Actor).and(table::Column::ScopeId.is_in(reach.actors.iter().copied())))
        .add(scope(ScopeKind::Forum).and(table::Column::ScopeId.is_in(reach.forums.iter().copied())))
        .add(
            scope(ScopeKind::Source)
                .and(table::Column::ScopeId.in_subquery(sources_of(Expr::col("actor_id").is_in(reach.actors.iter().copied())))),
        )
        .add(scope(ScopeKind::Source).and(table::Column::ScopeId.is_in(reach.sources.iter().copied())));
    within
}

/// The sources of some actors.
fn sources_of(whose: SimpleExpr) -> SelectStatement {
    Query::select().column("id").from("source").and_where(whose).take()
}

/// A page of the grants within reach.
pub(super) async fn list(reach: &Reach, filter: &GrantFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<Grant>> {
    let select =
        table::Entity::find().filter(reached(reach)).apply_if(filter.user_id, |select, user| select.filter(table::Column::UserId.eq(user)));
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.fetch(select, keys, call, db).await?.map(view))
}

/// One grant, within reach when that is asked.
pub(super) async fn find(reach: Option<&Reach>, id: GrantId, db: &impl ConnectionTrait) -> Result<Grant> {
    let select = table::Entity::find_by_id(id).apply_if(reach, |select, reach| select.filter(reached(reach)));
    select.one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// Checks that the caller's own rights reach the scope and include all that the role would give.
pub(in crate::access) async fn may_grant(caller: &Caller, reach: &Reach, new: &NewGrant, db: &impl ConnectionTrait) -> Result<()> {
    let (areas, actor, forum) = match (new.scope.kind, new.scope.id) {
        (ScopeKind::Everywhere, _) => (Vec::new(), None, None),
        (ScopeKind::Area, Some(id)) => (path_of("area", id, db).await?.into_iter().collect(), None, None),
        (ScopeKind::Actor, Some(id)) => (path_of("actor", id, db).await?.into_iter().collect(), Some(id), None),
        (ScopeKind::Forum, Some(id)) => (Vec::new(), None, Some(id)),
        (ScopeKind::Source, Some(id)) => (path_of("source", id, db).await?.into_iter().collect(), owner_of_source(id, db).await?, None),
        (_, None) => return Ok(()),
    };
    let areas: Vec<&str> = areas.iter().map(String::as_str).collect();
    reach.require(&areas, actor, forum)?;
    for permission in Permission::ALL.iter().filter(|permission| allows(Standing::Role(new.role), **permission)) {
        // Who administers an actor's users, or coordinates an area, may let others work for its actors.
        let for_actor = matches!(
            (new.role, new.scope.kind),
            (Role::ActorAdmin | Role::Contributor | Role::Reader, ScopeKind::Actor) | (Role::Service, ScopeKind::Source)
        );
        if !for_actor {
            caller.reach(*permission)?.require(&areas, actor, forum)?;
        }
    }
    Ok(())
}

/// The path of an area, or of the area where an actor, or a source's actor, has its seat.
async fn path_of(table: &'static str, id: Uuid, db: &impl ConnectionTrait) -> Result<Option<String>> {
    let mut select = Query::select();
    select.column(("area", "path")).from("area");
    if table == "area" {
        select.and_where(Expr::col(("area", "id")).eq(id));
    } else {
        select.inner_join("actor", Expr::col(("actor", "seat_area_id")).equals(("area", "id")));
        if table == "source" {
            select.inner_join("source", Expr::col(("source", "actor_id")).equals(("actor", "id")));
        }
        select.and_where(Expr::col((table, "id")).eq(id));
    }
    let row = db.query_one(&select).await?;
    Ok(row.map(|row| row.try_get("", "path")).transpose()?)
}

/// The actor whose system a source is.
async fn owner_of_source(id: Uuid, db: &impl ConnectionTrait) -> Result<Option<Uuid>> {
    let select = Query::select().column("actor_id").from("source").and_where(Expr::col("id").eq(id)).take();
    let row = db.query_one(&select).await?;
    Ok(row.map(|row| row.try_get("", "actor_id")).transpose()?)
}

/// Gives a grant; whether the caller may is asked before.
///
/// # Errors
/// When the user or the scope is not there, or the period ends before it begins.
pub async fn insert(new: &NewGrant, w: &Write<'_>) -> Result<Grant> {
    let mut faults = Vec::new();
    if super::super::users::table::Entity::find_by_id(new.user_id).count(&w.tx).await? == 0 {
        faults.push(Fault::at("/userId", "not-found", say!("Användaren finns inte.", "The user does not exist.")));
    }
    let table = match new.scope.kind {
        ScopeKind::Everywhere => None,
        ScopeKind::Area => Some("area"),
        ScopeKind::Actor => Some("actor"),
        ScopeKind::Forum => Some("forum"),
        ScopeKind::Source => Some("source"),
    };
    match (table, new.scope.id) {
        (None, Some(_)) => faults.push(Fault::at(
            "/scope/id",
            "not-empty",
            say!("Ange inget id när behörigheten gäller överallt.", "Give no id when the grant holds everywhere."),
        )),
        (Some(_), None) => faults.push(Fault::at(
            "/scope/id",
            "required",
            say!("Ange id för det som behörigheten gäller.", "Give the id of what the grant holds for."),
        )),
        (Some(table), Some(id)) => {
            let there = Query::select().column("id").from(table).and_where(Expr::col("id").eq(id)).take();
            if w.tx.query_one(&there).await?.is_none() {
                faults.push(Fault::at(
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
    w.access_changed();
    w.record(change(row.id, ChangeOperation::Upsert, 1));
    Ok(view(row))
}

/// Whether a user runs the installation.
///
/// # Errors
/// When the database does not answer.
pub async fn is_admin(user: UserId, w: &Write<'_>) -> Result<bool> {
    let held = table::Entity::find()
        .filter(table::Column::UserId.eq(user))
        .filter(table::Column::Role.eq(Role::Admin))
        .filter(table::Column::ScopeKind.eq(ScopeKind::Everywhere));
    Ok(held.count(&w.tx).await? > 0)
}

/// Takes a grant back.
pub(super) async fn remove(grant: &Grant, w: &Write<'_>) -> Result<()> {
    let id = grant.id;
    table::Entity::delete_by_id(id).exec(&w.tx).await?;
    w.access_changed();
    if grant.fields.role == Role::Admin && grant.fields.scope.kind == ScopeKind::Everywhere {
        super::super::users::store::keeps_an_admin(w).await?;
    }
    w.record(change(id, ChangeOperation::Delete, 2));
    Ok(())
}

fn change(id: GrantId, op: ChangeOperation, version: i64) -> Change {
    Change::new("grant", id.uuid(), op, version, crate::access::Visibility::Actor.of(None, None))
}

/// All grants of a user.
///
/// # Errors
/// When the database does not answer.
pub async fn of_user(user: UserId, db: &impl ConnectionTrait) -> Result<Vec<Grant>> {
    let rows = table::Entity::find().filter(table::Column::UserId.eq(user)).order_by_asc(table::Column::Id).all(db).await?;
    Ok(rows.into_iter().map(view).collect())
}
