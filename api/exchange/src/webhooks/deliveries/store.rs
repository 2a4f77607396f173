//! All SQL of deliveries: they are queued, leased by the instance that sends them, and given an outcome.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveEnum, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait, QueryOrder, QuerySelect, QueryTrait,
    entity::prelude::*,
    sea_query::{Expr, OnConflict},
};

use super::{DeliveryError, DeliveryId, DeliveryState, WebhookDelivery, table, types::DeliveryFilter};
use crate::{
    kernel::{Db, Page, Paging, Problem, Result, Write, page::Key, request::Call, say},
    webhooks::{Webhook, WebhookId, WebhookStatus},
};

/// How long an instance holds a delivery for one attempt before another instance may take it over.
const LEASE: TimeDelta = TimeDelta::minutes(1);
/// How long finished deliveries are kept in the log.
const KEPT: TimeDelta = TimeDelta::days(30);

fn view(row: table::Model) -> WebhookDelivery {
    WebhookDelivery {
        id: row.id,
        webhook_id: row.webhook_id,
        message_id: row.message_id,
        kind: row.kind,
        position: row.position,
        next_try_at: (row.state == DeliveryState::Pending).then_some(row.next_try_at),
        state: row.state,
        attempts: row.attempts,
        last_tried_at: row.last_tried_at,
        last_status: row.last_status,
        last_duration_ms: row.last_millis,
        last_error: row.last_error,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// Returns a page of the deliveries of a webhook, newest first.
pub(super) async fn list(
    webhook: WebhookId,
    filter: &DeliveryFilter,
    paging: &Paging,
    call: &Call,
    db: &Db,
) -> Result<Page<WebhookDelivery>> {
    let select = table::Entity::find()
        .filter(table::Column::WebhookId.eq(webhook))
        .apply_if(filter.state, |select, state| select.filter(table::Column::State.eq(state)));
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into()).reversed(true)];
    Ok(paging.fetch(select, keys, call, db).await?.map(view))
}

/// Returns a delivery of a webhook.
pub(super) async fn find(webhook: WebhookId, id: DeliveryId, db: &impl ConnectionTrait) -> Result<WebhookDelivery> {
    let row = table::Entity::find_by_id(id).filter(table::Column::WebhookId.eq(webhook)).one(db).await?;
    row.map(view).ok_or_else(Problem::not_found)
}

fn row(webhook: WebhookId, id: DeliveryId, message_id: String, kind: String, position: Option<i64>, w: &Write<'_>) -> table::Model {
    table::Model {
        id,
        webhook_id: webhook,
        message_id,
        kind,
        position,
        state: DeliveryState::Pending,
        attempts: 0,
        next_try_at: w.now,
        holder: None,
        held_until: None,
        last_tried_at: None,
        last_status: None,
        last_millis: None,
        last_error: None,
        created_at: w.now,
        updated_at: w.now,
    }
}

/// Queues a test message, which contains no change.
pub(in crate::webhooks) async fn ping(webhook: &Webhook, w: &Write<'_>) -> Result<WebhookDelivery> {
    require_active(webhook)?;
    let id: DeliveryId = w.new_id();
    let row = row(webhook.id, id, format!("msg_{}", id.uuid().simple()), "ping".to_owned(), None, w);
    table::Entity::insert(row.clone().into_active_model()).exec_without_returning(&w.tx).await?;
    Ok(view(row))
}

fn require_active(webhook: &Webhook) -> Result<()> {
    if webhook.status == WebhookStatus::Active {
        return Ok(());
    }
    Err(Problem::conflict(say!(
        "Webhooken är avstängd, så ingenting skickas. Öppna den först (POST /webhooks/{{webhookId}}/enable).",
        "The webhook is shut, so nothing is sent. Open it first (POST /webhooks/{{webhookId}}/enable)."
    )))
}

/// Makes a delivery pending again, so that it is tried at once and then as a new one.
pub(super) async fn retry(webhook: &Webhook, id: DeliveryId, w: &Write<'_>) -> Result<WebhookDelivery> {
    find(webhook.id, id, &w.tx).await?;
    require_active(webhook)?;
    reset_to_pending(w).filter(table::Column::Id.eq(id)).exec(&w.tx).await?;
    find(webhook.id, id, &w.tx).await
}

/// Resets all pending deliveries of a webhook, so that they are tried at once, as if for the first time.
pub(in crate::webhooks) async fn retry_pending_now(webhook: WebhookId, w: &Write<'_>) -> Result<()> {
    let waiting = reset_to_pending(w).filter(table::Column::WebhookId.eq(webhook)).filter(table::Column::State.eq(DeliveryState::Pending));
    waiting.exec(&w.tx).await?;
    Ok(())
}

fn reset_to_pending(w: &Write<'_>) -> sea_orm::UpdateMany<table::Entity> {
    table::Entity::update_many()
        .col_expr(table::Column::State, Expr::val(DeliveryState::Pending.to_value()))
        .col_expr(table::Column::Attempts, Expr::val(0))
        .col_expr(table::Column::NextTryAt, Expr::val(w.now))
        .col_expr(table::Column::Holder, Expr::val(None::<Uuid>))
        .col_expr(table::Column::HeldUntil, Expr::val(None::<DateTime<Utc>>))
        .col_expr(table::Column::UpdatedAt, Expr::val(w.now))
}

/// A message to be queued for a change.
pub(in crate::webhooks) struct Queued {
    pub position: i64,
    pub kind: String,
    pub message_id: String,
}

/// Queues messages. A message that was queued before, as in a replay, updates its delivery, which is then sent again.
pub(in crate::webhooks) async fn queue(messages: Vec<(WebhookId, &Queued)>, w: &Write<'_>) -> Result<()> {
    let rows: Vec<_> = messages
        .into_iter()
        .map(|(webhook, message)| {
            row(webhook, w.new_id(), message.message_id.clone(), message.kind.clone(), Some(message.position), w).into_active_model()
        })
        .collect();
    for rows in rows.chunks(200) {
        let mut afresh = OnConflict::columns([table::Column::WebhookId, table::Column::Position]);
        afresh.update_columns([
            table::Column::Kind,
            table::Column::MessageId,
            table::Column::State,
            table::Column::Attempts,
            table::Column::NextTryAt,
            table::Column::Holder,
            table::Column::HeldUntil,
            table::Column::UpdatedAt,
        ]);
        table::Entity::insert_many(rows.to_vec()).on_conflict(afresh).exec_without_returning(&w.tx).await?;
    }
    Ok(())
}

/// Returns the number of pending deliveries of a webhook.
pub(in crate::webhooks) async fn count_pending(webhook: WebhookId, db: &Db) -> Result<u64> {
    let waiting =
        table::Entity::find().filter(table::Column::WebhookId.eq(webhook)).filter(table::Column::State.eq(DeliveryState::Pending));
    Ok(waiting.count(db.reader()).await?)
}

/// Selects the deliveries that are due and not leased.
pub(in crate::webhooks) fn due(now: DateTime<Utc>) -> Select<table::Entity> {
    table::Entity::find()
        .filter(table::Column::State.eq(DeliveryState::Pending))
        .filter(table::Column::NextTryAt.lte(now))
        .filter(not_leased(now))
}

fn not_leased(now: DateTime<Utc>) -> sea_orm::sea_query::SimpleExpr {
    Expr::col(table::Column::HeldUntil).is_null().or(Expr::col(table::Column::HeldUntil).lte(now))
}

/// Leases at most `most` due deliveries of a webhook for this instance. When several instances compete, one gets each
/// delivery. The lease of an instance that crashed expires after [`LEASE`].
pub(in crate::webhooks) async fn lease(webhook: WebhookId, most: usize, instance: Uuid, db: &Db) -> Result<Vec<table::Model>> {
    let now = db.clock.now();
    let found = due(now)
        .filter(table::Column::WebhookId.eq(webhook))
        .order_by_asc(table::Column::NextTryAt)
        .order_by_asc(table::Column::Id)
        .limit(most as u64)
        .all(db.reader())
        .await?;
    let mut taken = Vec::new();
    for mut row in found {
        let leased = table::Entity::update_many()
            .col_expr(table::Column::Holder, Expr::val(instance))
            .col_expr(table::Column::HeldUntil, Expr::val(now + LEASE))
            .col_expr(table::Column::Attempts, Expr::val(row.attempts + 1))
            .filter(table::Column::Id.eq(row.id))
            .filter(table::Column::State.eq(DeliveryState::Pending))
            .filter(table::Column::Attempts.eq(row.attempts))
            .filter(not_leased(now))
            .exec(db.writer())
            .await?;
        if leased.rows_affected == 1 {
            row.attempts += 1;
            taken.push(row);
        }
    }
    Ok(taken)
}

/// The outcome of an attempt.
#[derive(Clone, Debug)]
pub(in crate::webhooks) struct Outcome {
    pub state: DeliveryState,
    pub status: Option<u16>,
    pub error: Option<DeliveryError>,
    pub millis: i32,
    /// The time of the next attempt, when there is one.
    pub next: Option<DateTime<Utc>>,
}

/// Stores the outcome of an attempt, unless another instance has taken the delivery over or it was queued again in the
/// meantime.
pub(in crate::webhooks) async fn save_outcome(row: &table::Model, outcome: &Outcome, instance: Uuid, w: &Write<'_>) -> Result<()> {
    table::Entity::update_many()
        .col_expr(table::Column::State, Expr::val(outcome.state.to_value()))
        .col_expr(table::Column::LastStatus, Expr::val(outcome.status.map(i32::from)))
        .col_expr(table::Column::LastError, Expr::val(outcome.error.map(|error| error.to_value())))
        .col_expr(table::Column::LastMillis, Expr::val(outcome.millis))
        .col_expr(table::Column::LastTriedAt, Expr::val(w.now))
        .col_expr(table::Column::NextTryAt, Expr::val(outcome.next.unwrap_or(w.now)))
        .col_expr(table::Column::Holder, Expr::val(None::<Uuid>))
        .col_expr(table::Column::HeldUntil, Expr::val(None::<DateTime<Utc>>))
        .col_expr(table::Column::UpdatedAt, Expr::val(w.now))
        .filter(table::Column::Id.eq(row.id))
        .filter(table::Column::Holder.eq(instance))
        .filter(table::Column::Attempts.eq(row.attempts))
        .exec(&w.tx)
        .await?;
    Ok(())
}

/// Releases deliveries that an instance has leased and not tried: one of them, or all.
pub(in crate::webhooks) async fn hand_back(one: Option<DeliveryId>, instance: Uuid, db: &Db) -> Result<()> {
    table::Entity::update_many()
        .col_expr(table::Column::Holder, Expr::val(None::<Uuid>))
        .col_expr(table::Column::HeldUntil, Expr::val(None::<DateTime<Utc>>))
        .col_expr(table::Column::Attempts, Expr::col(table::Column::Attempts).sub(1))
        .apply_if(one, |update, id| update.filter(table::Column::Id.eq(id)))
        .filter(table::Column::Holder.eq(instance))
        .exec(db.writer())
        .await?;
    Ok(())
}

/// Removes finished deliveries that are older than [`KEPT`].
pub(in crate::webhooks) async fn delete_old(db: &Db) -> Result<()> {
    table::Entity::delete_many()
        .filter(table::Column::State.ne(DeliveryState::Pending))
        .filter(table::Column::UpdatedAt.lt(db.clock.now() - KEPT))
        .exec(db.writer())
        .await?;
    Ok(())
}
