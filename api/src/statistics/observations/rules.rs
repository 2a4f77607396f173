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
    /// Its number in the table, the first row under the heading being 1.
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
}

/// Why a row was not stored.
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

/// Why a row of an import was not stored.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowProblem {
    /// The number of the row, the first under the heading being 1; 0 is the heading.
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

/// Reads a CSV table into cells by column, each row as it is asked for.
///
/// # Errors
/// When a heading is unknown or a needed column missing.
pub fn table(text: &str) -> Result<impl Iterator<Item = Cells>, Vec<RowFault>> {
    let heading = text.lines().next().unwrap_or_default();
    let separator =
        [b';', b'\t', b','].into_iter().max_by_key(|separator| heading.bytes().filter(|byte| byte == separator).count()).unwrap_or(b';');
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let mut faults = Vec::new();
    let mut columns = Vec::new();
    let headings = reader.headers().cloned().unwrap_or_default();
    if headings.len() > MAX_COLUMNS {
        let told = say!("Tabellen har fler än {MAX_COLUMNS} kolumner.", "The table has more than {MAX_COLUMNS} columns.");
        return Err(vec![RowFault::new(0, "", "too-many-columns", told)]);
    }
    for name in &headings {
        let folded = name.to_lowercase();
        if let Some((column, _)) = COLUMNS.iter().find(|(_, known)| known.contains(&folded.as_str())) {
            columns.push(*column);
        } else {
            let name = personal_number::mask(name);
            faults.push(RowFault::new(0, &name, "unknown-column", say!(
                "Kolumnen {name} är okänd. Kända är områdeskod, period, kön, ålder, född, bakgrund, variant, värde, täljare, nämnare och status.",
                "The column {name} is unknown. Known are areaCode, period, sex, age, born, background, variant, value, numerator, denominator and status."
            )));
            columns.push("");
        }
    }
    for needed in ["areaCode", "period"] {
        if !columns.contains(&needed) {
            faults.push(RowFault::new(0, needed, "missing-column", say!("Kolumnen {needed} saknas.", "The column {needed} is missing.")));
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(reader.into_records().map(move |record| {
        let record = record.unwrap_or_default();
        Cells { cells: columns.iter().copied().zip(record.iter().map(ToOwned::to_owned)).collect() }
    }))
}

/// A number as people write it: decimal comma or point, blanks between thousands, a percent sign.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    let plain: String = text.chars().filter(|sign| !matches!(sign, ' ' | '\u{A0}' | '\u{202F}' | '%')).collect();
    plain.replace(',', ".").replace('\u{2212}', "-").parse().ok().filter(|number: &f64| number.is_finite())
}

/// Reads one row.
///
/// # Errors
/// With the first fault of it.
pub fn row(number_of_row: usize, cells: &Cells, kind: ValueKind) -> Result<Row, RowFault> {
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
    let period = cell("period").ok_or_else(|| fault("period", "required", say!("Ange perioden.", "Give the period.")))?.to_owned();
    if !is_period(&period) {
        return Err(fault(
            "period",
            "wrong-form",
            say!(
                "Perioden {period} går inte att läsa. Skriv ett år (2023), ett kvartal (2023K1) eller en månad (2023M05).",
                "The period {period} cannot be read. Write a year (2023), a quarter (2023K1) or a month (2023M05)."
            ),
        ));
    }
    let period = period.replace('Q', "K");
    let own = |name: &str| cell(name).map(text::composed);
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
    let breakdown = Breakdown {
        sex: coded("sex")?,
        age: own("age"),
        born: coded("born")?,
        background: coded("background")?,
        region_of_birth: own("regionOfBirth"),
        time_in_sweden: own("timeInSweden"),
        variant: own("variant"),
    };
    let amounts = amounts(number_of_row, cells, kind)?;
    let Amounts { value, numerator, denominator, status } = amounts;
    Ok(Row { number: number_of_row, area_code, period, breakdown, value, numerator, denominator, status })
}

/// The numbers of a row, and what is known of them.
struct Amounts {
    value: Option<f64>,
    numerator: Option<f64>,
    denominator: Option<f64>,
    status: ObservationStatus,
}

fn amounts(number_of_row: usize, cells: &Cells, kind: ValueKind) -> Result<Amounts, RowFault> {
    let cell = |name: &str| cells.get(name);
    let fault = |column: &str, code: &str, detail: Text| RowFault::new(number_of_row, column, code, detail);
    let mut status = match cell("status").map(ToOwned::to_owned) {
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
    let mut read = |column: &'static str| match cell(column) {
        None => Ok(None),
        // `..` is kept back or missing, `.` cannot be; neither is 0.
        Some("..") => {
            status.get_or_insert(ObservationStatus::NotAvailable);
            Ok(None)
        }
        Some(".") => {
            status.get_or_insert(ObservationStatus::NotApplicable);
            Ok(None)
        }
        Some(text) => {
            number(text).map(Some).ok_or_else(|| fault(column, "not-a-number", say!("{text} är inte ett tal.", "{text} is not a number.")))
        }
    };
    let (value, numerator, denominator) = (read("value")?, read("numerator")?, read("denominator")?);
    if denominator == Some(0.0) && numerator.is_some() {
        return Err(fault(
            "denominator",
            "zero",
            say!("Nämnaren är 0, så det finns ingen andel att räkna ut.", "The denominator is 0, so there is no share to work out."),
        ));
    }
    if let (ValueKind::Share, Some(numerator), Some(denominator)) = (kind, numerator, denominator)
        && numerator > denominator
    {
        return Err(fault(
            "numerator",
            "too-large",
            say!(
                "Täljaren ({numerator}) är större än nämnaren ({denominator}).",
                "The numerator ({numerator}) is larger than the denominator ({denominator})."
            ),
        ));
    }
    let value = value.or_else(|| worked_out(kind, numerator, denominator));
    let status: Option<ObservationStatus> = status;
    if value.is_none()
        && !matches!(status, Some(ObservationStatus::Suppressed | ObservationStatus::NotAvailable | ObservationStatus::NotApplicable))
    {
        return Err(fault(
            "value",
            "required",
            say!(
                "Raden saknar värde. Skriv värdet, täljare och nämnare, eller .. där uppgift saknas.",
                "The row has no value. Write the value, numerator and denominator, or .. where there is none."
            ),
        ));
    }
    Ok(Amounts { value, numerator, denominator, status: status.unwrap_or_default() })
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
        let rows: Vec<_> = table(&text)?.enumerate().map(|(at, cells)| row(at + 1, &cells, ValueKind::Share)).collect();
        let [Ok(first), Ok(second)] = rows.as_slice() else { return Err(vec![]) };
        assert_eq!((first.value, first.breakdown.sex.as_deref()), (Some(25.0), Some("women")));
        assert_eq!((second.value, second.status), (None, ObservationStatus::NotAvailable));
        Ok(())
    }

    #[test]
    fn latin_one_and_tabs_are_read_too() -> Result<(), Vec<RowFault>> {
        let text = decode(b"kod\t\xE5r\tv\xE4rde\n0127\t2023\t12,5\n");
        assert_eq!(table(&text)?.map(|cells| row(1, &cells, ValueKind::Mean).map(|row| row.value)).next().unwrap(), Ok(Some(12.5)));
        Ok(())
    }

    #[test]
    fn the_same_breakdown_is_the_same_however_it_is_written() -> Result<(), Vec<RowFault>> {
        let text = "kod;period;född;bakgrund;värde\n0127;2023Q1;Sverige;utländsk;1\n0127;2023K1;in_sweden;foreign;1\n";
        let rows: Vec<_> = table(text)?.map(|cells| row(1, &cells, ValueKind::Mean)).collect();
        assert_eq!(rows[0], rows[1]);
        for wrong in ["2023M+1", "2023K5", "+203", "2023M13", "20233"] {
            assert!(!is_period(wrong), "{wrong}");
        }
        let hidden = table("kod;period;värde\n0127;2023\u{0};1\n")?.next().unwrap();
        assert_eq!(row(1, &hidden, ValueKind::Mean).map_err(|fault| fault.code), Err("forbidden-character".to_owned()));
        Ok(())
    }

    #[test]
    fn each_fault_has_its_code() -> Result<(), Vec<RowFault>> {
        let text = "kod;år;kön;värde;täljare;nämnare\n0127;20x3;;1;;\n0127;2023;alien;1;;\n0127;2023;;ett;;\n0127;2023;;;5;0\n0127;2023;;;5;4\n0127;2023;;;;\n;2023;;1;;\n";
        let codes: Vec<_> = table(text)?.map(|cells| row(1, &cells, ValueKind::Share).map_err(|fault| fault.code).err()).collect();
        let expected = ["wrong-form", "not-in-list", "not-a-number", "zero", "too-large", "required", "required"];
        assert_eq!(codes.iter().flatten().map(String::as_str).collect::<Vec<_>>(), expected);
        assert_eq!(table("kod;färg\n").err().map(|faults| faults.len()), Some(2));
        Ok(())
    }
}
