//! Reads a whole file row by row, and writes its rows in pieces to a temporary file. Nothing of the file is in the
//! database until all of it has been read.

use std::{
    fs::File,
    io::{BufWriter, Read, Seek, SeekFrom, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    bounds::{Bounds, too_many_rows},
    formats::{self, Format, Item},
    headings::Headings,
    queue::Reading,
    types::{ImportColumn, LeftOutColumn},
};
use crate::kernel::{
    Problem, Result,
    disk::{Spool, failed},
    export::Turn,
    problem::Kind,
};
use serde::Serialize;

/// The largest number of rows that are worked through in one transaction.
pub const CHUNK: usize = 500;
/// The number of bytes of rows that are worked through in one transaction. A piece ends with the row that reaches this
/// size.
const WEIGHT: usize = 256 << 10;
/// The number of bytes of rows after which the free disk space is checked again.
const LOOKS: u64 = 4 << 20;

/// Turns the items of one file into rows of a target.
pub trait Reader: Send + 'static {
    /// A row, in the form in which it waits for its job.
    type Row: Serialize;

    /// Reads an item. Returns `None` for a heading. A row that cannot be used is returned too, with its faults.
    ///
    /// # Errors
    /// When the file as a whole cannot be used.
    fn take(&mut self, item: Item) -> Result<Option<Self::Row>>;

    /// Returns the headings that were found.
    fn into_headings(self) -> Headings;
}

/// A file that has been read.
#[derive(Debug)]
pub struct Intake {
    /// The columns that are read.
    pub columns: Vec<ImportColumn>,
    /// The columns that are left out.
    pub left_out: Vec<LeftOutColumn>,
    /// The number of rows.
    pub total: i64,
    /// The rows.
    pub pieces: Pieces,
}

/// Reads a file on a blocking thread, because parsing would occupy a server's thread. A file that makes a parser panic
/// ends as an error.
///
/// # Errors
/// When the file as a whole cannot be read, or has too many rows.
pub async fn intake(format: Format, file: Arc<File>, reader: impl Reader, bounds: &Bounds) -> Result<Intake> {
    intake_in_turn(format, file, reader, bounds, None).await.map(|(read, _)| read)
}

/// Like [`intake`], in turn with others. The thread keeps both turns (to read, and of the caller) as long as it reads,
/// even when the caller has gone; in that case it soon stops. The caller's turn is returned together with the result.
///
/// # Errors
/// As for [`intake`].
pub async fn intake_in_turn(
    format: Format,
    file: Arc<File>,
    reader: impl Reader,
    bounds: &Bounds,
    turns: Option<(Reading, Turn)>,
) -> Result<(Intake, Option<Turn>)> {
    let caller = Caller::default();
    let (rows, spool, is_gone) = (bounds.rows, bounds.spool.clone(), Arc::clone(&caller.is_gone));
    let work = move || {
        let (reading, turn) = turns.unzip();
        let outcome = read(format, &file, reader, rows, &spool, &is_gone).map(|read| (read, turn));
        drop(reading);
        outcome
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| Problem::internal(&error))?
}

/// The request that waits for a file to be read. Dropping it tells the reader to stop.
#[derive(Debug, Default)]
struct Caller {
    is_gone: Arc<AtomicBool>,
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.is_gone.store(true, Ordering::Relaxed);
    }
}

fn read(format: Format, file: &File, mut reader: impl Reader, most: u32, spool: &Spool, is_gone: &AtomicBool) -> Result<Intake> {
    // The caller has gone, so nobody sees this problem.
    let waits = || if is_gone.load(Ordering::Relaxed) { Err(Problem::new(Kind::Timeout)) } else { Ok(()) };
    waits()?;
    let mut pieces = Writer::new(spool)?;
    formats::read(format, file, spool, &mut |item| {
        waits()?;
        let Some(row) = reader.take(item)? else { return Ok(()) };
        if pieces.total >= i64::from(most) {
            return Err(too_many_rows(most));
        }
        pieces.add(&row)
    })?;
    let (total, headings) = (pieces.total, reader.into_headings());
    Ok(Intake { columns: headings.found, left_out: headings.left_out, total, pieces: pieces.end()? })
}

/// Rows that have been read, as JSON arrays in a file without a name.
#[derive(Debug)]
pub struct Pieces {
    file: File,
    places: Vec<Place>,
}

/// The position of a piece in the file.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    at: u64,
    length: usize,
    /// The number of rows before the piece.
    first: i64,
}

impl Pieces {
    /// Returns the pieces in order, each with the number of rows before it.
    pub fn each(&self) -> impl Iterator<Item = Result<(i64, String)>> {
        self.places.iter().map(|place| {
            let mut piece = vec![0; place.length];
            let mut file = &self.file;
            file.seek(SeekFrom::Start(place.at)).and_then(|_| file.read_exact(&mut piece)).map_err(failed)?;
            let piece = String::from_utf8(piece).map_err(|error| Problem::internal(&error))?;
            Ok((place.first, piece))
        })
    }

    /// The total size of the pieces in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.places.last().map_or(0, |last| last.at + last.length as u64)
    }
}

/// Writes rows in pieces.
struct Writer {
    file: BufWriter<File>,
    places: Vec<Place>,
    /// The number of rows in all pieces, and in the present piece.
    total: i64,
    rows: usize,
    piece: Vec<u8>,
    spool: Spool,
    /// The number of bytes at the last check of the free disk space.
    looked: u64,
}

impl Writer {
    fn new(spool: &Spool) -> Result<Self> {
        let file = BufWriter::new(spool.file()?);
        Ok(Self { file, places: Vec::new(), total: 0, rows: 0, piece: Vec::new(), spool: spool.clone(), looked: 0 })
    }

    fn add(&mut self, row: &impl Serialize) -> Result<()> {
        self.piece.push(if self.rows == 0 { b'[' } else { b',' });
        serde_json::to_writer(&mut self.piece, row)?;
        self.rows += 1;
        self.total += 1;
        if self.rows == CHUNK || self.piece.len() >= WEIGHT { self.turn() } else { Ok(()) }
    }

    /// Ends the present piece.
    fn turn(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        self.piece.push(b']');
        let at = self.places.last().map_or(0, |last| last.at + last.length as u64);
        let bytes = at + self.piece.len() as u64;
        if bytes - self.looked >= LOOKS {
            self.spool.require_room(bytes.saturating_mul(2))?;
            self.looked = bytes;
        }
        self.file.write_all(&self.piece).map_err(failed)?;
        let first = self.total - i64::try_from(self.rows).unwrap_or(i64::MAX);
        self.places.push(Place { at, length: self.piece.len(), first });
        self.piece.clear();
        self.rows = 0;
        Ok(())
    }

    fn end(mut self) -> Result<Pieces> {
        self.turn()?;
        let file = self.file.into_inner().map_err(|error| failed(error.into_error()))?;
        Ok(Pieces { file, places: self.places })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::FutureExt;

    use super::*;
    use crate::{
        kernel::export::{Full, Turns},
        queue::Queue,
    };

    /// Rows that are lists of their cells.
    struct Plain;

    impl Reader for Plain {
        type Row = Vec<String>;

        fn take(&mut self, item: Item) -> Result<Option<Vec<String>>> {
            Ok(if let Item::Cells(_, cells) = item { Some(cells) } else { None })
        }

        fn into_headings(self) -> Headings {
            Headings::default()
        }
    }

    #[test]
    fn abuse_113_who_hangs_up_keeps_the_turn_until_the_reader_has_stopped() {
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let (reading, receiving) = (Queue::default(), Turns::new(1, 1));
            // The only blocking thread is busy, so the reader has not begun when the caller goes.
            let (go, wait) = mpsc::channel::<()>();
            let other = tokio::task::spawn_blocking(move || wait.recv());
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(b"namn\nAlby IF\n").unwrap();
            let bounds = Bounds {
                rows: 10,
                per_caller: 1,
                at_once: 1,
                file_bytes: 1 << 20,
                file_time: std::time::Duration::from_secs(1),
                spool: Spool::default(),
            };
            let turns = (reading.turn("a").await.unwrap(), receiving.take("a".to_owned()).unwrap());
            let left = intake_in_turn(Format::Csv, Arc::new(file), Plain, &bounds, Some(turns)).now_or_never();
            assert!(left.is_none());
            assert!(reading.turn("b").now_or_never().is_none());
            assert_eq!(receiving.take("a".to_owned()).err(), Some(Full::Own(1)));
            go.send(()).unwrap();
            other.await.unwrap().unwrap();
            let _next = reading.turn("b").await.unwrap();
            assert!(receiving.take("a".to_owned()).is_ok());
        });
    }

    #[test]
    fn abuse_113_a_reader_stops_when_nobody_waits_or_the_disk_is_full() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"namn\nAlby IF\n").unwrap();
        let refused = |is_gone| {
            let is_gone = AtomicBool::new(is_gone);
            read(Format::Csv, &file, Plain, 10, &Spool::default(), &is_gone).err().map(|problem| problem.kind)
        };
        assert_eq!([refused(true), refused(false)], [Some(Kind::Timeout), None]);
        let mut pieces = Writer::new(&Spool { spare: u64::MAX, ..Spool::default() }).unwrap();
        pieces.piece = vec![b'a'; 4 << 20];
        pieces.rows = 1;
        assert_eq!(pieces.turn().err().map(|problem| problem.kind), Some(Kind::StorageFull));
    }
}
