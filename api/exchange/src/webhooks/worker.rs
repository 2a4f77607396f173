//! The worker: queues what the feed brings, and sends what is due. It runs on every instance; what one takes the others
//! leave alone. A receiver that hangs keeps its own few places busy and nobody else's.

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
    Allowed, WebhookId, WebhookReason,
    deliveries::{
        DeliveryError, DeliveryState,
        store::{self as deliveries, Outcome, Queued},
        table as delivery,
    },
    rules,
    sender::{Message, Sender, Sent, System, wish},
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

/// How often what is due is looked for, when nobody says that there is something.
const ROUND: Duration = Duration::from_secs(2);
/// How many messages are on their way at once.
const PLACES: usize = 64;
/// How many of them may go to receivers that did not take the last one.
const PLACES_OF_FAILING: usize = 32;
/// How many may go to one receiver, and to one that did not take the last one.
const PER_WEBHOOK: usize = 4;
const PER_FAILING_WEBHOOK: usize = 1;
/// How many messages a webhook sends at one place before others get their turn.
const IN_TURN: usize = 50;
/// How long messages on their way have when the worker stops.
const GRACE: Duration = Duration::from_secs(1);
/// How many events are read at a time.
const EVENTS: u64 = 200;
/// How many messages of a webhook wait at the most, about; the others wait in the feed.
const AHEAD: u64 = 1000;
/// How many webhooks move on in one transaction.
const STEPS: usize = 20;
/// How often the log is gone through for what is too old.
const FORGOTTEN_EVERY: TimeDelta = TimeDelta::hours(1);

/// Webhooks as the service keeps them.
#[derive(Debug)]
pub struct Webhooks {
    sender: Sender,
    waiting: Notify,
    stopping: tokio::sync::watch::Sender<bool>,
    stopped: tokio::sync::watch::Sender<bool>,
}

/// Messages on their way, each with its webhook.
#[derive(Default)]
struct Flying {
    tasks: JoinSet<()>,
    of: HashMap<TaskId, (WebhookId, bool)>,
    /// When each webhook last got a place, so that all get their turn.
    turns: HashMap<WebhookId, u64>,
    turn: u64,
}

impl Flying {
    /// How many more messages may go to a webhook now.
    fn room(&self, webhook: &table::Model) -> usize {
        let failing = webhook.failing_since.is_some();
        let (all, own) = if failing { (PLACES_OF_FAILING, PER_FAILING_WEBHOOK) } else { (PLACES, PER_WEBHOOK) };
        let taken = if failing { self.of.values().filter(|(_, failing)| *failing).count() } else { self.of.len() };
        let taken_by_it = self.of.values().filter(|(id, _)| *id == webhook.id).count();
        all.saturating_sub(taken).min(PLACES.saturating_sub(self.of.len())).min(own.saturating_sub(taken_by_it))
    }
}

impl Webhooks {
    /// Webhooks that may call what is allowed.
    ///
    /// # Errors
    /// When nothing can be called over TLS.
    pub fn new(allowed: Allowed) -> Result<Self, String> {
        let sender = Sender::new(allowed, Arc::new(System))?;
        Ok(Self {
            sender,
            waiting: Notify::new(),
            stopping: tokio::sync::watch::Sender::new(false),
            stopped: tokio::sync::watch::Sender::new(true),
        })
    }

    /// What may be called.
    pub(super) fn allowed(&self) -> &Allowed {
        &self.sender.allowed
    }

    /// Says that there is something to send.
    pub(super) fn wake(&self) {
        self.waiting.notify_one();
    }

    /// Stops the worker, and waits until it has given back what it had taken and not sent.
    pub async fn stop(&self) {
        self.stopping.send_replace(true);
        let _ = self.stopped.subscribe().wait_for(|stopped| *stopped).await;
    }

    /// Works until stopped.
    pub async fn run(webhooks: Data<Self>, access: Data<Access>, contract: Data<Contract>, db: Data<Db>) {
        webhooks.stopped.send_replace(false);
        let work = Work { instance: Uuid::from_bytes(hash::random()), webhooks: webhooks.clone(), access, contract, db };
        let mut feed = work.db.feed.follow();
        let mut stopping = webhooks.stopping.subscribe();
        let mut flying = Flying::default();
        let mut forgotten = DateTime::<Utc>::MIN_UTC;
        while !*stopping.borrow() && !work.db.is_closed() {
            let more = match work.round(&mut flying, &mut forgotten).await {
                Ok(more) => more,
                Err(problem) => {
                    tracing::warn!(%problem, "webhooks could not be served");
                    false
                }
            };
            let pause = if more { Duration::ZERO } else { ROUND };
            tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => break,
                Some(done) = flying.tasks.join_next_with_id() => flying.landed(done),
                () = webhooks.waiting.notified() => {}
                Ok(()) = feed.changed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        // What is nearly done is done; the rest goes back.
        let landed = async { while flying.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GRACE, landed).await;
        flying.tasks.shutdown().await;
        if let Err(problem) = deliveries::hand_back(None, work.instance, &work.db).await {
            tracing::warn!(%problem, "webhooks under way could not be handed back; they are taken over in a minute");
        }
        webhooks.stopped.send_replace(true);
    }
}

impl Flying {
    fn landed(&mut self, done: std::result::Result<(TaskId, ()), tokio::task::JoinError>) {
        let id = match &done {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        self.of.remove(&id);
    }
}

/// What the worker works with.
#[derive(Clone)]
struct Work {
    instance: Uuid,
    webhooks: Data<Webhooks>,
    access: Data<Access>,
    contract: Data<Contract>,
    db: Data<Db>,
}

impl Work {
    /// Queues and sends; tells whether there is more to do at once.
    async fn round(&self, flying: &mut Flying, forgotten: &mut DateTime<Utc>) -> Result<bool> {
        while let Some(done) = flying.tasks.try_join_next_with_id() {
            flying.landed(done);
        }
        let more = self.queue().await?;
        self.send(flying).await?;
        let now = self.db.clock.now();
        if *forgotten + FORGOTTEN_EVERY <= now {
            *forgotten = now;
            deliveries::forget(&self.db).await?;
        }
        Ok(more)
    }

    /// Queues what the feed has brought since the webhooks' places in it.
    async fn queue(&self) -> Result<bool> {
        let latest = self.db.feed.latest().position;
        let mut places: BTreeMap<i64, Vec<table::Model>> = BTreeMap::new();
        for webhook in store::behind(latest, &self.db).await? {
            places.entry(webhook.position).or_default().push(webhook);
        }
        let mut more = false;
        for (place, webhooks) in places {
            let events = store::events_after(place, EVENTS, &self.db).await?;
            let Some(to) = events.last().and_then(|event| event.position) else { continue };
            let mut steps = Vec::new();
            for webhook in webhooks {
                if deliveries::waiting(webhook.id, &self.db).await? >= AHEAD {
                    continue;
                }
                let Some(owner) = self.owner(&webhook).await? else {
                    self.shut(webhook.id, WebhookReason::OwnerLostAccess).await?;
                    continue;
                };
                more |= to < latest;
                let messages = self.told(&events, &webhook, &owner).await?.into_iter().map(|change| Queued {
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

    /// What of these events a webhook tells of.
    async fn told(&self, events: &[Event], webhook: &table::Model, owner: &Caller) -> Result<Vec<Change>> {
        let types = &webhook.types.0;
        let wanted = events.iter().filter(|event| types.is_empty() || types.contains(&event.entity_kind)).cloned().collect();
        let area = store::area(webhook, &self.db).await?;
        let hidden = match area {
            Some(_) => self.access.hidden_from(owner, &self.contract, &self.db).await?,
            None => None,
        };
        feed::told(wanted, &owner.sight, area.as_deref(), hidden.as_ref(), &self.db).await
    }

    /// The owner of a webhook as it stands now, if it may have any.
    async fn owner(&self, webhook: &table::Model) -> Result<Option<Arc<Caller>>> {
        let (owner, withheld) = store::owner(webhook);
        let owner = self.access.absent(owner.uuid(), withheld, &self.db).await?;
        let may = |owner: &Arc<Caller>| {
            [Permission::WriteWebhooks, Permission::ReadChanges].into_iter().all(|permission| owner.reach(permission).is_ok())
        };
        Ok(owner.filter(may))
    }

    async fn shut(&self, webhook: WebhookId, reason: WebhookReason) -> Result<()> {
        self.db.transaction(&Call::of_installation(), async |w| store::disable(webhook, reason, w).await).await
    }

    /// Starts to send what is due, a little to each.
    async fn send(&self, flying: &mut Flying) -> Result<()> {
        let mut webhooks = store::with_work(self.db.clock.now(), &self.db).await?;
        webhooks.sort_by_key(|webhook| flying.turns.get(&webhook.id).copied().unwrap_or_default());
        for webhook in webhooks {
            let room = flying.room(&webhook);
            if room == 0 {
                continue;
            }
            for row in deliveries::take(webhook.id, room, self.instance, &self.db).await? {
                flying.turn += 1;
                flying.turns.insert(webhook.id, flying.turn);
                let work = self.clone();
                let task = flying.tasks.spawn_local(async move { work.deliver(row).await });
                flying.of.insert(task.id(), (webhook.id, webhook.failing_since.is_some()));
            }
        }
        Ok(())
    }

    /// Sends one message, and others of the same webhook after it for as long as they are taken, up to a number, so that
    /// others get their turn.
    async fn deliver(&self, mut row: delivery::Model) {
        for _ in 0..IN_TURN {
            let (id, webhook) = (row.id, row.webhook_id);
            let next = async {
                if !self.attempt(row).await? || *self.webhooks.stopping.borrow() {
                    return Ok(None);
                }
                Ok(deliveries::take(webhook, 1, self.instance, &self.db).await?.pop())
            };
            let next: Result<_> = next.await;
            row = match next {
                Ok(Some(next)) => next,
                Ok(None) => return,
                Err(problem) => {
                    // Whatever it was, the lease ends by itself.
                    tracing::warn!(%problem, delivery = %id, "a delivery could not be made");
                    return;
                }
            };
        }
        // What is in hand when the turn is over goes back.
        if let Err(problem) = deliveries::hand_back(Some(row.id), self.instance, &self.db).await {
            tracing::warn!(%problem, delivery = %row.id, "a delivery could not be handed back");
        }
    }

    /// Sends a message once; tells whether the receiver took it.
    async fn attempt(&self, row: delivery::Model) -> Result<bool> {
        let db = &*self.db;
        let Some(webhook) = store::row(row.webhook_id, db.reader()).await?.filter(|webhook| webhook.status == super::WebhookStatus::Active)
        else {
            deliveries::hand_back(Some(row.id), self.instance, db).await?;
            return Ok(false);
        };
        let Some(owner) = self.owner(&webhook).await? else {
            self.shut(webhook.id, WebhookReason::OwnerLostAccess).await?;
            deliveries::hand_back(Some(row.id), self.instance, db).await?;
            return Ok(false);
        };
        let Some(message) = self.message(&row, &webhook, &owner).await? else {
            let outcome =
                Outcome { state: DeliveryState::Discarded, status: None, error: Some(DeliveryError::NotVisible), millis: 0, next: None };
            self.settle(&row, &webhook, &outcome).await?;
            return Ok(true);
        };
        // An instance that dies with a message in its hands has tried it too.
        if row.attempts > rules::TRIES {
            let outcome = Outcome { state: DeliveryState::Failed, status: None, error: row.last_error, millis: 0, next: None };
            self.settle(&row, &webhook, &outcome).await?;
            return Ok(true);
        }
        let secrets = store::secrets(webhook.id, db.clock.now(), db.reader()).await?;
        let sent = self.webhooks.sender.send(&webhook.url, &message, &secrets, db.clock.now()).await;
        self.settle(&row, &webhook, &outcome(&row, &sent, db.clock.now())).await?;
        Ok(sent.error.is_none())
    }

    /// What is sent, if the owner may still see it.
    async fn message(&self, row: &delivery::Model, webhook: &table::Model, owner: &Caller) -> Result<Option<Message>> {
        let Some(position) = row.position else {
            let body = json!({"type": row.kind, "timestamp": row.created_at, "data": {"webhookId": row.webhook_id}});
            return Ok(Some(Message { id: row.message_id.clone(), body: body.to_string() }));
        };
        let events = store::events_after(position - 1, 1, &self.db).await?;
        let change = self.told(&events, webhook, owner).await?.pop().filter(|change| change.position == position);
        Ok(change.map(|change| Message { id: row.message_id.clone(), body: body(&change).to_string() }))
    }

    async fn settle(&self, row: &delivery::Model, webhook: &table::Model, outcome: &Outcome) -> Result<()> {
        self.db
            .transaction(&Call::of_installation(), async |w| {
                deliveries::settle(row, outcome, self.instance, w).await?;
                match outcome.error {
                    Some(DeliveryError::NotVisible) => Ok(()),
                    Some(DeliveryError::Gone) => store::disable(webhook.id, WebhookReason::Gone, w).await,
                    error => store::note(webhook, error.is_none(), w).await,
                }
            })
            .await
    }
}

/// What a try means for the delivery.
fn outcome(row: &delivery::Model, sent: &Sent, now: DateTime<Utc>) -> Outcome {
    let next = if sent.error.is_none() { None } else { rules::next_try(row.attempts, &row.message_id, wish(sent, now), now) };
    let state = match (sent.error, next) {
        (None, _) => DeliveryState::Delivered,
        (Some(_), Some(_)) => DeliveryState::Pending,
        (Some(_), None) => DeliveryState::Failed,
    };
    Outcome { state, status: sent.status, error: sent.error, millis: sent.millis, next }
}

/// The type of message that tells of a change.
fn kind(change: &Change) -> String {
    let operation = match change.op {
        ChangeOperation::Upsert => "upsert",
        ChangeOperation::Delete => "delete",
        ChangeOperation::Merge => "merge",
    };
    format!("{}.{operation}", change.kind)
}

/// The name of a message: the same for the same event each time, another for another, also where positions were given anew
/// after a backup was restored.
fn message_id(webhook: WebhookId, change: &Change) -> String {
    let (position, id, version, at) = (change.position, change.id, change.version, change.changed_at.timestamp_micros());
    format!("msg_{}", &hash::sha256_hex(format!("{webhook} {position} {id} {version} {at}").as_bytes())[..32])
}

/// What a message says of a change: where to look, and nothing of what is there.
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
