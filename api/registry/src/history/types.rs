//! The types of this resource: the response body.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::kernel::events::ChangeOperation;

/// A member that a version changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberChange {
    /// The name of the member.
    #[schema(example = "name")]
    pub member: String,
    /// The value before the change; null when there was none or when it is hidden.
    pub before: Option<Value>,
    /// The value after the change; null when there is none or when it is hidden.
    pub after: Option<Value>,
    /// The legal ground for hiding both values when the member is under secrecy (sekretess): law, chapter and section.
    #[schema(example = "OSL 26:1")]
    pub ground: Option<String>,
}

/// A version of a record (version).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionEntry {
    pub version: i64,
    pub changed_at: DateTime<Utc>,
    /// The id of the user who made the version. Null when the installation itself made it, when the user has been erased, when
    /// the version is older than the history, when the caller is not signed in, and for versions with the visibility `actor`.
    pub changed_by: Option<Uuid>,
    pub op: ChangeOperation,
    /// The changes from the nearest earlier version that the caller can see. The first version lists all members that are not empty.
    pub changes: Vec<MemberChange>,
}
