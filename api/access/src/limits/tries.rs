//! Limits for tries at a secret: a password, a code, a client's secret. Failed tries are counted for the account at the
//! network, for the network, and for the account from all networks. They are counted in the database, so that all
//! instances share them and nobody gets more tries by asking many instances.
//!
//! The third count slows down an attacker who uses many addresses, but would also let anybody lock out the owner of an
//! account. Therefore it does not apply at an address from which the account has signed in lately.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::TimeDelta;
use prometheus_client::encoding::EncodeLabelSet;

use super::{Limits, Refused, store};
use crate::{
    kernel::{Db, Problem, Result, hash::sha256_hex, problem::Kind, say, text},
    users::{UserId, lookup},
};

/// The time for which a failed try counts.
pub(super) const LAST: TimeDelta = TimeDelta::minutes(15);

/// The time for which an address that an account has signed in from counts as usual.
pub(super) const USUAL: TimeDelta = TimeDelta::days(90);

/// The time between two updates of a usual address.
const NOTED_EVERY: TimeDelta = TimeDelta::days(1);

/// The kinds of secrets that are guarded. Tries at one kind do not count for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarded {
    /// A password, by e-mail address.
    SignIn,
    /// Asking for a new password, by e-mail address.
    PasswordReset,
    /// A code of a second factor, by user.
    SecondFactor,
    /// A client's secret, by client.
    ClientSecret,
    /// A client's signed statement, by client.
    ClientStatement,
}

impl Guarded {
    const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::PasswordReset => "password-reset",
            Self::SecondFactor => "second-factor",
            Self::ClientSecret => "client-secret",
            Self::ClientStatement => "client-statement",
        }
    }

    /// The factor between the quota for all addresses together and the quota for one address. Keys and secrets that we
    /// have made cannot be guessed, so there the larger factor only limits noise.
    const fn addresses(self) -> u64 {
        match self {
            Self::SignIn | Self::PasswordReset | Self::SecondFactor => 1,
            Self::ClientSecret | Self::ClientStatement => 10,
        }
    }

    /// Returns the keys that are counted: the account at the network, the network, the account. They are digests, so that
    /// they reveal no address, and an unknown account looks like any other.
    fn keys(self, account: &str, address: &str) -> [String; 3] {
        let (name, account, network) = (self.name(), text::composed(account.trim()).to_lowercase(), super::network(address));
        [
            sha256_hex(format!("{name} account {account} address {network:x}").as_bytes()),
            sha256_hex(format!("{name} address {network:x}").as_bytes()),
            sha256_hex(format!("{name} account {account}").as_bytes()),
        ]
    }

    /// Returns the user whose secret is tried; `None` when there is no such account.
    async fn user(self, account: &str, db: &Db) -> Result<Option<UserId>> {
        match self {
            Self::SignIn | Self::PasswordReset => Ok(lookup::by_email(account, db.reader()).await?.map(|user| user.id)),
            Self::SecondFactor | Self::ClientSecret | Self::ClientStatement => Ok(account.parse::<uuid::Uuid>().ok().map(UserId::from)),
        }
    }
}

/// Returns the digest of an account and a network.
fn digest(user: UserId, address: &str) -> String {
    sha256_hex(format!("{user} {:x}", super::network(address)).as_bytes())
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Failed {
    what: &'static str,
}

/// The number of tries under way at this instance, by key. They count as if they had failed; otherwise many tries at once
/// would all be admitted.
#[derive(Clone, Debug, Default)]
pub(super) struct Running(Arc<Mutex<HashMap<String, u64>>>);

/// A try that is under way until this value is dropped.
#[derive(Debug)]
#[must_use = "hold it until the try has failed or not"]
pub struct Attempt {
    running: Running,
    keys: [String; 3],
}

impl Attempt {
    /// Begins a try, and returns how many others are under way for each of its keys.
    fn start(running: &Running, keys: &[String; 3]) -> (Self, [u64; 3]) {
        let mut all = running.0.lock().unwrap_or_else(PoisonError::into_inner);
        let others = [0, 1, 2].map(|at| {
            let count = all.entry(keys[at].clone()).or_insert(0);
            *count += 1;
            *count - 1
        });
        (Self { running: running.clone(), keys: keys.clone() }, others)
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut all = self.running.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in &self.keys {
            if let Some(count) = all.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    all.remove(key);
                }
            }
        }
    }
}

impl Limits {
    /// Admits one more try at a secret. Call this before the secret is checked, and hold the returned value until it has
    /// been.
    ///
    /// # Errors
    /// When too many tries have failed or are under way (429).
    pub async fn admit_try(&self, what: Guarded, account: &str, address: &str, db: &Db) -> Result<Attempt> {
        let keys = what.keys(account, address);
        let (attempt, mut others) = Attempt::start(&self.running, &keys);
        // Many users may rightly sign in from one address at the same time.
        others[1] = 0;
        let now = db.clock.now();
        let (for_account, for_address) = (self.settings.failures_per_account, self.settings.failures_per_address);
        if (for_account, for_address) == (0, 0) {
            return Ok(attempt);
        }
        let failed = store::tries(&keys, now, LAST, db).await?;
        let quotas = [for_account, for_address, for_account * what.addresses()];
        for (at, quota) in quotas.into_iter().enumerate() {
            let found = failed.iter().find(|found| found.key == keys[at]);
            let count = found.map_or(0, |found| u64::try_from(found.count).unwrap_or_default());
            if quota == 0 || count + others[at] < quota || (at == 2 && self.is_usual(what, account, address, db).await?) {
                continue;
            }
            // If only the tries under way are too many, they will end soon.
            let until = found.filter(|_| count >= quota).map_or(now, |found| found.window_start + LAST);
            self.refused.get_or_create(&Refused { policy: what.name() }).inc();
            return Err(too_many((until - now).num_seconds().clamp(1, LAST.num_seconds())));
        }
        Ok(attempt)
    }

    /// Whether an account has signed in from an address within the last 90 days.
    async fn is_usual(&self, what: Guarded, account: &str, address: &str, db: &Db) -> Result<bool> {
        match what.user(account, db).await? {
            Some(user) => store::is_usual(user.uuid(), &digest(user, address), db.clock.now() - USUAL, db).await,
            None => Ok(false),
        }
    }

    /// Notes that a user or client has signed in, so that the address becomes one of its usual ones.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub async fn note_success(&self, user: UserId, address: &str, db: &Db) -> Result<()> {
        if self.settings.failures_per_account == 0 {
            return Ok(());
        }
        let (now, digest) = (db.clock.now(), digest(user, address));
        if store::is_usual(user.uuid(), &digest, now - NOTED_EVERY, db).await? {
            return Ok(());
        }
        store::note_usual(user.uuid(), digest, now, db).await
    }

    /// Counts a failed try.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn count_failed_try(&self, what: Guarded, account: &str, address: &str, db: &Db) -> Result<()> {
        self.failed.get_or_create(&Failed { what: what.name() }).inc();
        if self.settings.failures_per_account == 0 && self.settings.failures_per_address == 0 {
            return Ok(());
        }
        store::count_failure(&what.keys(account, address), db.clock.now(), LAST, db).await
    }
}

fn too_many(seconds: i64) -> Problem {
    let minutes = (seconds + 59) / 60;
    let detail = match minutes {
        1 => say!(
            "För många misslyckade försök. Vänta en minut och försök igen. Den som redan är inloggad berörs inte.",
            "Too many tries have failed. Wait a minute and try again. Who is signed in already is not concerned."
        ),
        _ => say!(
            "För många misslyckade försök. Vänta {minutes} minuter och försök igen. Den som redan är inloggad berörs inte.",
            "Too many tries have failed. Wait {minutes} minutes and try again. Who is signed in already is not concerned."
        ),
    };
    Problem::new(Kind::TooManyRequests).header("Retry-After", seconds.to_string()).detail(detail)
}
