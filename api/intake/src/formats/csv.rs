//! Tables as text. The cells are separated by comma, semicolon, tab, or the separator in a first line `sep=;`.

use std::{
    fs::File,
    io::{BufRead, BufReader},
};

use csv_core::ReadRecordResult;

use super::{Item, MAX_COLUMNS, MAX_ROW, Taker, text, too_long, too_many_columns, unreadable};
use crate::{
    columns::{is_like_a_formula, plain},
    kernel::{Fault, Problem, Result, disk::failed, say},
};

/// The number of bytes at the beginning that are searched for the separator.
const SIGHT: usize = 256 << 10;

pub fn read(file: &File, take: &mut Taker<'_>) -> Result<()> {
    let text = text::decoded(file)?;
    let marked = text.marked;
    let mut text = BufReader::with_capacity(SIGHT, text);
    let start = String::from_utf8_lossy(text.fill_buf().map_err(failed)?).into_owned();
    let declared = declared_separator(&start);
    text.consume(declared.map_or(0, |(_, length)| length));
    let separator = declared.map_or_else(|| separator(start.trim_start_matches(['\r', '\n', ' '])), |(separator, _)| separator);
    let mut for_excel = separator == b';' && marked;
    let mut records = Records::new(text, separator, if declared.is_some() { 2 } else { 1 });
    let mut columns = None;
    while let Some(row) = records.next()? {
        let Some(record) = records.record() else {
            if columns.is_none() {
                return Err(too_many_columns());
            }
            take(Item::Broken(row, vec![too_long()]))?;
            continue;
        };
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let Some(width) = columns else {
            let heading: Vec<_> = record.iter().map(|name| unguarded(name, for_excel).trim().to_owned()).collect();
            if heading.len() > MAX_COLUMNS {
                return Err(too_many_columns());
            }
            // When Excel saves an export of this service, it may drop the byte order mark or write tabs.
            for_excel |= matches!(separator, b';' | b'\t') && is_own_export(&heading);
            columns = Some(heading.len());
            take(Item::Heading(heading))?;
            continue;
        };
        let fault = if record.len() == 1 {
            other_separator(&String::from_utf8_lossy(&records.raw), separator, width)
        } else if record.iter().skip(width).any(|cell| !cell.trim().is_empty())
            || (separator == b',' && record.len() > width && may_have_decimals(&record))
        {
            Some(too_many_cells(record.len(), width))
        } else {
            None
        };
        take(match fault {
            Some(fault) => Item::Broken(row, vec![fault]),
            None => Item::Cells(row, record.iter().take(width).map(|cell| unguarded(cell, for_excel).to_owned()).collect()),
        })?;
    }
    if columns.is_none() {
        return Err(unreadable(
            "no-heading",
            say!("Filen är tom; den första raden ska vara rubriker.", "The file is empty; its first row must be headings."),
        ));
    }
    Ok(())
}

/// Removes the apostrophe that exports for Excel put before a cell so that it is not taken for a formula.
fn unguarded(cell: &str, for_excel: bool) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if for_excel && is_like_a_formula(cell) => rest,
        _ => cell,
    }
}

/// Whether a heading is that of an export of this service, which has the columns id and version.
fn is_own_export(heading: &[String]) -> bool {
    let has = |member: &str| heading.iter().any(|name| plain(name) == member);
    has("id") && has("version")
}

/// Whether a cell may be the decimals of the number in the cell before it.
fn may_have_decimals(record: &::csv::StringRecord) -> bool {
    let is_number = |cell: &str| !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit());
    record.iter().zip(record.iter().skip(1)).any(|(whole, decimals)| is_number(whole.trim_start_matches('-')) && is_number(decimals))
}

fn too_many_cells(found: usize, width: usize) -> Fault {
    Fault::at_pointer(
        "",
        "too-many-cells",
        say!(
            "Raden har {found} celler men rubrikraden {width}. Sätt citattecken kring celler som innehåller skiljetecknet, till exempel tal med decimalkomma.",
            "The row has {found} cells but the heading {width}. Put quotation marks around cells with the separator in them, such as numbers with a decimal comma."
        ),
    )
}

/// The fault of a row with a single cell that seems to have another separator than the heading.
fn other_separator(text: &str, separator: u8, width: usize) -> Option<Fault> {
    let needed = u32::try_from(width.checked_sub(1).filter(|needed| *needed > 0)?).ok()?;
    let (other, _) = counts(text).into_iter().find(|(other, count)| *other != separator && *count >= needed)?;
    let ((found_sv, found_en), (wanted_sv, wanted_en)) = (separator_name(other), separator_name(separator));
    Some(Fault::at_pointer(
        "",
        "other-separator",
        say!(
            "Raden har bara en cell; den verkar ha {found_sv} mellan cellerna men rubrikraden har {wanted_sv}. Använd samma skiljetecken i hela filen.",
            "The row has a single cell; it seems to have {found_en} between its cells but the heading has {wanted_en}. Use the same separator in all of the file."
        ),
    ))
}

/// The name of a separator in Swedish and English.
fn separator_name(separator: u8) -> (String, String) {
    match separator {
        b';' => ("semikolon".to_owned(), "semicolons".to_owned()),
        b'\t' => ("tabb".to_owned(), "tabs".to_owned()),
        b',' => ("komma".to_owned(), "commas".to_owned()),
        other => (char::from(other).to_string(), char::from(other).to_string()),
    }
}

/// Returns the separator that a first line `sep=;` declares (an extension of Excel), and the length of that line in
/// bytes.
fn declared_separator(text: &str) -> Option<(u8, usize)> {
    let line = text.split(['\r', '\n']).next()?;
    let (name, separator) = line.trim_matches('"').split_at_checked(4)?;
    let [separator] = separator.as_bytes() else { return None };
    if !name.eq_ignore_ascii_case("sep=") || separator.is_ascii_alphanumeric() || !separator.is_ascii() {
        return None;
    }
    let rest = &text[line.len()..];
    let end = if rest.starts_with("\r\n") { 2 } else { usize::from(!rest.is_empty()) };
    Some((*separator, line.len() + end))
}

/// Returns the separator that is most frequent in the heading.
fn separator(text: &str) -> u8 {
    // If the counts are equal, the first one is taken: a table with a single column gets the separator of Swedish tables.
    counts(text).iter().rev().max_by_key(|(_, count)| *count).map_or(b';', |(separator, _)| *separator)
}

/// Counts the possible separators in the first row, outside quotation marks.
fn counts(text: &str) -> [(u8, u32); 3] {
    let mut counts = [(b';', 0u32), (b'\t', 0), (b',', 0)];
    let mut quoted = false;
    for byte in text.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if quoted => {}
            _ => {
                if let Some((_, count)) = counts.iter_mut().find(|(separator, _)| *separator == byte) {
                    *count += 1;
                }
            }
        }
    }
    counts
}

/// The position of a byte in a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    /// Before the first cell.
    Nothing,
    /// After a separator.
    Between,
    /// In a cell without quotation marks.
    Cell,
    /// Inside quotation marks.
    Quoted,
    /// After a quotation mark that either ends a cell or is the first of an escaped pair.
    Closed,
}

/// The records of a table, one at a time, each with its row number as in a spreadsheet. The library's reader cannot count
/// rows, because it skips blank lines, and it would read everything after an unclosed quotation mark as one cell.
struct Records<R> {
    text: R,
    separator: u8,
    /// The number of the next row.
    row: u32,
    previous: u8,
    /// The bytes of the last record.
    raw: Vec<u8>,
    /// Whether the last record is longer than `raw`.
    is_cut: bool,
    parser: csv_core::Reader,
    /// The cells of a record without their quotation marks, one after the other, and where each ends.
    cells: Vec<u8>,
    ends: Vec<usize>,
}

impl<R: BufRead> Records<R> {
    fn new(text: R, separator: u8, row: u32) -> Self {
        let parser = csv_core::ReaderBuilder::new().delimiter(separator).build();
        let (raw, cells, ends) = (Vec::new(), Vec::new(), Vec::new());
        Self { text, separator, row, previous: 0, raw, is_cut: false, parser, cells, ends }
    }

    /// Reads the next record and returns the number of its first row; `None` at the end.
    fn next(&mut self) -> Result<Option<u32>> {
        self.raw.clear();
        self.is_cut = false;
        let (mut position, mut first) = (Position::Nothing, self.row);
        loop {
            let bytes = self.text.fill_buf().map_err(failed)?;
            if bytes.is_empty() {
                return match position {
                    Position::Nothing => Ok(None),
                    Position::Quoted => Err(unclosed(first)),
                    _ => Ok(Some(first)),
                };
            }
            let mut read = 0;
            for byte in bytes.iter().copied() {
                read += 1;
                if position == Position::Quoted {
                    if byte == b'"' {
                        position = Position::Closed;
                        self.previous = byte;
                    }
                } else if matches!(byte, b'\n' | b'\r') {
                    self.row = self.row.saturating_add(u32::from((self.previous, byte) != (b'\r', b'\n')));
                    self.previous = byte;
                    if position != Position::Nothing {
                        self.text.consume(read);
                        return Ok(Some(first));
                    }
                    continue;
                } else {
                    if position == Position::Nothing {
                        first = self.row;
                    }
                    position = match byte {
                        b'"' if position != Position::Cell => Position::Quoted,
                        _ if byte == self.separator => Position::Between,
                        _ => Position::Cell,
                    };
                    self.previous = byte;
                }
                if self.raw.len() < MAX_ROW {
                    self.raw.push(byte);
                } else {
                    self.is_cut = true;
                }
            }
            self.text.consume(read);
        }
    }

    /// Returns the cells of the last record; `None` when it is too long or cannot be parsed.
    fn record(&mut self) -> Option<::csv::StringRecord> {
        if self.is_cut {
            return None;
        }
        // A table that was made wide in a spreadsheet has many rows with nothing but separators.
        if self.raw.iter().all(|byte| *byte == self.separator || byte.is_ascii_whitespace()) {
            return Some(::csv::StringRecord::new());
        }
        // A cell is never longer than it is written, and each but the last has a separator after it.
        self.cells.resize(self.raw.len(), 0);
        self.ends.resize(self.raw.split(|byte| *byte == self.separator).count(), 0);
        self.parser.reset();
        let (_, _, written, ended) = self.parser.read_record(&self.raw, &mut self.cells, &mut self.ends);
        // The end of the text ends the last cell.
        let (outcome, _, _, last) = self.parser.read_record(&[], &mut self.cells[written..], &mut self.ends[ended..]);
        if outcome != ReadRecordResult::Record {
            return None;
        }
        let mut record = ::csv::StringRecord::with_capacity(written, ended + last);
        let mut start = 0;
        for end in &self.ends[..ended + last] {
            record.push_field(str::from_utf8(&self.cells[start..*end]).ok()?);
            start = *end;
        }
        Some(record)
    }
}

fn unclosed(row: u32) -> Problem {
    unreadable(
        "unclosed-quote",
        say!(
            "Ett citattecken på rad {row} avslutas aldrig, så resten av filen skulle läsas som en enda cell. Rätta raden och försök igen.",
            "A quotation mark in row {row} is never closed, so that the rest of the file would be read as a single cell. Correct the row and try again."
        ),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::formats::{Format, all};

    fn rows(bytes: &[u8]) -> Vec<(u32, Vec<String>)> {
        let items = all(Format::Csv, bytes).unwrap();
        items.into_iter().filter_map(|item| if let Item::Cells(row, cells) = item { Some((row, cells)) } else { None }).collect()
    }

    #[test]
    fn separators_are_found_in_the_heading() {
        for text in ["namn,ort\n\"a;b\",c\n", "namn;ort\n\"a;b\";c\n", "namn\tort\na;b\tc\n", "\"na,mn\";ort\na;c\n"] {
            assert_eq!(rows(text.as_bytes())[0].1.len(), 2, "{text}");
        }
        assert_eq!(rows(b"namn\nx\n"), [(2, vec!["x".to_owned()])]);
    }

    #[test]
    fn rows_are_numbered_as_in_a_spreadsheet() {
        let text = "namn;ort\n\na;\"två\nrader\"\n;\nb;c\r\n\r\nd;e\n\nf;g";
        let numbers: Vec<_> = rows(text.as_bytes()).into_iter().map(|(row, cells)| (row, cells[0].clone())).collect();
        assert_eq!(numbers, [(3, "a".to_owned()), (5, "b".to_owned()), (7, "d".to_owned()), (9, "f".to_owned())]);
    }

    #[test]
    fn only_our_own_tables_for_excel_lose_an_apostrophe() {
        let ours = "\u{FEFF}namn;ort\n'=1+1;'s-Gravenhage\n''+46;'\n";
        assert_eq!(
            rows(ours.as_bytes()).into_iter().map(|(_, cells)| cells).collect::<Vec<_>>(),
            [["=1+1", "'s-Gravenhage"], ["'+46", "'"]]
        );
        assert_eq!(rows(b"namn;ort\n'=1+1;x\n")[0].1[0], "'=1+1");
        // Saved by Excel, in windows-1252 or as "Unicode text".
        assert_eq!(rows(b"Id;Version;Namn\nx;1;'=\xE5\n")[0].1[2], "=å");
        let unicode: Vec<u8> = "\u{FEFF}id\tversion\tname\r\nx\t1\t'-å\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(rows(&unicode)[0].1[2], "-å");
        // Exports with commas have no such apostrophes, so the apostrophe belongs to the text.
        assert_eq!(rows(b"id,version,name\nx,1,'=1\n")[0].1[2], "'=1");
        assert_eq!(rows(b"Id;Namn\nx;'=1\n")[0].1[1], "'=1");
    }

    #[test]
    fn a_quotation_mark_without_its_other_is_told_of_where_it_stands() {
        let code = |text: &str| {
            all(Format::Csv, text.as_bytes()).err().map(|problem| (problem.faults[0].code, problem.faults[0].detail.en.clone()))
        };
        let (code_of, detail) = code("namn;ort\n\n\"två\nrader\";x\na;\"b\nc;d\n").unwrap();
        assert_eq!(code_of, "unclosed-quote");
        assert!(detail.starts_with("A quotation mark in row 4 "), "{detail}");
        for text in ["namn\n12\" rör\n", "namn\n\"a\" b\n", "namn\n\"\"\"\"", "namn\n\"a\nb\""] {
            assert_eq!(code(text), None, "{text}");
        }
    }

    #[test]
    fn excel_s_own_first_line_gives_the_separator() {
        for text in ["sep=;\r\nnamn;a,b,c\r\nx;y\r\n", "\u{FEFF}\"SEP=|\"\nnamn|a,b,c\nx|y", "sep=\t\nnamn\ta,b,c\nx\ty\n"] {
            assert_eq!(rows(text.as_bytes()), [(3, vec!["x".to_owned(), "y".to_owned()])], "{text}");
        }
        assert_eq!(rows(b"sep=ort\nx\n"), [(2, vec!["x".to_owned()])]);
        assert!(all(Format::Csv, b"sep=;").is_err());
    }

    #[test]
    fn a_row_with_another_separator_than_the_heading_is_told_of() {
        let items = all(Format::Csv, "namn;ort;typ\na,b,\"c\"\n\"a,b,c\"\na,b\nx\ty\tz\n".as_bytes()).unwrap();
        let told: Vec<_> = items[1..]
            .iter()
            .map(|item| match item {
                Item::Broken(row, faults) => format!("{row} {}", faults[0].code),
                Item::Cells(row, cells) => format!("{row} {}", cells.join("/")),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(told, ["2 other-separator", "3 a,b,c", "4 a,b", "5 other-separator"]);
        let detail = match &items[4] {
            Item::Broken(_, faults) => faults[0].detail.sv.as_str(),
            _ => "",
        };
        assert!(detail.contains("verkar ha tabb mellan cellerna men rubrikraden har semikolon"), "{detail}");
        assert_eq!(rows(b"namn\na,b, c\n")[0].1[0], "a,b, c");
    }

    proptest! {
        /// The records of `Records` are those of the library's reader.
        #[test]
        fn every_record_has_its_row(text in "[\"; a\r\n]{0,40}") {
            let blank = |record: ::csv::StringRecord| {
                let cells: Vec<_> = record.iter().map(ToOwned::to_owned).collect();
                if cells.iter().all(|cell| cell.trim().is_empty()) { Vec::new() } else { cells }
            };
            let mut records = Records::new(text.as_bytes(), b';', 1);
            let mut ours = Vec::new();
            let is_whole = loop {
                match records.next() {
                    Ok(Some(_)) => ours.push(blank(records.record().unwrap())),
                    end => break end.is_ok(),
                }
            };
            if is_whole {
                let mut reader = ::csv::ReaderBuilder::new().delimiter(b';').flexible(true).has_headers(false).from_reader(text.as_bytes());
                let theirs: Vec<_> = reader.records().map(|record| blank(record.unwrap())).collect();
                prop_assert_eq!(ours, theirs);
            }
        }
    }

    #[test]
    fn a_row_with_too_many_cells_is_told_of_and_the_next_is_read() {
        let items = all(Format::Csv, b"namn,ort\na,b,c\nd,e,\n").unwrap();
        assert!(matches!(&items[1], Item::Broken(2, faults) if faults[0].code == "too-many-cells"));
        assert_eq!(items[2], Item::Cells(3, vec!["d".to_owned(), "e".to_owned()]));
    }

    #[test]
    fn blank_rows_and_those_of_separators_may_stand_before_the_heading() {
        assert_eq!(rows(b"\n \n,,\na,b,\n\n,,\nc,d,"), [(7, vec!["c".to_owned(), "d".to_owned(), String::new()])]);
    }

    #[test]
    fn decimals_after_a_comma_are_no_cell() {
        let codes = |text: &str| {
            let items = all(Format::Csv, text.as_bytes()).unwrap();
            items[1..].iter().map(|item| if let Item::Broken(_, faults) = item { faults[0].code } else { "" }).collect::<Vec<_>>()
        };
        assert_eq!(codes("kod,v,n\n0127,12,5,\n0127,12,\nA,x,,\nA,-12,5,\n"), ["too-many-cells", "", "", "too-many-cells"]);
        assert_eq!(codes("kod;v;n\n0127;12;5;\n"), [""]);
    }

    #[test]
    fn a_million_columns_are_refused() {
        let heading = "a,".repeat(1_000_000);
        assert!(all(Format::Csv, heading.as_bytes()).is_err());
        assert!(all(Format::Csv, b"").is_err());
    }
}
