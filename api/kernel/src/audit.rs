//! The entries of the audit log: who did, saw, failed at or was denied what, when, from where and by which credential.
//!
//! A change is noted in the transaction of the change itself, so there is none without the other. Entries hold ids and
//! fixed words only: no name, no content, no text of the caller's. How they are linked in a chain and shown is the
//! matter of `access::audit`.

use std::sync::{
    OnceLock,
    atomic::{AtomicU16, Ordering},
};

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, entity::prelude::*};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::events::Change;

/// How a call turned out, for the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// Carried out.
    Done,
    /// Personal data or restricted material was read.
    Seen,
    /// Refused, because the caller may not or is not known.
    Denied,
    /// Not carried out, for another reason.
    Failed,
}

impl AuditOutcome {
    /// The outcome that a status of refusal stands for.
    #[must_use]
    pub const fn of(status: u16) -> Self {
        match status {
            ..=399 => Self::Done,
            401 | 403 | 429 => Self::Denied,
            _ => Self::Failed,
        }
    }
}

/// What the audit log wants to know of a call. The handler, its writes and the middleware share it.
#[derive(Debug, Default)]
pub struct Trail {
    /// The operation's name; nothing is noted of a call without one.
    pub operation: String,
    /// The status of the operation's success, as the contract says.
    pub success: u16,
    /// Who calls.
    pub user: Option<Uuid>,
    /// What the caller identified itself by: the kind and the id of it, never the thing itself.
    pub credential: String,
    /// Where the call came from.
    pub address: String,
    /// Identifies the call in the log and in the answer.
    pub request_id: String,
    /// The actor that the caller works for, where it is one alone.
    pub actor: Option<Uuid>,
    /// The kind and id of the record that the path names.
    pub record: Option<(String, Uuid)>,
    /// Whether it is noted that something was read.
    pub reads: bool,
    /// The user whose account is spoken of by a caller who is nobody yet, and the actor that the user works for.
    pub account: OnceLock<(Uuid, Option<Uuid>)>,
    /// The status that was noted with a write; 0 for none.
    pub noted: AtomicU16,
}

impl Trail {
    /// The trail of something done at the console.
    #[must_use]
    pub fn of_console(operation: &str) -> Self {
        Self { operation: operation.to_owned(), success: 200, credential: "console".to_owned(), ..Self::default() }
    }

    /// Says whose account it is about, when the caller is nobody yet, and which actor the user works for.
    pub fn is_about(&self, user: Uuid, employer: Option<Uuid>) {
        let _ = self.account.set((user, employer));
    }

    /// The status that was noted with a write.
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

/// How something turned out.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// The outcome.
    pub outcome: AuditOutcome,
    /// The status that is answered.
    pub status: u16,
    /// A fixed word that says why.
    pub detail: Option<&'static str>,
    /// The record that was created.
    pub created: Option<Uuid>,
}

impl Turn {
    /// It was done and is answered with a status.
    #[must_use]
    pub const fn done(status: u16) -> Self {
        Self { outcome: AuditOutcome::Done, status, detail: None, created: None }
    }

    /// It was refused, for a reason.
    #[must_use]
    pub const fn denied(reason: &'static str) -> Self {
        Self { outcome: AuditOutcome::Denied, status: 401, detail: Some(reason), created: None }
    }
}

/// The entry of a call that turned out so and changed these records.
#[must_use]
pub fn row(trail: &Trail, id: Uuid, at: DateTime<Utc>, turn: Turn, changes: &[Change]) -> ActiveModel {
    let Turn { outcome, status, detail, created } = turn;
    // Of several records the one that was created, else the one that the path names, else the first.
    let named = trail.record.as_ref().map(|(_, id)| *id);
    let with = |id: Option<Uuid>| changes.iter().find(|change| Some(change.id) == id);
    let main = with(created).or_else(|| with(named)).or(changes.first());
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
