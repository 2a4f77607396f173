//! Takes in a file: reads all of it, and leaves what its rows say in pieces to be stored.

use super::{
    formats::{self, Format},
    mapping::{ImportColumn, Known, LeftOutColumn, Mapping, Row},
};
use crate::kernel::{Problem, Result};

/// How many rows are worked through in one transaction.
pub const CHUNK: usize = 500;

/// A file that has been read.
#[derive(Debug)]
pub struct Intake {
    /// The columns that are read.
    pub columns: Vec<ImportColumn>,
    /// The columns that are not.
    pub left_out: Vec<LeftOutColumn>,
    /// How many rows there are.
    pub total: i64,
    /// The rows, as JSON lists of [`Row`].
    pub chunks: Vec<String>,
}

/// Reads a file, on a thread of its own: it is work for a processor and not for a server's thread. A file that makes a
/// reader stumble ends as a refusal.
///
/// # Errors
/// When the file as a whole cannot be read.
pub async fn intake(format: Format, bytes: impl AsRef<[u8]> + Send + 'static, known: Known) -> Result<Intake> {
    tokio::task::spawn_blocking(move || read(format, bytes.as_ref(), known)).await.map_err(|error| Problem::internal(&error))?
}

fn read(format: Format, bytes: &[u8], known: Known) -> Result<Intake> {
    let mut mapping = Mapping::new(known);
    let mut chunks = Vec::new();
    let mut rows: Vec<Row> = Vec::with_capacity(CHUNK);
    let mut total = 0;
    formats::read(format, bytes, &mut |item| {
        if let Some(row) = mapping.take(item) {
            total += 1;
            rows.push(row);
            if rows.len() == CHUNK {
                chunks.push(serde_json::to_string(&rows)?);
                rows.clear();
            }
        }
        Ok(())
    })?;
    if !rows.is_empty() {
        chunks.push(serde_json::to_string(&rows)?);
    }
    Ok(Intake { columns: mapping.found, left_out: mapping.left_out, total, chunks })
}
