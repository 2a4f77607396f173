//! Imports of files, as an administrator makes them: the file is sent, and the job is asked for until it has ended.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    Outcome,
    measure::{Group, Measured, now},
    random::Random,
    round::Side,
    rows::{self, Place},
};

/// Rows of the file of which each changes one field.
const CHANGED: usize = 5_000;
/// How often a job is asked for.
const POLL: Duration = Duration::from_millis(200);

/// What is imported, in this order.
#[derive(Clone, Copy)]
pub enum Import {
    First,
    Again,
    Changed,
}

pub const ALL: &[Import] = &[Import::First, Import::Again, Import::Changed];

impl Import {
    pub fn name(self, rows: usize) -> String {
        match self {
            Self::First => format!("first import of {rows} rows"),
            Self::Again => format!("import of the same {rows} rows"),
            Self::Changed => format!("import of {rows} rows, one field changed"),
        }
    }

    /// How the rows should come out.
    const fn outcome(self) -> &'static str {
        match self {
            Self::First => "created",
            Self::Again => "unchanged",
            Self::Changed => "updated",
        }
    }
}

/// Registers the source that the files come from, and gives its id.
pub async fn source(side: &mut Side) -> Outcome<String> {
    let source = json!({
        "actorId": null,
        "name": "Föreningsregistret",
        "idScheme": "foreningsregistret",
        "ownedFields": ["kind", "name", "seatAreaId", "identifiers", "website"],
    });
    let source = side.session.post("/sources", "application/json", source.to_string()).await?;
    Ok(source["id"].as_str().ok_or("the source has no id")?.to_owned())
}

/// Imports a file of so many rows; the one with changes is smaller.
pub async fn import(import: Import, source: &str, rows: usize, side: &mut Side) -> Outcome<Measured> {
    let (rows, website) = if matches!(import, Import::Changed) { (rows.min(CHANGED), "nya") } else { (rows, "www") };
    let (file, name) = (file(rows, website, &side.seeded.places), import.name(rows));
    let bytes = file.len();
    let (started, cpu, database_cpu) = (now(), side.server.cpu()?, side.database.cpu());
    let mut job = side.session.post(&format!("/imports?sourceId={source}"), "text/csv", file).await?;
    let path = format!("/imports/{}", job["id"].as_str().ok_or("the job has no id")?);
    let mut peak = side.server.own_memory()?;
    while job["finishedAt"].is_null() {
        tokio::time::sleep(POLL).await;
        peak = peak.max(side.server.own_memory()?);
        job = side.session.get(&path).await?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let (cpu, database_cpu) = (side.server.cpu()? - cpu, side.database.cpu().saturating_sub(database_cpu));
    let good = usize::try_from(job[import.outcome()].as_u64().unwrap_or_default())?;
    let error = if good == rows { None } else { Some(format!("{}; {}", counts(&job), example(&path, side).await?)) };
    Ok(Measured {
        name,
        group: Group::Bulk,
        connections: 1,
        answers: rows,
        errors: rows.saturating_sub(good),
        error,
        seconds,
        times: Vec::new(),
        cpu,
        database_cpu,
        bytes,
        peak,
    })
}

/// A file with the same rows each time, apart from the first label of their websites.
fn file(rows: usize, website: &str, places: &[Place]) -> String {
    let mut random = Random::new(20_260_102);
    let mut file = "Typ;Namn;Kommun;Organisationsnummer;Webbplats\n".to_owned();
    for number in 0..rows {
        file.push_str(&rows::line(number, website, places, &mut random));
    }
    file
}

/// A row that came out in a way that no row should.
async fn example(path: &str, side: &mut Side) -> Outcome<Value> {
    let refused = side.session.get(&format!("{path}/rows?outcome=refused&limit=1")).await?;
    let held = side.session.get(&format!("{path}/rows?outcome=held&limit=1")).await?;
    Ok([refused, held].iter().find_map(|page| page.pointer("/items/0").cloned()).unwrap_or_default())
}

fn counts(job: &Value) -> String {
    let counts = ["created", "updated", "unchanged", "held", "refused"].map(|count| format!("{} rows {count}", job[count]));
    format!("{}; status {}, reason {}", counts.join(", "), job["status"], job["reason"])
}
