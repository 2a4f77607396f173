//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

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
    /// What it is for, for the day when one wonders.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    #[serde(deserialize_with = "trimmed")]
    pub name: String,
    /// The permissions that it carries, as `x-permission` of the operations names them; never more than its user holds.
    #[schema(min_items = 1, max_items = 100)]
    pub scopes: Vec<String>,
    /// When it ends, at most 366 days from now.
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
    /// When it was last used, to the hour; null when never.
    pub last_used_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A token as it is made, with its only copy.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadePersonalToken {
    pub personal_token: PersonalToken,
    /// Send it as `Authorization: Bearer …`. It is shown only now.
    pub token: String,
}
