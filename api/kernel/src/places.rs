//! Limits how many calls an instance works on at once. Beyond its capacity, more calls at once only make all of them slow. So a
//! call gets a place, waits for one for a short while, or is refused. It is refused before its body is read and without
//! compression, so that the refusal costs very little and other calls stay fast.
//!
//! A call that waits long for something else gives its place back: for a change, for a file to arrive, or for its turn to check a
//! password. The place of a streamed answer is free when the stream begins. Each of these has a limit of its own.

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

/// The limits on calls.
#[derive(Clone, Copy, Debug)]
pub struct PlaceSettings {
    /// The number of calls that are worked on at once; 0 means no limit.
    pub at_once: usize,
    /// The number of calls that may wait for a place.
    pub waiting: usize,
    /// The longest time that a call waits for a place.
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

/// The place of a call. Dropping it makes it free.
#[derive(Debug)]
pub struct Place(Option<OwnedSemaphorePermit>);

tokio::task_local! {
    static PLACE: Cell<Option<OwnedSemaphorePermit>>;
}

/// Counts a waiting call until it is dropped. A guard is needed because a caller may give up at any moment.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Places {
    /// Makes the places of an instance, all of them free.
    #[must_use]
    pub fn new(settings: PlaceSettings) -> Self {
        Self { settings, free: Arc::new(Semaphore::new(settings.places())), waiting: AtomicUsize::default() }
    }

    /// Checks that one more call can get a place or wait for one. It is checked before any work on a call.
    ///
    /// # Errors
    /// When all places are taken and the largest number of calls waits already (503).
    pub fn admit(&self) -> Result<()> {
        let full = self.free.available_permits() == 0 && self.waiting.load(Ordering::Relaxed) >= self.settings.waiting;
        if full { Err(too_many_calls()) } else { Ok(()) }
    }

    /// Takes a place, or waits for one for the time of the settings.
    ///
    /// # Errors
    /// When no place became free in that time, or too many calls wait already (503).
    pub async fn take(&self) -> Result<Place> {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(Place(Some(permit)));
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if before >= self.settings.waiting {
            return Err(too_many_calls());
        }
        let permit =
            tokio::time::timeout(self.settings.patience, Arc::clone(&self.free).acquire_owned()).await.map_err(|_| too_many_calls())?;
        Ok(Place(permit.ok()))
    }

    /// Returns the number of taken places and the number of calls that wait for one.
    #[must_use]
    pub fn usage(&self) -> [usize; 2] {
        [self.settings.places().saturating_sub(self.free.available_permits()), self.waiting.load(Ordering::Relaxed)]
    }
}

impl Place {
    /// Returns no place, for a call that needs none.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Runs the work of a call in its place. The place is free when the work has ended or has called [`leave`].
    pub async fn run<R>(self, work: impl Future<Output = R>) -> R {
        PLACE.scope(Cell::new(self.0), work).await
    }
}

/// Gives the place of the present call back, because the call will wait for long or has a limit of its own.
pub fn leave() {
    // Outside of a call there is no place.
    let _ = PLACE.try_with(Cell::take);
}

fn too_many_calls() -> Problem {
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
            assert_eq!(places.usage(), [1, 1]);
            assert_eq!(places.admit().map_err(|problem| problem.kind), Err(Kind::Unavailable));
            assert_eq!(places.take().await.err().map(|problem| problem.kind), Some(Kind::Unavailable));
            // A call that gives its place back while it runs makes room for a waiting call.
            first.run(async { leave() }).await;
            let second = second.await.unwrap();
            assert_eq!(places.usage(), [1, 0]);
            drop(second);
        }
        assert_eq!(places.usage(), [0, 0]);
        // A call that stops waiting is no longer counted.
        let _held = places.take().await.unwrap();
        {
            let mut gone = Box::pin(places.take());
            assert!((&mut gone).now_or_never().is_none());
        }
        assert!(places.admit().is_ok());
    }

    #[tokio::test]
    async fn a_call_that_waits_for_too_long_is_refused() {
        let busy = Places::new(PlaceSettings { at_once: 1, waiting: 9, patience: Duration::ZERO });
        let _held = busy.take().await.unwrap();
        assert_eq!(busy.take().await.err().map(|problem| problem.kind), Some(Kind::Unavailable));
        assert!(places(0, 0).admit().is_ok());
    }
}
