//! Tries at a secret: a password, a code, a client's secret. Those that fail are counted for the account and for the
//! address, in the database, so that all instances know at once and nobody guesses more by asking many of them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::TimeDelta;
use prometheus_client::encoding::EncodeLabelSet;

use super::{Limits, Refused, store};
use crate::kernel::{Db, Problem, Result, hash::sha256_hex, problem::Kind, say, text};

/// How long a failed try counts.
pub(super) const LAST: TimeDelta = TimeDelta::minutes(15);

/// What is guarded against guessing; tries at one do not count for another.
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
}

impl Guarded {
    const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::PasswordReset => "password-reset",
            Self::SecondFactor => "second-factor",
            Self::ClientSecret => "client-secret",
        }
    }

    /// The account by its digest: what is kept tells no address, and one that nobody has looks like any other.
    fn keys(self, account: &str, address: &str) -> [String; 2] {
        let (name, account) = (self.name(), text::composed(account.trim()).to_lowercase());
        [
            sha256_hex(format!("{name} account {account}").as_bytes()),
            sha256_hex(format!("{name} address {:x}", super::network(address)).as_bytes()),
        ]
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Failed {
    what: &'static str,
}

/// Tries under way at this instance, by account. They may fail yet, so they count: else many at once would all be admitted.
#[derive(Clone, Debug, Default)]
pub(super) struct Running(Arc<Mutex<HashMap<String, u64>>>);

/// A try under way, until dropped.
#[derive(Debug)]
#[must_use = "hold it until the try has failed or not"]
pub struct Attempt {
    running: Running,
    account: String,
}

impl Attempt {
    fn start(running: &Running, account: &str) -> (Self, u64) {
        let mut all = running.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(account.to_owned()).and_modify(|count| *count += 1).or_insert(1);
        (Self { running: running.clone(), account: account.to_owned() }, *count)
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut all = self.running.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.account) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.account);
            }
        }
    }
}

impl Limits {
    /// Whether one more try is admitted. Ask before the secret is looked at, and hold what is given until it has been.
    ///
    /// # Errors
    /// When too many have failed.
    pub async fn admits(&self, what: Guarded, account: &str, address: &str, db: &Db) -> Result<Attempt> {
        let keys = what.keys(account, address);
        let (attempt, running) = Attempt::start(&self.running, &keys[0]);
        let now = db.clock.now();
        let quotas = [self.settings.failures_per_account, self.settings.failures_per_address];
        if quotas == [0, 0] {
            return Ok(attempt);
        }
        let failed = store::tries(&keys, now, LAST, db).await?;
        for ((key, quota), running) in keys.iter().zip(quotas).zip([running - 1, 0]) {
            let found = failed.iter().find(|found| found.key == *key);
            let count = found.map_or(0, |found| u64::try_from(found.count).unwrap_or_default());
            if quota == 0 || count + running < quota {
                continue;
            }
            // Where only those under way are too many, they will soon have ended.
            let until = found.filter(|_| count >= quota).map_or(now, |found| found.window_start + LAST);
            self.refused.get_or_create(&Refused { policy: what.name() }).inc();
            return Err(too_many((until - now).num_seconds().clamp(1, LAST.num_seconds())));
        }
        Ok(attempt)
    }

    /// Counts a try that has failed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn failed(&self, what: Guarded, account: &str, address: &str, db: &Db) -> Result<()> {
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
