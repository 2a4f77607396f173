use actix_web::{get, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{store, types::*};
use crate::{
    access::{By, policy::needs},
    kernel::{At, Db, Listed, Page, Paging, Query, Reply, Result},
    webhooks::{WebhookId, Webhooks, store as webhooks},
};

/// List deliveries
///
/// Returns the sent and pending deliveries of a webhook, newest first. Finished deliveries are kept for 30 days.
#[utoipa::path(tag = "exchange", operation_id = "listWebhookDeliveries", params(DeliveryFilter, Paging),
    responses((status = 200, description = "A page of deliveries", body = Page<WebhookDelivery>)))]
#[get("/webhooks/{webhookId}/deliveries")]
async fn list(
    by: By<needs::ReadWebhooks>,
    At(id): At<WebhookId>,
    Query(filter): Query<DeliveryFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<WebhookDelivery>> {
    let webhook = webhooks::find(&by, id, db.reader()).await?;
    Listed::from_pages(by, paging, async move |by, paging| store::list(webhook.id, &filter, paging, by, &db).await).await
}

/// Show a delivery
///
/// Returns one delivery with its outcome.
#[utoipa::path(tag = "exchange", operation_id = "getWebhookDelivery",
    responses((status = 200, description = "The delivery", body = WebhookDelivery)))]
#[get("/webhooks/{webhookId}/deliveries/{deliveryId}")]
async fn show(by: By<needs::ReadWebhooks>, At((webhook, id)): At<(WebhookId, DeliveryId)>, db: Data<Db>) -> Result<Reply<WebhookDelivery>> {
    let webhook = webhooks::find(&by, webhook, db.reader()).await?;
    let delivery = store::find(webhook.id, id, db.reader()).await?;
    Reply::computed(&by.allowing(async |_, _| Ok(())).await?, &delivery)
}

/// Send a delivery once more
///
/// Sends the delivery again at once, whatever its outcome was, with the same `webhook-id`.
#[utoipa::path(tag = "exchange", operation_id = "retryWebhookDelivery",
    responses((status = 201, description = "The delivery, which is pending", body = WebhookDelivery)))]
#[post("/webhooks/{webhookId}/deliveries/{deliveryId}/retry")]
async fn retry(
    by: By<needs::WriteWebhooks>,
    At((webhook, id)): At<(WebhookId, DeliveryId)>,
    worker: Data<Webhooks>,
    db: Data<Db>,
) -> Result<Reply<WebhookDelivery>> {
    let reply = db
        .write(&by, async |w| {
            let webhook = webhooks::find(&by, webhook, &w.tx).await?;
            Reply::done(&format!("/webhooks/{}/deliveries/{id}", webhook.id), &store::retry(&webhook, id, w).await?)
        })
        .await?;
    worker.wake();
    Ok(reply)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(show).service(retry);
}
