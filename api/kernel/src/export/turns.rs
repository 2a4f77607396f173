//! Limits how many lists are exported at once. An export is work for as long as it is being read, so there is a limit for each caller
//! and one for all callers of an instance together.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    language::say,
    problem::{Kind, Problem, Result},
};

/// The seconds that a caller with too many exports is told to wait.
const RETRY_AFTER: u32 = 5;

/// Counts the exports that are under way at this instance, against two limits.
#[derive(Debug)]
pub struct Turns {
    per_caller: u32,
    in_all: u32,
    running: Arc<Mutex<Running>>,
}

#[derive(Debug, Default)]
struct Running {
    all: u32,
    by_caller: HashMap<String, u32>,
}

/// A permit for one export. Dropping it ends the export.
#[derive(Debug)]
pub struct Turn {
    caller: String,
    running: Arc<Mutex<Running>>,
}

impl Turns {
    /// Makes a counter with a limit for each caller and one for all callers together; 0 means no limit.
    #[must_use]
    pub fn new(per_caller: u32, in_all: u32) -> Self {
        Self { per_caller, in_all, running: Arc::default() }
    }

    /// Begins an export for a caller, which is identified by any text.
    ///
    /// # Errors
    /// When the caller, or all callers together, have reached the limit (429).
    pub fn begin(&self, caller: String) -> Result<Turn> {
        self.take(caller).map_err(|full| {
            let detail = match full {
                Full::Own(limit) => say!(
                    "Du har redan {limit} uttag av listor igång, och fler samtidigt går inte. Vänta tills något är klart och försök igen.",
                    "You already have {limit} lists being exported, and more at once is not possible. Wait until one has ended and try again."
                ),
                Full::All => say!(
                    "Just nu hämtar så många listor som tabeller att fler inte går. Försök igen om {RETRY_AFTER} sekunder.",
                    "Just now so many are exporting lists that no more can. Try again in {RETRY_AFTER} seconds."
                ),
            };
            Problem::new(Kind::TooManyRequests).header("Retry-After", RETRY_AFTER.to_string()).detail(detail)
        })
    }

    /// Takes a permit for a caller, for other work than exports too.
    ///
    /// # Errors
    /// The limit that is reached.
    pub fn take(&self, caller: String) -> Result<Turn, Full> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let own = running.by_caller.get(&caller).copied().unwrap_or_default();
        if self.per_caller > 0 && own >= self.per_caller {
            return Err(Full::Own(self.per_caller));
        }
        if self.in_all > 0 && running.all >= self.in_all {
            return Err(Full::All);
        }
        running.all += 1;
        *running.by_caller.entry(caller.clone()).or_default() += 1;
        drop(running);
        Ok(Turn { caller, running: Arc::clone(&self.running) })
    }
}

/// The limit that is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The limit of one caller, with its value.
    Own(u32),
    /// The limit of all callers together.
    All,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.all -= 1;
        if let Some(own) = running.by_caller.get_mut(&self.caller) {
            *own -= 1;
            if *own == 0 {
                running.by_caller.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_export_makes_room() {
        let turns = Turns::new(2, 3);
        let mut own: Vec<_> = (0..2).map(|_| turns.begin("a".to_owned()).unwrap()).collect();
        assert_eq!(turns.begin("a".to_owned()).err().map(|problem| problem.kind), Some(Kind::TooManyRequests));
        let other = turns.begin("b".to_owned()).unwrap();
        assert_eq!(turns.begin("c".to_owned()).err().map(|problem| problem.kind), Some(Kind::TooManyRequests), "all together");
        drop(other);
        own.pop();
        assert!(turns.begin("a".to_owned()).is_ok());
        drop(own);
        assert!(turns.running.lock().unwrap().by_caller.is_empty());
    }

    #[test]
    fn zero_means_no_limit() {
        let turns = Turns::new(0, 0);
        let all: Vec<_> = (0..50).map(|_| turns.begin("a".to_owned())).collect();
        assert!(all.iter().all(Result::is_ok));
    }
}
