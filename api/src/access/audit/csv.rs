//! The entries as a table for a spreadsheet: semicolons, a byte order mark, and no cell that is taken for a formula.

use super::AuditEntry;
use crate::kernel::{Problem, Result};

/// What the table begins with.
pub(super) fn heading() -> Result<Vec<u8>> {
    let mut bytes = "\u{feff}".as_bytes().to_vec();
    bytes.extend(written(&[[
        "position",
        "at",
        "userId",
        "userName",
        "credential",
        "address",
        "requestId",
        "operation",
        "outcome",
        "status",
        "recordKind",
        "recordId",
        "actorId",
        "detail",
        "id",
    ]
    .map(ToOwned::to_owned)])?);
    Ok(bytes)
}

/// One line for each entry.
pub(super) fn rows(entries: &[AuditEntry]) -> Result<Vec<u8>> {
    let lines: Result<Vec<_>> = entries.iter().map(row).collect();
    written(&lines?)
}

fn row(entry: &AuditEntry) -> Result<[String; 15]> {
    fn text<T: ToString>(value: Option<T>) -> String {
        value.map(|value| value.to_string()).unwrap_or_default()
    }
    let outcome = serde_json::to_value(entry.outcome)?.as_str().unwrap_or_default().to_owned();
    Ok([
        text(entry.position),
        entry.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        text(entry.user.as_ref().map(|user| user.id)),
        text(entry.user.as_ref().and_then(|user| user.name.clone())),
        text(entry.credential.clone()),
        text(entry.address.clone()),
        text(entry.request_id.clone()),
        entry.operation.clone(),
        outcome,
        entry.status.to_string(),
        text(entry.record_kind.clone()),
        text(entry.record_id),
        text(entry.actor_id),
        text(entry.detail.clone()),
        entry.id.to_string(),
    ])
}

fn written(lines: &[[String; 15]]) -> Result<Vec<u8>> {
    let mut table = ::csv::WriterBuilder::new().delimiter(b';').terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    for line in lines {
        table.write_record(line.iter().map(|cell| safe(cell))).map_err(|error| Problem::internal(&error))?;
    }
    table.into_inner().map_err(|error| Problem::internal(&error))
}

/// A cell that no spreadsheet takes for a formula.
fn safe(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_are_no_formulas() -> Result<()> {
        let mut line: [String; 15] = Default::default();
        for (cell, text) in line.iter_mut().zip(["=1+1", "-abc-def", "a;b", "a\"b", "plain"]) {
            text.clone_into(cell);
        }
        let bytes = written(&[line])?;
        assert_eq!(String::from_utf8_lossy(&bytes), "'=1+1;'-abc-def;\"a;b\";\"a\"\"b\";plain;;;;;;;;;;\r\n");
        Ok(())
    }
}
