use actix_web::{delete, get, patch, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    Webhooks,
    deliveries::{self, WebhookDelivery},
    store,
    types::*,
};
use crate::{
    access::{
        By,
        policy::{Permission, needs},
    },
    kernel::{At, Db, Listed, Page, Paging, Patch, Query, Reply, Result, Valid, reply::Nothing},
};

/// List webhooks
///
/// Returns the caller's own webhooks, oldest first. A caller who administers the whole installation gets all webhooks.
#[utoipa::path(tag = "exchange", operation_id = "listWebhooks", params(Paging),
    responses((status = 200, description = "A page of webhooks", body = Page<Webhook>)))]
#[get("/webhooks")]
async fn list(by: By<needs::ReadWebhooks>, Query(paging): Query<Paging>, db: Data<Db>) -> Result<Listed<Webhook>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(by, paging, &db).await).await
}

/// Register a webhook
///
/// From now on each change that the caller may see is sent to the address, signed with the secret in the response. The
/// caller must also hold `changes.read`, because the messages come from the feed. An owner may have at most twenty
/// webhooks.
#[utoipa::path(tag = "exchange", operation_id = "createWebhook", request_body = NewWebhook,
    responses((status = 201, description = "The webhook with its secret, which is shown only once", body = MadeWebhook)))]
#[post("/webhooks")]
async fn create(
    by: By<needs::WriteWebhooks>,
    new: Valid<NewWebhook>,
    webhooks: Data<Webhooks>,
    db: Data<Db>,
) -> Result<Reply<MadeWebhook>> {
    by.caller.reach(Permission::ReadChanges)?;
    let (webhook, secret) = db.transaction(&by, async |w| store::insert(&by, &new.0, webhooks.allowed(), w).await).await?;
    let path = format!("/webhooks/{}", webhook.id);
    Reply::secret(&path, &MadeWebhook { webhook, secret })
}

/// Show a webhook
///
/// Returns one of the caller's own webhooks. Its secret is never shown again.
#[utoipa::path(tag = "exchange", operation_id = "getWebhook",
    responses((status = 200, description = "The webhook", body = Webhook)))]
#[get("/webhooks/{webhookId}")]
async fn show(by: By<needs::ReadWebhooks>, At(id): At<WebhookId>, db: Data<Db>) -> Result<Reply<Webhook>> {
    let webhook = store::find(&by, id, db.reader()).await?;
    Reply::shown(&by.allowing(async |_, _| Ok(())).await?, webhook.version, &webhook)
}

/// Change a webhook
///
/// The body is a merge patch: members that are left out keep their values. A new address, choice of types or area applies
/// to all messages that have not been sent yet.
#[utoipa::path(tag = "exchange", operation_id = "updateWebhook", request_body = Patch<NewWebhook>,
    responses((status = 200, description = "The webhook as it has become", body = Webhook)))]
#[patch("/webhooks/{webhookId}")]
async fn change(
    by: By<needs::WriteWebhooks>,
    At(id): At<WebhookId>,
    patch: Patch<NewWebhook>,
    webhooks: Data<Webhooks>,
    db: Data<Db>,
) -> Result<Reply<Webhook>> {
    // A caller who decides where changes are sent must be allowed to read them.
    by.caller.reach(Permission::ReadChanges)?;
    let reply = db
        .write(&by, async |w| {
            let mut webhook = store::find(&by, id, &w.tx).await?;
            by.expects(webhook.version)?;
            if let Some(changed) = patch.apply(webhook.id, &webhook.fields)? {
                webhook = store::update(&webhook, changed, webhooks.allowed(), w).await?;
            }
            Reply::changed(webhook.version, &webhook)
        })
        .await?;
    webhooks.wake();
    Ok(reply)
}

/// Remove a webhook
///
/// No more messages are sent. The log of its deliveries is removed too.
#[utoipa::path(tag = "exchange", operation_id = "deleteWebhook",
    responses((status = 204, description = "The webhook is removed")))]
#[delete("/webhooks/{webhookId}")]
async fn remove(by: By<needs::WriteWebhooks>, At(id): At<WebhookId>, db: Data<Db>) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        let webhook = store::find(&by, id, &w.tx).await?;
        by.expects(webhook.version)?;
        store::remove(&webhook, w).await?;
        Ok(Reply::no_content())
    })
    .await
}

/// Make a new secret
///
/// For 24 hours messages carry two signatures, one with each secret, so that the receiver can change to the new secret
/// without a pause.
#[utoipa::path(tag = "exchange", operation_id = "createWebhookSecret",
    responses((status = 201, description = "The secret, which is shown only once", body = MadeWebhookSecret)))]
#[post("/webhooks/{webhookId}/secrets")]
async fn make_secret(by: By<needs::WriteWebhooks>, At(id): At<WebhookId>, db: Data<Db>) -> Result<Reply<MadeWebhookSecret>> {
    let (secret, earlier_end_at) = db
        .transaction(&by, async |w| {
            let webhook = store::find(&by, id, &w.tx).await?;
            store::new_secret(&webhook, w).await
        })
        .await?;
    Reply::secret(&format!("/webhooks/{id}"), &MadeWebhookSecret { secret, earlier_end_at })
}

/// Open a webhook again
///
/// The webhook continues where it stopped: changes since then are sent, and pending messages are tried at once. To skip
/// them, replay from a later position.
#[utoipa::path(tag = "exchange", operation_id = "enableWebhook",
    responses((status = 200, description = "The webhook as it has become", body = Webhook)))]
#[post("/webhooks/{webhookId}/enable")]
async fn enable(by: By<needs::WriteWebhooks>, At(id): At<WebhookId>, webhooks: Data<Webhooks>, db: Data<Db>) -> Result<Reply<Webhook>> {
    let reply = db
        .write(&by, async |w| {
            let mut webhook = store::find(&by, id, &w.tx).await?;
            if !webhook.fields.enabled {
                let changed = NewWebhook { enabled: true, ..webhook.fields.clone() };
                webhook = store::update(&webhook, changed, webhooks.allowed(), w).await?;
            }
            Reply::changed(webhook.version, &webhook)
        })
        .await?;
    webhooks.wake();
    Ok(reply)
}

/// Deliver again
///
/// Sends the changes from a place in the feed again. Each message has the same `webhook-id` as before, so that a receiver
/// can recognise messages that it already has.
#[utoipa::path(tag = "exchange", operation_id = "replayWebhook", request_body = NewReplay,
    responses((status = 200, description = "The webhook", body = Webhook)))]
#[post("/webhooks/{webhookId}/replay")]
async fn replay(
    by: By<needs::WriteWebhooks>,
    At(id): At<WebhookId>,
    new: Valid<NewReplay>,
    webhooks: Data<Webhooks>,
    db: Data<Db>,
) -> Result<Reply<Webhook>> {
    let reply = db
        .write(&by, async |w| {
            let webhook = store::find(&by, id, &w.tx).await?;
            store::replay(&webhook, &new.0, &db, w).await?;
            Reply::changed(webhook.version, &webhook)
        })
        .await?;
    webhooks.wake();
    Ok(reply)
}

/// Send a test message
///
/// Sends a message of type `ping`, which contains no change. Read the delivery in the response again a moment later to see
/// the outcome.
#[utoipa::path(tag = "exchange", operation_id = "testWebhook",
    responses((status = 201, description = "The delivery", body = WebhookDelivery)))]
#[post("/webhooks/{webhookId}/test")]
async fn test(
    by: By<needs::WriteWebhooks>,
    At(id): At<WebhookId>,
    webhooks: Data<Webhooks>,
    db: Data<Db>,
) -> Result<Reply<WebhookDelivery>> {
    let reply = db
        .write(&by, async |w| {
            let webhook = store::find(&by, id, &w.tx).await?;
            let delivery = deliveries::store::ping(&webhook, w).await?;
            Reply::done(&format!("/webhooks/{}/deliveries/{}", webhook.id, delivery.id), &delivery)
        })
        .await?;
    webhooks.wake();
    Ok(reply)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show).service(change).service(remove);
    config.service(make_secret).service(enable).service(replay).service(test);
}
