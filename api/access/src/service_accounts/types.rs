//! The types of this resource: bodies of requests and responses, filters, enumerations and the id.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    kernel::extract::trimmed,
    users::{UserId, UserStatus},
};

/// The way in which a service account authenticates (named as in RFC 7591).
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthMethod {
    /// By a JWT signed with the account's own key (RFC 7523). No secret leaves the system.
    PrivateKeyJwt,
    /// By a secret in the request.
    ClientSecretPost,
}

/// Public keys (RFC 7517).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct KeySet {
    /// The keys. Each is a JSON Web Key of type `EC` (P-256), `OKP` (Ed25519) or `RSA` (at least 2048 bits), public part
    /// only.
    #[schema(min_items = 1, max_items = 10, value_type = Vec<Object>)]
    pub keys: Vec<Value>,
}

/// A service account to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewServiceAccount {
    /// The name of the system.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    #[serde(deserialize_with = "trimmed")]
    pub name: String,
    pub auth_method: ClientAuthMethod,
    /// The keys that the system signs with, for `private_key_jwt`.
    pub jwks: Option<KeySet>,
    /// The permissions that the account may ask for, as named in `x-permission` of the operations. It holds them only
    /// where its grants give them.
    #[schema(min_items = 1, max_items = 100)]
    pub scopes: Vec<String>,
}

/// A partner system that signs in by itself (tjänstekonto). Its id is its `client_id`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccount {
    pub id: UserId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewServiceAccount,
    pub status: UserStatus,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A secret of a service account, shown once.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadeClientSecret {
    /// The `client_secret` for `/oauth2/token`. It is shown only in this response.
    pub client_secret: String,
    /// The time when the earlier secrets stop working.
    pub earlier_end_at: DateTime<Utc>,
}
