//! Webhooks: whose they are, what they are signed with, and how far in the feed they have come.

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait, QueryOrder, QuerySelect, QueryTrait, entity::prelude::*,
    sea_query::Expr,
};

use super::{
    Webhook, WebhookId, WebhookReason, WebhookStatus,
    deliveries::{store as deliveries, table as delivery_table},
    rules::Allowed,
    table::{self, secret},
    types::{NewReplay, NewWebhook},
};
use crate::{
    access::{By, Visibility, users::UserId},
    changes::{store as feed, unknown_kind},
    geography::areas::store as areas,
    kernel::{
        Db, Fault, Page, Paging, Problem, Result, Write,
        events::{self, Change, ChangeOperation},
        hash,
        page::Key,
        record,
        request::Call,
        say,
    },
};

/// How many webhooks an owner may have.
const MOST: u64 = 20;
/// How long messages are signed by the secret before the newest one too.
const OVERLAP: TimeDelta = TimeDelta::days(1);
/// How long a receiver may take nothing before it is left alone.
const FAILING: TimeDelta = TimeDelta::days(5);

fn view(row: table::Model) -> Webhook {
    Webhook {
        id: row.id,
        version: row.version,
        fields: NewWebhook {
            url: row.url,
            types: row.types.0,
            area_id: row.area_id,
            description: row.description,
            enabled: row.status == WebhookStatus::Active,
        },
        owner_id: row.owner_id,
        status: row.status,
        reason: row.reason,
        since: row.since,
        failing_since: row.failing_since,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The webhooks of a caller; all of them for who runs the installation.
fn seen<P>(by: &By<P>) -> Result<Select<table::Entity>> {
    let own = if by.sight().all { None } else { Some(by.user_id()?) };
    Ok(table::Entity::find().apply_if(own, |select, owner| select.filter(table::Column::OwnerId.eq(owner))))
}

/// A page of webhooks.
pub(super) async fn list<P>(by: &By<P>, paging: &Paging, db: &Db) -> Result<Page<Webhook>> {
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.fetch(seen(by)?, keys, by, db).await?.map(view))
}

/// One webhook of the caller's.
///
/// # Errors
/// When it is none.
pub(super) async fn find<P>(by: &By<P>, id: WebhookId, db: &impl ConnectionTrait) -> Result<Webhook> {
    seen(by)?.filter(table::Column::Id.eq(id)).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// All faults of what is to be stored, and the receiver's address in the one form that it is called by.
async fn check(new: &NewWebhook, allowed: &Allowed, w: &Write<'_>) -> Result<String> {
    let mut faults = Vec::new();
    let url = match allowed.receiver(&new.url) {
        Ok(url) => String::from(url),
        Err(problem) => {
            faults.extend(problem.faults);
            String::new()
        }
    };
    let unknown = new.types.iter().enumerate().filter(|(_, kind)| record::of_kind(kind).is_none());
    faults.extend(unknown.map(|(at, kind)| Fault::at(format!("/types/{at}"), "not-in-list", unknown_kind(kind))));
    if let Some(area) = new.area_id
        && areas::path(area, &w.tx).await?.is_none()
    {
        faults.push(areas::not_found_fault("/areaId"));
    }
    if faults.is_empty() { Ok(url) } else { Err(Problem::invalid(faults)) }
}

/// Registers a webhook, which begins where the feed ends, and gives the only copy of its secret.
pub(super) async fn insert<P>(by: &By<P>, new: &NewWebhook, allowed: &Allowed, w: &Write<'_>) -> Result<(Webhook, String)> {
    let owner = by.user_id()?;
    let url = check(new, allowed, w).await?;
    if table::Entity::find().filter(table::Column::OwnerId.eq(owner)).count(&w.tx).await? >= MOST {
        return Err(Problem::conflict(say!(
            "Du har redan {MOST} webhookar, som är det högsta antalet. Ta bort en som inte används.",
            "You have {MOST} webhooks already, which is the most. Remove one that is not used."
        )));
    }
    let (status, reason) = standing(new.enabled);
    let row = table::Model {
        id: w.new_id(),
        version: 1,
        created_at: w.now,
        updated_at: w.now,
        owner_id: owner,
        url,
        types: new.types.clone().into(),
        area_id: new.area_id,
        description: new.description.clone(),
        withheld: by.caller.withheld.clone().into(),
        status,
        reason,
        since: w.now,
        failing_since: None,
        position: latest(&w.tx).await?,
    };
    table::Entity::insert(row.clone().into_active_model()).exec_without_returning(&w.tx).await?;
    let secret = add_secret(row.id, w).await?;
    record(&row, ChangeOperation::Upsert, w);
    Ok((view(row), secret))
}

const fn standing(enabled: bool) -> (WebhookStatus, Option<WebhookReason>) {
    if enabled { (WebhookStatus::Active, None) } else { (WebhookStatus::Disabled, Some(WebhookReason::ByOwner)) }
}

/// Changes a webhook. One that is opened again starts afresh with what waits.
pub(super) async fn update(webhook: &Webhook, new: NewWebhook, allowed: &Allowed, w: &Write<'_>) -> Result<Webhook> {
    let url = check(&new, allowed, w).await?;
    let mut row = row(webhook.id, &w.tx).await?.ok_or_else(Problem::not_found)?;
    row.version += 1;
    row.updated_at = w.now;
    row.url = url;
    row.types = new.types.into();
    row.area_id = new.area_id;
    row.description = new.description;
    if new.enabled != webhook.fields.enabled {
        (row.status, row.reason) = standing(new.enabled);
        row.since = w.now;
        row.failing_since = None;
        if new.enabled {
            deliveries::start_afresh(row.id, w).await?;
        }
    }
    let mut change = row.clone().into_active_model().reset_all();
    // The place in the feed is the worker's to move.
    change.position = sea_orm::NotSet;
    w.replace::<table::Entity>(change, table::Column::Id.eq(row.id), table::Column::Version, webhook.version).await?;
    record(&row, ChangeOperation::Upsert, w);
    Ok(view(row))
}

/// Removes a webhook with its secrets and its log.
pub(super) async fn remove(webhook: &Webhook, w: &Write<'_>) -> Result<()> {
    let Some(mut row) = row(webhook.id, &w.tx).await? else { return Ok(()) };
    table::Entity::delete_by_id(row.id).exec(&w.tx).await?;
    row.version += 1;
    record(&row, ChangeOperation::Delete, w);
    Ok(())
}

fn record(row: &table::Model, op: ChangeOperation, w: &Write<'_>) {
    let visible = Visibility::Actor.of(None, None);
    w.record(Change::new("webhook", row.id.uuid(), op, row.version, visible));
}

/// Makes a secret of 256 bits; it is kept as it is, for messages must be signed with it.
async fn add_secret(webhook: WebhookId, w: &Write<'_>) -> Result<String> {
    let value = hash::random::<32>();
    let row = secret::Model {
        id: w.new_id::<secret::Model>().uuid(),
        webhook_id: webhook,
        secret: value.to_vec(),
        created_at: w.now,
        expires_at: None,
    };
    secret::Entity::insert(row.into_active_model()).exec_without_returning(&w.tx).await?;
    Ok(format!("whsec_{}", BASE64_STANDARD.encode(value)))
}

/// Makes a new secret. The one before it signs along for a day; any earlier one has ended, for headers are not endless.
pub(super) async fn new_secret(webhook: &Webhook, w: &Write<'_>) -> Result<(String, DateTime<Utc>)> {
    let ends = w.now + OVERLAP;
    secret::Entity::delete_many()
        .filter(secret::Column::WebhookId.eq(webhook.id))
        .filter(secret::Column::ExpiresAt.is_not_null())
        .exec(&w.tx)
        .await?;
    secret::Entity::update_many()
        .col_expr(secret::Column::ExpiresAt, Expr::val(ends))
        .filter(secret::Column::WebhookId.eq(webhook.id))
        .exec(&w.tx)
        .await?;
    let secret = add_secret(webhook.id, w).await?;
    Ok((secret, ends))
}

/// The secrets that sign a message now, the newest first.
pub(super) async fn secrets(webhook: WebhookId, now: DateTime<Utc>, db: &impl ConnectionTrait) -> Result<Vec<Vec<u8>>> {
    let rows = secret::Entity::find()
        .filter(secret::Column::WebhookId.eq(webhook))
        .filter(Expr::col(secret::Column::ExpiresAt).is_null().or(Expr::col(secret::Column::ExpiresAt).gt(now)))
        .order_by_desc(secret::Column::Id)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| row.secret).collect())
}

/// Puts the webhook's place in the feed where it is to go on.
pub(super) async fn replay(webhook: &Webhook, new: &NewReplay, db: &Db, w: &Write<'_>) -> Result<()> {
    let after = match (new.from_position, &new.cursor) {
        (Some(first), None) => first - 1,
        (None, Some(cursor)) => feed::open(Some(cursor.as_str()), db).await?.position,
        _ => {
            return Err(Problem::fault(
                "",
                "one-of",
                say!("Ange antingen fromPosition eller cursor.", "Give either fromPosition or cursor."),
            ));
        }
    };
    if after < feed::open(None, db).await?.position {
        return Err(feed::too_old());
    }
    table::Entity::update_many()
        .col_expr(table::Column::Position, Expr::val(Ord::min(after, latest(&w.tx).await?)))
        .filter(table::Column::Id.eq(webhook.id))
        .exec(&w.tx)
        .await?;
    Ok(())
}

/// The last position that has been given.
async fn latest(db: &impl ConnectionTrait) -> Result<i64> {
    let latest = events::Entity::find().select_only().column_as(events::Column::Position.max(), "latest");
    Ok(latest.into_tuple::<Option<i64>>().one(db).await?.flatten().unwrap_or_default())
}

/// The events that follow a position, in their order.
pub(super) async fn events_after(position: i64, most: u64, db: &Db) -> Result<Vec<events::Model>> {
    let events = events::Entity::find().filter(events::Column::Position.gt(position)).order_by_asc(events::Column::Position);
    Ok(events.limit(most).all(db.reader()).await?)
}

/// The path of the area that a webhook is about. One that is no longer there is about nothing.
pub(super) async fn area(row: &table::Model, db: &Db) -> Result<Option<String>> {
    let Some(area) = row.area_id else { return Ok(None) };
    Ok(Some(areas::path(area, db.reader()).await?.unwrap_or_else(|| "-".to_owned())))
}

/// A webhook as it is stored.
pub(super) async fn row(id: WebhookId, db: &impl ConnectionTrait) -> Result<Option<table::Model>> {
    Ok(table::Entity::find_by_id(id).one(db).await?)
}

/// Open webhooks that have not come as far as the feed, those furthest behind first.
pub(super) async fn behind(latest: i64, db: &Db) -> Result<Vec<table::Model>> {
    let behind = table::Entity::find()
        .filter(table::Column::Status.eq(WebhookStatus::Active))
        .filter(table::Column::Position.lt(latest))
        .order_by_asc(table::Column::Position)
        .order_by_asc(table::Column::Id);
    Ok(behind.all(db.reader()).await?)
}

/// Open webhooks with a message to send now.
pub(super) async fn with_work(now: DateTime<Utc>, db: &Db) -> Result<Vec<table::Model>> {
    let due = deliveries::due(now).select_only().column(delivery_table::Column::WebhookId).into_query();
    let waiting = table::Entity::find().filter(table::Column::Status.eq(WebhookStatus::Active)).filter(table::Column::Id.in_subquery(due));
    Ok(waiting.order_by_asc(table::Column::Id).all(db.reader()).await?)
}

/// A webhook moves on in the feed, with the messages that it sends of what it passes.
pub(super) struct Step {
    pub webhook: WebhookId,
    pub from: i64,
    pub to: i64,
    pub messages: Vec<deliveries::Queued>,
}

/// Moves webhooks on. Of several instances that try the same step one succeeds, and no message is queued without the place
/// having moved.
pub(super) async fn advance(steps: &[Step], db: &Db) -> Result<()> {
    db.transaction(&Call::of_installation(), async |w| {
        let mut queued = Vec::new();
        for step in steps {
            let moved = table::Entity::update_many()
                .col_expr(table::Column::Position, Expr::val(step.to))
                .filter(table::Column::Id.eq(step.webhook))
                .filter(table::Column::Position.eq(step.from))
                .filter(table::Column::Status.eq(WebhookStatus::Active))
                .exec(&w.tx)
                .await?;
            if moved.rows_affected == 1 {
                queued.extend(step.messages.iter().map(|message| (step.webhook, message)));
            }
        }
        deliveries::queue(queued, w).await
    })
    .await
}

/// Shuts an open webhook.
pub(super) async fn disable(id: WebhookId, reason: WebhookReason, w: &Write<'_>) -> Result<()> {
    let shut = table::Entity::update_many()
        .col_expr(table::Column::Status, Expr::val(sea_orm::ActiveEnum::to_value(&WebhookStatus::Disabled)))
        .col_expr(table::Column::Reason, Expr::val(sea_orm::ActiveEnum::to_value(&reason)))
        .col_expr(table::Column::Since, Expr::val(w.now))
        .col_expr(table::Column::UpdatedAt, Expr::val(w.now))
        .col_expr(table::Column::Version, Expr::col(table::Column::Version).add(1))
        .filter(table::Column::Id.eq(id))
        .filter(table::Column::Status.eq(WebhookStatus::Active))
        .exec(&w.tx)
        .await?;
    if shut.rows_affected == 1 {
        tracing::warn!(webhook = %id, reason = sea_orm::ActiveEnum::to_value(&reason), "a webhook was shut");
    }
    Ok(())
}

/// Notes whether the receiver takes what it is sent; one that has taken nothing for long is left alone.
pub(super) async fn note(webhook: &table::Model, taken: bool, w: &Write<'_>) -> Result<()> {
    if let Some(since) = webhook.failing_since.filter(|_| !taken) {
        // Another message may have been taken meanwhile.
        let still = since + FAILING <= w.now && row(webhook.id, &w.tx).await?.is_some_and(|now| now.failing_since == Some(since));
        return if still { disable(webhook.id, WebhookReason::Failing, w).await } else { Ok(()) };
    }
    if taken == webhook.failing_since.is_none() {
        return Ok(());
    }
    let since = Expr::col(table::Column::FailingSince);
    table::Entity::update_many()
        .col_expr(table::Column::FailingSince, Expr::val((!taken).then_some(w.now)))
        .col_expr(table::Column::UpdatedAt, Expr::val(w.now))
        .col_expr(table::Column::Version, Expr::col(table::Column::Version).add(1))
        .filter(table::Column::Id.eq(webhook.id))
        .filter(if taken { since.is_not_null() } else { since.is_null() })
        .exec(&w.tx)
        .await?;
    Ok(())
}

/// The owner of a webhook, with what its sign-in withheld.
pub(super) fn owner(row: &table::Model) -> (UserId, &[crate::access::policy::Role]) {
    (row.owner_id, &row.withheld.0)
}
