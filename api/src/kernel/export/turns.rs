//! How many lists are exported at once. An export is work for as long as somebody reads it, so a caller may have only so
//! many under way, and so may all callers of an instance together.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::kernel::{
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
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let own = running.of.get(&who).copied().unwrap_or_default();
        let (own_limit, all_limit) = (self.per_caller, self.in_all);
        let refused = if own_limit > 0 && own >= own_limit {
            say!(
                "Du har redan {own} uttag av listor igång, och fler än {own_limit} samtidigt går inte. Vänta tills något är klart och försök igen.",
                "You already have {own} lists being exported, and more than {own_limit} at once is not possible. Wait until one has ended and try again."
            )
        } else if all_limit > 0 && running.all >= all_limit {
            say!(
                "Just nu hämtar så många listor som tabeller att fler inte går. Försök igen om {RETRY_AFTER} sekunder.",
                "Just now so many are exporting lists that no more can. Try again in {RETRY_AFTER} seconds."
            )
        } else {
            running.all += 1;
            *running.of.entry(who.clone()).or_default() += 1;
            drop(running);
            return Ok(Turn { who, running: Arc::clone(&self.running) });
        };
        Err(Problem::new(Kind::TooManyRequests).header("Retry-After", RETRY_AFTER.to_string()).detail(refused))
    }
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
