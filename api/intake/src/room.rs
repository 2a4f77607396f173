//! Limits for imports: rows, simultaneous jobs, disk. A file is received into a file without a name and read from there,
//! one file at a time, with the callers taking turns. Therefore the memory that imports need depends neither on the size
//! nor on the number of files.

use std::{fs::File, io::Write, time::Duration};

use actix_web::{
    http::header::{self, HeaderMap},
    web,
};
use bytes::BytesMut;
use futures_util::StreamExt;

use super::{
    bounds::{Bounds, full},
    queue::{Queue, Reading},
    store,
};
use crate::{
    access::Caller,
    kernel::{
        Db, Problem, Result,
        disk::failed,
        export::{Full, Turn, Turns},
        hash,
        problem::Kind,
        say,
    },
};

/// The number of seconds after which a caller may try again when the disk is full.
const RETRY_FULL: u32 = 30;
/// The longest time that a file waits for its turn to be read.
const WAIT: Duration = Duration::from_mins(1);
/// The number of bytes that are written to the file at a time.
const BLOCK: usize = 256 << 10;
/// The factor between the size of a file and the disk space that it may need while it is worked through: the file itself,
/// its waiting rows, the log of the database, and the outcome of each row.
const SPREAD: u64 = 6;

/// The capacity for imports at this instance.
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

    /// Admits a caller's import, before its file is received.
    ///
    /// # Errors
    /// When too many imports are under way (429 for the caller's own, 503 for all), or the database cannot be read.
    pub async fn admit_import(&self, caller: &Caller, db: &Db) -> Result<Turn> {
        let turn = self.receiving.take(name(caller)).map_err(full)?;
        store::admit(caller, &self.bounds, db.reader()).await?;
        Ok(turn)
    }

    /// Waits for the caller's turn to read a file. The reader keeps it until it has finished.
    ///
    /// # Errors
    /// When the turn does not come within a minute (503).
    pub async fn reading_turn(&self, caller: &Caller) -> Result<Reading> {
        let turn = tokio::time::timeout(WAIT, self.reading.turn(&name(caller))).await;
        turn.ok().flatten().ok_or_else(|| full(Full::All))
    }
}

fn name(caller: &Caller) -> String {
    caller.user.map(|user| user.to_string()).unwrap_or_default()
}

/// Adds `Retry-After` to a problem about a full disk. Other problems are returned unchanged.
#[must_use]
pub fn with_retry_after(problem: Problem) -> Problem {
    let is_told = problem.headers.iter().any(|(name, _)| *name == "Retry-After");
    if problem.kind == Kind::StorageFull && !is_told { problem.header("Retry-After", RETRY_FULL.to_string()) } else { problem }
}

/// Returns the `Content-Length` that the caller has announced.
#[must_use]
pub fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The problem for a file of an unsupported media type.
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
    /// The file, which has no name.
    pub file: File,
    /// The digest of its content, SHA-256 in hexadecimal.
    pub digest: String,
}

/// Receives a file into a file without a name, within the limit for imports and at the pace that every body must keep.
/// The caller must have been admitted before, so that nobody else can fill the disk. The file is never in memory as a
/// whole.
///
/// # Errors
/// When the file is too large (413), does not arrive in time (408), or the disk has no room for it (507).
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
    spool
        .require_room(announced.unwrap_or(limit as u64).saturating_mul(SPREAD))
        .map_err(|problem| problem.header("Connection", "close"))?;
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
