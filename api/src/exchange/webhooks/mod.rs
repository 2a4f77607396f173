//! Webhooks (webhookar): addresses of partner systems that are told of changes, in the form of Standard Webhooks.
//!
//! The feed is the queue. Each webhook has its own place in it; a worker turns what follows there into deliveries, a limited
//! number ahead, in the transaction that moves the place. So nothing is missed and nothing is queued twice, and what an
//! owner may see is judged both then and again when it is sent.

mod api;
pub mod deliveries;
mod rules;
mod sender;
mod store;
mod table;
mod worker;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub use api::Webhook;
pub use rules::Allowed;
pub use worker::Webhooks;

use crate::kernel::Id;

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

/// The operations of webhooks and of what they deliver.
pub fn routes(config: &mut ServiceConfig) {
    api::routes(config);
    deliveries::routes(config);
}
