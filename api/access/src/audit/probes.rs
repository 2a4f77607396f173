//! Refusals of callers without a token. There is no limit to their number, so they are counted by network address and
//! status. The first one within a minute gets an entry of its own; the others are counted and noted as one entry when the
//! minute is over.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::EntityTrait;

use crate::{
    kernel::{
        Db,
        audit::{self, ActiveModel, AuditOutcome, AuditResult, Trail},
        request::Meta,
    },
    limits,
};

/// The time for which refusals are counted together.
const TOGETHER: TimeDelta = TimeDelta::minutes(1);
/// The number of counters that are kept at once. Refusals beyond that share one counter for each status.
const APART: usize = 100;
/// The time between two searches for counters whose minute is over.
const PAUSE: Duration = Duration::from_secs(5);
/// The operation in the entry of a call to an unknown address.
const NO_OPERATION: &str = "unknownAddress";
/// The operation in the entry that says how many more refusals there were.
const MORE: &str = "anonymousCalls";

/// The counters of the present minute.
#[derive(Debug, Default)]
pub struct Probes(Mutex<HashMap<Key, Tally>>);

/// A network (`None` for the shared counter), and the status of the response.
type Key = (Option<u128>, u16);

#[derive(Debug)]
struct Tally {
    since: DateTime<Utc>,
    /// The number of refusals after the first.
    more: u64,
    address: String,
    detail: &'static str,
}

impl Tally {
    /// Returns the entry for the refusals after the first; `None` when there were none.
    fn into_entry(self, status: u16) -> Option<NewEntry> {
        let trail = Trail { operation: MORE.to_owned(), address: self.address, ..Trail::default() };
        (self.more > 0).then(|| NewEntry { trail, status, detail: format!("{}, {} more", self.detail, self.more) })
    }
}

/// An audit entry to be written.
#[derive(Debug)]
struct NewEntry {
    trail: Trail,
    status: u16,
    detail: String,
}

impl Probes {
    /// Whether a response with this status to a caller without a token is noted.
    pub(super) const fn covers(status: u16) -> bool {
        matches!(status, 401 | 403 | 404 | 405 | 429)
    }

    /// Counts a refusal, and returns the entries that are to be written now.
    fn count(&self, operation: Option<&str>, meta: &Meta, status: u16, detail: &'static str, now: DateTime<Utc>) -> Vec<NewEntry> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries = Vec::new();
        let mut key = (Some(limits::network(&meta.address)), status);
        if !all.contains_key(&key) && all.len() >= APART {
            entries.extend(take_ended(&mut all, Some(now)));
            if all.len() >= APART {
                key.0 = None;
            }
        }
        if let Some(tally) = all.get_mut(&key)
            && is_present(tally.since, now)
        {
            tally.more += 1;
            return entries;
        }
        entries.extend(all.remove(&key).and_then(|tally| tally.into_entry(status)));
        // A shared counter has no address, since the first one would stand for all the others.
        let address = if key.0.is_some() { meta.address.clone() } else { String::new() };
        all.insert(key, Tally { since: now, more: 0, address: address.clone(), detail });
        let operation = operation.unwrap_or(NO_OPERATION).to_owned();
        let trail = Trail { operation, address, request_id: meta.request_id.clone(), ..Trail::default() };
        entries.push(NewEntry { trail, status, detail: detail.to_owned() });
        entries
    }

    /// Notes that a caller without a token was refused.
    pub(crate) async fn note(&self, operation: Option<&str>, meta: &Meta, status: u16, detail: &'static str, db: &Db) {
        write(self.count(operation, meta, status, detail, db.clock.now()), db).await;
    }

    /// Notes a call to an unknown address, whoever the caller is.
    pub async fn note_unknown(&self, meta: &Meta, status: u16, db: &Db) {
        self.note(None, meta, status, if status == 404 { "not-found" } else { "method-not-allowed" }, db).await;
    }

    /// Notes the counters whose minute is over, every five seconds until the database is closed.
    pub async fn keep_noting(&self, db: &Db) {
        loop {
            actix_web::rt::time::sleep(PAUSE).await;
            if db.is_closed() {
                return;
            }
            let entries = take_ended(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), Some(db.clock.now()));
            write(entries, db).await;
        }
    }

    /// Notes all counters, before the service stops.
    pub async fn note_all(&self, db: &Db) {
        let entries = take_ended(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), None);
        write(entries, db).await;
    }
}

/// Whether a minute that began at `since` is still running. A clock that was set back begins a new minute.
fn is_present(since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    (TimeDelta::zero()..TOGETHER).contains(&(now - since))
}

/// Removes the counters whose minute is over at `now`, or all when `now` is `None`. Returns their entries.
fn take_ended(all: &mut HashMap<Key, Tally>, now: Option<DateTime<Utc>>) -> Vec<NewEntry> {
    let ended = all.extract_if(|_, tally| now.is_none_or(|now| !is_present(tally.since, now)));
    ended.filter_map(|((_, status), tally)| tally.into_entry(status)).collect()
}

async fn write(entries: Vec<NewEntry>, db: &Db) {
    if entries.is_empty() {
        return;
    }
    let rows = entries.into_iter().map(|NewEntry { trail, status, detail }| {
        let turn = AuditResult { outcome: AuditOutcome::from_status(status), status, detail: None, created: None };
        let row = audit::row(&trail, db.new_id::<audit::Model>().uuid(), db.clock.now(), turn, &[]);
        ActiveModel { detail: sea_orm::ActiveValue::Set(Some(detail)), ..row }
    });
    if let Err(error) = audit::Entity::insert_many(rows).exec_without_returning(db.writer()).await {
        tracing::error!(%error, "refusals of callers without a token could not be noted in the audit log");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::language::Language;

    fn from(address: &str) -> Meta {
        Meta {
            request_id: String::new(),
            language: Language::Sv,
            body: bytes::Bytes::new(),
            address: address.to_owned(),
            agent: String::new(),
            headers: std::cell::RefCell::default(),
        }
    }

    #[test]
    fn a_flood_leaves_two_entries_a_minute_for_each_address_and_kind() {
        let probes = Probes::default();
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap_or_default();
        let at = |seconds: i64| now + TimeDelta::seconds(seconds);
        let details = |entries: Vec<NewEntry>| entries.into_iter().map(|entry| (entry.trail.operation, entry.detail)).collect::<Vec<_>>();
        let first = probes.count(Some("listUsers"), &from("192.0.2.1"), 401, "unauthenticated", now);
        assert_eq!(details(first), [("listUsers".to_owned(), "unauthenticated".to_owned())]);
        for second in 0..59 {
            assert!(probes.count(None, &from("192.0.2.1"), 401, "unauthenticated", at(second)).is_empty());
        }
        assert_eq!(probes.count(None, &from("192.0.2.1"), 404, "not-found", now).len(), 1, "another kind");
        assert_eq!(probes.count(None, &from("192.0.2.2"), 401, "unauthenticated", now).len(), 1, "another address");
        let next = probes.count(None, &from("192.0.2.1"), 401, "unauthenticated", at(60));
        assert_eq!(details(next)[0], (MORE.to_owned(), "unauthenticated, 59 more".to_owned()));
        // The number of addresses does not matter.
        let written: usize =
            (0..10_000_u32).map(|one| probes.count(None, &from(&format!("2001:db8:0:{one:x}::1")), 404, "not-found", at(61)).len()).sum();
        assert!(written <= APART + 1, "{written}");
        let rest = take_ended(&mut probes.0.lock().unwrap_or_else(PoisonError::into_inner), Some(at(200)));
        assert_eq!(details(rest).len(), 1);
    }
}
