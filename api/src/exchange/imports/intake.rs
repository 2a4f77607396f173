//! Takes in a file: reads all of it, row by row, and leaves what its rows say in pieces to be stored. Until all of it has been
//! read nothing of it is in the database.

use std::{
    fs::File,
    io::{BufWriter, Read, Seek, SeekFrom, Write},
    sync::Arc,
};

use super::{
    formats::{self, Format},
    mapping::{ImportColumn, Known, LeftOutColumn, Mapping, Row},
    room::{Bounds, too_many_rows},
};
use crate::kernel::{
    Problem, Result,
    disk::{Spool, failed},
};

/// The most rows that are worked through in one transaction.
pub const CHUNK: usize = 500;
/// How many bytes of rows are worked through in one transaction: a piece is full with the row that reaches this.
const WEIGHT: usize = 256 << 10;

/// A file that has been read.
#[derive(Debug)]
pub struct Intake {
    /// The columns that are read.
    pub columns: Vec<ImportColumn>,
    /// The columns that are not.
    pub left_out: Vec<LeftOutColumn>,
    /// How many rows there are.
    pub total: i64,
    /// The rows.
    pub pieces: Pieces,
}

/// Reads a file, on a thread of its own: it is work for a processor and not for a server's thread. A file that makes a
/// reader stumble ends as a refusal.
///
/// # Errors
/// When the file as a whole cannot be read, or has more rows than one may have.
pub async fn intake(format: Format, file: Arc<File>, known: Known, bounds: &Bounds) -> Result<Intake> {
    let (rows, spool) = (bounds.rows, bounds.spool.clone());
    tokio::task::spawn_blocking(move || read(format, &file, known, rows, &spool)).await.map_err(|error| Problem::internal(&error))?
}

fn read(format: Format, file: &File, known: Known, most: u32, spool: &Spool) -> Result<Intake> {
    let mut mapping = Mapping::new(known);
    let mut pieces = Writer::new(spool)?;
    formats::read(format, file, spool, &mut |item| {
        let Some(row) = mapping.take(item) else { return Ok(()) };
        if pieces.total >= i64::from(most) {
            return Err(too_many_rows(most));
        }
        pieces.add(&row)
    })?;
    let total = pieces.total;
    Ok(Intake { columns: mapping.found, left_out: mapping.left_out, total, pieces: pieces.end()? })
}

/// Rows that have been read, as JSON lists of [`Row`], in a file without a name.
#[derive(Debug)]
pub struct Pieces {
    file: File,
    places: Vec<Place>,
}

/// Where a piece is.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    at: u64,
    length: usize,
    /// How many rows there are before it.
    first: i64,
}

impl Pieces {
    /// Each piece in turn, with the number of rows before it.
    pub fn each(&self) -> impl Iterator<Item = Result<(i64, String)>> {
        self.places.iter().map(|place| {
            let mut piece = vec![0; place.length];
            let mut file = &self.file;
            file.seek(SeekFrom::Start(place.at)).and_then(|_| file.read_exact(&mut piece)).map_err(failed)?;
            let piece = String::from_utf8(piece).map_err(|error| Problem::internal(&error))?;
            Ok((place.first, piece))
        })
    }

    /// How many bytes all of them have.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.places.last().map_or(0, |last| last.at + last.length as u64)
    }
}

/// Writes rows in pieces.
struct Writer {
    file: BufWriter<File>,
    places: Vec<Place>,
    /// How many rows there are in all, and in the piece.
    total: i64,
    rows: usize,
    piece: Vec<u8>,
}

impl Writer {
    fn new(spool: &Spool) -> Result<Self> {
        Ok(Self { file: BufWriter::new(spool.file()?), places: Vec::new(), total: 0, rows: 0, piece: Vec::new() })
    }

    fn add(&mut self, row: &Row) -> Result<()> {
        self.piece.push(if self.rows == 0 { b'[' } else { b',' });
        serde_json::to_writer(&mut self.piece, row)?;
        self.rows += 1;
        self.total += 1;
        if self.rows == CHUNK || self.piece.len() >= WEIGHT { self.turn() } else { Ok(()) }
    }

    /// Ends the piece.
    fn turn(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        self.piece.push(b']');
        self.file.write_all(&self.piece).map_err(failed)?;
        let at = self.places.last().map_or(0, |last| last.at + last.length as u64);
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
