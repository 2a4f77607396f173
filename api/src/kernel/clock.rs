//! The one home of the present time, injected so that tests decide what time it is.

use chrono::{DateTime, SubsecRound, Utc};

/// What time it is, in whole microseconds because that is what both databases keep.
#[derive(Debug)]
pub enum Clock {
    /// The system's clock.
    System,
    /// Stands still.
    Fixed(DateTime<Utc>),
}

impl Clock {
    /// The present time in UTC.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the home of the clock")]
            Self::System => Utc::now().trunc_subsecs(6),
            Self::Fixed(at) => *at,
        }
    }
}
