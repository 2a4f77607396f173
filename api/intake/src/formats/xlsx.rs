//! Spreadsheets: the first visible sheet of a workbook, cell by cell.

use std::fs::File;

use chrono::{Days, NaiveDate, TimeDelta};
use quick_xml::events::{BytesStart, Event};

use super::{
    Item, MAX_COLUMNS, MAX_ROW, Taker, too_large, too_long, too_many_columns, unreadable,
    workbook::{Book, MAX_UNPACKED, Meaning, Strings, format_digits, number, percent},
    xml::{Runs, attribute},
};
use crate::kernel::{Problem, Result, disk::Spool, personal_number, say, text};

pub fn read(file: &File, spool: &Spool, take: &mut Taker<'_>) -> Result<()> {
    let mut book = Book::open(file, spool)?;
    check_shared_text(&mut book)?;
    let mut merged = Merged::of(&mut book)?;
    let from_1904 = book.from_1904;
    let (mut xml, formats, strings) = book.first()?;
    let mut columns = None;
    let mut current = Current::default();
    let mut cell = Cell::default();
    let mut runs = Runs::default();
    // The size that a sheet states is not trusted. The sheet ends with its last row.
    loop {
        let event = xml.next()?;
        match &event {
            Event::Start(element) => match element.local_name().as_ref() {
                "row" => {
                    cell.column = 0;
                    if let Some(row) = number(attribute(element, "r").as_deref()) {
                        cell.row = row.saturating_sub(1);
                    }
                }
                "c" => {
                    cell.begin(element);
                    runs.clear();
                }
                "f" => cell.is_formula = true,
                _ => runs.feed(&event, !cell.is_inline)?,
            },
            Event::End(element) => match element.local_name().as_ref() {
                "row" => cell.row = cell.row.saturating_add(1),
                "c" => {
                    let is_error = cell.is_error || cell.is_unknown(&runs.text);
                    let text = match cell.text(&runs.text, formats, strings, from_1904)? {
                        // The formula has not been computed yet.
                        _ if is_error && runs.text.is_empty() => UNKNOWN.to_owned(),
                        text => text,
                    };
                    cell.column = cell.column.saturating_add(1);
                    if text.trim().is_empty() {
                        continue;
                    }
                    if cell.row != current.row {
                        emit_row(&mut current, &mut columns, &mut merged, take)?;
                        current.row = cell.row;
                    }
                    current.put(cell.column - 1, text, is_error)?;
                }
                "sheetData" => break,
                _ => runs.feed(&event, !cell.is_inline)?,
            },
            Event::Eof => break,
            _ => runs.feed(&event, !cell.is_inline)?,
        }
    }
    emit_row(&mut current, &mut columns, &mut merged, take)?;
    if columns.is_none() {
        return Err(unreadable(
            "no-heading",
            say!(
                "Det första synliga bladet är tomt; dess första rad ska vara rubriker.",
                "The first visible sheet is empty; its first row must be headings."
            ),
        ));
    }
    Ok(())
}

/// Refuses a workbook whose cells refer to more text than the limit, before any row is read.
fn check_shared_text(book: &mut Book<'_>) -> Result<()> {
    if !book.may_swell() {
        return Ok(());
    }
    let (mut xml, _, strings) = book.first()?;
    let (mut cell, mut runs, mut referred) = (Cell::default(), Runs::default(), 0u64);
    loop {
        let event = xml.next()?;
        match &event {
            Event::Start(element) if element.local_name().as_ref() == "c" => {
                cell.begin(element);
                runs.clear();
            }
            Event::End(element) if element.local_name().as_ref() == "c" => {
                if cell.kind == Kind::Shared {
                    referred = referred.saturating_add(runs.text.trim().parse().map_or(0, |at| strings.length(at)));
                }
                if referred > strings.left() {
                    return Err(too_large());
                }
            }
            Event::End(element) if element.local_name().as_ref() == "sheetData" => return Ok(()),
            Event::Eof => return Ok(()),
            _ => runs.feed(&event, !cell.is_inline)?,
        }
    }
}

/// The content given to a cell with a formula that has not been computed, in the form of a spreadsheet error.
const UNKNOWN: &str = "#FORMEL!";
/// The largest number of merged ranges of a sheet.
const MAX_MERGED: usize = 100_000;

/// Merged ranges of cells. Each row of a range shows the content of the range's first cell in the first column.
#[derive(Default)]
struct Merged {
    /// The ranges that have not begun: first row, last row, first column, last column. In descending order.
    ahead: Vec<[u32; 4]>,
    /// The ranges that contain the present row, with their content.
    open: Vec<([u32; 4], String)>,
    /// The number of bytes that merged ranges have added.
    bytes: u64,
}

impl Merged {
    fn of(book: &mut Book<'_>) -> Result<Self> {
        let (mut xml, ..) = book.first()?;
        let mut ahead = Vec::new();
        loop {
            match xml.next()? {
                Event::Start(element) if element.local_name().as_ref() == "mergeCell" && ahead.len() < MAX_MERGED => {
                    let range = attribute(&element, "ref");
                    let Some((first, last)) = range.as_deref().and_then(|range| range.split_once(':')) else { continue };
                    let (Some((top, left)), Some((bottom, right))) = (place(first), place(last)) else { continue };
                    let column = |at: usize| u32::try_from(at.min(MAX_COLUMNS)).unwrap_or_default();
                    ahead.push([top, bottom, column(left), column(right)]);
                }
                Event::Eof => break,
                _ => {}
            }
        }
        ahead.sort_unstable_by(|one, other| other.cmp(one));
        Ok(Self { ahead, open: Vec::new(), bytes: 0 })
    }

    /// Changes the cells of a row into what a person sees.
    fn apply(&mut self, row: u32, current: &mut Current) -> Result<()> {
        self.open.retain(|([_, bottom, ..], _)| *bottom >= row);
        for ([_, _, left, right], text) in &self.open {
            current.set_merged(*left, *right, text.clone());
            self.bytes = self.bytes.saturating_add(text.len() as u64);
        }
        if self.bytes > MAX_UNPACKED {
            return Err(too_large());
        }
        while let Some(merge) = self.ahead.pop_if(|[top, ..]| *top <= row) {
            let [top, bottom, left, right] = merge;
            if top < row {
                continue;
            }
            let text = current.cells.get(left as usize).cloned().unwrap_or_default();
            current.set_merged(left, right, text.clone());
            if bottom > row {
                self.open.push((merge, text));
            }
        }
        Ok(())
    }
}

/// The cell that is being read.
#[derive(Default)]
struct Cell {
    row: u32,
    column: usize,
    /// The form in which the value is written.
    kind: Kind,
    format: Option<usize>,
    is_inline: bool,
    is_error: bool,
    is_formula: bool,
}

/// The form in which the value of a cell is written.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Number,
    Shared,
    Bool,
    Day,
    Text,
}

impl Cell {
    fn begin(&mut self, element: &BytesStart<'_>) {
        if let Some((row, column)) = attribute(element, "r").as_deref().and_then(place) {
            (self.row, self.column) = (row, column);
        }
        self.format = number(attribute(element, "s").as_deref()).and_then(|format| usize::try_from(format).ok());
        let kind = attribute(element, "t");
        let kind = kind.as_deref().unwrap_or("n");
        self.is_inline = kind == "inlineStr";
        self.is_error = kind == "e";
        self.is_formula = false;
        self.kind = match kind {
            "s" => Kind::Shared,
            "b" => Kind::Bool,
            "d" => Kind::Day,
            "n" => Kind::Number,
            _ => Kind::Text,
        };
    }

    /// Whether the cell is a formula without a saved value. A formula whose result is an empty text does have a value.
    fn is_unknown(&self, value: &str) -> bool {
        self.is_formula && value.is_empty() && self.kind != Kind::Text
    }

    /// Returns the cell as text: whole numbers without decimals, days as `YYYY-MM-DD`.
    fn text(&self, value: &str, formats: &[Meaning], strings: &mut Strings, from_1904: bool) -> Result<String> {
        let value_of_number = || value.trim().parse::<f64>().ok();
        Ok(match self.kind {
            _ if value.is_empty() => String::new(),
            Kind::Shared => strings.get(value.trim().parse().unwrap_or(usize::MAX))?,
            Kind::Bool => (value.trim() != "0" && value.trim() != "false").to_string(),
            Kind::Day => value.strip_suffix("T00:00:00").unwrap_or(value).to_owned(),
            Kind::Text => value.to_owned(),
            Kind::Number => match value_of_number() {
                None => value.to_owned(),
                Some(number) => {
                    let read = match self.format.and_then(|format| formats.get(format)) {
                        Some(Meaning::Moment) => moment(number, from_1904),
                        Some(Meaning::Digits(pattern)) => format_digits(number, pattern),
                        Some(Meaning::Percent) => Some(percent(number)),
                        _ => None,
                    };
                    read.unwrap_or_else(|| number.to_string())
                }
            },
        })
    }
}

/// Returns row and column of a cell reference such as `B3`, counted from 0.
fn place(name: &str) -> Option<(u32, usize)> {
    let digits = name.find(|letter: char| letter.is_ascii_digit())?;
    let letters = name[..digits].bytes().filter(u8::is_ascii_alphabetic);
    let column = letters
        .fold(0usize, |column, letter| column.saturating_mul(26).saturating_add(usize::from(letter.to_ascii_uppercase() - b'A') + 1));
    Some((name[digits..].parse::<u32>().ok()?.checked_sub(1)?, column.checked_sub(1)?))
}

/// Converts a serial number of days into a day, with the time if there is one.
fn moment(days: f64, from_1904: bool) -> Option<String> {
    /// Larger than the number of any day that can be written.
    const LAST: f64 = 3_000_000.0;
    if !(0.0..LAST).contains(&days) {
        return None;
    }
    let first = match (from_1904, days) {
        (true, _) => NaiveDate::from_ymd_opt(1904, 1, 1),
        // Excel counts a 29 February 1900, which did not exist.
        (false, ..60.0) => NaiveDate::from_ymd_opt(1899, 12, 31),
        (false, _) => NaiveDate::from_ymd_opt(1899, 12, 30),
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and the last")]
    let (whole, seconds) = (days.trunc() as u64, (days.fract() * 86_400.0).round() as i64);
    let moment = first?.checked_add_days(Days::new(whole))?.and_hms_opt(0, 0, 0)? + TimeDelta::seconds(seconds);
    let text = moment.format("%Y-%m-%dT%H:%M:%S").to_string();
    Some(text.strip_suffix("T00:00:00").map(ToOwned::to_owned).unwrap_or(text))
}

/// The row that is being read.
#[derive(Default)]
struct Current {
    row: u32,
    cells: Vec<String>,
    /// The size of the row so far, in bytes. Cells beyond [`MAX_ROW`] are not kept.
    bytes: usize,
    /// The columns with a formula error or with a formula that has not been computed.
    errors: Vec<usize>,
}

impl Current {
    fn put(&mut self, column: usize, text: String, is_error: bool) -> Result<()> {
        if column >= MAX_COLUMNS {
            return Err(too_many_columns());
        }
        if is_error && self.errors.len() < MAX_COLUMNS {
            self.errors.push(column);
        }
        self.bytes = self.bytes.saturating_add(text.len());
        if self.cells.len() <= column {
            self.cells.resize(column + 1, String::new());
        }
        if self.bytes <= MAX_ROW {
            self.cells[column] = text;
        }
        Ok(())
    }

    /// Puts a text into the first of some columns and clears the others.
    fn set_merged(&mut self, left: u32, right: u32, text: String) {
        let (left, right) = (left as usize, right as usize);
        for cell in self.cells.iter_mut().take(right.saturating_add(1)).skip(left) {
            cell.clear();
        }
        if left >= MAX_COLUMNS || text.is_empty() {
            return;
        }
        if self.cells.len() <= left {
            self.cells.resize(left + 1, String::new());
        }
        self.bytes = self.bytes.saturating_add(text.len());
        self.cells[left] = text;
    }
}

/// Passes on the present row. The first row becomes the heading.
fn emit_row(current: &mut Current, columns: &mut Option<usize>, merged: &mut Merged, take: &mut Taker<'_>) -> Result<()> {
    if current.cells.is_empty() {
        return Ok(());
    }
    let mut shown = std::mem::take(current);
    merged.apply(shown.row, &mut shown)?;
    let Current { row, mut cells, bytes, errors } = shown;
    let row = row.saturating_add(1);
    if let Some(columns) = *columns {
        if bytes > MAX_ROW {
            return take(Item::Broken(row, vec![too_long()]));
        }
        if cells.len() < columns {
            cells.resize(columns, String::new());
        }
        // A row with cells only outside the table is a note beside it.
        return if cells.iter().take(columns).all(String::is_empty) { Ok(()) } else { take(Item::Cells(row, cells)) };
    }
    if let [first, ..] = errors.as_slice()
        && errors.len() == cells.iter().filter(|cell| !cell.is_empty()).count()
    {
        return Err(formula_heading(&cells[*first]));
    }
    for at in errors {
        cells[at].clear();
    }
    let headings: Vec<_> = cells.into_iter().map(|name| text::cleaned(name.trim())).collect();
    *columns = Some(headings.len());
    take(Item::Heading(headings))
}

/// The problem for a heading of formulas without values.
fn formula_heading(error: &str) -> Problem {
    let error: String = text::cleaned(&personal_number::mask(error)).chars().take(20).collect();
    unreadable(
        "formula-error",
        say!(
            "En cell har ett formelfel ({error}). Rätta formeln eller skriv värdet.",
            "A cell has a formula error ({error}). Correct the formula or write the value."
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read, Write};

    use rust_xlsxwriter::{ExcelDateTime, Format as Style, Workbook};

    use super::*;
    use crate::{
        formats::{Format, all, workbook::MAX_UNPACKED},
        kernel::problem::Kind as Trouble,
    };

    #[test]
    fn cells_are_read_as_people_see_them() {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        for (column, name) in ["Namn", "Orgnr", "Bildad", "Kommun"].into_iter().enumerate() {
            sheet.write(0, u16::try_from(column).unwrap(), name).unwrap();
        }
        sheet.write(2, 0, "Fittja Grannar").unwrap();
        sheet.write(2, 1, 8_020_010_008_f64).unwrap();
        let day = ExcelDateTime::from_ymd(1975, 3, 31).unwrap();
        sheet.write_with_format(2, 2, &day, &Style::new().set_num_format("yyyy-mm-dd")).unwrap();
        sheet.write(2, 3, "0127").unwrap();
        sheet.write(2, 7, "anteckning").unwrap();
        let items = all(Format::Xlsx, &book.save_to_buffer().unwrap()).unwrap();
        let row: Vec<_> = ["Fittja Grannar", "8020010008", "1975-03-31", "0127", "", "", "", "anteckning"].map(ToOwned::to_owned).into();
        assert_eq!(items[1..], [Item::Cells(3, row)]);
    }

    #[test]
    fn a_formula_without_a_value_is_no_empty_cell() {
        let mut sheet = b"<worksheet><sheetData>\
            <row r=\"1\"><c r=\"A1\" t=\"str\"><v>Namn</v></c><c r=\"B1\" t=\"str\"><v>Webb</v></c><c r=\"C1\" t=\"str\"><v>Egen</v></c></row>\
            <row r=\"2\"><c r=\"A2\" t=\"str\"><v>A</v></c><c r=\"B2\" t=\"e\"><f>X1</f><v>#N/A</v></c></row>\
            <row r=\"3\"><c r=\"A3\" t=\"e\"><v>#REF!</v></c><c r=\"B3\"><f>X1</f></c><c r=\"C3\" t=\"str\"><f>X1</f><v></v></c></row>\
            <row r=\"4\"><c r=\"A4\" t=\"str\"><v>B</v></c><c r=\"C4\" t=\"e\"><v>#REF!</v></c><c r=\"F4\" t=\"e\"><v>#NULL!</v></c></row>\
            </sheetData></worksheet>"
            .as_slice();
        let items = all(Format::Xlsx, &with_sheet(&mut sheet)).unwrap();
        assert_eq!(seen(&items), ["2 A/#N/A/", "3 #REF!/#FORMEL!/", "4 B//#REF!///#NULL!"]);
        let mut sheet = b"<worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"e\"><v>#NEW!</v></c></row></sheetData></worksheet>".as_slice();
        let problem = all(Format::Xlsx, &with_sheet(&mut sheet)).err().unwrap();
        assert_eq!(problem.faults[0].code, "formula-error");
    }

    fn seen(items: &[Item]) -> Vec<String> {
        let cells = |item: &Item| if let Item::Cells(row, cells) = item { Some(format!("{row} {}", cells.join("/"))) } else { None };
        items.iter().filter_map(cells).collect()
    }

    #[test]
    fn cells_that_are_many_in_one_are_seen_in_each_row() {
        let mut sheet = b"<worksheet><sheetData>\
            <row r=\"1\"><c r=\"A1\" t=\"str\"><v>Namn</v></c><c r=\"B1\" t=\"str\"><v>Kommun</v></c><c r=\"C1\" t=\"str\"><v>Webb</v></c></row>\
            <row r=\"2\"><c r=\"A2\" t=\"str\"><v>A</v></c><c r=\"B2\" t=\"str\"><v>0127</v></c><c r=\"C2\" t=\"str\"><v>a</v></c></row>\
            <row r=\"3\"><c r=\"A3\" t=\"str\"><v>B</v></c><c r=\"B3\" t=\"str\"><v>0114</v></c></row>\
            <row r=\"4\"><c r=\"A4\" t=\"str\"><v>C</v></c><c r=\"B4\" t=\"str\"><v>0115</v></c><c r=\"C4\" t=\"str\"><v>c</v></c></row>\
            </sheetData><mergeCells><mergeCell ref=\"B2:B3\"/><mergeCell ref=\"B4:C4\"/></mergeCells></worksheet>"
            .as_slice();
        assert_eq!(seen(&all(Format::Xlsx, &with_sheet(&mut sheet)).unwrap()), ["2 A/0127/a", "3 B/0127/", "4 C/0115/"]);
    }

    #[test]
    fn a_workbook_is_read_as_a_person_sees_it() {
        let mut book = Workbook::new();
        book.add_worksheet().write(0, 0, "Gömt").unwrap();
        let sheet = book.add_worksheet();
        for (column, name) in ["Namn", "Kommun", "Orgnr"].into_iter().enumerate() {
            sheet.write(0, u16::try_from(column).unwrap(), name).unwrap();
        }
        sheet.write(1, 0, "Ale kommun").unwrap();
        sheet.write_with_format(1, 1, 440_f64, &Style::new().set_num_format("0000")).unwrap();
        sheet.write_with_format(1, 2, 2_120_001_439_f64, &Style::new().set_num_format("000000-0000")).unwrap();
        sheet.set_active(true);
        book.worksheet_from_index(0).unwrap().set_hidden(true);
        let items = all(Format::Xlsx, &book.save_to_buffer().unwrap()).unwrap();
        assert_eq!(seen(&items), ["2 Ale kommun/0440/212000-1439"]);
    }

    /// A workbook with its first sheet replaced.
    fn with_sheet(sheet: &mut dyn Read) -> Vec<u8> {
        let mut book = Workbook::new();
        book.add_worksheet().write(0, 0, "Namn").unwrap();
        let mut whole = zip::ZipArchive::new(Cursor::new(book.save_to_buffer().unwrap())).unwrap();
        let mut forged = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for part in 0..whole.len() {
            let mut part = whole.by_index(part).unwrap();
            let name = part.name().unwrap().into_owned();
            forged.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
            if name.ends_with("sheet1.xml") {
                std::io::copy(sheet, &mut forged).unwrap();
            } else {
                std::io::copy(&mut part, &mut forged).unwrap();
            }
        }
        forged.finish().unwrap().into_inner()
    }

    #[test]
    fn abuse_54_a_spreadsheet_that_swells_is_refused_before_it_is_read() {
        let bomb = with_sheet(&mut std::io::repeat(b' ').take(MAX_UNPACKED + 1));
        assert!(bomb.len() < 1 << 20, "{}", bomb.len());
        assert_eq!(all(Format::Xlsx, &bomb).err().map(|problem| problem.kind), Some(Trouble::TooLarge));
    }

    #[test]
    fn abuse_54_entities_are_not_expanded() {
        let laughs = "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>\
            <worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>&b;</t></is></c></row></sheetData></worksheet>";
        let read = all(Format::Xlsx, &with_sheet(&mut laughs.as_bytes()));
        assert!(!format!("{read:?}").contains("haha"), "{read:?}");
    }

    #[test]
    fn abuse_54_a_sheet_with_too_many_columns_is_refused() {
        let mut sheet =
            b"<worksheet><sheetData><row r=\"1\"><c r=\"XFD1\" t=\"inlineStr\"><is><t>x</t></is></c></row></sheetData></worksheet>"
                .as_slice();
        let problem = all(Format::Xlsx, &with_sheet(&mut sheet)).err().unwrap();
        assert_eq!(problem.faults[0].code, "too-many-columns");
    }

    #[test]
    fn what_is_no_workbook_is_told_so() {
        let mut plain = zip::ZipWriter::new(Cursor::new(Vec::new()));
        plain.start_file("a.txt", zip::write::SimpleFileOptions::default()).unwrap();
        plain.write_all(b"x").unwrap();
        for bytes in [b"PK\x03\x04rubbish".to_vec(), Vec::new(), plain.finish().unwrap().into_inner()] {
            assert_eq!(all(Format::Xlsx, &bytes).err().map(|problem| problem.faults[0].code), Some("no-workbook"));
        }
    }
}
