//! The only source of the present time and the present day. It is injected, so that tests can set the time.

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use chrono_tz::Europe::Stockholm;

/// A clock. Its times are whole microseconds, because both databases store that precision.
#[derive(Debug)]
pub enum Clock {
    /// The system's clock.
    System,
    /// A clock that stands still, for tests.
    Fixed(DateTime<Utc>),
}

impl Clock {
    /// Returns the present time in UTC.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the home of the clock")]
            Self::System => Utc::now().trunc_subsecs(6),
            Self::Fixed(at) => *at,
        }
    }

    /// Returns the present day in Sweden.
    #[must_use]
    pub fn today(&self) -> NaiveDate {
        day(self.now())
    }
}

/// Returns the calendar day in Sweden at a point in time. Days and years begin at midnight, Swedish time.
#[must_use]
pub fn day(moment: DateTime<Utc>) -> NaiveDate {
    moment.with_timezone(&Stockholm).date_naive()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_sweden_in_summer_and_in_winter() -> Result<(), chrono::ParseError> {
        for (moment, date) in [
            ("2026-12-31T22:59:59Z", "2026-12-31"),
            ("2026-12-31T23:00:00Z", "2027-01-01"),
            ("2026-06-30T21:59:59Z", "2026-06-30"),
            ("2026-06-30T22:00:00Z", "2026-07-01"),
        ] {
            let moment: DateTime<Utc> = moment.parse()?;
            assert_eq!(day(moment), date.parse::<NaiveDate>()?, "{moment}");
            assert_eq!(Clock::Fixed(moment).today(), day(moment));
        }
        Ok(())
    }
}
