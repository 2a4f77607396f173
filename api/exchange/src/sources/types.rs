//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    kernel::{Id, extract::trimmed},
    registry::actors::ActorId,
};

/// The id of a source.
pub type SourceId = Id<Source>;

/// A source to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSource {
    /// The actor whose system it is; null for the installation's own, which only those write who may write everywhere.
    pub actor_id: Option<ActorId>,
    /// The system's name, such as `Föreningsregistret`.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    #[serde(deserialize_with = "trimmed")]
    pub name: String,
    /// What the system calls its ids, so that two systems' ids are never taken for each other's.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    #[serde(deserialize_with = "trimmed")]
    pub id_scheme: String,
    /// The members of an actor that the system keeps up to date. All others are written when an actor is created, and are
    /// then curated here.
    #[serde(default)]
    #[schema(max_items = 40, example = json!(["name", "website"]))]
    pub owned_fields: Vec<String>,
}

/// A partner system that records come from (källa).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    pub id: SourceId,
    /// Grows by one with each change.
    pub version: i64,
    #[serde(flatten)]
    pub fields: NewSource,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}
