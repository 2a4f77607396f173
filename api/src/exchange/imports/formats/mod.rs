//! Readers of files: CSV, XLSX, NDJSON and JSON, each into the same rows, one at a time. A row that cannot be read is a row
//! that is told of, and never stops the others.

mod csv;
mod json;
mod text;
mod xlsx;

use serde_json::{Map, Value};

use crate::kernel::{Fault, Problem, Result, problem::Kind, say};

/// The most columns that a table may have.
pub const MAX_COLUMNS: usize = 500;

/// A form in which rows come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A table as text.
    Csv,
    /// A spreadsheet.
    Xlsx,
    /// One JSON object on each line.
    Ndjson,
    /// A JSON array of objects, or an object whose `items` are that.
    Json,
}

impl Format {
    /// The form that a media type names.
    #[must_use]
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        Some(match media_type.split(';').next()?.trim().to_ascii_lowercase().as_str() {
            "text/csv" => Self::Csv,
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => Self::Xlsx,
            "application/x-ndjson" | "application/jsonl" | "application/ndjson" => Self::Ndjson,
            "application/json" => Self::Json,
            _ => return None,
        })
    }

    /// The form that a file's name ends with.
    #[must_use]
    pub fn of_file_name(name: &str) -> Option<Self> {
        Some(match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "csv" | "tsv" | "txt" => Self::Csv,
            "xlsx" => Self::Xlsx,
            "ndjson" | "jsonl" => Self::Ndjson,
            "json" => Self::Json,
            _ => return None,
        })
    }
}

/// What a reader meets.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// The headings of a table, before all rows.
    Heading(Vec<String>),
    /// A row of a table. Rows are numbered as a spreadsheet does: the heading is row 1.
    Cells(u32, Vec<String>),
    /// An object; the first is number 1.
    Object(u32, Map<String, Value>),
    /// A row that cannot be read.
    Broken(u32, Vec<Fault>),
}

/// Who takes what a reader meets.
pub type Taker<'a> = dyn FnMut(Item) -> Result<()> + 'a;

/// Reads a file.
///
/// # Errors
/// When the file as a whole cannot be read, or the taker refuses.
pub fn read(format: Format, bytes: &[u8], take: &mut Taker<'_>) -> Result<()> {
    match format {
        Format::Csv => csv::read(bytes, take),
        Format::Xlsx => xlsx::read(bytes, take),
        Format::Ndjson => json::lines(bytes, take),
        Format::Json => json::array(bytes, take),
    }
}

fn unreadable(code: &'static str, detail: crate::kernel::language::Text) -> Problem {
    Problem::invalid(vec![Fault::at("", code, detail)])
}

fn too_many_columns() -> Problem {
    unreadable(
        "too-many-columns",
        say!(
            "Tabellen har fler än {MAX_COLUMNS} kolumner. Spara bara de kolumner som ska läsas in.",
            "The table has more than {MAX_COLUMNS} columns. Save only those to be imported."
        ),
    )
}

fn too_large() -> Problem {
    Problem::new(Kind::TooLarge).detail(say!(
        "Filen blir för stor när den packas upp. Dela den, eller spara den som CSV.",
        "The file grows too large when it is unpacked. Divide it, or save it as CSV."
    ))
}

#[cfg(test)]
pub(super) fn all(format: Format, bytes: &[u8]) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    read(format, bytes, &mut |item| {
        items.push(item);
        Ok(())
    })?;
    Ok(items)
}
