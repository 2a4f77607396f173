//! Reads tables of statistics as people have them: any of the usual separators, decimal comma, headings in Swedish or
//! English, `..` and `.` where there is no value.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Breakdown, ObservationStatus};
use crate::{
    kernel::{
        contract,
        language::{Language, Text},
        personal_number, say, text,
    },
    statistics::indicators::ValueKind,
};

/// A row of an import that can be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its number in the table, the first line under the heading being 1.
    pub number: usize,
    /// The code of the area.
    pub area_code: String,
    /// A year, quarter (`2023K1`) or month (`2023M05`).
    pub period: String,
    /// For whom it holds.
    pub breakdown: Breakdown,
    /// The value, where there is one.
    pub value: Option<f64>,
    /// The count above the line.
    pub numerator: Option<f64>,
    /// The count below the line.
    pub denominator: Option<f64>,
    /// What is known of the value.
    pub status: ObservationStatus,
    /// What is odd about it, though it is stored.
    pub warnings: Vec<RowFault>,
}

/// Why a row was not stored, or what is odd about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowFault {
    /// The number of the row; 0 is the heading.
    pub row: usize,
    /// The column at fault, by its name in the contract.
    pub column: String,
    /// A stable code.
    pub code: String,
    /// What to do, in Swedish.
    pub sv: String,
    /// What to do, in English.
    pub en: String,
}

impl RowFault {
    /// A fault in a row.
    #[must_use]
    pub fn new(row: usize, column: &str, code: &str, detail: Text) -> Self {
        Self { row, column: column.to_owned(), code: code.to_owned(), sv: detail.sv, en: detail.en }
    }

    /// The fault as a caller sees it.
    #[must_use]
    pub fn view(&self, language: Language) -> RowProblem {
        RowProblem {
            row: i32::try_from(self.row).unwrap_or(i32::MAX),
            column: self.column.clone(),
            code: self.code.clone(),
            detail: if language == Language::Sv { self.sv.clone() } else { self.en.clone() },
        }
    }
}

/// Why a row of an import was not stored, or what is odd about it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowProblem {
    /// The number of the row, the first line under the heading being 1, blank ones too; 0 is the heading.
    #[schema(example = 3)]
    pub row: i32,
    /// The column at fault.
    #[schema(example = "areaCode")]
    pub column: String,
    /// Stable code of the fault.
    #[schema(example = "unknown-area")]
    pub code: String,
    /// What is wrong and what to do, in the caller's language.
    pub detail: String,
}

/// One cell of each column that a row can have, as text.
#[derive(Clone, Debug, Default)]
pub struct Cells {
    /// The number of the row that they stand in.
    pub number: usize,
    /// Why the row could not be told apart into cells.
    pub fault: Option<RowFault>,
    /// By the columns' names in the contract.
    pub cells: Vec<(&'static str, String)>,
}

impl Cells {
    /// The text of a column, where there is some.
    fn get(&self, name: &str) -> Option<&str> {
        self.cells.iter().find(|(column, _)| *column == name).map(|(_, text)| text.trim()).filter(|text| !text.is_empty())
    }
}

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
#[must_use]
pub fn decode(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// The most rows of an import.
pub const MAX_ROWS: usize = 20_000;
/// The most columns of a table.
const MAX_COLUMNS: usize = 100;

/// The lines of a table from its heading on, with their numbers, the heading's being 0, and what separates its cells.
fn lines(text: &str) -> (u8, impl Iterator<Item = (usize, &str)>) {
    // A line break may be of any system.
    let mut lines =
        text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).skip_while(|line| line.trim().is_empty()).peekable();
    // Excel's own way to name the separator.
    let named = lines.next_if(|line| line.len() <= 8 && line.to_lowercase().starts_with("sep=")).and_then(|line| line.bytes().nth(4));
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

/// A number as people write it: decimal comma or point, blanks between thousands, a percent sign.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    let text = text.strip_suffix('%').unwrap_or(text);
    let plain: String = text.chars().filter(|sign| !matches!(sign, ' ' | '\u{A0}' | '\u{202F}')).collect();
    plain.replace(',', ".").replace('\u{2212}', "-").parse().ok().filter(|number: &f64| number.is_finite())
}

/// Reads one row of an indicator of this kind with these variants.
///
/// # Errors
/// With the first fault of it.
pub fn row(cells: &Cells, kind: ValueKind, variants: &[String]) -> Result<Row, RowFault> {
    if let Some(fault) = &cells.fault {
        return Err(fault.clone());
    }
    let number_of_row = cells.number;
    let cell =
        |name: &str| cells.cells.iter().find(|(column, _)| *column == name).map(|(_, text)| text.trim()).filter(|text| !text.is_empty());
    let fault = |column: &str, code: &str, detail: Text| RowFault::new(number_of_row, column, code, detail);
    for (column, text) in &cells.cells {
        if let Some(letter) = text::forbidden_character(text) {
            return Err(fault(column, "forbidden-character", contract::forbidden(letter)));
        }
        // An amount is a number, whatever its digits.
        let amount = matches!(*column, "value" | "numerator" | "denominator") && number(text).is_some();
        if !amount && personal_number::contains(text) {
            return Err(fault(column, personal_number::CODE, personal_number::fault("").detail));
        }
        if text.chars().count() > 60 {
            return Err(fault(column, "too-long", say!("Skriv högst 60 tecken.", "Write at most 60 characters.")));
        }
    }
    let area_code =
        cell("areaCode").ok_or_else(|| fault("areaCode", "required", say!("Ange områdets kod.", "Give the area's code.")))?.to_owned();
    let given = cell("period").ok_or_else(|| fault("period", "required", say!("Ange perioden.", "Give the period.")))?;
    let period = period(given);
    if !is_period(&period) {
        return Err(fault(
            "period",
            "wrong-form",
            say!(
                "Perioden {given} går inte att läsa. Skriv ett år (2023), ett kvartal (2023K1) eller en månad (2023M05).",
                "The period {given} cannot be read. Write a year (2023), a quarter (2023K1) or a month (2023M05)."
            ),
        ));
    }
    let own = |name: &str| cell(name).and_then(one_form);
    let coded = |name: &str| match cell(name) {
        None => Ok(None),
        Some(given) => code(name, given).ok_or_else(|| {
            let known = CODES.iter().filter(|(column, _, _)| *column == name).map(|(_, code, _)| *code).collect::<Vec<_>>().join(", ");
            fault(
                name,
                "not-in-list",
                say!(
                    "Värdet {given} är okänt. Skriv {known}, eller lämna tomt för alla.",
                    "The value {given} is unknown. Write {known}, or leave it empty for all."
                ),
            )
        }),
    };
    let age = cell("age").map(|given| {
        age(given).ok_or_else(|| {
            fault(
                "age",
                "wrong-form",
                say!(
                    "Åldern {given} går inte att läsa. Skriv som 0-12, 65+ eller 18, eller lämna tomt för alla.",
                    "The age {given} cannot be read. Write as 0-12, 65+ or 18, or leave it empty for all."
                ),
            )
        })
    });
    let variant = own("variant").map(|given| {
        let declared = variants.iter().find(|variant| one_form(variant).is_some_and(|one| one.to_lowercase() == given.to_lowercase()));
        declared.cloned().ok_or_else(|| {
            let known = variants.join(", ");
            let told = if variants.is_empty() {
                say!("Indikatorn har inga varianter. Lämna tomt.", "The indicator has no variants. Leave it empty.")
            } else {
                say!(
                    "Indikatorn har inte varianten {given}. Skriv en av dem som den har: {known}.",
                    "The indicator does not have the variant {given}. Write one of those that it has: {known}."
                )
            };
            fault("variant", "not-in-list", told)
        })
    });
    let breakdown = Breakdown {
        sex: coded("sex")?,
        age: age.transpose()?.flatten(),
        born: coded("born")?,
        background: coded("background")?,
        region_of_birth: own("regionOfBirth"),
        time_in_sweden: own("timeInSweden"),
        variant: variant.transpose()?,
    };
    let Amounts { value, numerator, denominator, status, warnings } = amounts(number_of_row, cells, kind)?;
    Ok(Row { number: number_of_row, area_code, period, breakdown, value, numerator, denominator, status, warnings })
}

/// A period under the one name that it is kept by: the quarters of others (`2023Q1`) are ours (`2023K1`).
#[must_use]
pub fn period(given: &str) -> String {
    given.trim().to_uppercase().replace('Q', "K")
}

/// Free text of a breakdown in one form: composed, one kind of dash, single blanks. What stands for all is nothing.
fn one_form(given: &str) -> Option<String> {
    let plain = text::composed(given).replace(DASHES, "-");
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    (!plain.is_empty() && !ALL.contains(&plain.to_lowercase().as_str())).then_some(plain)
}

/// An age in one form, `0-12`, `65+` or `18`; nothing when it cannot be one, and `None` within for all.
#[expect(clippy::option_option, reason = "unknown and all are two things")]
fn age(given: &str) -> Option<Option<String>> {
    let Some(plain) = one_form(given) else { return Some(None) };
    let plain: String = plain.to_lowercase().split_whitespace().collect();
    let plain = ["år", "years"].into_iter().find_map(|word| plain.strip_suffix(word)).unwrap_or(&plain);
    let years = |text: &str| {
        let digits = (1..=3).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit());
        text.parse::<u8>().ok().filter(|years| digits && *years <= OLDEST)
    };
    if let Some(from) = plain.strip_suffix(['+', '-', 'w']) {
        let from = years(from.strip_suffix('-').unwrap_or(from))?;
        return Some(Some(format!("{from}+")));
    }
    let Some((from, to)) = plain.split_once('-') else { return Some(Some(years(plain)?.to_string())) };
    let (from, to) = (years(from)?, years(to)?);
    (from <= to).then(|| Some(format!("{from}-{to}")))
}

/// The breakdown as rows are kept, whatever way it was written.
#[must_use]
pub fn kept(breakdown: &Breakdown) -> Breakdown {
    let own = |text: &Option<String>| text.as_deref().and_then(one_form);
    let age = breakdown.age.as_deref().map(|given| age(given).unwrap_or_else(|| Some(given.to_owned())));
    Breakdown {
        age: age.flatten(),
        region_of_birth: own(&breakdown.region_of_birth),
        time_in_sweden: own(&breakdown.time_in_sweden),
        variant: own(&breakdown.variant),
        ..breakdown.clone()
    }
}

/// What people write for a dash.
const DASHES: [char; 7] = ['\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2015}', '\u{2212}'];
/// What people write for all.
const ALL: [&str; 4] = ["totalt", "total", "alla", "all"];
/// No age is higher.
const OLDEST: u8 = 130;

/// The numbers of a row, and what is known of them.
#[derive(Default)]
struct Amounts {
    value: Option<f64>,
    numerator: Option<f64>,
    denominator: Option<f64>,
    status: ObservationStatus,
    warnings: Vec<RowFault>,
}

fn amounts(number_of_row: usize, cells: &Cells, kind: ValueKind) -> Result<Amounts, RowFault> {
    let cell = |name: &str| cells.get(name);
    let fault = |column: &str, code: &str, detail: Text| RowFault::new(number_of_row, column, code, detail);
    let given: Option<ObservationStatus> = match cell("status").map(ToOwned::to_owned) {
        None => None,
        Some(name) => Some(serde_json::from_value(name.clone().into()).map_err(|_| {
            fault(
                "status",
                "not-in-list",
                say!(
                    "Statusen {name} är okänd; se kodlistan ObservationStatus.",
                    "The status {name} is unknown; see the codelist ObservationStatus."
                ),
            )
        })?),
    };
    // `..` is kept back or missing, `.` cannot be; neither is 0.
    let symbol = |column: &str| match cell(column) {
        Some("..") => Some(ObservationStatus::NotAvailable),
        Some(".") => Some(ObservationStatus::NotApplicable),
        _ => None,
    };
    let behind = || symbol("numerator").or_else(|| symbol("denominator"));
    let told = symbol("value").or_else(|| cell("value").is_none().then(behind).flatten());
    let status = given.filter(|status| status.is_empty()).or(told).or(given).unwrap_or_default();
    let read = |column: &'static str| match cell(column) {
        Some(text) if symbol(column).is_none() => {
            number(text).map(Some).ok_or_else(|| fault(column, "not-a-number", say!("{text} är inte ett tal.", "{text} is not a number.")))
        }
        _ => Ok(None),
    };
    if status.is_empty() {
        // Whatever else the row says: what is kept back is not stored, for then it is read.
        let named = ["value", "numerator", "denominator"].into_iter().find(|column| cell(column).is_some() && symbol(column).is_none());
        let warnings = named.map(|column| {
            fault(
                column,
                "not-kept",
                say!(
                    "Uppgiften är skyddad eller saknas, så radens tal har inte sparats.",
                    "The figure is kept back or missing, so the row's numbers were not stored."
                ),
            )
        });
        return Ok(Amounts { status, warnings: warnings.into_iter().collect(), ..Amounts::default() });
    }
    let (value, numerator, denominator) = (read("value")?, read("numerator")?, read("denominator")?);
    let read = Amounts { value, numerator, denominator, status, warnings: Vec::new() };
    checked(number_of_row, cells, kind, read)
}

/// Numbers that can be, with the value that follows from the counts where none is given.
fn checked(number_of_row: usize, cells: &Cells, kind: ValueKind, mut amounts: Amounts) -> Result<Amounts, RowFault> {
    let fault = |column: &str, code: &str, detail: Text| Err(RowFault::new(number_of_row, column, code, detail));
    let Amounts { value, numerator, denominator, .. } = amounts;
    let of_whole = matches!(kind, ValueKind::Share | ValueKind::Distribution);
    let counted = of_whole || kind == ValueKind::Count;
    let counts = [
        ("value", value.filter(|_| kind == ValueKind::Count)),
        ("numerator", numerator.filter(|_| counted)),
        ("denominator", denominator.filter(|_| counted)),
    ];
    for (column, count) in counts {
        if let Some(count) = count.filter(|count| *count < 0.0 || count.fract() != 0.0) {
            return fault(
                column,
                "not-a-count",
                say!(
                    "{count} kan inte vara ett antal. Skriv ett helt tal från 0.",
                    "{count} cannot be a count. Write a whole number from 0."
                ),
            );
        }
    }
    if denominator == Some(0.0) && numerator.is_some() {
        return fault(
            "denominator",
            "zero",
            say!("Nämnaren är 0, så det finns ingen andel att räkna ut.", "The denominator is 0, so there is no share to work out."),
        );
    }
    let more = numerator.zip(denominator).filter(|(numerator, denominator)| of_whole && numerator > denominator);
    if let Some((numerator, denominator)) = more {
        // Producers add a little noise to protect the few.
        if numerator > denominator + NOISE && numerator * 100.0 > denominator * 101.0 {
            return fault(
                "numerator",
                "too-large",
                say!(
                    "Täljaren ({numerator}) är större än nämnaren ({denominator}).",
                    "The numerator ({numerator}) is larger than the denominator ({denominator})."
                ),
            );
        }
        amounts.warnings.push(RowFault::new(
            number_of_row,
            "numerator",
            "a-little-too-large",
            say!(
                "Täljaren ({numerator}) är lite större än nämnaren ({denominator}). Andelen är satt till 100.",
                "The numerator ({numerator}) is a little larger than the denominator ({denominator}). The share is set to 100."
            ),
        ));
    }
    let follows = worked_out(kind, numerator, denominator);
    if let (Some(value), Some(follows)) = (value, follows)
        && (value - follows).abs() > half_of_last_digit(cells.get("value").unwrap_or_default()) + 1e-6 * follows.abs().max(1.0)
    {
        return fault(
            "value",
            "contradicts-counts",
            say!(
                "Värdet {value} stämmer inte med täljare och nämnare, som ger {follows}. Rätta det, eller lämna värdet tomt.",
                "The value {value} does not agree with the numerator and denominator, which give {follows}. Correct it, or leave the value empty."
            ),
        );
    }
    amounts.value = if more.is_some() { Some(100.0) } else { value.or(follows) };
    match amounts.value {
        None => fault(
            "value",
            "required",
            say!(
                "Raden saknar värde. Skriv värdet, täljare och nämnare, eller .. där uppgift saknas.",
                "The row has no value. Write the value, numerator and denominator, or .. where there is none."
            ),
        ),
        Some(value) if of_whole && !(0.0..=100.0).contains(&value) => fault(
            "value",
            "out-of-range",
            say!("En andel är 0–100 procent; {value} kan den inte vara.", "A share is 0–100 per cent; it cannot be {value}."),
        ),
        Some(_) => Ok(amounts),
    }
}

/// How many more than there are a producer's noise can make them.
const NOISE: f64 = 3.0;

/// How far a number may lie from what it was rounded from.
fn half_of_last_digit(written: &str) -> f64 {
    let decimals = written.replace(',', ".").split_once('.').map_or(0, |(_, decimals)| decimals.bytes().filter(u8::is_ascii_digit).count());
    0.5 / 10_f64.powi(i32::try_from(decimals).unwrap_or(i32::MAX))
}

/// The value that follows from counts: shares in percent. Medians and means follow from nothing.
fn worked_out(kind: ValueKind, numerator: Option<f64>, denominator: Option<f64>) -> Option<f64> {
    match kind {
        ValueKind::Share | ValueKind::Distribution => Some(numerator? / denominator? * 100.0),
        ValueKind::Ratio => Some(numerator? / denominator?),
        ValueKind::Count => numerator,
        ValueKind::Median | ValueKind::Mean => None,
    }
}

fn is_period(text: &str) -> bool {
    let (year, rest) = text.split_at_checked(4).unwrap_or_default();
    let in_year = |rest: &str, from: u32, to: u32| {
        rest.bytes().all(|digit| digit.is_ascii_digit()) && rest.parse::<u32>().is_ok_and(|number| (from..=to).contains(&number))
    };
    in_year(year, 1900, 2100)
        && match rest.as_bytes() {
            [] => true,
            [b'K' | b'Q', _] => in_year(&rest[1..], 1, 4),
            [b'M', _, _] => in_year(&rest[1..], 1, 12),
            _ => false,
        }
}

/// The codes of columns that have a fixed list, with what people write for them. An empty code stands for all.
const CODES: &[(&str, &str, &[&str])] = &[
    ("sex", "women", &["kvinnor", "kvinna", "k", "flickor"]),
    ("sex", "men", &["män", "man", "m", "pojkar"]),
    ("sex", "", &["totalt", "total", "alla", "t", "båda"]),
    ("born", "in_sweden", &["sverige", "i sverige", "född i sverige"]),
    ("born", "abroad", &["utrikes", "utomlands", "utrikes född"]),
    ("born", "", &["totalt", "total", "alla"]),
    ("background", "swedish", &["svensk", "svensk bakgrund"]),
    ("background", "foreign", &["utländsk", "utländsk bakgrund"]),
    ("background", "", &["totalt", "total", "alla"]),
];

/// The code that a text stands for in a column; nothing when it stands for none, and `None` within for all.
#[expect(clippy::option_option, reason = "unknown and all are two things")]
fn code(column: &str, given: &str) -> Option<Option<String>> {
    let given = text::composed(given).to_lowercase();
    let fits = |(of, code, written): &&(&str, &str, &[&str])| *of == column && (*code == given || written.contains(&given.as_str()));
    CODES.iter().find(fits).map(|(_, code, _)| (!code.is_empty()).then(|| (*code).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_as_people_have_it() -> Result<(), Vec<RowFault>> {
        let text = decode("\u{FEFF}Områdeskod;År;Kön;Täljare;Nämnare\n0127;2023;kvinnor;1 200;4 800\n0127;2023;;..;..\n".as_bytes());
        let rows: Vec<_> = table(&text)?.map(|cells| row(&cells, ValueKind::Share, &[])).collect();
        let [Ok(first), Ok(second)] = rows.as_slice() else { return Err(vec![]) };
        assert_eq!((first.value, first.breakdown.sex.as_deref()), (Some(25.0), Some("women")));
        assert_eq!((second.value, second.status), (None, ObservationStatus::NotAvailable));
        Ok(())
    }

    #[test]
    fn latin_one_and_tabs_are_read_too() -> Result<(), Vec<RowFault>> {
        let text = decode(b"kod\t\xE5r\tv\xE4rde\n0127\t2023\t12,5\n");
        assert_eq!(table(&text)?.map(|cells| row(&cells, ValueKind::Mean, &[]).map(|row| row.value)).next().unwrap(), Ok(Some(12.5)));
        Ok(())
    }

    #[test]
    fn the_same_breakdown_is_the_same_however_it_is_written() -> Result<(), Vec<RowFault>> {
        let text = "kod;period;född;bakgrund;värde\n0127;2023Q1;Sverige;utländsk;1\n0127;2023K1;in_sweden;foreign;1\n";
        let rows: Vec<_> = table(text)?.map(|cells| row(&cells, ValueKind::Mean, &[])).collect();
        assert_eq!(rows[0].as_ref().map(|row| (&row.period, &row.breakdown)), rows[1].as_ref().map(|row| (&row.period, &row.breakdown)));
        for wrong in ["2023M+1", "2023K5", "+203", "2023M13", "20233"] {
            assert!(!is_period(wrong), "{wrong}");
        }
        let hidden = table("kod;period;värde\n0127;2023\u{0};1\n")?.next().unwrap();
        assert_eq!(row(&hidden, ValueKind::Mean, &[]).map_err(|fault| fault.code), Err("forbidden-character".to_owned()));
        Ok(())
    }

    #[test]
    fn each_fault_has_its_code() -> Result<(), Vec<RowFault>> {
        let text = "kod;år;kön;värde;täljare;nämnare\n0127;20x3;;1;;\n0127;2023;alien;1;;\n0127;2023;;ett;;\n0127;2023;;;5;0\n0127;2023;;;9;4\n0127;2023;;;;\n;2023;;1;;\n";
        let codes: Vec<_> = table(text)?.map(|cells| row(&cells, ValueKind::Share, &[]).map_err(|fault| fault.code).err()).collect();
        let expected = ["wrong-form", "not-in-list", "not-a-number", "zero", "too-large", "required", "required"];
        assert_eq!(codes.iter().flatten().map(String::as_str).collect::<Vec<_>>(), expected);
        assert_eq!(table("kod;färg\n").err().map(|faults| faults.len()), Some(2));
        Ok(())
    }
}
