//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

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
    /// The member of the record.
    #[schema(example = "name")]
    pub member: String,
    /// What it was; null where there was nothing, or where it is hidden.
    pub before: Option<Value>,
    /// What it became; null where nothing is left, or where it is hidden.
    pub after: Option<Value>,
    /// Why neither is shown, where the member is under secrecy (sekretess): the law, chapter and paragraph.
    #[schema(example = "OSL 26:1")]
    pub ground: Option<String>,
}

/// A version of a record (version).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionEntry {
    pub version: i64,
    pub changed_at: DateTime<Utc>,
    /// The user who made it. Null for the installation itself, for who has been erased, for versions from before the history
    /// began, and where the change feed does not tell either.
    pub changed_by: Option<Uuid>,
    pub op: ChangeOperation,
    /// What it changed, compared with the version before it in this list. The first one tells all that it had.
    pub changes: Vec<MemberChange>,
}
