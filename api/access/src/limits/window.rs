//! Counting within windows of time. Pure: the time is an argument.

/// A limit within a window of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    /// The name in the header fields of a response.
    pub name: &'static str,
    /// The number of calls that are admitted in a window; 0 means no limit.
    pub quota: u64,
    /// The length of a window, in seconds.
    pub seconds: i64,
    /// Whether the calls of the previous window count too, in proportion to the part of the present window that is left.
    /// This prevents twice the quota around the end of a window.
    pub slides: bool,
}

/// The result of counting a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub admitted: bool,
    pub remaining: u64,
    /// Seconds until the window ends; after a refusal, seconds until the next call is admitted.
    pub seconds: i64,
}

/// The counts of one key.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// The beginning of the window, in seconds since 1970.
    pub start: i64,
    /// Calls in the window, including those at other instances as far as they are known.
    pub count: u64,
    /// Calls in the previous window.
    pub previous: u64,
    /// Calls that have not been shared with the other instances.
    pub unshared: u64,
    /// Whether the counter is in the list of those to be shared.
    pub listed: bool,
}

const MICROS: i64 = 1_000_000;

impl Window {
    /// Counts a call at `now` (microseconds since 1970) if it is admitted.
    pub fn take(&mut self, policy: Policy, now: i64) -> Standing {
        let span = policy.seconds * MICROS;
        self.roll_over(policy, now);
        let elapsed = now - self.start * MICROS;
        // Rounded down by a little, so that a caller who waits exactly as long as told is admitted.
        let carried = if policy.slides { scaled(self.previous, span - elapsed, span, 1) } else { 0 };
        let used = self.count + carried;
        if used >= policy.quota {
            let seconds = whole_seconds(self.wait(policy, elapsed));
            return Standing { admitted: false, remaining: 0, seconds };
        }
        self.count += 1;
        self.unshared += 1;
        Standing { admitted: true, remaining: policy.quota - used - 1, seconds: whole_seconds(span - elapsed) }
    }

    /// Begins a new window when it is time. A clock that jumps in either direction begins a new window too, so that
    /// nobody has to wait for the clock.
    fn roll_over(&mut self, policy: Policy, now: i64) {
        let start = now.div_euclid(policy.seconds * MICROS) * policy.seconds;
        if start != self.start {
            self.previous = if start == self.start + policy.seconds { self.count } else { 0 };
            self.start = start;
            self.count = 0;
            self.unshared = 0;
        }
    }

    /// Returns the time until the next call is admitted, in microseconds.
    fn wait(&self, policy: Policy, elapsed: i64) -> i64 {
        let span = policy.seconds * MICROS;
        if !policy.slides {
            span - elapsed
        } else if self.count < policy.quota {
            // The share of the previous window shrinks until there is room.
            span - scaled(policy.quota - self.count, span, self.previous.max(1).cast_signed(), 0).cast_signed() - elapsed
        } else {
            // This window must end, and then its own share must shrink.
            (span - elapsed) + span - scaled(policy.quota, span, self.count.cast_signed(), 0).cast_signed()
        }
    }

    /// Returns the calls to be shared with the other instances, and counts them as shared.
    pub fn share(&mut self) -> u64 {
        self.listed = false;
        std::mem::take(&mut self.unshared)
    }

    /// Takes over the totals of all instances for the window that began at `start`.
    pub fn merge_totals(&mut self, start: i64, count: u64, previous: u64) {
        if self.start == start {
            self.count = count + self.unshared;
            self.previous = self.previous.max(previous);
        }
    }
}

/// Returns (`count` × `some` − `less`) ÷ `all`, rounded down, at least 0.
fn scaled(count: u64, some: i64, all: i64, less: i128) -> u64 {
    let part = (i128::from(count) * i128::from(some) - less) / i128::from(all);
    u64::try_from(part).unwrap_or_default()
}

fn whole_seconds(micros: i64) -> i64 {
    micros.max(0) / MICROS + i64::from(micros % MICROS > 0).max(i64::from(micros < MICROS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Policy = Policy { name: "test", quota: 10, seconds: 60, slides: true };

    fn at(seconds: i64) -> i64 {
        (6_000_000 + seconds) * MICROS
    }

    fn admitted(window: &mut Window, policy: Policy, now: i64, calls: usize) -> usize {
        (0..calls).filter(|_| window.take(policy, now).admitted).count()
    }

    #[test]
    fn what_remains_and_how_long_are_told() {
        let mut window = Window::default();
        assert_eq!(window.take(TEN, at(18)), Standing { admitted: true, remaining: 9, seconds: 42 });
        assert_eq!(admitted(&mut window, TEN, at(18), 20), 9);
        let refused = window.take(TEN, at(20));
        assert_eq!(refused, Standing { admitted: false, remaining: 0, seconds: 40 });
        assert!(!window.take(TEN, at(59)).admitted);
        assert!(window.take(TEN, at(60)).admitted, "who waits as long as told is admitted");
    }

    #[test]
    fn the_window_slides() {
        let mut window = Window::default();
        assert_eq!(admitted(&mut window, TEN, at(59), 20), 10);
        assert_eq!(admitted(&mut window, TEN, at(61), 20), 1, "not another ten just after the turn");
        assert_eq!(admitted(&mut window, TEN, at(90), 20), 5);
        assert_eq!(admitted(&mut window, TEN, at(240), 20), 10, "after a pause all is forgotten");
    }

    #[test]
    fn who_waits_as_long_as_told_is_admitted() {
        for (first, second) in [(59, 61), (0, 30), (30, 60)] {
            let mut window = Window::default();
            admitted(&mut window, TEN, at(first), 20);
            admitted(&mut window, TEN, at(second), 20);
            let told = window.take(TEN, at(second));
            if !told.admitted {
                assert!(window.take(TEN, at(second + told.seconds)).admitted, "{first} {second} {told:?}");
            }
        }
    }

    #[test]
    fn a_day_begins_anew() {
        let day = Policy { seconds: 86_400, slides: false, ..TEN };
        let midnight = 86_400 * 20_000 * MICROS;
        let mut window = Window::default();
        assert_eq!(admitted(&mut window, day, midnight - MICROS, 20), 10);
        assert_eq!(window.take(day, midnight - MICROS), Standing { admitted: false, remaining: 0, seconds: 1 });
        assert_eq!(admitted(&mut window, day, midnight, 20), 10);
    }

    #[test]
    fn a_clock_that_jumps_locks_nobody_out() {
        for jump in [-3600, 3600] {
            let mut window = Window::default();
            admitted(&mut window, TEN, at(30), 20);
            assert!(window.take(TEN, at(30 + jump)).admitted);
        }
    }

    #[test]
    fn what_others_counted_counts() {
        let mut window = Window::default();
        admitted(&mut window, TEN, at(30), 3);
        assert_eq!(window.share(), 3);
        admitted(&mut window, TEN, at(30), 1);
        let start = window.start;
        window.merge_totals(start, 8, 0);
        assert_eq!(admitted(&mut window, TEN, at(31), 20), 1);
        window.merge_totals(start - 60, 100, 0);
        assert_eq!(window.count, 10, "what is told of another window comes too late");
    }
}
