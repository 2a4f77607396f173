//! Prints what was measured, as Markdown.

use std::fmt::Write;

use crate::measure::Measured;

pub const HOW_TO_READ: &str = "\
One server worker on one processor, the driver on another; no compression. CPU is what the service's process used, per
answer; on PostgreSQL `db µs` is what the database's processes used. Bytes are head and body of one answer. The ceiling
of an answer is what the same server spends on a constant of the same size: a line through the costs of /health/live and
/openapi.json, by bytes. Ratio = ceiling at the answer's size / CPU of the answer; 1.00 would be as cheap as a constant.";

/// One database with one number of actors.
pub struct Round {
    pub database: &'static str,
    pub actors: usize,
    pub mandates: usize,
    pub measured: Vec<Measured>,
    /// The most memory, and what was the service's own at the end, in MiB.
    pub memory: (u64, u64),
    /// How many faults the service logged, and the first of them.
    pub logged: (usize, Option<String>),
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn per(total: u64, count: usize) -> f64 {
    if count == 0 { f64::NAN } else { total as f64 / count as f64 }
}

impl Measured {
    fn cpu_each(&self) -> f64 {
        per(self.cpu, self.answers)
    }
    fn bytes_each(&self) -> f64 {
        per(self.bytes as u64, self.answers)
    }
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    fn rate(&self) -> f64 {
        self.answers as f64 / self.seconds
    }
    /// The time within which so many per mille were answered, in milliseconds.
    fn within(&self, per_mille: usize) -> f64 {
        let at = (self.times.len() * per_mille / 1000).min(self.times.len().saturating_sub(1));
        self.times.get(at).map_or(f64::NAN, |time| f64::from(*time) / 1000.0)
    }
}

/// What a constant of some size costs: fixed and for each byte.
fn ceiling(measured: &[Measured]) -> Option<(f64, f64)> {
    let of = |name: &str| measured.iter().find(|one| one.ceiling && one.name.ends_with(name));
    let (small, large) = (of("health/live")?, of("openapi.json")?);
    let each = ((large.cpu_each() - small.cpu_each()) / (large.bytes_each() - small.bytes_each())).max(0.0);
    Some((small.cpu_each() - each * small.bytes_each(), each))
}

pub fn table(round: &Round) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "\n## {}, {} actors, {} mandates\n", round.database, round.actors, round.mandates);
    let _ = writeln!(text, "| workload | c | req/s | p50 ms | p99 ms | CPU µs | db µs | bytes | errors | ratio |");
    let _ = writeln!(text, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    let ceiling = ceiling(&round.measured);
    for one in &round.measured {
        let ratio = ceiling.map_or(f64::NAN, |(fixed, each)| (fixed + each * one.bytes_each()) / one.cpu_each());
        let _ = writeln!(
            text,
            "| {} | {} | {:.0} | {:.2} | {:.2} | {:.1} | {:.1} | {:.0} | {} | {ratio:.3} |",
            one.name,
            one.connections,
            one.rate(),
            one.within(500),
            one.within(990),
            one.cpu_each(),
            per(one.database_cpu, one.answers),
            one.bytes_each(),
            one.errors,
        );
    }
    if let Some((fixed, each)) = ceiling {
        let _ = writeln!(text, "\nCeiling: {fixed:.1} µs + {:.2} µs per 1,000 bytes.", each * 1000.0);
    }
    let (peak, own) = round.memory;
    let _ = writeln!(text, "\nMemory of the service: {peak} MiB at the most, files included; {own} MiB of its own at the end.");
    for one in round.measured.iter().filter(|one| one.errors > 0) {
        let _ = writeln!(text, "\nFirst error of \"{}\": {}", one.name, one.error.as_deref().unwrap_or("unknown"));
    }
    if let (count, Some(first)) = &round.logged {
        let _ = writeln!(text, "\nThe service logged {count} faults, first: {first}");
    }
    text
}

/// How the cost of reading grows from the fewest actors to the most: 1.00 is flat.
pub fn flatness(rounds: &[Round]) -> String {
    let (Some(first), Some(last)) = (rounds.first(), rounds.last()) else { return String::new() };
    if rounds.len() < 2 {
        return String::new();
    }
    let mut text = String::new();
    let _ = writeln!(text, "\n## {}: from {} to {} actors\n", first.database, first.actors, last.actors);
    let _ = writeln!(text, "| reading | req/s, last / first | CPU + db µs, last / first |\n|---|--:|--:|");
    for (few, many) in first.measured.iter().zip(&last.measured).filter(|(few, _)| few.reads && !few.ceiling) {
        let all = |one: &Measured| per(one.cpu + one.database_cpu, one.answers);
        let _ = writeln!(text, "| {} | {:.2} | {:.2} |", few.name, many.rate() / few.rate(), all(many) / all(few));
    }
    text
}
