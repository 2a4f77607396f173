//! Readers of files: CSV, XLSX, NDJSON and JSON, each into the same rows, one at a time. A row that cannot be read is a row
//! that is told of, and never stops the others.

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

/// The most columns that a table may have.
pub const MAX_COLUMNS: usize = 500;
/// The most bytes that a row may have. What is longer than that is no row but a mistake.
pub const MAX_ROW: usize = 128 << 10;
/// The most faults that are told of a row.
pub const MAX_FAULTS: usize = 20;

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

/// Reads a file, of which no more than a row is ever in memory.
///
/// # Errors
/// When the file as a whole cannot be read, or the taker refuses.
pub fn read(format: Format, file: &File, spool: &Spool, take: &mut Taker<'_>) -> Result<()> {
    if let Some(detail) = of_another_form(format, &text::beginning(file)?) {
        return Err(unreadable("wrong-format", detail));
    }
    match format {
        Format::Csv => csv::read(file, take),
        Format::Xlsx => xlsx::read(file, spool, take),
        Format::Ndjson => json::lines(file, take),
        Format::Json => json::array(file, take),
    }
}

/// What to do with a file whose first bytes tell that it is a workbook though it was sent as text, or one in Excel's old form.
fn of_another_form(format: Format, bytes: &[u8]) -> Option<Text> {
    if bytes.starts_with(b"\xD0\xCF\x11\xE0") {
        // A new workbook with a password is wrapped in the old form.
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
    Problem::invalid(vec![Fault::at("", code, detail)])
}

/// What is wrong with a row that is longer than any row is.
fn too_long() -> Fault {
    let kibibytes = MAX_ROW >> 10;
    Fault::at(
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
