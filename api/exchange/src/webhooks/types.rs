//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    access::users::UserId,
    geography::areas::AreaId,
    kernel::{
        Id,
        extract::{blank_is_none, trimmed},
    },
};

/// The id of a webhook.
pub type WebhookId = Id<Webhook>;

/// Whether messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum WebhookStatus {
    /// Messages are sent.
    Active,
    /// Nothing is sent.
    Disabled,
}

/// Why nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(24))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum WebhookReason {
    /// The receiver answered that it is gone (410).
    Gone,
    /// The receiver has taken nothing for five days.
    Failing,
    /// The owner's account is shut, or may no longer have webhooks.
    OwnerLostAccess,
    /// Somebody shut it by `enabled`.
    ByOwner,
}

/// A webhook to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewWebhook {
    /// Where messages are sent: https, a host on the Internet, port 443, 8443 or another from 1024 that no database or the like
    /// is known by.
    #[schema(min_length = 1, max_length = 2000, format = "uri", example = "https://partner.example.com/samsyn")]
    #[serde(deserialize_with = "trimmed")]
    pub url: String,
    /// The kinds of record that are told of, such as `actor`, as `type` in the feed says them; empty for all.
    #[schema(max_items = 50, example = json!(["actor"]))]
    #[serde(default)]
    pub types: Vec<String>,
    /// Only what concerns this area or one below it; null for everywhere.
    pub area_id: Option<AreaId>,
    /// What it is for.
    #[schema(max_length = 500)]
    #[serde(default, deserialize_with = "blank_is_none")]
    pub description: Option<String>,
    /// Whether messages are sent. A webhook that was shut for any reason is opened again by `true`.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub enabled: bool,
}

const fn yes() -> bool {
    true
}

/// A webhook (webhook).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    pub id: WebhookId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewWebhook,
    /// Who is told: what this user may see is sent, and nothing else.
    pub owner_id: UserId,
    pub status: WebhookStatus,
    /// Why nothing is sent; null while messages are sent.
    pub reason: Option<WebhookReason>,
    /// Since when the status is what it is.
    pub since: DateTime<Utc>,
    /// Since when the receiver has taken nothing; null when the last message was taken. After five days it is shut.
    pub failing_since: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A registered webhook with its secret, which is shown once.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadeWebhook {
    pub webhook: Webhook,
    /// What messages are signed with (Standard Webhooks): `whsec_` and base64. It is shown only now.
    pub secret: String,
}

/// A new secret of a webhook, shown once.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadeWebhookSecret {
    /// What messages are signed with from now on. It is shown only now.
    pub secret: String,
    /// Until when messages are also signed with the secret before this one.
    pub earlier_end_at: DateTime<Utc>,
}

/// From where in the feed to deliver again; one of the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewReplay {
    /// The first position that is delivered. One beyond the present end of the feed skips what has not been sent.
    #[schema(minimum = 1)]
    pub from_position: Option<i64>,
    /// Or a `nextCursor` of `GET /changes`: what follows there is delivered.
    #[schema(max_length = 500)]
    pub cursor: Option<String>,
}
