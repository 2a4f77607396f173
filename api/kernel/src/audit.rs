//! The entries of the audit log. An entry has the user, the operation, its outcome, the record, the time, the network address and
//! the credential.
//!
//! The entry of a change is inserted in the transaction of the change, so that neither exists without the other. Entries hold
//! only ids and fixed words: no names, no content and no text from the caller. `access::audit` links them in a chain and shows
//! them.

use std::sync::{
    OnceLock,
    atomic::{AtomicU16, Ordering},
};

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, entity::prelude::*};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::events::Change;

/// The outcome of a call in the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// The call was carried out.
    Done,
    /// Personal data or restricted material was read.
    Seen,
    /// The call was refused: the caller is unknown, lacks the permission or called too often.
    Denied,
    /// The call was not carried out, for another reason.
    Failed,
}

impl AuditOutcome {
    /// Returns the outcome for the HTTP status of a response.
    #[must_use]
    pub const fn from_status(status: u16) -> Self {
        match status {
            ..=399 => Self::Done,
            401 | 403 | 429 => Self::Denied,
            _ => Self::Failed,
        }
    }
}

/// The data of a call for the audit log. The handler, its writes and the middleware share it.
#[derive(Debug, Default)]
pub struct Trail {
    /// The `operationId`; empty for a call that gets no entry.
    pub operation: String,
    /// The HTTP status of the operation's success in the contract.
    pub success: u16,
    /// The id of the user who calls.
    pub user: Option<Uuid>,
    /// The kind and the id of the caller's credential; never the credential itself.
    pub credential: String,
    /// The network address of the caller.
    pub address: String,
    /// The id of the call, as in the log and in the answer.
    pub request_id: String,
    /// The id of the actor that the caller works for, when there is exactly one.
    pub actor: Option<Uuid>,
    /// The kind and the id of the record that the path names.
    pub record: Option<(String, Uuid)>,
    /// Whether reading gets an entry too.
    pub reads: bool,
    /// For a caller who is not signed in: the user whose account the call concerns, and the actor that this user works for.
    pub account: OnceLock<(Uuid, Option<Uuid>)>,
    /// The status of the entry that was inserted with a write; 0 for none.
    pub noted: AtomicU16,
}

impl Trail {
    /// Returns the trail of an operation at the console.
    #[must_use]
    pub fn of_console(operation: &str) -> Self {
        Self { operation: operation.to_owned(), success: 200, credential: "console".to_owned(), ..Self::default() }
    }

    /// Sets the account that a call concerns, when the caller is not signed in: the user, and the actor that the user works for.
    /// A second call has no effect.
    pub fn set_account(&self, user: Uuid, employer: Option<Uuid>) {
        let _ = self.account.set((user, employer));
    }

    /// Returns the status of the entry that was inserted with a write, if there is one.
    #[must_use]
    pub fn noted(&self) -> Option<u16> {
        Some(self.noted.load(Ordering::Relaxed)).filter(|status| *status > 0)
    }

    pub(super) fn note(&self, status: u16) {
        self.noted.store(status, Ordering::Relaxed);
    }
}

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entry")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub at: ChronoDateTimeUtc,
    pub user_id: Option<Uuid>,
    pub credential: String,
    pub address: String,
    pub request_id: String,
    pub operation: String,
    pub outcome: AuditOutcome,
    pub status: i32,
    pub record_kind: Option<String>,
    pub record_id: Option<Uuid>,
    pub actor_id: Option<Uuid>,
    pub detail: Option<String>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// The result of a call, for its entry.
#[derive(Clone, Copy, Debug)]
pub struct AuditResult {
    /// The outcome.
    pub outcome: AuditOutcome,
    /// The HTTP status of the answer.
    pub status: u16,
    /// A fixed word for the reason.
    pub detail: Option<&'static str>,
    /// The id of the record that was created.
    pub created: Option<Uuid>,
}

impl AuditResult {
    /// Returns the result of a call that was carried out, with the status of its answer.
    #[must_use]
    pub const fn done(status: u16) -> Self {
        Self { outcome: AuditOutcome::Done, status, detail: None, created: None }
    }

    /// Returns the result of a call that was refused with 401, with the reason.
    #[must_use]
    pub const fn denied(reason: &'static str) -> Self {
        Self { outcome: AuditOutcome::Denied, status: 401, detail: Some(reason), created: None }
    }
}

/// Returns the entry of a call. Of several changed records it names the created one, else the one in the path, else the first.
#[must_use]
pub fn row(trail: &Trail, id: Uuid, at: DateTime<Utc>, result: AuditResult, changes: &[Change]) -> ActiveModel {
    let AuditResult { outcome, status, detail, created } = result;
    let named = trail.record.as_ref().map(|(_, id)| *id);
    let change_of = |id: Option<Uuid>| changes.iter().find(|change| Some(change.id) == id);
    let main = change_of(created).or_else(|| change_of(named)).or(changes.first());
    let record = main.map(|change| (change.kind.to_owned(), change.id)).or_else(|| trail.record.clone());
    let concerned = main.into_iter().chain(changes).find_map(|change| change.visible.actor);
    let (record_kind, record_id) = record.unzip();
    let (account, employer) = trail.account.get().copied().unzip();
    ActiveModel {
        id: Set(id),
        at: Set(at),
        user_id: Set(trail.user.or(account)),
        credential: Set(trail.credential.clone()),
        address: Set(trail.address.clone()),
        request_id: Set(trail.request_id.clone()),
        operation: Set(trail.operation.clone()),
        outcome: Set(outcome),
        status: Set(status.into()),
        record_kind: Set(record_kind),
        record_id: Set(record_id),
        actor_id: Set(concerned.or(trail.actor).or(employer.flatten())),
        detail: Set(detail.map(ToOwned::to_owned)),
    }
}
