//! The one home of the present time, injected so that tests decide what time it is.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// What time it is, in whole microseconds because that is what both databases keep.
#[derive(Debug)]
pub enum Clock {
    /// The system's clock.
    System,
    /// Stands still until it is moved.
    Fixed(Mutex<DateTime<Utc>>),
}

impl Clock {
    /// A clock that stands at `at`.
    #[must_use]
    pub const fn fixed(at: DateTime<Utc>) -> Self {
        Self::Fixed(Mutex::new(at))
    }

    /// The present time in UTC.
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the home of the clock")]
            Self::System => Utc::now().trunc_subsecs(6),
            Self::Fixed(at) => *at.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Moves a fixed clock; the system's clock cannot be moved.
    pub fn advance(&self, by: TimeDelta) {
        if let Self::Fixed(at) = self {
            *at.lock().unwrap_or_else(PoisonError::into_inner) += by;
        }
    }
}
