//! The one home of the present time, injected so that tests decide what time it is, and of which day that is.

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use chrono_tz::Europe::Stockholm;

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

    /// The present day, as people here count days.
    #[must_use]
    pub fn today(&self) -> NaiveDate {
        day(self.now())
    }
}

/// The day on which a moment falls in Sweden, whose nights are where days and years end.
#[must_use]
pub fn day(moment: DateTime<Utc>) -> NaiveDate {
    moment.with_timezone(&Stockholm).date_naive()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_here_in_summer_and_in_winter() -> Result<(), chrono::ParseError> {
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
