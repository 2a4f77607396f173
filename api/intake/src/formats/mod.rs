//! Readers of files: CSV, XLSX, NDJSON and JSON. All give the same kind of rows, one at a time. A row that cannot be read
//! is passed on with its faults and does not stop the others.

mod csv;
mod json;
mod text;
mod workbook;
mod xlsx;
mod xml;

use std::{fs::File, io::Write};

use serde_json::{Map, Value};

use crate::kernel::{
    Fault, Problem, Result,
    disk::{Spool, failed},
    language::Text,
    problem::Kind,
    say,
};

/// The largest number of columns of a table.
pub const MAX_COLUMNS: usize = 500;
/// The largest size of a row, in bytes. A longer row is a mistake in the file.
pub const MAX_ROW: usize = 128 << 10;
/// The largest number of faults of one row that are passed on.
pub const MAX_FAULTS: usize = 20;

/// A form of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A table as text.
    Csv,
    /// A spreadsheet.
    Xlsx,
    /// One JSON object on each line.
    Ndjson,
    /// A JSON array of objects, or an object with such an array in `items` or `rows`.
    Json,
}

impl Format {
    /// Returns the form for a media type; `None` when it is not supported.
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

    /// Returns the form for the ending of a file's name; `None` when it is not supported.
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

/// An item that a reader finds in a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// The headings of a table, before all rows.
    Heading(Vec<String>),
    /// A row of a table, with its number as in a spreadsheet: the heading is row 1.
    Cells(u32, Vec<String>),
    /// An object; the first one has number 1.
    Object(u32, Map<String, Value>),
    /// A row that cannot be read.
    Broken(u32, Vec<Fault>),
}

/// The function that receives the items.
pub type Taker<'a> = dyn FnMut(Item) -> Result<()> + 'a;

/// Reads a file and passes its items to `take`, one at a time. At most one row is in memory.
///
/// # Errors
/// When the file as a whole cannot be read, or `take` fails.
pub fn read(format: Format, file: &File, spool: &Spool, take: &mut Taker<'_>) -> Result<()> {
    if let Some(detail) = wrong_format_detail(format, &text::beginning(file)?) {
        return Err(unreadable("wrong-format", detail));
    }
    match format {
        Format::Csv => csv::read(file, take),
        Format::Xlsx => xlsx::read(file, spool, take),
        Format::Ndjson => json::lines(file, take),
        Format::Json => json::array(file, take),
    }
}

/// The message for a file whose first bytes show that it is a workbook although it was sent as text, or that it is in
/// Excel's old form; `None` for other files.
fn wrong_format_detail(format: Format, bytes: &[u8]) -> Option<Text> {
    if bytes.starts_with(b"\xD0\xCF\x11\xE0") {
        // A workbook that is protected by a password is wrapped in the old form.
        return Some(say!(
            "Filen är i det gamla formatet .xls, eller skyddad med lösenord. Spara om den som .xlsx eller CSV UTF-8, utan lösenord.",
            "The file is in the old form .xls, or protected by a password. Save it anew as .xlsx or CSV UTF-8, without a password."
        ));
    }
    (format != Format::Xlsx && bytes.starts_with(b"PK\x03\x04")).then(|| {
        say!(
            "Filen är en Excel-arbetsbok. Skicka den som .xlsx (Content-Type application/vnd.openxmlformats-officedocument.spreadsheetml.sheet), eller spara den som CSV.",
            "The file is an Excel workbook. Send it as .xlsx (Content-Type application/vnd.openxmlformats-officedocument.spreadsheetml.sheet), or save it as CSV."
        )
    })
}

fn unreadable(code: &'static str, detail: Text) -> Problem {
    Problem::invalid(vec![Fault::at_pointer("", code, detail)])
}

/// The fault of a row that is too long.
fn too_long() -> Fault {
    let kibibytes = MAX_ROW >> 10;
    Fault::at_pointer(
        "",
        "row-too-long",
        say!(
            "Raden är längre än {kibibytes} KiB. Korta av texterna, eller kontrollera att raden slutar där den ska.",
            "The row is longer than {kibibytes} KiB. Shorten its texts, or see that the row ends where it should."
        ),
    )
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

/// The problem for a file that is not a workbook.
fn no_workbook(error: &dyn std::fmt::Display) -> Problem {
    tracing::debug!(%error, "a file is no workbook");
    unreadable(
        "no-workbook",
        say!(
            "Filen går inte att läsa som en Excel-arbetsbok (.xlsx). Spara den på nytt som .xlsx eller CSV, utan lösenord.",
            "The file cannot be read as an Excel workbook (.xlsx). Save it anew as .xlsx or CSV, without a password."
        ),
    )
}

fn too_large() -> Problem {
    Problem::new(Kind::TooLarge).detail(say!(
        "Filen blir för stor när den packas upp. Dela den, eller spara den som CSV.",
        "The file grows too large when it is unpacked. Divide it, or save it as CSV."
    ))
}

/// All items of a small file, such as the examples of a test.
///
/// # Errors
/// When the file cannot be read as the format, or cannot be put aside on the disk.
pub fn all(format: Format, bytes: &[u8]) -> Result<Vec<Item>> {
    let spool = Spool::default();
    let mut file = spool.file()?;
    file.write_all(bytes).map_err(failed)?;
    let mut items = Vec::new();
    read(format, &file, &spool, &mut |item| {
        items.push(item);
        Ok(())
    })?;
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workbook_sent_as_text_is_known_by_its_first_bytes() {
        let code = |format, bytes: &[u8]| all(format, bytes).err().map(|problem| problem.faults[0].code);
        for format in [Format::Csv, Format::Ndjson, Format::Json] {
            assert_eq!(code(format, b"PK\x03\x04\x14\x00"), Some("wrong-format"));
        }
        for format in [Format::Csv, Format::Xlsx, Format::Ndjson, Format::Json] {
            assert_eq!(code(format, b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), Some("wrong-format"));
        }
    }
}
