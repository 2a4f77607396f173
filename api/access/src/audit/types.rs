//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    kernel::{Id, audit::AuditOutcome},
    users::UserId,
};

/// The id of an entry.
pub type AuditEntryId = Id<AuditEntry>;

/// A user in the audit log.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditUser {
    pub id: UserId,
    /// The name that the user has now; null when the user is no longer there.
    pub name: Option<String>,
}

/// One entry of the audit log (loggpost).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    pub id: AuditEntryId,
    /// The entry's place in the chain; null for the moment until it has one.
    pub position: Option<i64>,
    pub at: DateTime<Utc>,
    /// Who called; of a refused sign-in, the user whose account was tried. Null when it is nobody known.
    pub user: Option<AuditUser>,
    /// What the caller identified itself by: the kind and the id of it, such as `session:` and the session's id.
    #[schema(example = "session:01890a5d-ac96-774b-bcce-b302099a8057")]
    pub credential: Option<String>,
    /// The network address that the call came from.
    pub address: Option<String>,
    /// The call's `X-Request-Id`, which is also in the log.
    pub request_id: Option<String>,
    /// The operation's `operationId`, or a fixed word: for what was done at the console, for an address that is none
    /// (`unknownAddress`), and for refusals without a token that were counted together (`anonymousCalls`).
    #[schema(example = "updateActor")]
    pub operation: String,
    pub outcome: AuditOutcome,
    /// The HTTP status of the answer.
    #[schema(example = 200)]
    pub status: i32,
    /// The kind of record that it is about, such as `actor`.
    pub record_kind: Option<String>,
    /// The record that it is about.
    pub record_id: Option<Uuid>,
    /// The actor that it concerns.
    pub actor_id: Option<Uuid>,
    /// Why it was refused or failed: the problem's code, or the permission that was missing; and how many more there were,
    /// where they were counted together.
    pub detail: Option<String>,
}

/// Which entries to show.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct AuditFilter {
    /// What this user did.
    #[param(nullable = false)]
    pub user_id: Option<Uuid>,
    /// Calls of this operation.
    #[param(nullable = false, max_length = 100)]
    pub operation: Option<String>,
    /// What turned out so.
    #[param(inline, nullable = false)]
    pub outcome: Option<AuditOutcome>,
    /// From this time on.
    #[param(nullable = false)]
    pub after: Option<DateTime<Utc>>,
    /// Before this time.
    #[param(nullable = false)]
    pub before: Option<DateTime<Utc>>,
    /// What was done with this record.
    #[param(nullable = false)]
    pub record_id: Option<Uuid>,
    /// The call with this id.
    #[param(nullable = false, max_length = 64)]
    pub request_id: Option<String>,
}
