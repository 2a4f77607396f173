//! Lists as workbooks (XLSX). A workbook can be sent only when it is complete, so it is written to a file without a name, which is
//! deleted when it is closed, also when the process dies.

use std::fs::File;

use chrono::{DateTime, Utc};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::cells::Cell;
use crate::{
    language::say,
    problem::{Fault, Kind, Problem, Result},
};

/// The most rows of a sheet.
const MAX_ROWS: u32 = 1_048_576;
/// The most characters of a cell.
const MAX_TEXT: usize = 32_767;
/// The largest whole number that a spreadsheet shows with all its digits. Larger numbers are written as text.
const MAX_NUMBER: i64 = 999_999_999_999_999;

/// A workbook that is being written. When a sheet is full, another begins. Written rows are on disk and not in memory.
pub(super) struct Book {
    workbook: Workbook,
    name: String,
    headings: Vec<String>,
    sheets: usize,
    /// The index of the next row of the present sheet, from 0.
    row: u32,
    max_rows: u32,
}

impl Book {
    /// Begins a workbook with its headings.
    pub(super) fn new(name: &str, headings: Vec<String>, now: DateTime<Utc>) -> Result<Self> {
        Self::with_rows(name, headings, now, MAX_ROWS)
    }

    fn with_rows(name: &str, headings: Vec<String>, now: DateTime<Utc>, max_rows: u32) -> Result<Self> {
        let mut workbook = Workbook::new();
        let created = ExcelDateTime::from_timestamp(now.timestamp()).map_err(failed)?;
        workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));
        // A sheet's name has at most 31 characters, of which some may be needed for its number.
        let mut this = Self { workbook, name: name.chars().take(25).collect(), headings, sheets: 0, row: 0, max_rows };
        this.begin()?;
        Ok(this)
    }

    /// Begins another sheet.
    fn begin(&mut self) -> Result<()> {
        self.sheets += 1;
        let name = if self.sheets == 1 { self.name.clone() } else { format!("{} {}", self.name, self.sheets) };
        let sheet = self.workbook.add_worksheet_with_constant_memory().map_err(failed)?;
        sheet.set_name(name).map_err(failed)?;
        sheet.set_freeze_panes(1, 0).map_err(failed)?;
        let bold = Format::new().set_bold();
        for (column, heading) in (0..).zip(&self.headings) {
            sheet.write_string_with_format(0, column, heading, &bold).map_err(failed)?;
        }
        self.row = 1;
        Ok(())
    }

    /// Writes a row.
    ///
    /// # Errors
    /// When a text is too long for a cell (422), or the disk is full (500).
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) -> Result<()> {
        if self.row == self.max_rows {
            self.begin()?;
        }
        let row = self.row;
        let sheet = self.workbook.worksheet_from_index(self.sheets - 1).map_err(failed)?;
        for (column, cell) in (0..).zip(cells) {
            let text = match &cell {
                Cell::Text(text) => text,
                _ => "",
            };
            if text.encode_utf16().count() > MAX_TEXT {
                return Err(too_long(self.headings.get(usize::from(column)).map_or("", String::as_str), row));
            }
            write(sheet, row, column, cell).map_err(failed)?;
        }
        self.row += 1;
        Ok(())
    }

    /// Finishes the workbook. Returns it as a file without a name, with its length in bytes. This blocks for a while.
    ///
    /// # Errors
    /// When the disk is full (500).
    pub(super) fn finish(mut self) -> Result<(File, u64)> {
        let failed = |error: std::io::Error| Problem::internal(&format_args!("a workbook could not be written: {error}"));
        let mut file = tempfile::tempfile().map_err(failed)?;
        self.workbook.save_to_writer(&mut file).map_err(self::failed)?;
        let length = file.metadata().map_err(failed)?.len();
        std::io::Seek::rewind(&mut file).map_err(failed)?;
        Ok((file, length))
    }
}

/// Writes a cell with its type. Text is always written as text, never as a formula or a link.
fn write(sheet: &mut Worksheet, row: u32, column: u16, cell: Cell) -> std::result::Result<(), XlsxError> {
    match cell {
        Cell::Empty => {}
        Cell::Bool(value) => drop(sheet.write_boolean(row, column, value)?),
        Cell::Text(text) => drop(sheet.write_string(row, column, text)?),
        Cell::Number(number) => {
            let exact = if number.is_f64() {
                number.as_f64()
            } else {
                number.as_i64().filter(|whole| whole.abs() <= MAX_NUMBER).and_then(|_| number.as_f64())
            };
            match exact {
                Some(exact) => drop(sheet.write_number(row, column, exact)?),
                None => drop(sheet.write_string(row, column, number.to_string())?),
            }
        }
    }
    Ok(())
}

fn failed(error: XlsxError) -> Problem {
    Problem::internal(&format_args!("a workbook could not be written: {error}"))
}

fn too_long(heading: &str, row: u32) -> Problem {
    let row = row + 1;
    Problem {
        faults: vec![Fault::of_parameter(
            "format",
            "too-long",
            say!(
                "Rad {row}, kolumn {heading}, har mer text än de {MAX_TEXT} tecken som ryms i en cell i Excel. Välj format=csv eller format=ndjson, eller välj bort kolumnen med fields.",
                "Row {row}, column {heading}, has more text than the {MAX_TEXT} characters that a cell of a workbook can hold. Choose format=csv or format=ndjson, or leave the column out by fields."
            ),
        )],
        ..Problem::new(Kind::Invalid)
    }
}

#[cfg(test)]
mod tests {
    use calamine::{Data, Reader, Xlsx};
    use serde_json::json;

    use super::*;

    fn book(max_rows: u32) -> Book {
        let now = "2026-11-22T09:00:00Z".parse().unwrap();
        Book::with_rows("actors", vec!["name".to_owned(), "number".to_owned()], now, max_rows).unwrap()
    }

    fn cells(values: &[serde_json::Value]) -> Vec<Cell> {
        values.iter().map(|value| Cell::from_value(Some(value))).collect()
    }

    #[test]
    fn a_full_sheet_is_followed_by_another() {
        let mut book = book(3);
        for number in 0..5 {
            book.row(cells(&[json!(format!("=row {number}")), json!(number)])).unwrap();
        }
        let (file, length) = book.finish().unwrap();
        assert_eq!(file.metadata().unwrap().len(), length);
        let mut read = Xlsx::new(std::io::BufReader::new(file)).unwrap();
        assert_eq!(read.sheet_names(), ["actors", "actors 2", "actors 3"]);
        let last = read.worksheet_range("actors 3").unwrap();
        assert_eq!(last.get_value((0, 0)), Some(&Data::String("name".to_owned())));
        assert_eq!(last.get_value((1, 0)), Some(&Data::String("=row 4".to_owned())));
        assert_eq!(last.get_value((1, 1)), Some(&Data::Float(4.0)));
        assert_eq!(last.height(), 2);
    }

    #[test]
    fn large_numbers_keep_their_digits() {
        let mut book = book(MAX_ROWS);
        book.row(cells(&[json!(i64::MAX), json!(1.5)])).unwrap();
        let mut read = Xlsx::new(std::io::BufReader::new(book.finish().unwrap().0)).unwrap();
        let sheet = read.worksheet_range("actors").unwrap();
        assert_eq!(sheet.get_value((1, 0)), Some(&Data::String(i64::MAX.to_string())));
        assert_eq!(sheet.get_value((1, 1)), Some(&Data::Float(1.5)));
    }

    #[test]
    fn the_fault_of_a_text_too_long_for_a_cell_names_its_place() {
        let problem = book(MAX_ROWS).row(cells(&[json!("å".repeat(MAX_TEXT)), json!("x".repeat(MAX_TEXT + 1))])).unwrap_err();
        assert!(problem.faults[0].detail.en.contains("Row 2, column number"), "{problem:?}");
    }
}
