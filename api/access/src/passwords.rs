//! Passwords: checks of their strength, and hashing by Argon2id with the parameters that OWASP recommends. The number of
//! hash computations at a time is limited.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::kernel::{Kind, Problem, Result, places, say, text};

/// The least number of characters of a password.
pub const MIN_LENGTH: usize = 12;
/// The largest number of bytes of a password. All bytes are hashed.
pub const MAX_LENGTH: usize = 1024;

/// The required strength on zxcvbn's scale of 0 to 4. Four means at least about 10^10 guesses.
const STRENGTH: zxcvbn::Score = zxcvbn::Score::Four;

/// Swedish words that attackers try first. The word lists of zxcvbn are English and lack them.
const COMMON: &[&str] = &[
    "losenord",
    "lösenord",
    "sommar",
    "vinter",
    "höst",
    "vår",
    "välkommen",
    "valkommen",
    "samsyn",
    "kommun",
    "kommunen",
    "region",
    "hejsan",
    "hejhej",
    "sverige",
    "stockholm",
    "göteborg",
    "goteborg",
    "malmö",
    "malmo",
    "fotboll",
    "hammarby",
    "djurgården",
    "aik",
    "segregation",
    "jultomten",
    "midsommar",
    "blåbär",
    "älskling",
    "januari",
    "februari",
    "mars",
    "april",
    "maj",
    "juni",
    "juli",
    "augusti",
    "september",
    "oktober",
    "november",
    "december",
];

static DUMMY: LazyLock<String> = LazyLock::new(|| digest("no password at all").unwrap_or_default());

fn argon() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default())
}

fn digest(password: &str) -> Result<String> {
    argon().hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(|error| Problem::internal(&error))
}

/// Checks that a password is hard to guess. `own` are words that an attacker who knows the user would try: names and
/// addresses.
///
/// # Errors
/// When the password is too short, too long or too easy to guess (422 at `pointer`).
pub fn check(password: &str, pointer: &str, own: &[&str]) -> Result<()> {
    if password.chars().count() < MIN_LENGTH {
        return Err(Problem::fault(
            pointer,
            "too-short",
            say!(
                "Lösenordet ska ha minst {MIN_LENGTH} tecken. En mening med några ord är både lätt att minnas och svår att gissa.",
                "The password must have at least {MIN_LENGTH} characters. A sentence of some words is easy to remember and hard to guess."
            ),
        ));
    }
    if password.len() > MAX_LENGTH {
        return Err(Problem::fault(
            pointer,
            "too-long",
            say!("Lösenordet får ta högst {MAX_LENGTH} byte.", "The password may take at most {MAX_LENGTH} bytes."),
        ));
    }
    let folded: Vec<String> = own
        .iter()
        .flat_map(|word| word.split(['@', '.', ' ', '-']).chain([*word]))
        .chain(COMMON.iter().copied())
        .map(text::fold)
        .filter(|word| word.chars().count() > 2)
        .collect();
    let known: Vec<&str> = folded.iter().map(String::as_str).collect();
    let strength = zxcvbn::zxcvbn(&text::fold(password), &known).score();
    if strength < STRENGTH || zxcvbn::zxcvbn(password, &known).score() < STRENGTH {
        return Err(Problem::fault(
            pointer,
            "too-common",
            say!(
                "Lösenordet är ett av dem som gissas först: vanliga ord, namn, årtal eller tangenter i rad. Välj något annat, gärna flera ord som inte hör ihop.",
                "The password is one of those that are guessed first: common words, names, years or keys in a row. Choose another, preferably several words that do not belong together."
            ),
        ));
    }
    Ok(())
}

/// Whether a stored hash was made with weaker parameters than the present ones.
#[must_use]
pub fn is_outdated(stored: &str) -> bool {
    let today = Params::default();
    PasswordHash::new(stored)
        .ok()
        .and_then(|hash| Params::try_from(&hash).ok())
        .is_none_or(|then| then.m_cost() < today.m_cost() || then.t_cost() < today.t_cost() || then.p_cost() < today.p_cost())
}

/// Limits the number of hash computations at a time. Each one occupies a processor for a while, and other calls must
/// still be answered.
#[derive(Debug)]
pub struct Hashing {
    slots: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    running: Arc<AtomicUsize>,
    peak: AtomicUsize,
    /// The largest number of computations at a time.
    pub at_once: usize,
}

/// The largest number of waiting callers. More would wait in vain.
const QUEUE: usize = 256;
/// The longest time that a caller waits.
const PATIENCE: Duration = Duration::from_secs(10);

impl Hashing {
    /// Allows `at_once` computations at a time.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(at_once)),
            waiting: Arc::default(),
            running: Arc::default(),
            peak: AtomicUsize::default(),
            at_once,
        }
    }

    /// Leaves one processor for everything else, if the machine has more than one.
    #[must_use]
    pub fn for_this_machine() -> Self {
        Self::new(std::thread::available_parallelism().map_or(1, |count| count.get().saturating_sub(1).max(1)))
    }

    /// Returns how many callers wait, how many computations run, and the largest number that has run at a time.
    #[must_use]
    pub fn counts(&self) -> [usize; 3] {
        [&*self.waiting, &*self.running, &self.peak].map(|count| count.load(Ordering::Relaxed))
    }

    async fn run_bounded<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let slot = match Arc::clone(&self.slots).try_acquire_owned() {
            Ok(slot) => slot,
            Err(_) => self.wait().await?,
        };
        let running = Counted::new(&self.running);
        self.peak.fetch_max(running.so_far, Ordering::Relaxed);
        // The work holds its slot until it is done, even when the caller has gone.
        let work = move || {
            let done = work();
            drop((running, slot));
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| Problem::internal(&error))
    }

    async fn wait(&self) -> Result<OwnedSemaphorePermit> {
        places::leave();
        let waiting = Counted::new(&self.waiting);
        let crowded = || {
            Problem::new(Kind::Unavailable).header("Retry-After", "2").detail(say!(
                "Så många loggar in just nu att du skulle få vänta länge. Försök igen om några sekunder.",
                "So many are signing in just now that you would wait long. Try again in a few seconds."
            ))
        };
        if waiting.so_far > QUEUE {
            return Err(crowded());
        }
        let slot = tokio::time::timeout(PATIENCE, Arc::clone(&self.slots).acquire_owned()).await.map_err(|_| crowded())?;
        slot.map_err(|error| Problem::internal(&error))
    }
}

/// Adds one to a counter until it is dropped, which also happens when a waiting caller goes away.
struct Counted {
    count: Arc<AtomicUsize>,
    so_far: usize,
}

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        Self { so_far: count.fetch_add(1, Ordering::Relaxed) + 1, count: Arc::clone(count) }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns the hash of a password in PHC string format.
///
/// # Errors
/// When hashing fails (500), or too many callers wait (503).
pub async fn hash(password: String, hashing: &Hashing) -> Result<String> {
    hashing.run_bounded(move || digest(&password)).await?
}

/// Whether a password belongs to a stored hash. Without a stored hash the result is false, after the same time.
///
/// # Errors
/// When hashing fails (500), or too many callers wait (503).
pub async fn verify(password: String, stored: Option<String>, hashing: &Hashing) -> Result<bool> {
    hashing
        .run_bounded(move || {
            let known = stored.is_some();
            let stored = stored.unwrap_or_else(|| DUMMY.clone());
            let matches = PasswordHash::new(&stored).is_ok_and(|hash| argon().verify_password(password.as_bytes(), &hash).is_ok());
            known && matches
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_everybody_tries_are_refused() {
        for password in ["Sommar2026!!", "lösenord1234", "aaaaaaaaaaaa", "123456789012", "kort", "Botkyrka2026!", "qwertyuiop12"] {
            assert!(check(password, "/password", &["Botkyrka kommun"]).is_err(), "{password}");
        }
        assert!(check("fyra blå cyklar vid ån", "/password", &[]).is_ok());
    }

    #[test]
    fn a_hash_of_weaker_days_is_outdated() -> Result<()> {
        let weak =
            Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8192, 1, 1, None).map_err(|error| Problem::internal(&error))?);
        let weak = weak.hash_password(b"fyra cyklar").map_err(|error| Problem::internal(&error))?.to_string();
        assert!(is_outdated(&weak));
        assert!(!is_outdated(&digest("fyra cyklar")?));
        Ok(())
    }
}
