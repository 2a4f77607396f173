//! Checks whether a file as a whole can be imported, so that it is refused at once and not row by row.

use uuid::Uuid;

use super::record::Row;
use crate::{
    access::Sight,
    intake::{formats::Format, spool::Intake},
    kernel::{Db, Fault, Problem, Result, language::Text, say},
    registry::actors::{ActorId, store as actors},
};

/// Refuses a table without a column of names, unless its rows have ids of actors. Also refuses a file that was exported
/// from here and is said to come from a source, because each of its rows would be held as an existing actor. `ours` is the
/// message for such a file.
///
/// # Errors
/// When the file cannot be imported in this way (422).
pub async fn check_file(read: &Intake, format: Format, from_source: bool, ours: Text, sight: &Sight, db: &Db) -> Result<()> {
    let has = |member: &str| read.columns.iter().any(|column| column.member == member);
    if matches!(format, Format::Csv | Format::Xlsx) && !has("name") && (from_source || !has("id")) {
        return Err(Problem::invalid(vec![Fault::at_pointer("", "no-known-heading", no_name(read))]));
    }
    if from_source && has("id") && has("version") && is_known(read, sight, db).await? {
        return Err(Problem::invalid(vec![Fault::at_pointer("", "own-export", ours)]));
    }
    Ok(())
}

fn no_name(read: &Intake) -> Text {
    let left_out = read.left_out.iter().map(|left| left.heading.as_str());
    let headings = left_out.chain(read.columns.iter().map(|column| column.heading.as_str()));
    let headings = headings.take(5).collect::<Vec<_>>().join(", ");
    say!(
        "Ingen kolumn känns igen som namn. Rubrikerna ska stå på första raden (lästes: {headings}). Ta bort rader ovanför rubrikerna, byt rubriken till Namn, eller ange columns=rubriken:name i anropet.",
        "No column is recognised as the name. The headings must stand in the first row (read: {headings}). Remove rows above the headings, change the heading to name, or give columns=heading:name in the call."
    )
}

/// Returns whether some of a file's first rows are actors here. Another system may have columns of ids and versions too.
async fn is_known(read: &Intake, sight: &Sight, db: &Db) -> Result<bool> {
    let Some((_, first)) = read.pieces.each().next().transpose()? else { return Ok(false) };
    let rows: Vec<Row> = serde_json::from_str(&first)?;
    let ids: Vec<ActorId> = rows.iter().filter_map(|row| Uuid::parse_str(row.external_id.as_deref()?).ok()).map(ActorId::from).collect();
    Ok(actors::missing(sight, &ids, db.reader()).await?.len() < ids.len())
}
