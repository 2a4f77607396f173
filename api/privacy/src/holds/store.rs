//! All SQL of legal holds.

use chrono::NaiveDate;
use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, EntityTrait, ExprTrait, QueryOrder, QuerySelect, QueryTrait,
    entity::prelude::*,
    sea_query::{Expr, Query},
};

use super::{LegalHold, LegalHoldId, NewLegalHold, RecordKind, table, types::HoldFilter};
use crate::{
    access::users::UserId,
    kernel::{
        Db, Fault, Page, Paging, Problem, Result, Write,
        events::{Change, ChangeOperation},
        page::Key,
        record,
        request::Call,
        say,
        table::valid_on,
        text,
    },
};

fn view(row: table::Model) -> LegalHold {
    LegalHold {
        id: row.id,
        version: row.version,
        fields: NewLegalHold {
            record_kind: row.record_kind,
            record_id: row.record_id,
            reason: row.reason,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
        },
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The holds that are in force on a day.
fn in_force(day: NaiveDate) -> Select<table::Entity> {
    table::Entity::find().filter(valid_on(table::Column::ValidFrom, table::Column::ValidTo, day))
}

pub(super) async fn list(filter: &HoldFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<LegalHold>> {
    let select = filter
        .valid_on
        .map_or_else(table::Entity::find, in_force)
        .apply_if(filter.record_id, |select, record| select.filter(table::Column::RecordId.eq(record)));
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.fetch(select, keys, call, db).await?.map(view))
}

pub(super) async fn find(id: LegalHoldId, db: &impl ConnectionTrait) -> Result<LegalHold> {
    table::Entity::find_by_id(id).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// Places a hold.
pub(super) async fn insert(new: NewLegalHold, w: &Write<'_>) -> Result<LegalHold> {
    let mut faults: Vec<Fault> = text::period_fault(new.valid_from, new.valid_to).into_iter().collect();
    let kind = record::find_kind(&new.record_kind.to_value()).ok_or_else(Problem::not_found)?;
    let present = Query::select().column("id").from(kind.table).and_where(Expr::col("id").eq(new.record_id)).take();
    if w.tx.query_one(&present).await?.is_none() {
        faults.push(Fault::at_pointer("/recordId", "not-found", say!("Posten finns inte.", "The record does not exist.")));
    }
    if new.reason.trim().is_empty() {
        faults.push(Fault::at_pointer(
            "/reason",
            "required",
            say!("Ange varför posten måste bevaras.", "Say why the record must be kept."),
        ));
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let row = table::ActiveModel {
        id: Set(w.new_id()),
        version: Set(1),
        created_at: Set(w.now),
        updated_at: Set(w.now),
        record_kind: Set(new.record_kind),
        record_id: Set(new.record_id),
        reason: Set(new.reason.trim().to_owned()),
        valid_from: Set(new.valid_from),
        valid_to: Set(new.valid_to),
        created_by: Set(w.call.author.user.map(Into::into)),
    };
    let hold = view(row.insert(&w.tx).await?);
    record_change(hold.id, 1, w);
    Ok(hold)
}

/// Ends a hold as of today.
pub(super) async fn end(hold: &LegalHold, w: &Write<'_>) -> Result<()> {
    let today = w.today();
    if hold.fields.valid_to.is_some_and(|last| last <= today) {
        return Err(Problem::conflict(say!("Undantaget har redan upphört.", "The hold has ended already.")));
    }
    let version = hold.version + 1;
    // A hold that was to begin later gets an empty period, so that it is never shown as having been in force.
    let from = hold.fields.valid_from.map(|from| Ord::min(from, today));
    let row = table::ActiveModel {
        version: Set(version),
        updated_at: Set(w.now),
        valid_from: Set(from),
        valid_to: Set(Some(today)),
        ..Default::default()
    };
    w.replace::<table::Entity>(row, table::Column::Id.eq(hold.id), table::Column::Version, hold.version).await?;
    record_change(hold.id, version, w);
    Ok(())
}

fn record_change(id: LegalHoldId, version: i64, w: &Write<'_>) {
    let visible = crate::access::Visibility::Actor.of(None, None);
    w.record(Change::new("legal_hold", id.uuid(), ChangeOperation::Upsert, version, visible));
}

/// The ids of the users who are under a hold today.
///
/// # Errors
/// When the database does not answer.
pub async fn held_users(w: &Write<'_>) -> Result<Vec<Uuid>> {
    let held = in_force(w.today()).filter(table::Column::RecordKind.eq(RecordKind::User));
    Ok(held.select_only().column(table::Column::RecordId).into_tuple().all(&w.tx).await?)
}

/// The oldest hold in force today on a user, or on a record that the user has changed.
///
/// # Errors
/// When the database does not answer.
pub async fn find_on_person(user: UserId, w: &Write<'_>) -> Result<Option<LegalHold>> {
    let changed = Query::select().column("entity_id").from("event").and_where(Expr::col("changed_by").eq(user.uuid())).take();
    let held = in_force(w.today())
        .filter(table::Column::RecordId.eq(user.uuid()).or(table::Column::RecordId.in_subquery(changed)))
        .order_by_asc(table::Column::Id)
        .one(&w.tx)
        .await?;
    Ok(held.map(view))
}
