//! What single cells mean: codes and words, lists, days, objects.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::mapping::RowFault;
use crate::{
    exchange::columns::{self, Column, Shape},
    kernel::{Fault, contract, extract, language::Text, personal_number, say, text},
};

/// What stands in a cell or member.
pub(super) enum Given {
    Cell(String),
    Json(Value),
}

/// The cells of a row, each with its column and its heading.
pub(super) type Cells = Vec<(&'static Column, String, Given)>;

/// Cells that may not be stored; what is a personal identity number is not repeated, and hides all else.
pub(super) fn unstorable(cells: &Cells) -> Vec<RowFault> {
    let mut faults = Vec::new();
    for (column, heading, given) in cells {
        let pointer = format!("/{}", column.member);
        let cell = match given {
            Given::Cell(cell) => cell,
            // Text in JSON has been checked as it was read; numbers have not.
            Given::Json(value) => {
                if in_numbers(value) {
                    faults.push(RowFault::of(personal_number::fault(pointer), Some(heading.clone())));
                }
                continue;
            }
        };
        if let Some(letter) = text::forbidden_character(cell) {
            faults.push(RowFault::of(Fault::at(pointer, "forbidden-character", contract::forbidden(letter)), Some(heading.clone())));
        } else if personal_number::contains(cell) {
            faults.push(RowFault::of(personal_number::fault(pointer), Some(heading.clone())));
        }
    }
    faults
}

/// Whether some number in a value is a personal identity number.
fn in_numbers(value: &Value) -> bool {
    match value {
        Value::Number(number) => personal_number::contains(&number.to_string()),
        Value::Array(items) => items.iter().any(in_numbers),
        Value::Object(members) => members.values().any(in_numbers),
        _ => false,
    }
}

/// The value of a member; nothing when nothing is said of it.
pub(super) fn value(column: &'static Column, given: Given, exact: bool) -> Result<Option<Value>, Fault> {
    let pointer = format!("/{}", column.member);
    let cell = match given {
        Given::Cell(cell) => text::composed(&cell),
        Given::Json(Value::Null) => String::new(),
        Given::Json(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        Given::Json(value @ Value::Array(_)) if matches!(column.shape, Shape::List | Shape::Objects) => return Ok(Some(value)),
        Given::Json(_) if column.shape == Shape::Ours => return Ok(None),
        Given::Json(_) => {
            let name = column.member;
            let detail =
                say!("Värdet i {name} har fel form; skriv det som text.", "The value of {name} has the wrong form; write it as text.");
            return Err(Fault::at(pointer, "wrong-type", detail));
        }
    };
    let trimmed = cell.trim();
    let empty = trimmed.is_empty();
    Ok(match column.shape {
        Shape::Text => Some(if empty { Value::Null } else { trimmed.into() }),
        Shape::Ours => None,
        Shape::Word(_) | Shape::Whole if empty => None,
        Shape::Word(words) => Some(columns::code(words, trimmed).ok_or_else(|| unknown_word(pointer, column, words))?.into()),
        Shape::List if exact => Some(columns::split(&cell).into()),
        Shape::List => {
            let items = columns::split(&cell).into_iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty());
            Some(items.collect::<Vec<_>>().into())
        }
        Shape::Objects if empty => Some(json!([])),
        Shape::Objects => Some(objects(&pointer, trimmed)?),
        Shape::Day if empty => Some(Value::Null),
        Shape::Day => Some(day(&pointer, column.member, trimmed)?.to_string().into()),
        Shape::Whole => Some(
            trimmed
                .parse::<i64>()
                .map_err(|_| Fault::at(pointer, "wrong-form", say!("Skriv ett heltal.", "Write a whole number.")))?
                .into(),
        ),
    })
}

fn unknown_word(pointer: String, column: &Column, words: &[(&'static str, &'static [&'static str])]) -> Fault {
    let swedish = words.iter().filter_map(|(_, also)| also.first()).copied().collect::<Vec<_>>().join(", ");
    let codes = words.iter().map(|(code, _)| *code).collect::<Vec<_>>().join(", ");
    let (heading, member) = (column.swedish, column.member);
    Fault::at(
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
        Ok(_) => Err(Fault::at(pointer, "wrong-type", form())),
        Err(problem) => match problem.faults.into_iter().next() {
            Some(fault) => Err(Fault { pointer: format!("{pointer}{}", fault.pointer), ..fault }),
            None => Err(Fault::at(pointer, "malformed-json", form())),
        },
    }
}

/// A day as people write it; of a year alone the first day for a beginning and the last for an end.
fn day(pointer: &str, member: &str, written: &str) -> Result<NaiveDate, Fault> {
    let day = written.split(['T', ' ']).next().unwrap_or(written);
    let year = (day.len() == 4).then(|| day.parse::<i32>().ok()).flatten();
    let read = match year {
        Some(year) if member == "dissolved" => NaiveDate::from_ymd_opt(year, 12, 31),
        Some(year) => NaiveDate::from_ymd_opt(year, 1, 1),
        None => NaiveDate::parse_from_str(day, "%Y-%m-%d").or_else(|_| NaiveDate::parse_from_str(day, "%Y%m%d")).ok(),
    };
    read.filter(|day| ("0001-01-01".parse().is_ok_and(|first: NaiveDate| *day >= first)) && day.to_string().len() == 10).ok_or_else(|| {
        Fault::at(
            pointer,
            "wrong-form",
            say!("Skriv en dag som 2026-03-31, eller ett år som 2026.", "Write a day like 2026-03-31, or a year like 2026."),
        )
    })
}
