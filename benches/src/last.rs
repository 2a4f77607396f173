//! The stored figures of the last release: read to be compared with, and written when asked for.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

use crate::{
    Outcome,
    measure::Measured,
    report,
    round::{Figures, Round},
};

/// By database, number of actors, and workload.
pub struct Last(Value);

impl Last {
    /// The stored figures; none when nothing has been stored yet.
    pub fn read() -> Outcome<Self> {
        match fs::read_to_string(path()) {
            Ok(text) => Ok(Self(serde_json::from_str(&text)?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self(Value::Null)),
            Err(error) => Err(error.into()),
        }
    }

    /// One stored figure of a workload, or of `memory` or `disk`.
    pub fn figure(&self, round: &Round, name: &str, figure: &str) -> Option<f64> {
        self.0["figures"][round.database][round.actors.to_string()][name][figure].as_f64()
    }

    /// What the workload cost then, of service and database.
    pub fn cost(&self, round: &Round, name: &str) -> Option<f64> {
        Some(self.figure(round, name, "server")? + self.figure(round, name, "database")?)
    }

    /// Where the stored figures come from; `None` when there are none.
    pub fn origin(&self) -> Option<String> {
        Some(format!("{} on {}", self.0["version"].as_str()?, self.0["processor"].as_str()?))
    }

    /// Stores the figures of rounds. Those of other databases, sizes and workloads stay.
    pub fn store(mut self, rounds: &[Round]) -> Outcome<()> {
        if self.0.is_null() {
            self.0 = json!({});
        }
        self.0["version"] = env!("CARGO_PKG_VERSION").into();
        self.0["processor"] = processor().into();
        for round in rounds {
            let ceiling = report::ceiling(&round.now.measured);
            for (name, figures) in table(&round.now, ceiling) {
                self.0["figures"][round.database][round.actors.to_string()][name] = figures;
            }
        }
        let text = serde_json::to_string_pretty(&self.0)? + "\n";
        Ok(fs::write(path(), text)?)
    }
}

fn table(figures: &Figures, ceiling: Option<(f64, f64)>) -> Map<String, Value> {
    let mut table = Map::new();
    for one in figures.measured.iter().filter(|one| one.answers > 0) {
        table.insert(one.name.clone(), row(one, ceiling));
    }
    let memory = &figures.memory;
    table.insert("memory".to_owned(), json!({ "rest": short(memory.rest) }));
    for (name, value) in [("mixed", memory.mixed), ("imports", memory.imports), ("after", memory.after)] {
        if let Some(value) = value {
            table["memory"][name] = short(value);
        }
    }
    if let Some(growth) = &figures.growth {
        table.insert("disk".to_owned(), json!({ "bytesPerActor": short(growth.each()) }));
    }
    table
}

fn row(one: &Measured, ceiling: Option<(f64, f64)>) -> Value {
    let ratio = ceiling.map(|ceiling| (report::ratio(one, ceiling) * 10_000.0).round() / 10_000.0);
    json!({
        "server": short(one.cpu_each()),
        "database": short(one.database_each()),
        "rate": short(one.rate()),
        "p50": short(one.within(500)),
        "p99": short(one.within(990)),
        "bytes": short(one.bytes_each()),
        "errors": one.errors,
        "connections": one.connections,
        "ratio": ratio,
    })
}

/// A figure with two decimals; null when it is none.
fn short(figure: f64) -> Value {
    ((figure * 100.0).round() / 100.0).into()
}

fn processor() -> String {
    let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = about.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(|| "a processor without a name".to_owned(), |(_, name)| name.trim().to_owned())
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("last.json")
}
