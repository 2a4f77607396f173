//! The types of this resource: the representations, the enumerations and the id.

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

/// Whether a webhook sends messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum WebhookStatus {
    /// Messages are sent.
    Active,
    /// No messages are sent.
    Disabled,
}

/// The reason why a webhook sends no messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(24))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum WebhookReason {
    /// The receiver answered that it is gone (410).
    Gone,
    /// The receiver has accepted no message for five days.
    Failing,
    /// The owner's account is closed, or the owner may no longer have webhooks.
    OwnerLostAccess,
    /// A caller disabled it with `enabled`.
    ByOwner,
}

/// A webhook as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewWebhook {
    /// The address that messages are sent to: https, a host on the Internet, and port 443, 8443 or another port from 1024
    /// that is not the known port of another service, such as a database.
    #[schema(min_length = 1, max_length = 2000, format = "uri", example = "https://partner.example.com/samsyn")]
    #[serde(deserialize_with = "trimmed")]
    pub url: String,
    /// The kinds of record that messages are sent for, such as `actor`; the same names as `type` in the feed. Empty for all
    /// kinds.
    #[schema(max_items = 50, example = json!(["actor"]))]
    #[serde(default)]
    pub types: Vec<String>,
    /// Only changes of records that concern this area or an area below it; null for all areas.
    pub area_id: Option<AreaId>,
    /// The purpose of the webhook, for people.
    #[schema(max_length = 500)]
    #[serde(default, deserialize_with = "blank_is_none")]
    pub description: Option<String>,
    /// Whether messages are sent. `true` enables a webhook again, whatever the reason why it was disabled.
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
    /// The version of the record. It grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewWebhook,
    /// The user who owns the webhook. Messages are sent only about what this user may see.
    pub owner_id: UserId,
    pub status: WebhookStatus,
    /// The reason why no messages are sent; null while the webhook is active.
    pub reason: Option<WebhookReason>,
    /// The time when the status last changed.
    pub since: DateTime<Utc>,
    /// The time since which the receiver has accepted no message; null when it accepted the last one. After five days the
    /// webhook is disabled.
    pub failing_since: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A registered webhook with its secret. The secret is shown only once.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadeWebhook {
    pub webhook: Webhook,
    /// The secret that messages are signed with (Standard Webhooks): `whsec_` and base64. It is shown only now.
    pub secret: String,
}

/// A new secret of a webhook. It is shown only once.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadeWebhookSecret {
    /// The secret that messages are signed with from now on. It is shown only now.
    pub secret: String,
    /// The time until which messages are also signed with the previous secret.
    pub earlier_end_at: DateTime<Utc>,
}

/// The place in the feed to deliver again from. Exactly one of the two members is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewReplay {
    /// The first position that is delivered. A position beyond the present end of the feed skips all changes that have not
    /// been sent.
    #[schema(minimum = 1)]
    pub from_position: Option<i64>,
    /// A `nextCursor` of `GET /changes`. The changes after it are delivered.
    #[schema(max_length = 500)]
    pub cursor: Option<String>,
}
