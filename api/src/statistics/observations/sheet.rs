//! Tables of statistics as people have them: any of the usual separators, headings in Swedish or English, in any order.

use super::rules::{Cells, RowFault};
use crate::kernel::{Problem, Result as Outcome, language::Text, personal_number, say, text};

/// The columns, with the headings that they are known by.
const COLUMNS: &[(&str, &[&str])] = &[
    (
        "areaCode",
        &[
            "areacode",
            "area",
            "code",
            "område",
            "områdeskod",
            "kod",
            "kommun",
            "kommunkod",
            "region",
            "regso",
            "regsokod",
            "deso",
            "desokod",
        ],
    ),
    ("period", &["period", "year", "år", "tid"]),
    ("sex", &["sex", "kön", "gender"]),
    ("age", &["age", "ålder"]),
    ("born", &["born", "född", "födelseland"]),
    ("background", &["background", "bakgrund"]),
    ("regionOfBirth", &["regionofbirth", "födelseregion"]),
    ("timeInSweden", &["timeinsweden", "vistelsetid"]),
    ("variant", &["variant"]),
    ("value", &["value", "värde", "andel", "antal"]),
    ("numerator", &["numerator", "täljare"]),
    ("denominator", &["denominator", "nämnare"]),
    ("status", &["status"]),
];

/// The text of a file: UTF-8 with or without mark, else Latin-1, which the older exports are in.
///
/// # Errors
/// When it is no text, or UTF-8 but for a byte, with the place.
pub fn decode(bytes: &[u8]) -> Outcome<String> {
    if bytes.contains(&0) {
        return Err(Problem::fault(
            "",
            "no-text",
            say!(
                "Det som skickades är ingen text utan till exempel en Excelfil. Spara den som CSV UTF-8 och skicka den.",
                "What was sent is no text but for example an Excel file. Save it as CSV UTF-8 and send that."
            ),
        ));
    }
    let plain = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let Err(error) = std::str::from_utf8(plain) else { return Ok(String::from_utf8_lossy(plain).into_owned()) };
    // Who marks its text or writes other letters as UTF-8 has not meant this one otherwise.
    let is_utf8 = plain.len() < bytes.len() || plain.utf8_chunks().any(|chunk| !chunk.valid().is_ascii());
    if !is_utf8 {
        return Ok(plain.iter().map(|byte| char::from(*byte)).collect());
    }
    let before = String::from_utf8_lossy(&plain[..error.valid_up_to()]);
    let row = before.matches('\n').count() + 1;
    let place = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Err(Problem::fault(
        "",
        "stray-byte",
        say!(
            "Filen är UTF-8, men tecken {place} på rad {row} är det inte. Rätta tecknet, eller spara om hela filen som CSV UTF-8.",
            "The file is UTF-8, but character {place} in row {row} is not. Correct the character, or save the whole file anew as CSV UTF-8."
        ),
    ))
}

/// The most rows of an import.
pub const MAX_ROWS: usize = 20_000;
/// The most columns of a table.
const MAX_COLUMNS: usize = 100;

/// The lines of a table from its heading on, with their numbers, the heading's being 0, and what separates its cells.
fn lines(text: &str) -> (u8, impl Iterator<Item = (usize, &str)>) {
    // A line break may be of any system.
    let end = if text.contains('\n') { '\n' } else { '\r' };
    let mut lines =
        text.split(end).map(|line| line.strip_suffix('\r').unwrap_or(line)).skip_while(|line| line.trim().is_empty()).peekable();
    // Excel's own way to name the separator.
    let named =
        lines.next_if(|line| line.len() <= 8 && line.to_lowercase().starts_with("sep=")).and_then(|line| line.as_bytes().get(4).copied());
    let heading = lines.peek().copied().unwrap_or_default();
    let most = |separator: &u8| heading.bytes().filter(|byte| byte == separator).count();
    let separator = named.or_else(|| [b';', b'\t', b','].into_iter().max_by_key(most)).unwrap_or(b';');
    (separator, lines.enumerate())
}

/// The cells of a line; nothing when a quotation mark in it is never closed.
fn split(line: &str, separator: u8) -> Option<Vec<String>> {
    // A quotation mark that is not closed takes the line after with it.
    let text = format!("{line}\n.\n");
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = reader.records().map_while(Result::ok);
    let (cells, _) = (records.next()?, records.next()?);
    Some(cells.iter().map(|cell| cell.trim().to_owned()).collect())
}

fn is_empty(line: &str, separator: u8) -> bool {
    line.chars().all(|sign| sign.is_whitespace() || u32::from(sign) == u32::from(separator))
}

/// How many rows a table has under its heading; empty ones are none.
#[must_use]
pub fn rows(text: &str) -> usize {
    let (separator, lines) = lines(text);
    lines.skip(1).filter(|(_, line)| !is_empty(line, separator)).count()
}

/// The columns of a heading.
fn columns(headings: &[String]) -> Result<Vec<&'static str>, Vec<RowFault>> {
    let mut faults = Vec::new();
    let mut columns = Vec::new();
    if headings.len() > MAX_COLUMNS {
        let told = say!("Tabellen har fler än {MAX_COLUMNS} kolumner.", "The table has more than {MAX_COLUMNS} columns.");
        return Err(vec![RowFault::new(0, "", "too-many-columns", told)]);
    }
    let folded: Vec<_> = headings.iter().map(|name| text::composed(name).to_lowercase()).collect();
    let is_code = |name: &str| name.ends_with("kod") || name.ends_with("code");
    // Beside a column of codes, one such as `Kommun` has the names.
    let has_codes = folded.iter().any(|name| is_code(name) && known(name) == Some("areaCode"));
    for (name, folded) in headings.iter().zip(&folded) {
        match known(folded) {
            Some("areaCode") if has_codes && !is_code(folded) => columns.push(""),
            Some(column) if columns.contains(&column) => {
                faults.push(RowFault::new(
                    0,
                    column,
                    "repeated-column",
                    say!(
                        "Kolumnen {name} betyder {column}, som redan har en kolumn. Behåll en av dem.",
                        "The column {name} means {column}, which has a column already. Keep one of them."
                    ),
                ));
            }
            Some(column) => columns.push(column),
            None => {
                let name = personal_number::mask(name);
                faults.push(RowFault::new(0, &name, "unknown-column", say!(
                    "Kolumnen {name} är okänd. Kända är områdeskod, period, kön, ålder, född, bakgrund, variant, värde, täljare, nämnare och status.",
                    "The column {name} is unknown. Known are areaCode, period, sex, age, born, background, variant, value, numerator, denominator and status."
                )));
                columns.push("");
            }
        }
    }
    for needed in ["areaCode", "period"] {
        if !columns.contains(&needed) {
            faults.push(RowFault::new(0, needed, "missing-column", say!("Kolumnen {needed} saknas.", "The column {needed} is missing.")));
        }
    }
    if faults.is_empty() { Ok(columns) } else { Err(faults) }
}

/// The column that a heading stands for.
fn known(folded: &str) -> Option<&'static str> {
    COLUMNS.iter().find(|(_, headings)| headings.contains(&folded)).map(|(column, _)| *column)
}

/// Reads a CSV table into cells by column, each row as it is asked for. Empty rows are none.
///
/// # Errors
/// When a heading is unknown or given twice, or a needed column missing.
pub fn table(text: &str) -> Result<impl Iterator<Item = Cells>, Vec<RowFault>> {
    let (separator, mut lines) = lines(text);
    let (_, heading) = lines.next().unwrap_or_default();
    let headings = split(heading, separator).ok_or_else(|| vec![RowFault::new(0, "", "unclosed-quote", unclosed())])?;
    let columns = columns(&headings)?;
    Ok(lines.filter(move |(_, line)| !is_empty(line, separator)).map(move |(number, line)| {
        let fault = |code: &str, detail: Text| Cells { number, fault: Some(RowFault::new(number, "", code, detail)), cells: Vec::new() };
        let Some(cells) = split(line, separator) else { return fault("unclosed-quote", unclosed()) };
        if cells.iter().skip(columns.len()).any(|cell| !cell.is_empty()) {
            let (given, known) = (cells.len(), columns.len());
            return fault("too-many-cells", say!(
                "Raden har {given} celler, men rubriken {known}. Skriv decimalkomma inom citattecken, eller skilj cellerna åt med semikolon.",
                "The row has {given} cells, but the heading {known}. Write a decimal comma within quotation marks, or separate the cells by semicolon."
            ));
        }
        let cells = columns.iter().copied().zip(cells).filter(|(column, _)| !column.is_empty()).collect();
        Cells { number, fault: None, cells }
    }))
}

fn unclosed() -> Text {
    say!(
        "Ett citattecken öppnas på raden men stängs inte. Stäng det, eller ta bort det.",
        "A quotation mark is opened in the line but not closed. Close it, or take it away."
    )
}
