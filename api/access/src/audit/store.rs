use std::collections::HashMap;

use sea_orm::{
    Condition, ExprTrait, QueryOrder, QuerySelect, QueryTrait, Select,
    entity::prelude::*,
    sea_query::{Expr, Query},
};

use super::{
    AuditEntry, AuditEntryId, chain,
    table::link,
    types::{AuditFilter, AuditUser},
};
use crate::{
    By, Reach, Sight,
    kernel::{
        Db, Id, Page, Paging, Problem, Result,
        audit::{AuditOutcome, Column, Entity, Model},
        page::Key,
        request::Call,
    },
    policy::Requires,
    users::table as users,
};

/// The condition for the entries that the caller may see, in a form that outlives the call.
#[derive(Clone, Debug)]
pub(super) struct Scope(Condition);

impl Scope {
    pub(super) fn of_caller<P: Requires>(by: &By<P>) -> Self {
        Self(visible_entries(by.sight(), &by.reach))
    }
}

/// An administrator of the installation sees all entries. Others see the entries that concern the actors within their
/// reach.
fn visible_entries(sight: &Sight, reach: &Reach) -> Condition {
    if sight.all {
        return Condition::all();
    }
    if reach.everywhere {
        return Condition::all().add(Column::ActorId.is_not_null());
    }
    let mut condition = Condition::any().add(Column::ActorId.is_in(reach.actors.iter().copied()));
    for path in &reach.areas {
        // A scalar subquery is asked for single entries; a list of all actors of the area would be made first.
        let seat = Query::select()
            .column(("area", "path"))
            .from("area")
            .inner_join("actor", Expr::col(("actor", "seat_area_id")).equals(("area", "id")))
            .and_where(Expr::col(("actor", "id")).equals((Entity, Column::ActorId)))
            .and_where(Expr::col(("area", "path")).gte(path.clone()))
            .and_where(Expr::col(("area", "path")).lt(format!("{path}~")))
            .take();
        condition = condition.add(Expr::SubQuery(None, Box::new(seat.into())).is_not_null());
    }
    condition
}

fn select(scope: &Scope, filter: &AuditFilter) -> Select<Entity> {
    let AuditFilter { user_id, operation, outcome, after, before, record_id, request_id } = filter;
    Entity::find()
        .filter(scope.0.clone())
        .apply_if(*user_id, |select, user| select.filter(Column::UserId.eq(user)))
        .apply_if(operation.as_deref(), |select, operation| select.filter(Column::Operation.eq(operation)))
        .apply_if(*outcome, |select, outcome| select.filter(Column::Outcome.eq(outcome)))
        // Few entries are about what was not carried out. They have an index, which `SQLite` uses only when this is said.
        .apply_if(outcome.filter(|outcome| matches!(outcome, AuditOutcome::Denied | AuditOutcome::Failed)), |select, _| {
            select.filter(Expr::cust("outcome IN ('denied', 'failed')"))
        })
        .apply_if(*after, |select, after| select.filter(Column::At.gte(after)))
        .apply_if(*before, |select, before| select.filter(Column::At.lt(before)))
        .apply_if(*record_id, |select, record| select.filter(Column::RecordId.eq(record)))
        .apply_if(request_id.as_deref(), |select, request| select.filter(Column::RequestId.eq(request)))
}

/// Returns a page of entries, newest first.
pub(super) async fn list(scope: &Scope, filter: &AuditFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<AuditEntry>> {
    chain::link(db).await?;
    let keys = vec![Key::column(Column::Id, |row: &Model| row.id.into()).reversed(true)];
    let Page { items, next_cursor, total, total_is_exact, change_cursor } = paging.fetch(select(scope, filter), keys, call, db).await?;
    Ok(Page { items: views(items, db).await?, next_cursor, total, total_is_exact, change_cursor })
}

/// Returns one entry; 404 when it does not exist or the caller may not see it.
pub(super) async fn find(scope: &Scope, id: AuditEntryId, db: &Db) -> Result<AuditEntry> {
    chain::link(db).await?;
    let row = Entity::find_by_id(id.uuid()).filter(scope.0.clone()).one(db.reader()).await?;
    views(row.into_iter().collect(), db).await?.pop().ok_or_else(Problem::not_found)
}

/// Returns up to `count` entries before `last`, newest first; the newest of all when `last` is `None`.
pub(super) async fn list_before(
    last: Option<AuditEntryId>,
    count: u64,
    scope: &Scope,
    filter: &AuditFilter,
    db: &Db,
) -> Result<Vec<AuditEntry>> {
    if last.is_none() {
        chain::link(db).await?;
    }
    let rows = select(scope, filter)
        .apply_if(last, |select, last| select.filter(Column::Id.lt(last.uuid())))
        .order_by_desc(Column::Id)
        .limit(count)
        .all(db.reader())
        .await?;
    views(rows, db).await
}

/// Returns the entries as they are shown: with their positions in the chain and with the present names of the users.
async fn views(rows: Vec<Model>, db: &Db) -> Result<Vec<AuditEntry>> {
    let links = link::Entity::find().filter(link::Column::EntryId.is_in(rows.iter().map(|row| row.id))).all(db.reader()).await?;
    let positions: HashMap<_, _> = links.into_iter().map(|link| (link.entry_id, link.position)).collect();
    let accounts =
        users::Entity::find().filter(users::Column::Id.is_in(rows.iter().filter_map(|row| row.user_id))).all(db.reader()).await?;
    let names: HashMap<_, _> = accounts.into_iter().map(|user| (user.id.uuid(), user.name)).collect();
    let there = |text: String| Some(text).filter(|text| !text.is_empty());
    let view = |row: Model| AuditEntry {
        id: row.id.into(),
        position: positions.get(&row.id).copied(),
        at: row.at,
        user: row.user_id.map(|id| AuditUser { id: Id::from(id), name: names.get(&id).cloned() }),
        credential: there(row.credential),
        address: there(row.address),
        request_id: there(row.request_id),
        operation: row.operation,
        outcome: row.outcome,
        status: row.status,
        record_kind: row.record_kind,
        record_id: row.record_id,
        actor_id: row.actor_id,
        detail: row.detail,
    };
    Ok(rows.into_iter().map(view).collect())
}
