//! How many calls are worked on at once. Beyond what an instance can do, more calls at once only make all of them slow; so
//! a call gets a place, waits for one for a short while, or is refused at once, before its body is read, so that the refusal
//! costs next to nothing (nor is it compressed) and others are answered as fast as ever.
//!
//! A call that does nothing for long but wait for something else, such as a change, a file to arrive or its turn for a
//! password, leaves its place; an answer that is sent as a stream has left it when it begins. Each of those has a limit of
//! its own.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    language::say,
    problem::{Kind, Problem, Result},
};

/// How many calls may be worked on, and wait.
#[derive(Clone, Copy, Debug)]
pub struct PlaceSettings {
    /// How many are worked on at once; 0 means as many as come.
    pub at_once: usize,
    /// How many may wait for a place.
    pub waiting: usize,
    /// How long each waits.
    pub patience: Duration,
}

impl PlaceSettings {
    fn places(&self) -> usize {
        if self.at_once == 0 { Semaphore::MAX_PERMITS } else { self.at_once.min(Semaphore::MAX_PERMITS) }
    }
}

/// The places of an instance.
#[derive(Debug)]
pub struct Places {
    settings: PlaceSettings,
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// The place of a call.
#[derive(Debug)]
pub struct Place(Option<OwnedSemaphorePermit>);

tokio::task_local! {
    static PLACE: Cell<Option<OwnedSemaphorePermit>>;
}

/// One more who waits, until dropped: who waits may go away at any moment.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Places {
    /// All places are free.
    #[must_use]
    pub fn new(settings: PlaceSettings) -> Self {
        Self { settings, free: Arc::new(Semaphore::new(settings.places())), waiting: AtomicUsize::default() }
    }

    /// Whether there is room for one more, which is asked before anything is done for a call.
    ///
    /// # Errors
    /// When all places are taken and as many wait as may.
    pub fn admit(&self) -> Result<()> {
        let full = self.free.available_permits() == 0 && self.waiting.load(Ordering::Relaxed) >= self.settings.waiting;
        if full { Err(crowded()) } else { Ok(()) }
    }

    /// Takes a place, or waits for one for a while.
    ///
    /// # Errors
    /// When none became free, or too many wait already.
    pub async fn take(&self) -> Result<Place> {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(Place(Some(permit)));
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if before >= self.settings.waiting {
            return Err(crowded());
        }
        let permit = tokio::time::timeout(self.settings.patience, Arc::clone(&self.free).acquire_owned()).await.map_err(|_| crowded())?;
        Ok(Place(permit.ok()))
    }

    /// How many places are taken, and how many calls wait for one.
    #[must_use]
    pub fn now(&self) -> [usize; 2] {
        [self.settings.places().saturating_sub(self.free.available_permits()), self.waiting.load(Ordering::Relaxed)]
    }
}

impl Place {
    /// No place, for what needs none.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Works on a call in its place, which is free again when the work has ended or leaves it.
    pub async fn held<R>(self, work: impl Future<Output = R>) -> R {
        PLACE.scope(Cell::new(self.0), work).await
    }
}

/// Leaves the place of the call that this is done for, because it will wait for long or has a limit of its own.
pub fn leave() {
    // There is none outside of calls.
    let _ = PLACE.try_with(Cell::take);
}

fn crowded() -> Problem {
    Problem::new(Kind::Unavailable).header("Retry-After", "1").header("Content-Encoding", "identity").detail(say!(
        "Så många anrop kommer just nu att detta inte hinns med. Inget har gjorts. Försök igen om någon sekund.",
        "So many calls are coming just now that there is no time for this one. Nothing was done. Try again in a second or so."
    ))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn places(at_once: usize, waiting: usize) -> Places {
        Places::new(PlaceSettings { at_once, waiting, patience: Duration::from_mins(1) })
    }

    #[tokio::test]
    async fn abuse_145_who_finds_no_place_and_no_room_to_wait_is_refused_at_once() {
        let places = places(1, 1);
        let first = places.take().await.unwrap();
        {
            let mut second = Box::pin(places.take());
            assert!((&mut second).now_or_never().is_none());
            assert_eq!(places.now(), [1, 1]);
            assert_eq!(places.admit().map_err(|problem| problem.kind), Err(Kind::Unavailable));
            assert_eq!(places.take().await.err().map(|problem| problem.kind), Some(Kind::Unavailable));
            // Who leaves while it works makes room for who waits.
            first.held(async { leave() }).await;
            let second = second.await.unwrap();
            assert_eq!(places.now(), [1, 0]);
            drop(second);
        }
        assert_eq!(places.now(), [0, 0]);
        // Who gives up waiting does not stand in the way.
        let _held = places.take().await.unwrap();
        {
            let mut gone = Box::pin(places.take());
            assert!((&mut gone).now_or_never().is_none());
        }
        assert!(places.admit().is_ok());
    }

    #[tokio::test]
    async fn who_waits_for_too_long_is_refused() {
        let busy = Places::new(PlaceSettings { at_once: 1, waiting: 9, patience: Duration::ZERO });
        let _held = busy.take().await.unwrap();
        assert_eq!(busy.take().await.err().map(|problem| problem.kind), Some(Kind::Unavailable));
        assert!(places(0, 0).admit().is_ok());
    }
}
