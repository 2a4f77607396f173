//! Refusals of callers who are nobody: without a token there is no end to them, so they are noted by network address and
//! kind. The first within a minute is an entry of its own; how many more there were is one entry when the minute is over.

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
        audit::{self, ActiveModel, AuditOutcome, Trail, Turn},
        request::Meta,
    },
    limits,
};

/// How long refusals are counted together.
const TOGETHER: TimeDelta = TimeDelta::minutes(1);
/// How many addresses and kinds are told apart at once; what comes from others meanwhile is counted as one.
const APART: usize = 100;
/// How often it is looked for minutes that are over.
const PAUSE: Duration = Duration::from_secs(5);
/// The operation of a call at an address that is none.
const NO_OPERATION: &str = "unknownAddress";
/// The operation under which it is told how many more there were.
const MORE: &str = "anonymousCalls";

/// The refusals of the present minute.
#[derive(Debug, Default)]
pub struct Probes(Mutex<HashMap<Key, Tally>>);

/// A network, or nothing for all that are not told apart, and the status of the answer.
type Key = (Option<u128>, u16);

#[derive(Debug)]
struct Tally {
    since: DateTime<Utc>,
    /// How many more than the first.
    more: u64,
    address: String,
    detail: &'static str,
}

impl Tally {
    /// What is told of those that were counted.
    fn told(self, status: u16) -> Option<Told> {
        let trail = Trail { operation: MORE.to_owned(), address: self.address, ..Trail::default() };
        (self.more > 0).then(|| Told { trail, status, detail: format!("{}, {} more", self.detail, self.more) })
    }
}

/// An entry to be written.
#[derive(Debug)]
struct Told {
    trail: Trail,
    status: u16,
    detail: String,
}

impl Probes {
    /// Whether such an answer to nobody is noted.
    pub(super) const fn concern(status: u16) -> bool {
        matches!(status, 401 | 403 | 404 | 405 | 429)
    }

    /// Counts a refusal, and gives what is to be written now.
    fn count(&self, operation: Option<&str>, meta: &Meta, status: u16, detail: &'static str, now: DateTime<Utc>) -> Vec<Told> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = Vec::new();
        let mut key = (Some(limits::network(&meta.address)), status);
        if !all.contains_key(&key) && all.len() >= APART {
            told.extend(over(&mut all, Some(now)));
            if all.len() >= APART {
                key.0 = None;
            }
        }
        if let Some(tally) = all.get_mut(&key)
            && is_present(tally.since, now)
        {
            tally.more += 1;
            return told;
        }
        told.extend(all.remove(&key).and_then(|tally| tally.told(status)));
        // Whose address it is of many is not told, for it would stand for the others.
        let address = if key.0.is_some() { meta.address.clone() } else { String::new() };
        all.insert(key, Tally { since: now, more: 0, address: address.clone(), detail });
        let operation = operation.unwrap_or(NO_OPERATION).to_owned();
        let trail = Trail { operation, address, request_id: meta.request_id.clone(), ..Trail::default() };
        told.push(Told { trail, status, detail: detail.to_owned() });
        told
    }

    /// Notes that somebody who is nobody was refused.
    pub(crate) async fn note(&self, operation: Option<&str>, meta: &Meta, status: u16, detail: &'static str, db: &Db) {
        write(self.count(operation, meta, status, detail, db.clock.now()), db).await;
    }

    /// Notes a call at an address that is none, by whoever it is.
    pub async fn note_unknown(&self, meta: &Meta, status: u16, db: &Db) {
        self.note(None, meta, status, if status == 404 { "not-found" } else { "method-not-allowed" }, db).await;
    }

    /// Notes what was counted in minutes that are over, again and again.
    pub async fn keep_noting(&self, db: &Db) {
        loop {
            actix_web::rt::time::sleep(PAUSE).await;
            if db.is_closed() {
                return;
            }
            let told = over(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), Some(db.clock.now()));
            write(told, db).await;
        }
    }

    /// Notes all that was counted, before the service ends.
    pub async fn note_all(&self, db: &Db) {
        let told = over(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), None);
        write(told, db).await;
    }
}

/// Whether a minute that began then still runs. A clock that was set back begins a new one.
fn is_present(since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    (TimeDelta::zero()..TOGETHER).contains(&(now - since))
}

/// Takes out what was counted in minutes that are over, or all of it.
fn over(all: &mut HashMap<Key, Tally>, now: Option<DateTime<Utc>>) -> Vec<Told> {
    let ended = all.extract_if(|_, tally| now.is_none_or(|now| !is_present(tally.since, now)));
    ended.filter_map(|((_, status), tally)| tally.told(status)).collect()
}

async fn write(told: Vec<Told>, db: &Db) {
    if told.is_empty() {
        return;
    }
    let rows = told.into_iter().map(|Told { trail, status, detail }| {
        let turn = Turn { outcome: AuditOutcome::of(status), status, detail: None, created: None };
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
        let details = |told: Vec<Told>| told.into_iter().map(|told| (told.trail.operation, told.detail)).collect::<Vec<_>>();
        let first = probes.count(Some("listUsers"), &from("192.0.2.1"), 401, "unauthenticated", now);
        assert_eq!(details(first), [("listUsers".to_owned(), "unauthenticated".to_owned())]);
        for second in 0..59 {
            assert!(probes.count(None, &from("192.0.2.1"), 401, "unauthenticated", at(second)).is_empty());
        }
        assert_eq!(probes.count(None, &from("192.0.2.1"), 404, "not-found", now).len(), 1, "another kind");
        assert_eq!(probes.count(None, &from("192.0.2.2"), 401, "unauthenticated", now).len(), 1, "another address");
        let next = probes.count(None, &from("192.0.2.1"), 401, "unauthenticated", at(60));
        assert_eq!(details(next)[0], (MORE.to_owned(), "unauthenticated, 59 more".to_owned()));
        // From however many addresses.
        let told: usize =
            (0..10_000_u32).map(|one| probes.count(None, &from(&format!("2001:db8:0:{one:x}::1")), 404, "not-found", at(61)).len()).sum();
        assert!(told <= APART + 1, "{told}");
        let rest = over(&mut probes.0.lock().unwrap_or_else(PoisonError::into_inner), Some(at(200)));
        assert_eq!(details(rest).len(), 1);
    }
}
