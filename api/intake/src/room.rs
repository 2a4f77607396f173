//! How much room imports may take: rows, jobs at once, disk. A file is received into a file without a name, and read from
//! there, one file at a time and by turns among the callers; so what an import takes in memory does not depend on how large the file is, nor on how many come.

use std::{fs::File, io::Write, time::Duration};

use actix_web::{
    http::header::{self, HeaderMap},
    web,
};
use bytes::BytesMut;
use futures_util::StreamExt;

use super::{
    queue::{Queue, Reading},
    store,
};
use crate::{
    access::Caller,
    kernel::{
        Db, Fault, Problem, Result,
        disk::{Spool, failed},
        export::{Full, Turn, Turns},
        hash,
        problem::Kind,
        say,
    },
};

/// How many seconds who has too many imports under way is told to wait.
const RETRY_AFTER: u32 = 10;
/// How many seconds who meets a full disk is told to wait.
const RETRY_FULL: u32 = 30;
/// How long a file waits for its turn to be read.
const WAIT: Duration = Duration::from_mins(1);
/// How much of a file is written at once.
const BLOCK: usize = 256 << 10;
/// How many times its size a file may take on the disk while it is worked through: as it came, as its rows wait, in the log of
/// the database, and as what became of each.
const SPREAD: u64 = 6;

/// How much may be imported.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// The most rows of a file.
    pub rows: u32,
    /// The most imports of one caller that have not ended; 0 means as many as one likes.
    pub per_caller: u32,
    /// The most of all callers.
    pub at_once: u32,
    /// The largest file, in bytes.
    pub file_bytes: usize,
    /// How long a file may take to arrive.
    pub file_time: Duration,
    /// Where files wait.
    pub spool: Spool,
}

/// The room that there is at this instance.
#[derive(Debug)]
pub struct Room {
    pub bounds: Bounds,
    receiving: Turns,
    reading: Queue,
}

impl Room {
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self { receiving: Turns::new(bounds.per_caller, bounds.at_once), bounds, reading: Queue::default() }
    }

    /// Lets a caller begin an import, before its file is taken in.
    ///
    /// # Errors
    /// When too many imports are under way, or the database does not answer.
    pub async fn enter(&self, caller: &Caller, db: &Db) -> Result<Turn> {
        let turn = self.receiving.take(name(caller)).map_err(full)?;
        store::admit(caller, &self.bounds, db.reader()).await?;
        Ok(turn)
    }

    /// The caller's turn to read a file, which whoever reads it keeps.
    ///
    /// # Errors
    /// When the files of others are being read for too long.
    pub async fn reading(&self, caller: &Caller) -> Result<Reading> {
        let turn = tokio::time::timeout(WAIT, self.reading.turn(&name(caller))).await;
        turn.ok().flatten().ok_or_else(|| full(Full::All))
    }
}

fn name(caller: &Caller) -> String {
    caller.user.map(|user| user.to_string()).unwrap_or_default()
}

/// What who may not begin another import is told.
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

/// The same problem, with when to try again where the disk is full.
#[must_use]
pub fn later(problem: Problem) -> Problem {
    let is_told = problem.headers.iter().any(|(name, _)| *name == "Retry-After");
    if problem.kind == Kind::StorageFull && !is_told { problem.header("Retry-After", RETRY_FULL.to_string()) } else { problem }
}

/// What is told of a file with more rows than one may have.
#[must_use]
pub fn too_many_rows(limit: u32) -> Problem {
    let told = || {
        say!(
            "Filen har fler än {limit} rader. Ingenting har lästs in. Dela den i flera filer och läs in dem var för sig.",
            "The file has more than {limit} rows. Nothing was imported. Divide it into several files and import each by itself."
        )
    };
    Problem { faults: vec![Fault::at("", "too-many-rows", told())], ..Problem::new(Kind::TooLarge).detail(told()) }
}

/// How large the caller says that the body is.
#[must_use]
pub fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// What is told of a file in a form that nobody reads.
#[must_use]
pub fn unknown_media_type() -> Problem {
    Problem::new(Kind::UnsupportedMediaType).detail(say!(
        "Skicka filen som text/csv, application/vnd.openxmlformats-officedocument.spreadsheetml.sheet, application/json eller application/x-ndjson.",
        "Send the file as text/csv, application/vnd.openxmlformats-officedocument.spreadsheetml.sheet, application/json or application/x-ndjson."
    ))
}

/// A file that has been received.
#[derive(Debug)]
pub struct Received {
    /// Where it is.
    pub file: File,
    /// Its digest.
    pub digest: String,
}

/// Takes in a file, within its own limit and at the pace that any body must keep. It is taken in only when it is known that the
/// caller may import, so that nobody else can fill the disk, and is never in memory.
///
/// # Errors
/// When it is too large, does not arrive, or the disk has no room for it.
pub async fn receive(mut payload: web::Payload, announced: Option<u64>, bounds: &Bounds) -> Result<Received> {
    let (limit, spool) = (bounds.file_bytes, &bounds.spool);
    let too_large = || {
        let mebibytes = limit >> 20;
        Problem::new(Kind::TooLarge).header("Connection", "close").detail(say!(
            "Filen är större än {mebibytes} MiB. Ingenting har lästs in. Dela den i flera filer och läs in dem var för sig.",
            "The file is larger than {mebibytes} MiB. Nothing was imported. Divide it into several files and import each by itself."
        ))
    };
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    spool.room(announced.unwrap_or(limit as u64).saturating_mul(SPREAD)).map_err(|problem| problem.header("Connection", "close"))?;
    let read = async {
        let (mut file, mut digest) = (spool.file()?, hash::Parts::default());
        let (mut block, mut length) = (BytesMut::with_capacity(BLOCK), 0);
        loop {
            let part = payload.next().await.transpose().map_err(|_| Problem::new(Kind::MalformedJson))?;
            let is_end = part.is_none();
            block.extend_from_slice(&part.unwrap_or_default());
            if length + block.len() > limit {
                return Err(too_large());
            }
            if is_end || block.len() >= BLOCK {
                length += block.len();
                digest.add(&block);
                let full = std::mem::replace(&mut block, BytesMut::with_capacity(BLOCK)).freeze();
                file = tokio::task::spawn_blocking(move || file.write_all(&full).map(|()| file))
                    .await
                    .map_err(|error| Problem::internal(&error))?
                    .map_err(failed)?;
            }
            if is_end {
                return Ok(Received { file, digest: digest.hex() });
            }
        }
    };
    tokio::time::timeout(bounds.file_time, read).await.map_err(|_| Problem::new(Kind::Timeout).header("Connection", "close"))?
}
