//! All SQL of webhooks: their owners, their secrets, and their positions in the feed.

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait, QueryOrder, QuerySelect, QueryTrait, entity::prelude::*,
    sea_query::Expr,
};

use super::{
    Webhook, WebhookId, WebhookReason, WebhookStatus,
    deliveries::{store as deliveries, table as delivery_table},
    rules::AllowedReceivers,
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

/// The maximum number of webhooks that an owner may have.
const MAX_PER_OWNER: u64 = 20;
/// How long messages are also signed with the previous secret.
const OVERLAP: TimeDelta = TimeDelta::days(1);
/// How long a receiver may accept no message before its webhook is disabled.
const FAILING_LIMIT: TimeDelta = TimeDelta::days(5);

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

/// Selects the webhooks that the caller may see: the caller's own, or all for a caller whose sight is not limited.
fn find_visible<P>(by: &By<P>) -> Result<Select<table::Entity>> {
    let own = if by.sight().all { None } else { Some(by.user_id()?) };
    Ok(table::Entity::find().apply_if(own, |select, owner| select.filter(table::Column::OwnerId.eq(owner))))
}

/// Returns a page of the webhooks that the caller may see.
pub(super) async fn list<P>(by: &By<P>, paging: &Paging, db: &Db) -> Result<Page<Webhook>> {
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.fetch(find_visible(by)?, keys, by, db).await?.map(view))
}

/// Returns a webhook that the caller may see.
///
/// # Errors
/// When the webhook does not exist or the caller may not see it (404).
pub(super) async fn find<P>(by: &By<P>, id: WebhookId, db: &impl ConnectionTrait) -> Result<Webhook> {
    find_visible(by)?.filter(table::Column::Id.eq(id)).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// Checks a webhook that is to be stored, and collects all faults. Returns the address in the normalised form that is
/// called.
async fn check(new: &NewWebhook, allowed: &AllowedReceivers, w: &Write<'_>) -> Result<String> {
    let mut faults = Vec::new();
    let url = match allowed.parse_receiver(&new.url) {
        Ok(url) => String::from(url),
        Err(problem) => {
            faults.extend(problem.faults);
            String::new()
        }
    };
    let unknown = new.types.iter().enumerate().filter(|(_, kind)| record::find_kind(kind).is_none());
    faults.extend(unknown.map(|(at, kind)| Fault::at_pointer(format!("/types/{at}"), "not-in-list", unknown_kind(kind))));
    if let Some(area) = new.area_id
        && areas::path(area, &w.tx).await?.is_none()
    {
        faults.push(areas::not_found_fault("/areaId"));
    }
    if faults.is_empty() { Ok(url) } else { Err(Problem::invalid(faults)) }
}

/// Stores a new webhook, which starts at the present end of the feed. Returns it with its secret, which is never shown
/// again.
pub(super) async fn insert<P>(by: &By<P>, new: &NewWebhook, allowed: &AllowedReceivers, w: &Write<'_>) -> Result<(Webhook, String)> {
    let owner = by.user_id()?;
    let url = check(new, allowed, w).await?;
    if table::Entity::find().filter(table::Column::OwnerId.eq(owner)).count(&w.tx).await? >= MAX_PER_OWNER {
        return Err(Problem::conflict(say!(
            "Du har redan {MAX_PER_OWNER} webhookar, som är det högsta antalet. Ta bort en som inte används.",
            "You have {MAX_PER_OWNER} webhooks already, which is the most. Remove one that is not used."
        )));
    }
    let (status, reason) = status_from(new.enabled);
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
        position: latest_position(&w.tx).await?,
    };
    table::Entity::insert(row.clone().into_active_model()).exec_without_returning(&w.tx).await?;
    let secret = add_secret(row.id, w).await?;
    record_change(&row, ChangeOperation::Upsert, w);
    Ok((view(row), secret))
}

const fn status_from(enabled: bool) -> (WebhookStatus, Option<WebhookReason>) {
    if enabled { (WebhookStatus::Active, None) } else { (WebhookStatus::Disabled, Some(WebhookReason::ByOwner)) }
}

/// Changes a webhook. When it is enabled again, its pending deliveries are tried at once.
pub(super) async fn update(webhook: &Webhook, new: NewWebhook, allowed: &AllowedReceivers, w: &Write<'_>) -> Result<Webhook> {
    let url = check(&new, allowed, w).await?;
    let mut row = row(webhook.id, &w.tx).await?.ok_or_else(Problem::not_found)?;
    row.version += 1;
    row.updated_at = w.now;
    row.url = url;
    row.types = new.types.into();
    row.area_id = new.area_id;
    row.description = new.description;
    if new.enabled != webhook.fields.enabled {
        (row.status, row.reason) = status_from(new.enabled);
        row.since = w.now;
        row.failing_since = None;
        if new.enabled {
            deliveries::retry_pending_now(row.id, w).await?;
        }
    }
    let mut change = row.clone().into_active_model().reset_all();
    // Only the worker moves the position in the feed.
    change.position = sea_orm::NotSet;
    w.replace::<table::Entity>(change, table::Column::Id.eq(row.id), table::Column::Version, webhook.version).await?;
    record_change(&row, ChangeOperation::Upsert, w);
    Ok(view(row))
}

/// Removes a webhook. The database removes its secrets and deliveries with it.
pub(super) async fn remove(webhook: &Webhook, w: &Write<'_>) -> Result<()> {
    let Some(mut row) = row(webhook.id, &w.tx).await? else { return Ok(()) };
    table::Entity::delete_by_id(row.id).exec(&w.tx).await?;
    row.version += 1;
    record_change(&row, ChangeOperation::Delete, w);
    Ok(())
}

fn record_change(row: &table::Model, op: ChangeOperation, w: &Write<'_>) {
    let visible = Visibility::Actor.of(None, None);
    w.record(Change::new("webhook", row.id.uuid(), op, row.version, visible));
}

/// Makes a secret of 256 bits. It is stored in plain form, because messages must be signed with it.
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

/// Makes a new secret, and returns it with the time when the previous one ends. The previous secret also signs messages for
/// a day; older ones are deleted, so that the signature header stays short.
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

/// Returns the secrets that messages are signed with now, newest first.
pub(super) async fn secrets(webhook: WebhookId, now: DateTime<Utc>, db: &impl ConnectionTrait) -> Result<Vec<Vec<u8>>> {
    let rows = secret::Entity::find()
        .filter(secret::Column::WebhookId.eq(webhook))
        .filter(Expr::col(secret::Column::ExpiresAt).is_null().or(Expr::col(secret::Column::ExpiresAt).gt(now)))
        .order_by_desc(secret::Column::Id)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| row.secret).collect())
}

/// Moves the webhook's position in the feed to the place that the caller asks for.
pub(super) async fn replay(webhook: &Webhook, new: &NewReplay, db: &Db, w: &Write<'_>) -> Result<()> {
    let after = match (new.from_position, &new.cursor) {
        (Some(first), None) => first - 1,
        (None, Some(cursor)) => feed::open_cursor(Some(cursor.as_str()), db).await?.position,
        _ => {
            return Err(Problem::fault(
                "",
                "one-of",
                say!("Ange antingen fromPosition eller cursor.", "Give either fromPosition or cursor."),
            ));
        }
    };
    if after < feed::open_cursor(None, db).await?.position {
        return Err(feed::too_old());
    }
    table::Entity::update_many()
        .col_expr(table::Column::Position, Expr::val(Ord::min(after, latest_position(&w.tx).await?)))
        .filter(table::Column::Id.eq(webhook.id))
        .exec(&w.tx)
        .await?;
    Ok(())
}

/// Returns the last position that has been assigned.
async fn latest_position(db: &impl ConnectionTrait) -> Result<i64> {
    let latest = events::Entity::find().select_only().column_as(events::Column::Position.max(), "latest");
    Ok(latest.into_tuple::<Option<i64>>().one(db).await?.flatten().unwrap_or_default())
}

/// Returns the events after a position, in their order; at most `most`.
pub(super) async fn events_after(position: i64, most: u64, db: &Db) -> Result<Vec<events::Model>> {
    let events = events::Entity::find().filter(events::Column::Position.gt(position)).order_by_asc(events::Column::Position);
    Ok(events.limit(most).all(db.reader()).await?)
}

/// Returns the path of the area that a webhook is limited to, or `None` when it is not limited. When the area no longer
/// exists, it returns a path that no area lies below.
pub(super) async fn area_path(row: &table::Model, db: &Db) -> Result<Option<String>> {
    let Some(area) = row.area_id else { return Ok(None) };
    Ok(Some(areas::path(area, db.reader()).await?.unwrap_or_else(|| "-".to_owned())))
}

/// Returns the row of a webhook.
pub(super) async fn row(id: WebhookId, db: &impl ConnectionTrait) -> Result<Option<table::Model>> {
    Ok(table::Entity::find_by_id(id).one(db).await?)
}

/// Returns the active webhooks whose position is before `latest`, the earliest position first.
pub(super) async fn list_behind(latest: i64, db: &Db) -> Result<Vec<table::Model>> {
    let behind = table::Entity::find()
        .filter(table::Column::Status.eq(WebhookStatus::Active))
        .filter(table::Column::Position.lt(latest))
        .order_by_asc(table::Column::Position)
        .order_by_asc(table::Column::Id);
    Ok(behind.all(db.reader()).await?)
}

/// Returns the active webhooks that have a delivery to send now.
pub(super) async fn list_due(now: DateTime<Utc>, db: &Db) -> Result<Vec<table::Model>> {
    let due = deliveries::due(now).select_only().column(delivery_table::Column::WebhookId).into_query();
    let waiting = table::Entity::find().filter(table::Column::Status.eq(WebhookStatus::Active)).filter(table::Column::Id.in_subquery(due));
    Ok(waiting.order_by_asc(table::Column::Id).all(db.reader()).await?)
}

/// A move of a webhook's position in the feed, with the messages for the events in between.
pub(super) struct Step {
    pub webhook: WebhookId,
    pub from: i64,
    pub to: i64,
    pub messages: Vec<deliveries::Queued>,
}

/// Moves the positions of webhooks and queues their messages in one transaction. When several instances try the same step,
/// one succeeds.
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

/// Disables an active webhook.
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

/// Stores whether the receiver accepted a message. A webhook whose receiver has accepted nothing for [`FAILING_LIMIT`] is
/// disabled.
pub(super) async fn note_delivery(webhook: &table::Model, taken: bool, w: &Write<'_>) -> Result<()> {
    if let Some(since) = webhook.failing_since.filter(|_| !taken) {
        // Another message may have been accepted in the meantime.
        let still = since + FAILING_LIMIT <= w.now && row(webhook.id, &w.tx).await?.is_some_and(|now| now.failing_since == Some(since));
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

/// Returns the owner of a webhook, and the roles that were withheld from the sign-in that registered it.
pub(super) fn owner(row: &table::Model) -> (UserId, &[crate::access::policy::Role]) {
    (row.owner_id, &row.withheld.0)
}
