//! The types of this resource: the representations and the id.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    kernel::{Id, extract::trimmed},
    registry::actors::ActorId,
};

/// The id of a source.
pub type SourceId = Id<Source>;

/// A source as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSource {
    /// The actor that the system belongs to; null for a source of the installation itself, which requires the permission
    /// everywhere.
    pub actor_id: Option<ActorId>,
    /// The name of the system, such as `Föreningsregistret`.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    #[serde(deserialize_with = "trimmed")]
    pub name: String,
    /// The name of the system's id scheme. It keeps the ids of different systems apart.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    #[serde(deserialize_with = "trimmed")]
    pub id_scheme: String,
    /// The members of an actor that the system keeps up to date. All other members are written only when an actor is
    /// created; after that they are curated here.
    #[serde(default)]
    #[schema(max_items = 40, example = json!(["name", "website"]))]
    pub owned_fields: Vec<String>,
}

/// A partner system that records come from (källa).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    pub id: SourceId,
    /// The version of the record. It grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewSource,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}
