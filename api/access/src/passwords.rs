//! Passwords: Argon2id with OWASP's parameters, a bounded number at a time, and never one that everybody tries first.

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

/// The fewest characters of a password.
pub const MIN_LENGTH: usize = 12;
/// The most bytes of a password; all of them count.
pub const MAX_LENGTH: usize = 1024;

/// How hard a password must be to guess, by zxcvbn's scale of 0 to 4: at least about ten thousand million tries.
const STRENGTH: zxcvbn::Score = zxcvbn::Score::Four;

/// Swedish words that are tried first and that zxcvbn's lists, which are English, lack.
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

/// Checks that a password is worth having. `own` are words that whoever knows the user would try: names and addresses.
///
/// # Errors
/// When it is too short, too long, or one of those that are tried first.
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

/// Whether a stored form was made with weaker parameters than those of today.
#[must_use]
pub fn is_outdated(stored: &str) -> bool {
    let today = Params::default();
    PasswordHash::new(stored)
        .ok()
        .and_then(|hash| Params::try_from(&hash).ok())
        .is_none_or(|then| then.m_cost() < today.m_cost() || then.t_cost() < today.t_cost() || then.p_cost() < today.p_cost())
}

/// Checking a password takes a processor for a while, so few are checked at once: the others go on answering calls.
#[derive(Debug)]
pub struct Hashing {
    slots: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    running: Arc<AtomicUsize>,
    most: AtomicUsize,
    /// How many may run at once.
    pub at_once: usize,
}

/// How many may wait; more would only wait in vain.
const QUEUE: usize = 256;
/// How long each waits.
const PATIENCE: Duration = Duration::from_secs(10);

impl Hashing {
    /// So many at once.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(at_once)),
            waiting: Arc::default(),
            running: Arc::default(),
            most: AtomicUsize::default(),
            at_once,
        }
    }

    /// One processor is left for everything else, where there is more than one.
    #[must_use]
    pub fn for_this_machine() -> Self {
        Self::new(std::thread::available_parallelism().map_or(1, |count| count.get().saturating_sub(1).max(1)))
    }

    /// How many wait, run, and at the most have run at once.
    #[must_use]
    pub fn now(&self) -> [usize; 3] {
        [&*self.waiting, &*self.running, &self.most].map(|count| count.load(Ordering::Relaxed))
    }

    async fn bounded<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let slot = match Arc::clone(&self.slots).try_acquire_owned() {
            Ok(slot) => slot,
            Err(_) => self.wait().await?,
        };
        let running = Counted::new(&self.running);
        self.most.fetch_max(running.so_far, Ordering::Relaxed);
        // The work keeps its place: it goes on though the caller may have gone.
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

/// One more, until dropped: who waits may go away at any moment.
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

/// The stored form of a password.
///
/// # Errors
/// When the machine cannot.
pub async fn hash(password: String, hashing: &Hashing) -> Result<String> {
    hashing.bounded(move || digest(&password)).await?
}

/// Whether a password belongs to a stored form. Without a stored form it takes just as long and is false.
///
/// # Errors
/// When the machine cannot, or too many wait.
pub async fn verify(password: String, stored: Option<String>, hashing: &Hashing) -> Result<bool> {
    hashing
        .bounded(move || {
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
