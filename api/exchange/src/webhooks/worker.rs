//! The worker queues deliveries for new events in the feed, and sends those that are due. It runs on every instance; a
//! lease keeps others from sending the same delivery. A receiver that hangs occupies only its own few places.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use actix_web::web::Data;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::{
    sync::Notify,
    task::{Id as TaskId, JoinSet},
};
use uuid::Uuid;

use super::{
    AllowedReceivers, WebhookId, WebhookReason,
    deliveries::{
        DeliveryError, DeliveryState,
        store::{self as deliveries, Outcome, Queued},
        table as delivery,
    },
    rules,
    sender::{Message, Sender, Sent, SystemLookup, retry_delay},
    store::{self, Step},
    table,
};
use crate::{
    access::{Access, Caller, policy::Permission},
    changes::{Change, store as feed},
    kernel::{
        Db, Result,
        contract::Contract,
        events::{ChangeOperation, Model as Event},
        hash,
        request::Call,
    },
};

/// How often to look for due deliveries when nothing wakes the worker.
const ROUND: Duration = Duration::from_secs(2);
/// The maximum number of messages that are being sent at once on this instance.
const PLACES: usize = 64;
/// How many of these places receivers that did not accept their last message may use together.
const PLACES_OF_FAILING: usize = 32;
/// How many messages may be sent at once to one receiver, and to one that did not accept its last message.
const PER_WEBHOOK: usize = 4;
const PER_FAILING_WEBHOOK: usize = 1;
/// How many messages a webhook sends in one place before the place is given to others.
const IN_TURN: usize = 50;
/// How long messages that are being sent may take when the worker stops.
const GRACE: Duration = Duration::from_secs(1);
/// How many events are read at once.
const EVENTS: u64 = 200;
/// The approximate maximum number of pending deliveries of a webhook. Later events wait in the feed.
const AHEAD: u64 = 1000;
/// How many webhooks are moved on in one transaction.
const STEPS: usize = 20;
/// How often old deliveries are removed from the log.
const CLEANUP_EVERY: TimeDelta = TimeDelta::hours(1);

/// The sender of webhooks, and the signals that wake and stop its worker.
#[derive(Debug)]
pub struct Webhooks {
    sender: Sender,
    waiting: Notify,
    stopping: tokio::sync::watch::Sender<bool>,
    stopped: tokio::sync::watch::Sender<bool>,
}

/// The messages that are being sent, each as a task.
#[derive(Default)]
struct InFlight {
    tasks: JoinSet<()>,
    /// The webhook of each task, and whether it was failing when the task began.
    webhooks: HashMap<TaskId, (WebhookId, bool)>,
    /// The turn in which each webhook last got a place. Webhooks with the lowest number come first.
    turns: HashMap<WebhookId, u64>,
    turn: u64,
}

impl InFlight {
    /// Returns how many more messages may be sent to a webhook now.
    fn free_places(&self, webhook: &table::Model) -> usize {
        let failing = webhook.failing_since.is_some();
        let (all, own) = if failing { (PLACES_OF_FAILING, PER_FAILING_WEBHOOK) } else { (PLACES, PER_WEBHOOK) };
        let taken = if failing { self.webhooks.values().filter(|(_, failing)| *failing).count() } else { self.webhooks.len() };
        let taken_by_it = self.webhooks.values().filter(|(id, _)| *id == webhook.id).count();
        all.saturating_sub(taken).min(PLACES.saturating_sub(self.webhooks.len())).min(own.saturating_sub(taken_by_it))
    }
}

impl Webhooks {
    /// Creates the sender with its rules for addresses.
    ///
    /// # Errors
    /// When nothing can be called over TLS.
    pub fn new(allowed: AllowedReceivers) -> Result<Self, String> {
        let sender = Sender::new(allowed, Arc::new(SystemLookup))?;
        Ok(Self {
            sender,
            waiting: Notify::new(),
            stopping: tokio::sync::watch::Sender::new(false),
            stopped: tokio::sync::watch::Sender::new(true),
        })
    }

    /// Returns the rules for addresses.
    pub(super) fn allowed(&self) -> &AllowedReceivers {
        &self.sender.allowed
    }

    /// Wakes the worker, because there is something to send.
    pub(super) fn wake(&self) {
        self.waiting.notify_one();
    }

    /// Stops the worker, and waits until it has released the deliveries that it had taken and not sent.
    pub async fn stop(&self) {
        self.stopping.send_replace(true);
        let _ = self.stopped.subscribe().wait_for(|stopped| *stopped).await;
    }

    /// Runs the worker until it is stopped or the database is closed.
    pub async fn run(webhooks: Data<Self>, access: Data<Access>, contract: Data<Contract>, db: Data<Db>) {
        webhooks.stopped.send_replace(false);
        let work = Work { instance: Uuid::from_bytes(hash::random()), webhooks: webhooks.clone(), access, contract, db };
        let mut feed = work.db.feed.subscribe();
        let mut stopping = webhooks.stopping.subscribe();
        let mut in_flight = InFlight::default();
        let mut last_cleanup = DateTime::<Utc>::MIN_UTC;
        while !*stopping.borrow() && !work.db.is_closed() {
            let more = match work.round(&mut in_flight, &mut last_cleanup).await {
                Ok(more) => more,
                Err(problem) => {
                    tracing::warn!(%problem, "webhooks could not be served");
                    false
                }
            };
            let pause = if more { Duration::ZERO } else { ROUND };
            tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => break,
                Some(done) = in_flight.tasks.join_next_with_id() => in_flight.finished(done),
                () = webhooks.waiting.notified() => {}
                Ok(()) = feed.changed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        // Messages that are nearly sent may finish. The others are released.
        let finished = async { while in_flight.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GRACE, finished).await;
        in_flight.tasks.shutdown().await;
        if let Err(problem) = deliveries::hand_back(None, work.instance, &work.db).await {
            tracing::warn!(%problem, "webhooks under way could not be handed back; they are taken over in a minute");
        }
        webhooks.stopped.send_replace(true);
    }
}

impl InFlight {
    fn finished(&mut self, done: std::result::Result<(TaskId, ()), tokio::task::JoinError>) {
        let id = match &done {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        self.webhooks.remove(&id);
    }
}

/// The data that the worker needs. It is cloned for each task.
#[derive(Clone)]
struct Work {
    instance: Uuid,
    webhooks: Data<Webhooks>,
    access: Data<Access>,
    contract: Data<Contract>,
    db: Data<Db>,
}

impl Work {
    /// Runs one round: queues and sends. Returns whether there is more to queue at once.
    async fn round(&self, in_flight: &mut InFlight, last_cleanup: &mut DateTime<Utc>) -> Result<bool> {
        while let Some(done) = in_flight.tasks.try_join_next_with_id() {
            in_flight.finished(done);
        }
        let more = self.queue().await?;
        self.send(in_flight).await?;
        let now = self.db.clock.now();
        if *last_cleanup + CLEANUP_EVERY <= now {
            *last_cleanup = now;
            deliveries::delete_old(&self.db).await?;
        }
        Ok(more)
    }

    /// Queues deliveries for the events after the webhooks' positions. Returns whether more events follow.
    async fn queue(&self) -> Result<bool> {
        let latest = self.db.feed.latest().position;
        let mut places: BTreeMap<i64, Vec<table::Model>> = BTreeMap::new();
        for webhook in store::list_behind(latest, &self.db).await? {
            places.entry(webhook.position).or_default().push(webhook);
        }
        let mut more = false;
        for (place, webhooks) in places {
            let events = store::events_after(place, EVENTS, &self.db).await?;
            let Some(to) = events.last().and_then(|event| event.position) else { continue };
            let mut steps = Vec::new();
            for webhook in webhooks {
                if deliveries::count_pending(webhook.id, &self.db).await? >= AHEAD {
                    continue;
                }
                let Some(owner) = self.permitted_owner(&webhook).await? else {
                    self.disable(webhook.id, WebhookReason::OwnerLostAccess).await?;
                    continue;
                };
                more |= to < latest;
                let messages = self.changes_for(&events, &webhook, &owner).await?.into_iter().map(|change| Queued {
                    position: change.position,
                    kind: kind(&change),
                    message_id: message_id(webhook.id, &change),
                });
                steps.push(Step { webhook: webhook.id, from: place, to, messages: messages.collect() });
            }
            for steps in steps.chunks(STEPS) {
                store::advance(steps, &self.db).await?;
            }
        }
        Ok(more)
    }

    /// Returns the changes that a webhook sends for these events, as its owner may see them.
    async fn changes_for(&self, events: &[Event], webhook: &table::Model, owner: &Caller) -> Result<Vec<Change>> {
        let types = &webhook.types.0;
        let wanted = events.iter().filter(|event| types.is_empty() || types.contains(&event.entity_kind)).cloned().collect();
        let area = store::area_path(webhook, &self.db).await?;
        let hidden = match area {
            Some(_) => self.access.hidden_from(owner, &self.contract, &self.db).await?,
            None => None,
        };
        feed::visible_changes(wanted, &owner.sight, area.as_deref(), hidden.as_ref(), &self.db).await
    }

    /// Returns the owner of a webhook with their present rights, or `None` when the owner may no longer have webhooks.
    async fn permitted_owner(&self, webhook: &table::Model) -> Result<Option<Arc<Caller>>> {
        let (owner, withheld) = store::owner(webhook);
        let owner = self.access.current_caller(owner.uuid(), withheld, &self.db).await?;
        let may = |owner: &Arc<Caller>| {
            [Permission::WriteWebhooks, Permission::ReadChanges].into_iter().all(|permission| owner.reach(permission).is_ok())
        };
        Ok(owner.filter(may))
    }

    async fn disable(&self, webhook: WebhookId, reason: WebhookReason) -> Result<()> {
        self.db.transaction(&Call::of_installation(), async |w| store::disable(webhook, reason, w).await).await
    }

    /// Starts to send due deliveries. The webhook that has waited longest comes first.
    async fn send(&self, in_flight: &mut InFlight) -> Result<()> {
        let mut webhooks = store::list_due(self.db.clock.now(), &self.db).await?;
        webhooks.sort_by_key(|webhook| in_flight.turns.get(&webhook.id).copied().unwrap_or_default());
        for webhook in webhooks {
            let room = in_flight.free_places(&webhook);
            if room == 0 {
                continue;
            }
            for row in deliveries::lease(webhook.id, room, self.instance, &self.db).await? {
                in_flight.turn += 1;
                in_flight.turns.insert(webhook.id, in_flight.turn);
                let work = self.clone();
                let task = in_flight.tasks.spawn_local(async move { work.deliver(row).await });
                in_flight.webhooks.insert(task.id(), (webhook.id, webhook.failing_since.is_some()));
            }
        }
        Ok(())
    }

    /// Sends a message, and then further ones of the same webhook as long as they are accepted, at most [`IN_TURN`], so
    /// that other webhooks get their turn.
    async fn deliver(&self, mut row: delivery::Model) {
        for _ in 0..IN_TURN {
            let (id, webhook) = (row.id, row.webhook_id);
            let next = async {
                if !self.attempt(row).await? || *self.webhooks.stopping.borrow() {
                    return Ok(None);
                }
                Ok(deliveries::lease(webhook, 1, self.instance, &self.db).await?.pop())
            };
            let next: Result<_> = next.await;
            row = match next {
                Ok(Some(next)) => next,
                Ok(None) => return,
                Err(problem) => {
                    // The lease expires by itself, and the delivery is tried again.
                    tracing::warn!(%problem, delivery = %id, "a delivery could not be made");
                    return;
                }
            };
        }
        // Release the delivery that was taken but not tried.
        if let Err(problem) = deliveries::hand_back(Some(row.id), self.instance, &self.db).await {
            tracing::warn!(%problem, delivery = %row.id, "a delivery could not be handed back");
        }
    }

    /// Makes one attempt to send a delivery. Returns whether the next delivery of the webhook may follow at once.
    async fn attempt(&self, row: delivery::Model) -> Result<bool> {
        let db = &*self.db;
        let Some(webhook) = store::row(row.webhook_id, db.reader()).await?.filter(|webhook| webhook.status == super::WebhookStatus::Active)
        else {
            deliveries::hand_back(Some(row.id), self.instance, db).await?;
            return Ok(false);
        };
        let Some(owner) = self.permitted_owner(&webhook).await? else {
            self.disable(webhook.id, WebhookReason::OwnerLostAccess).await?;
            deliveries::hand_back(Some(row.id), self.instance, db).await?;
            return Ok(false);
        };
        let Some(message) = self.message(&row, &webhook, &owner).await? else {
            let outcome =
                Outcome { state: DeliveryState::Discarded, status: None, error: Some(DeliveryError::NotVisible), millis: 0, next: None };
            self.save_outcome(&row, &webhook, &outcome).await?;
            return Ok(true);
        };
        // An attempt by an instance that crashed counts too.
        if row.attempts > rules::TRIES {
            let outcome = Outcome { state: DeliveryState::Failed, status: None, error: row.last_error, millis: 0, next: None };
            self.save_outcome(&row, &webhook, &outcome).await?;
            return Ok(true);
        }
        let secrets = store::secrets(webhook.id, db.clock.now(), db.reader()).await?;
        let sent = self.webhooks.sender.send(&webhook.url, &message, &secrets, db.clock.now()).await;
        self.save_outcome(&row, &webhook, &outcome(&row, &sent, db.clock.now())).await?;
        Ok(sent.error.is_none())
    }

    /// Returns the message to send, or `None` when the owner may no longer see the change.
    async fn message(&self, row: &delivery::Model, webhook: &table::Model, owner: &Caller) -> Result<Option<Message>> {
        let Some(position) = row.position else {
            let body = json!({"type": row.kind, "timestamp": row.created_at, "data": {"webhookId": row.webhook_id}});
            return Ok(Some(Message { id: row.message_id.clone(), body: body.to_string() }));
        };
        let events = store::events_after(position - 1, 1, &self.db).await?;
        let change = self.changes_for(&events, webhook, owner).await?.pop().filter(|change| change.position == position);
        Ok(change.map(|change| Message { id: row.message_id.clone(), body: body(&change).to_string() }))
    }

    async fn save_outcome(&self, row: &delivery::Model, webhook: &table::Model, outcome: &Outcome) -> Result<()> {
        self.db
            .transaction(&Call::of_installation(), async |w| {
                deliveries::save_outcome(row, outcome, self.instance, w).await?;
                match outcome.error {
                    Some(DeliveryError::NotVisible) => Ok(()),
                    Some(DeliveryError::Gone) => store::disable(webhook.id, WebhookReason::Gone, w).await,
                    error => store::note_delivery(webhook, error.is_none(), w).await,
                }
            })
            .await
    }
}

/// Returns the new state of a delivery after an attempt.
fn outcome(row: &delivery::Model, sent: &Sent, now: DateTime<Utc>) -> Outcome {
    let next = if sent.error.is_none() { None } else { rules::next_try(row.attempts, &row.message_id, retry_delay(sent, now), now) };
    let state = match (sent.error, next) {
        (None, _) => DeliveryState::Delivered,
        (Some(_), Some(_)) => DeliveryState::Pending,
        (Some(_), None) => DeliveryState::Failed,
    };
    Outcome { state, status: sent.status, error: sent.error, millis: sent.millis, next }
}

/// Returns the message type for a change, such as `actor.upsert`.
fn kind(change: &Change) -> String {
    let operation = match change.op {
        ChangeOperation::Upsert => "upsert",
        ChangeOperation::Delete => "delete",
        ChangeOperation::Merge => "merge",
    };
    format!("{}.{operation}", change.kind)
}

/// Returns the `webhook-id` of a change: the same each time for the same event, and different for different events. That
/// also holds when positions are assigned again after a backup was restored.
fn message_id(webhook: WebhookId, change: &Change) -> String {
    let (position, id, version, at) = (change.position, change.id, change.version, change.changed_at.timestamp_micros());
    format!("msg_{}", &hash::sha256_hex(format!("{webhook} {position} {id} {version} {at}").as_bytes())[..32])
}

/// Returns the body of a message. It names the record and the change, and contains nothing of the record's content.
fn body(change: &Change) -> Value {
    json!({
        "type": kind(change),
        "timestamp": change.changed_at,
        "data": {
            "position": change.position,
            "type": change.kind,
            "id": change.id,
            "op": change.op,
            "version": change.version,
            "changedAt": change.changed_at,
            "mergedInto": change.merged_into,
        }
    })
}
