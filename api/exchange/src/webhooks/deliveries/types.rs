//! The types of this resource: the representation, the filter, the enumerations and the id.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{kernel::Id, webhooks::WebhookId};

/// The id of a delivery.
pub type DeliveryId = Id<WebhookDelivery>;

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// The delivery will be tried, or is being tried.
    Pending,
    /// The receiver has accepted the message.
    Delivered,
    /// The receiver has not accepted the message, and it is not tried again.
    Failed,
    /// The message was not sent, because the owner may no longer see the record.
    Discarded,
}

/// The reason why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(24))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum DeliveryError {
    /// The receiver cannot be reached: there is no such host, no address that may be called, no answer, or its certificate
    /// is not trusted.
    Unreachable,
    /// The address may no longer be called.
    AddressNotAllowed,
    /// The receiver did not answer within 15 seconds.
    Timeout,
    /// The receiver answered with a redirect, which is not followed.
    Redirect,
    /// The receiver answered with another status than 2xx.
    Refused,
    /// The receiver answered that it is gone (410).
    Gone,
    /// There was no secret to sign with.
    Unsigned,
    /// The owner may no longer see the record.
    NotVisible,
}

/// A message of a webhook with its outcome (leverans). Of the receiver's response only the status is kept.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookDelivery {
    pub id: DeliveryId,
    pub webhook_id: WebhookId,
    /// The `webhook-id` of the message. It is the same each time the message is sent.
    pub message_id: String,
    /// The type of the message, such as `actor.upsert`, or `ping`.
    #[serde(rename = "type")]
    #[schema(example = "actor.upsert")]
    pub kind: String,
    /// The position of the change in the feed; null for `ping`.
    pub position: Option<i64>,
    pub state: DeliveryState,
    /// The number of attempts since the delivery was queued, or queued again.
    pub attempts: i32,
    /// The time of the next attempt; null when there is none.
    pub next_try_at: Option<DateTime<Utc>>,
    pub last_tried_at: Option<DateTime<Utc>>,
    /// The HTTP status of the last response; null when there was none.
    pub last_status: Option<i32>,
    /// The duration of the last attempt, in milliseconds.
    pub last_duration_ms: Option<i32>,
    /// The reason why the last attempt failed; null when it succeeded.
    pub last_error: Option<DeliveryError>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The filter of the list of deliveries.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct DeliveryFilter {
    /// Only deliveries in this state.
    #[param(nullable = false, inline)]
    pub state: Option<DeliveryState>,
}
