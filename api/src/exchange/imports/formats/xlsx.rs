//! Spreadsheets: the first sheet of a workbook, cell by cell.

use std::io::{Cursor, Read};

use calamine::{DataRef, Reader, Xlsx, XlsxError};

use super::{Item, MAX_COLUMNS, Taker, too_large, too_many_columns, unreadable};
use crate::{
    exchange::columns::{self, Shape},
    kernel::{Fault, Problem, Result, personal_number, say},
};

/// The most that a file may become when unpacked, whatever its size.
const MAX_UNPACKED: u64 = 200 << 20;
/// What any file may become.
const MIN_UNPACKED: u64 = 64 << 20;
/// How many times its size a file may become between these.
const MAX_RATIO: u64 = 20;
/// The most parts of a file.
const MAX_PARTS: usize = 2000;

pub fn read(bytes: &[u8], take: &mut Taker<'_>) -> Result<()> {
    weigh(bytes)?;
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).map_err(|error| no_workbook(&error))?;
    let sheet = book.sheet_names().into_iter().next().ok_or_else(|| no_workbook(&"no sheet"))?;
    let mut cells = book.worksheet_cells_reader(&sheet).map_err(|error| no_workbook(&error))?;
    let mut columns = None;
    let mut current = Current::default();
    while let Some(cell) = cells.next_cell().map_err(unread)? {
        let (row, column) = cell.get_position();
        let text = text(cell.get_value());
        let is_error = matches!(cell.get_value(), DataRef::Error(_));
        if text.trim().is_empty() && !is_error {
            continue;
        }
        if row != current.row {
            give(&mut current, &mut columns, take)?;
            current.row = row;
        }
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        if column >= MAX_COLUMNS {
            return Err(too_many_columns());
        }
        if is_error {
            current.errors.push(column);
            continue;
        }
        if current.cells.len() <= column {
            current.cells.resize(column + 1, String::new());
        }
        current.cells[column] = text;
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

/// The row that is being read.
#[derive(Default)]
struct Current {
    row: u32,
    cells: Vec<String>,
    /// The columns in which a formula has no value.
    errors: Vec<usize>,
}

/// Gives a row away: the first as headings.
fn give(current: &mut Current, columns: &mut Option<Vec<String>>, take: &mut Taker<'_>) -> Result<()> {
    let (mut cells, errors) = (std::mem::take(&mut current.cells), std::mem::take(&mut current.errors));
    let row = current.row + 1;
    if let Some(headings) = columns {
        // An error is not an empty cell, which would empty what the column is.
        let faults: Vec<_> = errors.iter().filter_map(|at| formula_error(headings.get(*at)?)).collect();
        if !faults.is_empty() {
            return take(Item::Broken(row, faults));
        }
        // What stands outside the table is a note beside it.
        cells.resize(headings.len(), String::new());
        return if cells.iter().all(String::is_empty) { Ok(()) } else { take(Item::Cells(row, cells)) };
    }
    if cells.is_empty() {
        return Ok(());
    }
    let headings: Vec<_> = cells.into_iter().map(|name| name.trim().to_owned()).collect();
    *columns = Some(headings.clone());
    take(Item::Heading(headings))
}

/// What is wrong with a formula without a value, in a column that is read.
fn formula_error(heading: &str) -> Option<Fault> {
    let (column, _) = columns::meant(heading).filter(|(column, _)| column.shape != Shape::Ours)?;
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

/// Why the next cell cannot be read.
fn unread(error: XlsxError) -> Problem {
    let XlsxError::CellError(error) = error else { return no_workbook(&error) };
    let error: String = personal_number::mask(&error).chars().take(20).collect();
    unreadable(
        "formula-error",
        say!(
            "En cell har ett formelfel ({error}). Rätta formeln eller skriv värdet.",
            "A cell has a formula error ({error}). Correct the formula or write the value."
        ),
    )
}

/// Unpacks all of a file to nowhere, so that it is known what it becomes before anything is kept. What a file says of its
/// own size is not believed.
fn weigh(bytes: &[u8]) -> Result<()> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| no_workbook(&error))?;
    if archive.len() > MAX_PARTS {
        return Err(too_large());
    }
    let limit = (bytes.len() as u64).saturating_mul(MAX_RATIO).clamp(MIN_UNPACKED, MAX_UNPACKED);
    let mut unpacked = 0;
    let mut buffer = vec![0; 64 << 10];
    for part in 0..archive.len() {
        let mut part = archive.by_index(part).map_err(|error| no_workbook(&error))?;
        loop {
            let read = part.read(&mut buffer).map_err(|error| no_workbook(&error))?;
            if read == 0 {
                break;
            }
            unpacked += read as u64;
            if unpacked > limit {
                return Err(too_large());
            }
        }
    }
    Ok(())
}

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

/// A cell as text: whole numbers without decimals, days as days.
fn text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number.to_string(),
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(value) => value.to_string(),
        DataRef::DateTime(time) if time.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
            if (hour, minute, second) == (0, 0, 0) {
                format!("{year:04}-{month:02}-{day:02}")
            } else {
                format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
            }
        }
        DataRef::DateTime(time) => time.as_f64().to_string(),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.strip_suffix("T00:00:00").unwrap_or(text).to_owned(),
        DataRef::Error(_) | DataRef::Empty => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use rust_xlsxwriter::{ExcelDateTime, Format as Style, Workbook};

    use super::*;
    use crate::{
        exchange::imports::formats::{Format, all},
        kernel::problem::Kind,
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
        assert_eq!(all(Format::Xlsx, &bomb).err().map(|problem| problem.kind), Some(Kind::TooLarge));
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
