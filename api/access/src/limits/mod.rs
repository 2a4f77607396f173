//! Rate limits. Calls are counted in memory, so that a call needs no read from the database. About each second, every
//! instance adds its counts to the database and reads the totals of all instances. Tries at a secret are counted in the
//! database itself (`tries.rs`), because there exact counts are worth the cost.

mod letters;
mod store;
mod table;
mod tries;
mod window;

use std::{
    collections::HashMap,
    fmt::Write,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::http::header::{HeaderName, HeaderValue};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};

pub use tries::{Attempt, Guarded};

use self::{
    store::Counted,
    window::{Policy, Window},
};
use super::Caller;
use crate::kernel::{
    Db, Problem, Result,
    clock::Clock,
    measures,
    problem::Kind,
    record::{Table, impersonal_table},
    request::Meta,
    say,
};

/// The tables of this module.
pub const TABLES: &[Table] = &[
    // The keys are digests and ids, and are kept for minutes or a day.
    impersonal_table("rate_window", "key window_start:int window_end:int count:int"),
    impersonal_table("failed_tries", "key window_start:time count:int"),
];

/// The time between two exchanges of counts between instances.
const SHARED_EVERY: Duration = Duration::from_secs(1);

/// The number of exchanges after which old counts are removed.
const FORGOTTEN_EVERY: u32 = 60;

/// The largest number of keys in one statement.
const BATCH: usize = 500;

/// The difference between the clock and the monotonic time, in microseconds, above which the clock is read anew.
const STRAYED: i64 = 2_000_000;

/// The limits; 0 means no limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct LimitSettings {
    /// Calls a minute by one signed-in user.
    pub caller_per_minute: u64,
    /// Calls a minute from one network without a valid token.
    pub address_per_minute: u64,
    /// Calls a minute from one network with an invalid token.
    pub invalid_tokens_per_minute: u64,
    /// Calls a day by one signed-in user.
    pub calls_per_day: u64,
    /// Failed tries at one account's secret in 15 minutes: from one network, and from all networks except the usual ones
    /// of the account.
    pub failures_per_account: u64,
    /// Failed tries in 15 minutes from one network, at any accounts.
    pub failures_per_address: u64,
    /// Letters to others that one caller may cause in a day.
    pub letters_per_caller: u64,
    /// Letters that callers may cause to one address in a day.
    pub letters_per_recipient: u64,
}

/// The key of a counter: the index of the policy, and a user's id or a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    policy: usize,
    who: u128,
}

const CALLER: usize = 0;

const DAY: usize = 1;

const ADDRESS: usize = 2;

const INVALID_TOKENS: usize = 3;

#[derive(Debug)]
struct Entry {
    key: Key,
    window: Mutex<Window>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    policy: &'static str,
}

/// Counts calls and failed tries, and refuses those above the limits.
#[derive(Debug)]
pub struct Limits {
    settings: LimitSettings,
    policies: [Policy; 4],
    /// Values of the header `RateLimit-Policy`: for a signed-in user, for a network, for a network with an invalid token.
    policy_headers: [Option<HeaderValue>; 3],
    /// Separate from `addresses`, so that many addresses cannot evict the counters of signed-in users.
    callers: moka::sync::Cache<Key, Arc<Entry>>,
    addresses: moka::sync::Cache<Key, Arc<Entry>>,
    /// Counters with calls that have not been shared with the other instances.
    unshared: Mutex<Vec<Arc<Entry>>>,
    /// The wall-clock time at `since`, in microseconds since 1970.
    began: AtomicI64,
    since: Instant,
    rounds: AtomicU32,
    running: tries::Running,
    refused: Family<Refused, Counter>,
    failed: Family<tries::Failed, Counter>,
}

impl Limits {
    /// Makes counters that are all zero.
    #[must_use]
    pub fn new(settings: LimitSettings, clock: &Clock) -> Self {
        let minute = |name, quota| Policy { name, quota, seconds: 60, slides: true };
        let policies = [
            minute("caller", settings.caller_per_minute),
            Policy { name: "day", quota: settings.calls_per_day, seconds: 86_400, slides: false },
            minute("address", settings.address_per_minute),
            minute("invalid-tokens", settings.invalid_tokens_per_minute),
        ];
        let policy_headers = [&[CALLER, DAY][..], &[ADDRESS], &[ADDRESS, INVALID_TOKENS]].map(|concerned| {
            let on: Vec<_> = concerned.iter().map(|at| policies[*at]).filter(|policy| policy.quota > 0).collect();
            let text: Vec<_> = on.iter().map(|policy| format!("\"{}\";q={};w={}", policy.name, policy.quota, policy.seconds)).collect();
            HeaderValue::from_str(&text.join(", ")).ok().filter(|value| !value.is_empty())
        });
        let cache = || moka::sync::Cache::builder().max_capacity(100_000).time_to_idle(Duration::from_hours(24)).build();
        #[expect(clippy::disallowed_methods, reason = "passing time is measured, so that a clock that jumps locks nobody out")]
        let since = Instant::now();
        Self {
            settings,
            policies,
            policy_headers,
            callers: cache(),
            addresses: cache(),
            unshared: Mutex::default(),
            began: AtomicI64::new(clock.now().timestamp_micros()),
            since,
            rounds: AtomicU32::default(),
            running: tries::Running::default(),
            refused: Family::default(),
            failed: Family::default(),
        }
    }

    /// Counts a call, and adds the headers `RateLimit` and `RateLimit-Policy` to its response.
    ///
    /// # Errors
    /// When a limit is exceeded (429).
    pub fn count(&self, caller: &Result<Arc<Caller>>, meta: &Meta) -> Result<()> {
        let user = caller.as_ref().ok().and_then(|caller| caller.user).map(|user| user.as_u128());
        let (which, concerned) = match (user, caller) {
            (Some(user), _) => (0, [Some((CALLER, user)), Some((DAY, user))]),
            (None, Err(problem)) if problem.kind == Kind::Unauthenticated => {
                let network = network(&meta.address);
                (2, [Some((ADDRESS, network)), Some((INVALID_TOKENS, network))])
            }
            (None, _) => (1, [Some((ADDRESS, network(&meta.address))), None]),
        };
        let Some(policy_header) = &self.policy_headers[which] else { return Ok(()) };
        let mut remaining = String::with_capacity(48);
        let mut outcome = Ok(());
        for (policy, who) in concerned.into_iter().flatten() {
            let key = Key { policy, who };
            let policy = self.policies[policy];
            if policy.quota == 0 {
                continue;
            }
            let standing = self.take(key, policy);
            let between = if remaining.is_empty() { "" } else { ", " };
            let _ = write!(remaining, "{between}\"{}\";r={};t={}", policy.name, standing.remaining, standing.seconds);
            if !standing.admitted {
                self.refused.get_or_create(&Refused { policy: policy.name }).inc();
                outcome = Err(too_many(key.policy, policy.quota, standing.seconds));
                break;
            }
        }
        let mut headers = meta.headers.borrow_mut();
        headers.push((HeaderName::from_static("ratelimit-policy"), policy_header.clone()));
        headers.extend(HeaderValue::try_from(remaining).ok().map(|value| (HeaderName::from_static("ratelimit"), value)));
        outcome
    }

    fn take(&self, key: Key, policy: Policy) -> window::Standing {
        let cache = if key.policy == CALLER || key.policy == DAY { &self.callers } else { &self.addresses };
        let entry = cache.get(&key).unwrap_or_else(|| cache.get_with(key, || Arc::new(Entry { key, window: Mutex::default() })));
        let mut window = entry.window.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = window.take(policy, self.now());
        if window.unshared > 0 && !window.listed {
            window.listed = true;
            self.unshared.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&entry));
        }
        standing
    }

    /// The present time for windows, in microseconds since 1970.
    fn now(&self) -> i64 {
        let passed = i64::try_from(self.since.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.began.load(Ordering::Relaxed).saturating_add(passed)
    }

    /// Exchanges counts with the other instances each second, until the database is closed.
    pub async fn keep_shared(&self, db: &Db) {
        let mut due = tokio::time::interval(SHARED_EVERY);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            if db.is_closed() {
                return;
            }
            // When the database cannot be reached, each instance counts alone.
            if let Err(problem) = self.share(db).await {
                tracing::debug!(%problem, "counted calls could not be shared");
            }
        }
    }

    async fn share(&self, db: &Db) -> Result<()> {
        let strayed = db.clock.now().timestamp_micros() - self.now();
        if strayed.abs() > STRAYED {
            self.began.fetch_add(strayed, Ordering::Relaxed);
        }
        let mut entries = std::mem::take(&mut *self.unshared.lock().unwrap_or_else(PoisonError::into_inner));
        // All instances update the rows in the same order, so that no deadlock arises.
        entries.sort_unstable_by_key(|entry| (entry.key.policy, entry.key.who));
        let mut outcome = Ok(());
        for batch in entries.chunks(BATCH) {
            outcome = outcome.and(self.share_batch(batch, db).await);
        }
        if self.rounds.fetch_add(1, Ordering::Relaxed) % FORGOTTEN_EVERY == FORGOTTEN_EVERY - 1 {
            store::forget(db.clock.now(), tries::LAST, letters::DAY, tries::USUAL, db).await?;
        }
        outcome
    }

    async fn share_batch(&self, batch: &[Arc<Entry>], db: &Db) -> Result<()> {
        let mut counted = Vec::with_capacity(batch.len());
        let mut by_key = HashMap::with_capacity(batch.len());
        for entry in batch {
            let policy = self.policies[entry.key.policy];
            let mut window = entry.window.lock().unwrap_or_else(PoisonError::into_inner);
            let (start, calls) = (window.start, window.share());
            if calls > 0 {
                let key = format!("{}:{:032x}", policy.name, entry.key.who);
                by_key.insert(key.clone(), (entry, start, calls));
                counted.push(Counted { key, start, end: start + policy.seconds, calls });
            }
        }
        let shared = store::share(&counted, db).await;
        match shared {
            Ok(totals) => {
                for total in totals {
                    if let Some((entry, start, _)) = by_key.get(&total.key) {
                        entry.window.lock().unwrap_or_else(PoisonError::into_inner).merge_totals(*start, total.count, total.previous);
                    }
                }
                Ok(())
            }
            Err(problem) => {
                // The counts are shared in the next exchange.
                for (entry, start, calls) in by_key.into_values() {
                    let mut window = entry.window.lock().unwrap_or_else(PoisonError::into_inner);
                    if window.start == start {
                        window.unshared += calls;
                        window.listed = true;
                        self.unshared.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(entry));
                    }
                }
                Err(problem)
            }
        }
    }

    /// Tells how many callers and addresses are counted.
    pub fn note_caches(&self, caches: &measures::Caches) {
        caches.note("counted_callers", &self.callers);
        caches.note("counted_addresses", &self.addresses);
    }

    /// Registers the metrics: refused calls and failed tries.
    pub fn register(&self, registry: &mut prometheus_client::registry::Registry) {
        registry.register(
            "calls_refused",
            "Calls refused because they were too many, by policy; day is the daily quota",
            self.refused.clone(),
        );
        registry.register("tries_failed", "Failed tries at a secret, by what was tried", self.failed.clone());
    }
}

/// Returns the network that counts as one caller: an address of IPv4, or the first 64 bits of an address of IPv6, which
/// one household or office has.
pub(crate) fn network(address: &str) -> u128 {
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => u128::from(address.to_ipv6_mapped()),
        Ok(IpAddr::V6(address)) => u128::from(address) >> 64 << 64,
        Err(_) => u128::from(Ipv6Addr::UNSPECIFIED),
    }
}

fn too_many(policy: usize, quota: u64, seconds: i64) -> Problem {
    let detail = match policy {
        CALLER => say!(
            "Du har gjort fler än {quota} anrop på en minut. Vänta {seconds} sekunder och försök igen.",
            "You have made more than {quota} calls in a minute. Wait {seconds} seconds and try again."
        ),
        DAY => say!(
            "Dygnets {quota} anrop är förbrukade. Räkningen börjar om vid midnatt UTC, om {seconds} sekunder. Behöver ni fler, till exempel för en integration, så be driften att höja gränsen.",
            "The day's {quota} calls are used up. Counting starts anew at midnight UTC, in {seconds} seconds. If you need more, for an integration say, ask the operator to raise the limit."
        ),
        ADDRESS => say!(
            "Från din nätadress har det kommit fler än {quota} anrop utan inloggning på en minut. Vänta {seconds} sekunder och försök igen, eller logga in: den som är inloggad har en egen gräns.",
            "More than {quota} calls without signing in have come from your network address in a minute. Wait {seconds} seconds and try again, or sign in: who is signed in has a limit of their own."
        ),
        _ => say!(
            "Från din nätadress har det på en minut kommit fler än {quota} anrop med åtkomstbiljetter som inte gäller. Vänta {seconds} sekunder, och förnya sedan biljetten eller logga in på nytt.",
            "More than {quota} calls with access tokens that do not hold have come from your network address in a minute. Wait {seconds} seconds, then renew the token or sign in anew."
        ),
    };
    Problem::new(Kind::TooManyRequests).header("Retry-After", seconds.to_string()).detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_office_with_ipv6_is_one_caller() {
        assert_eq!(network("2001:db8:1:2::7"), network("2001:db8:1:2:ffff::1"));
        assert_ne!(network("2001:db8:1:2::7"), network("2001:db8:1:3::7"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
