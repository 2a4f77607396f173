//! How many lists are exported at once. An export is work for as long as somebody reads it, so a caller may have only so
//! many under way, and so may all callers of an instance together.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    language::say,
    problem::{Kind, Problem, Result},
};

/// How many seconds who has too many under way is told to wait.
const RETRY_AFTER: u32 = 5;

/// The exports under way at this instance.
#[derive(Debug)]
pub struct Turns {
    per_caller: u32,
    in_all: u32,
    running: Arc<Mutex<Running>>,
}

#[derive(Debug, Default)]
struct Running {
    all: u32,
    of: HashMap<String, u32>,
}

/// An export under way, until dropped.
#[derive(Debug)]
pub struct Turn {
    who: String,
    running: Arc<Mutex<Running>>,
}

impl Turns {
    /// None under way. 0 means as many as one likes.
    #[must_use]
    pub fn new(per_caller: u32, in_all: u32) -> Self {
        Self { per_caller, in_all, running: Arc::default() }
    }

    /// Begins an export for a caller.
    ///
    /// # Errors
    /// When the caller, or all callers together, have as many under way as they may.
    pub fn begin(&self, who: String) -> Result<Turn> {
        self.take(who).map_err(|full| {
            let told = match full {
                Full::Own(limit) => say!(
                    "Du har redan {limit} uttag av listor igång, och fler samtidigt går inte. Vänta tills något är klart och försök igen.",
                    "You already have {limit} lists being exported, and more at once is not possible. Wait until one has ended and try again."
                ),
                Full::All => say!(
                    "Just nu hämtar så många listor som tabeller att fler inte går. Försök igen om {RETRY_AFTER} sekunder.",
                    "Just now so many are exporting lists that no more can. Try again in {RETRY_AFTER} seconds."
                ),
            };
            Problem::new(Kind::TooManyRequests).header("Retry-After", RETRY_AFTER.to_string()).detail(told)
        })
    }

    /// Takes a turn for a caller at whatever is counted here.
    ///
    /// # Errors
    /// With what is full.
    pub fn take(&self, who: String) -> Result<Turn, Full> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let own = running.of.get(&who).copied().unwrap_or_default();
        if self.per_caller > 0 && own >= self.per_caller {
            return Err(Full::Own(self.per_caller));
        }
        if self.in_all > 0 && running.all >= self.in_all {
            return Err(Full::All);
        }
        running.all += 1;
        *running.of.entry(who.clone()).or_default() += 1;
        drop(running);
        Ok(Turn { who, running: Arc::clone(&self.running) })
    }
}

/// Why there is no turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The caller has as many as one caller may have.
    Own(u32),
    /// All callers together have as many as they may.
    All,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.all -= 1;
        if let Some(own) = running.of.get_mut(&self.who) {
            *own -= 1;
            if *own == 0 {
                running.of.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_makes_room() {
        let turns = Turns::new(2, 3);
        let mut own: Vec<_> = (0..2).map(|_| turns.begin("a".to_owned()).unwrap()).collect();
        assert_eq!(turns.begin("a".to_owned()).err().map(|problem| problem.kind), Some(Kind::TooManyRequests));
        let other = turns.begin("b".to_owned()).unwrap();
        assert_eq!(turns.begin("c".to_owned()).err().map(|problem| problem.kind), Some(Kind::TooManyRequests), "all together");
        drop(other);
        own.pop();
        assert!(turns.begin("a".to_owned()).is_ok());
        drop(own);
        assert!(turns.running.lock().unwrap().of.is_empty());
    }

    #[test]
    fn none_means_no_limit() {
        let turns = Turns::new(0, 0);
        let all: Vec<_> = (0..50).map(|_| turns.begin("a".to_owned())).collect();
        assert!(all.iter().all(Result::is_ok));
    }
}
