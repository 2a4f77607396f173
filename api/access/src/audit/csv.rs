//! The audit entries as a table for a spreadsheet, in the CSV dialect of Excel, with a column for each part of an entry.

use super::AuditEntry;
use crate::kernel::{Result, export::Dialect};

/// Returns the beginning of the table: byte order mark and headings.
pub(super) fn heading() -> String {
    let mut table = Dialect::ExcelSv.beginning().to_owned();
    let names = [
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
    ];
    Dialect::ExcelSv.texts(names, &mut table);
    table
}

/// Returns one line for each entry.
pub(super) fn rows(entries: &[AuditEntry]) -> Result<String> {
    let mut table = String::new();
    for entry in entries {
        Dialect::ExcelSv.texts(row(entry)?.iter().map(String::as_str), &mut table);
    }
    Ok(table)
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
