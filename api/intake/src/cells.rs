//! Reading of single cells: codes and words, lists, days, objects.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::{
    columns::{self, Column, Shape},
    types::RowFault,
};
use crate::kernel::{Fault, contract, extract, language::Text, personal_number, say, text};

/// The content of a cell or of a member.
#[derive(Clone, Debug)]
pub enum CellValue {
    /// Text.
    Cell(String),
    /// A JSON value other than text.
    Json(Value),
}

/// The cells of a row, each with its column and its heading.
pub type Cells = Vec<(&'static Column, String, CellValue)>;

/// Returns a fault for each cell that may not be stored. A fault about a personal identity number does not repeat the
/// number.
#[must_use]
pub fn unstorable(cells: &Cells) -> Vec<RowFault> {
    let mut faults = Vec::new();
    for (column, heading, given) in cells {
        let pointer = format!("/{}", column.member);
        let cell = match given {
            CellValue::Cell(cell) => cell,
            // Texts in JSON have been checked when they were parsed; numbers have not.
            CellValue::Json(value) => {
                if has_personal_number(value) {
                    faults.push(RowFault::from_fault(personal_number::fault(pointer), Some(heading.clone())));
                }
                continue;
            }
        };
        if let Some(letter) = text::forbidden_character(cell) {
            faults.push(RowFault::from_fault(
                Fault::at_pointer(pointer, "forbidden-character", contract::forbidden(letter)),
                Some(heading.clone()),
            ));
        } else if personal_number::contains(cell) {
            faults.push(RowFault::from_fault(personal_number::fault(pointer), Some(heading.clone())));
        }
    }
    faults
}

/// Whether a value contains a number that is a personal identity number.
fn has_personal_number(value: &Value) -> bool {
    match value {
        Value::Number(number) => personal_number::contains(&number.to_string()),
        Value::Array(items) => items.iter().any(has_personal_number),
        Value::Object(members) => members.values().any(has_personal_number),
        _ => false,
    }
}

/// Whether a spreadsheet has turned digits into a rounded number (`8,02002E+09`), so that some of them are lost.
fn is_rounded(cell: &str) -> bool {
    let sign = |letter: char| letter.is_ascii_digit() || matches!(letter, ',' | '.');
    cell.to_ascii_uppercase().split_once("E+").is_some_and(|(digits, power)| {
        let mut letters = digits.chars();
        letters.next().is_some_and(|first| first.is_ascii_digit())
            && letters.all(sign)
            && !power.is_empty()
            && power.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// The fault of a cell that shows an error in place of a value.
#[must_use]
pub fn formula_error(pointer: String, heading: &str) -> Fault {
    let heading: String = heading.chars().take(60).collect();
    Fault::at_pointer(
        pointer,
        "formula-error",
        say!(
            "Cellen under {heading} har inget värde utan ett formelfel (till exempel #SAKNAS! eller #REFERENS!), eller en formel som aldrig har räknats ut. Rätta formeln eller skriv värdet.",
            "The cell under {heading} has no value but a formula error (for example #N/A or #REF!), or a formula that was never computed. Correct the formula or write the value."
        ),
    )
}

/// Reads the value of a member; `None` when the cell says nothing about the member. `exact` is true for files from this
/// service, in which blanks around words count.
///
/// # Errors
/// When the cell does not have the form that its column requires.
pub fn value(column: &'static Column, given: CellValue, heading: &str, exact: bool) -> Result<Option<Value>, Fault> {
    let pointer = format!("/{}", column.member);
    // An error must not be read as an empty cell, because that would clear the member.
    if matches!(&given, CellValue::Cell(cell) if column.shape != Shape::ReadOnly && !exact && columns::is_formula_error(cell)) {
        return Err(formula_error(pointer, heading));
    }
    let cell = match given {
        CellValue::Cell(cell) => text::composed(&cell),
        CellValue::Json(Value::Null) => String::new(),
        CellValue::Json(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        CellValue::Json(value @ Value::Array(_)) if matches!(column.shape, Shape::List | Shape::Objects) => return Ok(Some(value)),
        CellValue::Json(_) if column.shape == Shape::ReadOnly => return Ok(None),
        CellValue::Json(_) => {
            let name = column.member;
            let detail =
                say!("Värdet i {name} har fel form; skriv det som text.", "The value of {name} has the wrong form; write it as text.");
            return Err(Fault::at_pointer(pointer, "wrong-type", detail));
        }
    };
    let trimmed = cell.trim();
    let empty = trimmed.is_empty();
    if column.shape == Shape::Digits && is_rounded(trimmed) {
        return Err(Fault::at_pointer(
            pointer,
            "rounded-number",
            say!(
                "Excel har gjort om numret. Formatera kolumnen som text och skriv numret på nytt.",
                "Excel has changed the number. Format the column as text and write the number anew."
            ),
        ));
    }
    Ok(match column.shape {
        Shape::Text | Shape::Digits => Some(if empty { Value::Null } else { trimmed.into() }),
        Shape::ReadOnly => None,
        Shape::Word(_) | Shape::Whole if empty => None,
        Shape::Word(words) => Some(columns::code(words, trimmed).ok_or_else(|| unknown_word(pointer, column, words))?.into()),
        Shape::List if exact => Some(columns::split_list(&cell).into()),
        Shape::List => {
            let items = columns::split_list(&cell).into_iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty());
            Some(items.collect::<Vec<_>>().into())
        }
        Shape::Objects if empty => Some(json!([])),
        Shape::Objects => Some(objects(&pointer, trimmed)?),
        Shape::Day | Shape::LastDay if empty => Some(Value::Null),
        Shape::Day | Shape::LastDay => Some(day(&pointer, column.shape, trimmed)?.to_string().into()),
        Shape::Whole => Some(
            trimmed
                .parse::<i64>()
                .map_err(|_| Fault::at_pointer(pointer, "wrong-form", say!("Skriv ett heltal.", "Write a whole number.")))?
                .into(),
        ),
    })
}

fn unknown_word(pointer: String, column: &Column, words: &[(&'static str, &'static [&'static str])]) -> Fault {
    let swedish = words.iter().filter_map(|(_, also)| also.first()).copied().collect::<Vec<_>>().join(", ");
    let codes = words.iter().map(|(code, _)| *code).collect::<Vec<_>>().join(", ");
    let (heading, member) = (column.swedish, column.member);
    Fault::at_pointer(
        pointer,
        "not-in-list",
        say!(
            "Värdet i kolumnen {heading} är okänt. Skriv något av: {swedish}.",
            "The value of {member} is unknown. Write one of: {codes}."
        ),
    )
}

fn objects(pointer: &str, cell: &str) -> Result<Value, Fault> {
    let form = || -> Text {
        say!(
            "Cellen ska vara en lista av objekt som JSON, till exempel [{{\"function\":\"Registrator\"}}].",
            "The cell must be a list of objects as JSON, for example [{{\"function\":\"Registrator\"}}]."
        )
    };
    match extract::parse(cell.as_bytes()) {
        Ok(value) if value.is_array() => Ok(value),
        Ok(_) => Err(Fault::at_pointer(pointer, "wrong-type", form())),
        Err(problem) => match problem.faults.into_iter().next() {
            Some(fault) => Err(Fault { pointer: format!("{pointer}{}", fault.pointer), ..fault }),
            None => Err(Fault::at_pointer(pointer, "malformed-json", form())),
        },
    }
}

/// Reads a day as people write it. A year alone gives its first day at the beginning of a period, and its last day at the
/// end.
fn day(pointer: &str, shape: Shape, written: &str) -> Result<NaiveDate, Fault> {
    let day = written.split(['T', ' ']).next().unwrap_or(written);
    let year = (day.len() == 4).then(|| day.parse::<i32>().ok()).flatten();
    let read = match year {
        Some(year) if shape == Shape::LastDay => NaiveDate::from_ymd_opt(year, 12, 31),
        Some(year) => NaiveDate::from_ymd_opt(year, 1, 1),
        None => NaiveDate::parse_from_str(day, "%Y-%m-%d").or_else(|_| NaiveDate::parse_from_str(day, "%Y%m%d")).ok(),
    };
    read.filter(|day| ("0001-01-01".parse().is_ok_and(|first: NaiveDate| *day >= first)) && day.to_string().len() == 10).ok_or_else(|| {
        Fault::at_pointer(
            pointer,
            "wrong-form",
            say!("Skriv en dag som 2026-03-31, eller ett år som 2026.", "Write a day like 2026-03-31, or a year like 2026."),
        )
    })
}
