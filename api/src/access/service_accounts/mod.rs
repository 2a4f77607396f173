//! Service accounts (tjänstekonton): partner systems. One signs in at `/oauth2/token` with a key of its own or a secret, holds
//! grants as users do, and carries only the permissions that it was registered for.

mod api;
mod store;
mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::routes;
pub(super) use store::{Client, client, has_secret};

/// How a service account shows that it is itself (the names of RFC 7591).
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthMethod {
    /// By a statement signed with its own key (RFC 7523): nothing secret ever leaves the system.
    PrivateKeyJwt,
    /// By a secret in the call.
    ClientSecretPost,
}
