//! Spreadsheets: the first sheet of a workbook, cell by cell.

use std::fs::File;

use chrono::{Days, NaiveDate, TimeDelta};
use quick_xml::events::{BytesStart, Event};

use super::{
    Item, MAX_COLUMNS, MAX_FAULTS, MAX_ROW, Taker, too_large, too_long, too_many_columns, unreadable,
    workbook::{Book, Meaning, Strings, number},
    xml::{Runs, attribute},
};
use crate::{
    exchange::columns::{self, Column, Shape},
    kernel::{Fault, Problem, Result, disk::Spool, personal_number, say, text},
};

pub fn read(file: &File, spool: &Spool, take: &mut Taker<'_>) -> Result<()> {
    let mut book = Book::open(file, spool)?;
    weigh(&mut book)?;
    let from_1904 = book.from_1904;
    let (mut xml, formats, strings) = book.first()?;
    let mut columns = None;
    let mut current = Current::default();
    let mut cell = Cell::default();
    let mut runs = Runs::default();
    // What a sheet says of its size is not believed: it ends where its rows do.
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
                _ => runs.see(&event, !cell.is_inline)?,
            },
            Event::End(element) => match element.local_name().as_ref() {
                "row" => cell.row = cell.row.saturating_add(1),
                "c" => {
                    let text = if cell.is_error { String::new() } else { cell.text(&runs.text, formats, strings, from_1904)? };
                    cell.column = cell.column.saturating_add(1);
                    if text.trim().is_empty() && !cell.is_error {
                        continue;
                    }
                    if cell.row != current.row {
                        give(&mut current, &mut columns, take)?;
                        current.row = cell.row;
                    }
                    current.put(cell.column - 1, text, cell.is_error.then_some(runs.text.as_str()))?;
                }
                "sheetData" => break,
                _ => runs.see(&event, !cell.is_inline)?,
            },
            Event::Eof => break,
            _ => runs.see(&event, !cell.is_inline)?,
        }
    }
    give(&mut current, &mut columns, take)?;
    if columns.is_none() {
        return Err(unreadable(
            "no-heading",
            say!(
                "Det första bladet är tomt; dess första rad ska vara rubriker.",
                "The first sheet is empty; its first row must be headings."
            ),
        ));
    }
    Ok(())
}

/// Refuses a workbook whose cells refer to more text than it may become, before any of its rows is read.
fn weigh(book: &mut Book<'_>) -> Result<()> {
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
            _ => runs.see(&event, !cell.is_inline)?,
        }
    }
}

/// The cell that is being read.
#[derive(Default)]
struct Cell {
    row: u32,
    column: usize,
    /// What its value is written as.
    kind: Kind,
    format: Option<usize>,
    is_inline: bool,
    is_error: bool,
}

/// What the value of a cell is written as.
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
        self.kind = match kind {
            "s" => Kind::Shared,
            "b" => Kind::Bool,
            "d" => Kind::Day,
            "n" => Kind::Number,
            _ => Kind::Text,
        };
    }

    /// The cell as text: whole numbers without decimals, days as days.
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
                    let meaning = self.format.and_then(|format| formats.get(format)).copied().unwrap_or_default();
                    let moment = (meaning == Meaning::Moment).then(|| moment(number, from_1904)).flatten();
                    moment.unwrap_or_else(|| number.to_string())
                }
            },
        })
    }
}

/// The row and column that a place such as `B3` names, from 0.
fn place(name: &str) -> Option<(u32, usize)> {
    let digits = name.find(|letter: char| letter.is_ascii_digit())?;
    let letters = name[..digits].bytes().filter(u8::is_ascii_alphabetic);
    let column = letters
        .fold(0usize, |column, letter| column.saturating_mul(26).saturating_add(usize::from(letter.to_ascii_uppercase() - b'A') + 1));
    Some((name[digits..].parse::<u32>().ok()?.checked_sub(1)?, column.checked_sub(1)?))
}

/// A day, with the time where there is one, that is so many days after the first.
fn moment(days: f64, from_1904: bool) -> Option<String> {
    /// More than any day that can be written.
    const LAST: f64 = 3_000_000.0;
    if !(0.0..LAST).contains(&days) {
        return None;
    }
    let first = match (from_1904, days) {
        (true, _) => NaiveDate::from_ymd_opt(1904, 1, 1),
        // Excel has a day too many in 1900.
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
    /// How many bytes it has so far; what is more than a row may have is not kept.
    bytes: usize,
    /// The columns in which a formula has no value, and what stands there instead.
    errors: Vec<(usize, String)>,
}

impl Current {
    fn put(&mut self, column: usize, text: String, error: Option<&str>) -> Result<()> {
        if column >= MAX_COLUMNS {
            return Err(too_many_columns());
        }
        if let Some(error) = error {
            self.errors.truncate(MAX_COLUMNS);
            self.errors.push((column, error.chars().take(20).collect()));
            return Ok(());
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
}

/// Gives a row away: the first as headings.
fn give(current: &mut Current, columns: &mut Option<Vec<Heading>>, take: &mut Taker<'_>) -> Result<()> {
    let Current { row, mut cells, bytes, errors } = std::mem::take(current);
    let row = row.saturating_add(1);
    if let Some(headings) = columns {
        if bytes > MAX_ROW {
            return take(Item::Broken(row, vec![too_long()]));
        }
        // An error is not an empty cell, which would empty what the column is.
        let faults: Vec<_> = errors.iter().filter_map(|(at, _)| formula_error(headings.get(*at)?)).take(MAX_FAULTS).collect();
        if !faults.is_empty() {
            return take(Item::Broken(row, faults));
        }
        // What stands outside the table is a note beside it.
        cells.resize(headings.len(), String::new());
        return if cells.iter().all(String::is_empty) { Ok(()) } else { take(Item::Cells(row, cells)) };
    }
    if cells.is_empty() {
        return errors.first().map_or(Ok(()), |(_, error)| Err(unread(error)));
    }
    let headings: Vec<_> = cells.into_iter().map(|name| text::cleaned(name.trim())).collect();
    // What a heading means is asked once, and not for each of its cells.
    *columns = Some(headings.iter().map(|name| (name.clone(), meant(name))).collect());
    take(Item::Heading(headings))
}

/// A heading, and what it means.
type Heading = (String, Option<&'static Column>);

fn meant(heading: &str) -> Option<&'static Column> {
    columns::meant(heading).map(|(column, _)| column).filter(|column| column.shape != Shape::Ours)
}

/// What is wrong with a formula without a value, in a column that is read.
fn formula_error((heading, column): &Heading) -> Option<Fault> {
    let column = (*column)?;
    let heading: String = heading.chars().take(60).collect();
    Some(Fault::at(
        format!("/{}", column.member),
        "formula-error",
        say!(
            "Cellen under {heading} har ett formelfel (till exempel #SAKNAS! eller #REFERENS!). Rätta formeln eller skriv värdet.",
            "The cell under {heading} has a formula error (for example #N/A or #REF!). Correct the formula or write the value."
        ),
    ))
}

/// Why headings that are formulas without a value cannot be read.
fn unread(error: &str) -> Problem {
    let error = text::cleaned(&personal_number::mask(error));
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
        exchange::imports::formats::{Format, all, workbook::MAX_UNPACKED},
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
        let row: Vec<_> = ["Fittja Grannar", "8020010008", "1975-03-31", "0127"].map(ToOwned::to_owned).into();
        assert_eq!(items[1..], [Item::Cells(3, row)]);
    }

    #[test]
    fn a_formula_without_a_value_is_a_fault_of_its_row() {
        let mut sheet = b"<worksheet><sheetData>\
            <row r=\"1\"><c r=\"A1\" t=\"str\"><v>Namn</v></c><c r=\"B1\" t=\"str\"><v>Webb</v></c><c r=\"C1\" t=\"str\"><v>Egen</v></c></row>\
            <row r=\"2\"><c r=\"A2\" t=\"str\"><v>A</v></c><c r=\"B2\" t=\"e\"><f>X1</f><v>#N/A</v></c></row>\
            <row r=\"3\"><c r=\"A3\" t=\"e\"><v>#REF!</v></c></row>\
            <row r=\"4\"><c r=\"A4\" t=\"str\"><v>B</v></c><c r=\"C4\" t=\"e\"><v>#REF!</v></c><c r=\"F4\" t=\"e\"><v>#NULL!</v></c></row>\
            </sheetData></worksheet>"
            .as_slice();
        let items = all(Format::Xlsx, &with_sheet(&mut sheet)).unwrap();
        let told: Vec<_> = items[1..]
            .iter()
            .map(|item| match item {
                Item::Broken(row, faults) => format!("{row} {} {}", faults[0].pointer, faults[0].code),
                Item::Cells(row, cells) => format!("{row} {}", cells.join("/")),
                other => format!("{other:?}"),
            })
            .collect();
        // An error in a column that nobody reads is no matter.
        assert_eq!(told, ["2 /website formula-error", "3 /name formula-error", "4 B//"]);
        let mut sheet = b"<worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"e\"><v>#NEW!</v></c></row></sheetData></worksheet>".as_slice();
        let problem = all(Format::Xlsx, &with_sheet(&mut sheet)).err().unwrap();
        assert_eq!(problem.faults[0].code, "formula-error");
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
