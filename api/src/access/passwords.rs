//! Passwords: Argon2id with OWASP's parameters, a bounded number at a time, and never one that everybody tries first.

use std::sync::{Arc, LazyLock};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use crate::kernel::{Fault, Problem, Result, say, text};

/// The fewest characters of a password.
pub const MIN_LENGTH: usize = 12;
/// The most bytes of a password; all of them count.
pub const MAX_LENGTH: usize = 1024;

/// Beginnings and wholes that are tried first, folded and without digits and marks.
const COMMON: &[&str] = &[
    "password",
    "losenord",
    "lösenord",
    "qwerty",
    "qwertyuiop",
    "asdfghjkl",
    "sommar",
    "vinter",
    "höst",
    "vår",
    "summer",
    "winter",
    "welcome",
    "välkommen",
    "admin",
    "administrator",
    "letmein",
    "iloveyou",
    "samsyn",
    "kommun",
    "kommunen",
    "region",
    "changeme",
    "abc",
    "abcdefgh",
    "hejsan",
    "hejhej",
    "sverige",
    "stockholm",
    "göteborg",
    "malmö",
    "fotboll",
    "hammarby",
    "djurgården",
    "aik",
];

static DUMMY: LazyLock<String> = LazyLock::new(|| digest("no password at all").unwrap_or_default());

fn argon() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default())
}

fn digest(password: &str) -> Result<String> {
    argon().hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(|error| Problem::internal(&error))
}

/// Checks that a password is worth having.
///
/// # Errors
/// When it is too short, too long, or one of those that everybody tries first.
pub fn check(password: &str, pointer: &str) -> Result<()> {
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
            say!("Lösenordet får ha högst {MAX_LENGTH} tecken.", "The password may have at most {MAX_LENGTH} characters."),
        ));
    }
    let bare: String = text::fold(password).chars().filter(|letter| letter.is_alphabetic()).collect();
    let mut letters: Vec<char> = password.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    let common = bare.is_empty() || COMMON.iter().any(|known| bare == *known || bare == known.repeat(2));
    if common || letters.len() < 5 {
        return Err(Problem::invalid(vec![Fault::at(
            pointer,
            "too-common",
            say!(
                "Lösenordet är ett av dem som gissas först. Välj något annat, gärna flera ord.",
                "The password is one of those that are guessed first. Choose another, preferably several words."
            ),
        )]));
    }
    Ok(())
}

/// The stored form of a password.
///
/// # Errors
/// When the machine cannot.
pub async fn hash(password: String, hashing: &Arc<Semaphore>) -> Result<String> {
    bounded(hashing, move || digest(&password)).await?
}

/// Whether a password belongs to a stored form. Without a stored form it takes just as long and is false.
///
/// # Errors
/// When the machine cannot.
pub async fn verify(password: String, stored: Option<String>, hashing: &Arc<Semaphore>) -> Result<bool> {
    bounded(hashing, move || {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| DUMMY.clone());
        let matches = PasswordHash::new(&stored).is_ok_and(|hash| argon().verify_password(password.as_bytes(), &hash).is_ok());
        known && matches
    })
    .await
}

async fn bounded<T: Send + 'static>(hashing: &Arc<Semaphore>, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let _slot = hashing.acquire().await.map_err(|error| Problem::internal(&error))?;
    tokio::task::spawn_blocking(work).await.map_err(|error| Problem::internal(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_everybody_tries_are_refused() {
        for password in ["Sommar2026!!", "lösenord1234", "aaaaaaaaaaaa", "123456789012", "kort"] {
            assert!(check(password, "/password").is_err(), "{password}");
        }
        assert!(check("fyra blå cyklar vid ån", "/password").is_ok());
    }
}
