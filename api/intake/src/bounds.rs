//! The limits for imports, and the problems for what exceeds them.

use std::time::Duration;

use crate::kernel::{Fault, Problem, disk::Spool, export::Full, problem::Kind, say};

/// The number of seconds after which a caller with too many imports may try again.
const RETRY_AFTER: u32 = 10;

/// The limits for imports.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// The largest number of rows in a file.
    pub rows: u32,
    /// The largest number of unfinished imports of one caller; 0 means no limit.
    pub per_caller: u32,
    /// The largest number of unfinished imports of all callers; 0 means no limit.
    pub at_once: u32,
    /// The largest file, in bytes.
    pub file_bytes: usize,
    /// The longest time in which a file may arrive.
    pub file_time: Duration,
    /// The place on the disk for files that wait.
    pub spool: Spool,
}

/// The problem for a caller that may not begin another import.
#[must_use]
pub fn full(full: Full) -> Problem {
    let (kind, told) = match full {
        Full::Own(limit) => (
            Kind::TooManyRequests,
            say!(
                "Du har redan {limit} inläsningar som inte är klara, och fler samtidigt går inte. Vänta tills någon är klar, eller avbryt en, och försök igen.",
                "You already have {limit} imports that have not ended, and more at once is not possible. Wait until one has ended, or cancel one, and try again."
            ),
        ),
        Full::All => (
            Kind::Unavailable,
            say!(
                "Just nu pågår så många inläsningar att fler inte går. Ingenting har sparats. Försök igen om {RETRY_AFTER} sekunder.",
                "Just now there are so many imports under way that no more can begin. Nothing was saved. Try again in {RETRY_AFTER} seconds."
            ),
        ),
    };
    Problem::new(kind).header("Retry-After", RETRY_AFTER.to_string()).detail(told)
}

/// The problem for a file with too many rows.
#[must_use]
pub fn too_many_rows(limit: u32) -> Problem {
    let told = || {
        say!(
            "Filen har fler än {limit} rader. Ingenting har lästs in. Dela den i flera filer och läs in dem var för sig.",
            "The file has more than {limit} rows. Nothing was imported. Divide it into several files and import each by itself."
        )
    };
    Problem { faults: vec![Fault::at_pointer("", "too-many-rows", told())], ..Problem::new(Kind::TooLarge).detail(told()) }
}
