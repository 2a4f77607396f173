//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{kernel::Id, webhooks::WebhookId};

/// The id of a delivery.
pub type DeliveryId = Id<WebhookDelivery>;

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It will be tried, or is being tried.
    Pending,
    /// The receiver has taken it.
    Delivered,
    /// The receiver has not taken it, and it is tried no more.
    Failed,
    /// It was not sent, for the owner may no longer see what it tells of.
    Discarded,
}

/// Why a try did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(24))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum DeliveryError {
    /// The receiver cannot be reached: no such name, no address that may be called, nobody who answers, no trust in its
    /// certificate.
    Unreachable,
    /// The address may no longer be called.
    AddressNotAllowed,
    /// The receiver took more than 15 seconds.
    Timeout,
    /// The receiver sent us elsewhere, and that is not followed.
    Redirect,
    /// The receiver answered anything else than 2xx.
    Refused,
    /// The receiver answered that it is gone (410).
    Gone,
    /// There was no secret to sign with.
    Unsigned,
    /// The owner may no longer see what it tells of.
    NotVisible,
}

/// A message of a webhook, with how it went (leverans). What the receiver answered is not kept, but for its status.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookDelivery {
    pub id: DeliveryId,
    pub webhook_id: WebhookId,
    /// The `webhook-id` that the message carries, the same each time it is sent.
    pub message_id: String,
    /// What the message tells of, such as `actor.upsert`, or `ping`.
    #[serde(rename = "type")]
    #[schema(example = "actor.upsert")]
    pub kind: String,
    /// The event's place in the feed; null for `ping`.
    pub position: Option<i64>,
    pub state: DeliveryState,
    /// How often it has been tried since it was queued or queued anew.
    pub attempts: i32,
    /// When it is tried next; null when it is tried no more.
    pub next_try_at: Option<DateTime<Utc>>,
    pub last_tried_at: Option<DateTime<Utc>>,
    /// The HTTP status of the last answer; null when there was none.
    pub last_status: Option<i32>,
    /// How long the last try took, in milliseconds.
    pub last_duration_ms: Option<i32>,
    /// Why the last try did not succeed.
    pub last_error: Option<DeliveryError>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Which deliveries.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct DeliveryFilter {
    /// Those that have come this far.
    #[param(nullable = false, inline)]
    pub state: Option<DeliveryState>,
}
