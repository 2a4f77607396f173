//! The types of this resource: bodies of requests and responses, filters, enumerations and the id.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::kernel::{Id, extract::trimmed};

/// The id of a personal token.
pub type PersonalTokenId = Id<PersonalToken>;

/// A token to be made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPersonalToken {
    /// The purpose of the token, so that you still know it later.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    #[serde(deserialize_with = "trimmed")]
    pub name: String,
    /// The permissions that the token carries, as named in `x-permission` of the operations. It can never do more than
    /// its user.
    #[schema(min_items = 1, max_items = 100)]
    pub scopes: Vec<String>,
    /// The time when the token expires, at most 366 days from now.
    pub expires_at: DateTime<Utc>,
}

/// A token for the user's own programs (personlig åtkomstbiljett).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonalToken {
    pub id: PersonalTokenId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewPersonalToken,
    /// The time when the token was last used, updated once an hour; null when it has not been used.
    pub last_used_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A new token, with its only copy in clear text.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadePersonalToken {
    pub personal_token: PersonalToken,
    /// The token. Send it as `Authorization: Bearer …`. It is shown only in this response.
    pub token: String,
}
