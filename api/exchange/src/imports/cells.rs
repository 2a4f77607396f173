//! Reads cells that only files of actors have: the hidden members of an export, and contact details.

use serde_json::{Value, json};

use crate::{
    columns,
    intake::{
        cells::{CellValue, Cells},
        columns::Column,
        types::RowFault,
    },
    kernel::{Fault, extract, say, secrecy::HIDDEN},
};

/// Returns the members that were hidden from the person who made the file (the column `redacted` of an export). A name that
/// consists of the mark for hidden values is a fault.
pub(super) fn hidden_members(cells: &Cells, faults: &mut Vec<RowFault>) -> Vec<String> {
    let cell_of = |member: &str| cells.iter().find(|(column, ..)| column.member == member);
    let mut hidden = Vec::new();
    if let Some((_, heading, given)) = cell_of(columns::REDACTED) {
        let said = match given {
            CellValue::Cell(cell) if cell.trim().is_empty() => Some(json!([])),
            CellValue::Cell(cell) => extract::parse(cell.trim().as_bytes()).ok(),
            CellValue::Json(Value::Null) => Some(json!([])),
            CellValue::Json(value) => Some(value.clone()),
        };
        let member = |redaction: &Value| redaction["member"].as_str().map(ToOwned::to_owned);
        let all = said.as_ref().and_then(Value::as_array).and_then(|all| all.iter().map(member).collect::<Option<Vec<_>>>());
        let Some(all) = all else {
            let detail = say!(
                "Det går inte att läsa vilka uppgifter som är dolda. Låt kolumnen {heading} stå som den exporterades.",
                "Which members are hidden cannot be read. Leave the column {heading} as it was exported."
            );
            faults.push(RowFault::from_fault(Fault::at_pointer("/redacted", "wrong-form", detail), Some(heading.clone())));
            return hidden;
        };
        hidden = all;
    }
    let sign = |given: &CellValue| matches!(given, CellValue::Cell(name) if name.trim() == HIDDEN);
    if let Some((_, heading, _)) = cell_of("name").filter(|(.., given)| sign(given) && !hidden.iter().any(|member| member == "name")) {
        let detail = say!(
            "Namnet är dolt ({HIDDEN}), men raden säger inte vilka uppgifter som är dolda. Ta med kolumnen Dolt ur exporten, eller ta bort raden.",
            "The name is hidden ({HIDDEN}), but the row does not say which members are. Keep the column redacted of the export, or remove the row."
        );
        faults.push(RowFault::from_fault(Fault::at_pointer("/name", "under-secrecy", detail), Some(heading.clone())));
    }
    hidden
}

/// Returns the column that a cell belongs to. A column headed "contact" may hold a JSON list, but more often an e-mail
/// address or a telephone number.
pub(super) fn contact_column(column: &'static Column, given: &CellValue) -> &'static Column {
    let CellValue::Cell(cell) = given else { return column };
    let cell = cell.trim();
    let number = |letter: char| letter.is_ascii_digit() || matches!(letter, ' ' | '\u{A0}' | '+' | '-' | '(' | ')' | '/');
    let way = match cell {
        _ if column.member != "contactPoints" || cell.is_empty() || cell.starts_with('[') => return column,
        _ if cell.contains('@') && !cell.contains(char::is_whitespace) => columns::EMAIL,
        _ if cell.chars().all(number) => columns::PHONE,
        _ => return column,
    };
    columns::COLUMNS.find_by_member(way).unwrap_or(column)
}
