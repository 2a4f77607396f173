//! Deliveries (leveranser): each message that a webhook sends, with how it went. One event is one delivery, however often it
//! is tried or replayed.

mod api;
pub(super) mod store;
pub(super) mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{WebhookDelivery, routes};

use crate::kernel::Id;

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
