//! The types of this resource: bodies of requests and responses, filters, enumerations and the id.

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
    /// The present name of the user; null when the account no longer exists.
    pub name: Option<String>,
}

/// One entry of the audit log (loggpost).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    pub id: AuditEntryId,
    /// The position of the entry in the chain; null until it is linked, which takes a moment.
    pub position: Option<i64>,
    pub at: DateTime<Utc>,
    /// The user who called. For a refused sign-in, the user whose account was tried. Null when no user is known.
    pub user: Option<AuditUser>,
    /// The credential of the call: its kind and id, such as `session:` and the session's id.
    #[schema(example = "session:01890a5d-ac96-774b-bcce-b302099a8057")]
    pub credential: Option<String>,
    /// The network address that the call came from.
    pub address: Option<String>,
    /// The `X-Request-Id` of the call, which is also in the service's log.
    pub request_id: Option<String>,
    /// The `operationId`, or a fixed word: one for work that was done at the console, `unknownAddress` for a call to
    /// an unknown address, `anonymousCalls` for refusals without a token that were counted together.
    #[schema(example = "updateActor")]
    pub operation: String,
    pub outcome: AuditOutcome,
    /// The HTTP status of the response.
    #[schema(example = 200)]
    pub status: i32,
    /// The kind of record that the call was about, such as `actor`.
    pub record_kind: Option<String>,
    /// The id of the record that the call was about.
    pub record_id: Option<Uuid>,
    /// The id of the actor that the call concerns.
    pub actor_id: Option<Uuid>,
    /// The reason why the call was refused or failed: the problem's code, or the permission that was missing. For
    /// refusals that were counted together, it also says how many more there were.
    pub detail: Option<String>,
}

/// The filter for audit entries.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct AuditFilter {
    /// Only what this user did.
    #[param(nullable = false)]
    pub user_id: Option<Uuid>,
    /// Only calls of this operation.
    #[param(nullable = false, max_length = 100)]
    pub operation: Option<String>,
    /// Only entries with this outcome.
    #[param(inline, nullable = false)]
    pub outcome: Option<AuditOutcome>,
    /// Only entries from this time on.
    #[param(nullable = false)]
    pub after: Option<DateTime<Utc>>,
    /// Only entries before this time.
    #[param(nullable = false)]
    pub before: Option<DateTime<Utc>>,
    /// Only entries about the record with this id.
    #[param(nullable = false)]
    pub record_id: Option<Uuid>,
    /// Only the call with this `X-Request-Id`.
    #[param(nullable = false, max_length = 64)]
    pub request_id: Option<String>,
}
