//! Prints what was measured, as Markdown.

use std::fmt::{self, Write};

use crate::{
    last::Last,
    measure::{Group, Measured},
    round::{Figures, Memory, Round},
};

/// How many tables and indexes are shown one by one.
const LARGEST: usize = 10;

pub const HOW_TO_READ: &str = "\
One server worker on one processor, the driver on another; no compression. CPU is what the service's process used, per
answer; db is what the database's own processes used (SQLite has none, its work is part of the service's). CPU s / 1,000
is both together for a thousand answers. Bytes are head and body of one answer. The ceiling of an answer is what the same
server spends on a constant of the same size: a line through the costs of /health/live and /openapi.json, by bytes.
Ratio = ceiling at the answer's size / CPU and db of the answer; 1.00 would be as cheap as a constant. × last and × before
are costs (CPU and db) now over those stored in benches/last.json, and over those of the binary of before in this run.";

/// A figure with its decimals, or a dash when there is none.
struct Shown(Option<f64>, usize);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.filter(|figure| figure.is_finite()) {
            Some(figure) => write!(f, "{figure:.*}", self.1),
            None => write!(f, "–"),
        }
    }
}

/// What a constant of some size costs: fixed and for each byte.
pub fn ceiling(measured: &[Measured]) -> Option<(f64, f64)> {
    let of = |name: &str| measured.iter().find(|one| one.group == Group::Ceiling && one.name.ends_with(name));
    let (small, large) = (of("health/live")?, of("openapi.json")?);
    let each = ((large.cpu_each() - small.cpu_each()) / (large.bytes_each() - small.bytes_each())).max(0.0);
    Some((small.cpu_each() - each * small.bytes_each(), each))
}

/// What a constant of the answer's size would cost, over what the answer costs. Of a file, the smallest constant over
/// what each row costs.
pub fn ratio(one: &Measured, (fixed, each): (f64, f64)) -> f64 {
    (fixed + if one.group == Group::Bulk { 0.0 } else { each * one.bytes_each() }) / one.cost()
}

pub fn table(round: &Round, last: &Last) -> String {
    let (mut text, now) = (String::new(), &round.now);
    let Round { database, actors, mandates, interventions, .. } = round;
    let _ = writeln!(text, "\n## {database}, {actors} actors, {mandates} mandates, {interventions} interventions\n");
    let added = if round.before.is_some() { " before req/s | before p99 ms | before CPU + db µs | × before |" } else { "" };
    let _ = writeln!(
        text,
        "| workload | c | req/s | p50 ms | p99 ms | CPU µs | db µs | CPU s / 1,000 | bytes | errors | ratio | × last |{added}"
    );
    let _ = writeln!(text, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|{}", "--:|".repeat(added.matches('|').count()));
    let ceiling = ceiling(&now.measured);
    for one in now.measured.iter().filter(|one| one.group != Group::Bulk) {
        let _ = write!(
            text,
            "| {} | {} | {:.0} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            one.name,
            one.connections,
            one.rate(),
            Shown(Some(one.within(500)), 2),
            Shown(Some(one.within(990)), 2),
            Shown(Some(one.cpu_each()), 1),
            Shown(Some(one.database_each()), 1),
            Shown(Some(one.cost() / 1000.0), 3),
            Shown(Some(one.bytes_each()), 0),
            one.errors,
            Shown(ceiling.map(|ceiling| ratio(one, ceiling)), 3),
            Shown(last.cost(round, &one.name).map(|cost| one.cost() / cost), 2),
        );
        if let Some(before) = &round.before {
            let other = find(before, one);
            let _ = write!(
                text,
                " {} | {} | {} | {} |",
                Shown(other.map(Measured::rate), 0),
                Shown(other.map(|other| other.within(990)), 2),
                Shown(other.map(Measured::cost), 1),
                Shown(other.map(|other| one.cost() / other.cost()), 2),
            );
        }
        text.push('\n');
    }
    if let Some((fixed, each)) = ceiling {
        let _ = writeln!(text, "\nCeiling: {fixed:.1} µs + {:.2} µs per 1,000 bytes.", each * 1000.0);
    }
    bulk(&mut text, round, last);
    memory(&mut text, round, last);
    disk(&mut text, round, last);
    faults(&mut text, "", now);
    if let Some(before) = &round.before {
        faults(&mut text, "Before: ", before);
    }
    text
}

fn find<'a>(figures: &'a Figures, one: &Measured) -> Option<&'a Measured> {
    figures.measured.iter().find(|other| other.name == one.name)
}

fn bulk(text: &mut String, round: &Round, last: &Last) {
    let mut files = round.now.measured.iter().filter(|one| one.group == Group::Bulk).peekable();
    if files.peek().is_none() {
        return;
    }
    let (added, line) = if round.before.is_some() { (" before rows/s | before CPU + db | × before |", "--:|--:|--:|") } else { ("", "") };
    let _ = writeln!(text, "\n| file | rows/s | s | CPU s / 1,000 rows | db s / 1,000 rows | errors | ratio | × last |{added}");
    let _ = writeln!(text, "|---|--:|--:|--:|--:|--:|--:|--:|{line}");
    let ceiling = ceiling(&round.now.measured);
    for one in files {
        let _ = write!(
            text,
            "| {} | {:.0} | {:.1} | {} | {} | {} | {} | {} |",
            one.name,
            one.rate(),
            one.seconds,
            Shown(Some(one.cpu_each() / 1000.0), 3),
            Shown(Some(one.database_each() / 1000.0), 3),
            one.errors,
            Shown(ceiling.map(|ceiling| ratio(one, ceiling)), 3),
            Shown(last.cost(round, &one.name).map(|cost| one.cost() / cost), 2),
        );
        if let Some(before) = &round.before {
            let other = find(before, one);
            let _ = write!(
                text,
                " {} | {} | {} |",
                Shown(other.map(Measured::rate), 0),
                Shown(other.map(|other| other.cost() / 1000.0), 3),
                Shown(other.map(|other| one.cost() / other.cost()), 2),
            );
        }
        text.push('\n');
    }
}

fn memory(text: &mut String, round: &Round, last: &Last) {
    let _ = writeln!(text, "\n| MiB of the service's own | at rest | most, mixed load | most, imports | a minute after |");
    let _ = writeln!(text, "|---|--:|--:|--:|--:|");
    let mut row = |name: &str, figures: [Option<f64>; 4], decimals: usize| {
        let [rest, mixed, imports, after] = figures.map(|figure| Shown(figure, decimals));
        let _ = writeln!(text, "| {name} | {rest} | {mixed} | {imports} | {after} |");
    };
    let of = |memory: &Memory| [Some(memory.rest), memory.mixed, memory.imports, memory.after];
    let now = of(&round.now.memory);
    row("now", now, 1);
    let mut over = |name: &str, other: [Option<f64>; 4]| {
        let mut ratios = now;
        for (ratio, other) in ratios.iter_mut().zip(other) {
            *ratio = ratio.zip(other).map(|(now, other)| now / other);
        }
        row(name, ratios, 2);
    };
    over("× last", ["rest", "mixed", "imports", "after"].map(|figure| last.figure(round, "memory", figure)));
    if let Some(before) = &round.before {
        over("× before", of(&before.memory));
    }
    if round.now.memory.after.is_some() {
        let back = round.now.memory.back.map_or_else(|| "not within the minute".to_owned(), |seconds| format!("after {seconds} s"));
        let _ = writeln!(text, "\nWithin a tenth of what it was at rest: {back}.");
    }
    if round.now.caches.is_empty() {
        let _ = writeln!(text, "\n/metrics tells nothing of caches.");
    } else {
        let _ = writeln!(text, "\nCaches, by /metrics:\n\n```\n{}\n```", round.now.caches.join("\n"));
    }
}

fn disk(text: &mut String, round: &Round, last: &Last) {
    let Some(growth) = &round.now.growth else { return };
    let _ = writeln!(
        text,
        "\nDisk: {:.0} bytes for each of the {} actors of the first import, × last {}, × before {}. The largest parts:\n",
        growth.each(),
        growth.actors,
        Shown(last.figure(round, "disk", "bytesPerActor").map(|then| growth.each() / then), 2),
        Shown(round.before.as_ref().and_then(|before| before.growth.as_ref()).map(|before| growth.each() / before.each()), 2),
    );
    let _ = writeln!(text, "| table or index | bytes per actor |\n|---|--:|");
    for (name, bytes) in growth.parts.iter().take(LARGEST) {
        let _ = writeln!(text, "| {name} | {:.0} |", growth.of(*bytes));
    }
}

fn faults(text: &mut String, whose: &str, figures: &Figures) {
    for one in figures.measured.iter().filter(|one| one.errors > 0) {
        let _ = writeln!(text, "\n{whose}First error of \"{}\": {}", one.name, one.error.as_deref().unwrap_or("unknown"));
    }
    if let (count, Some(first)) = &figures.logged {
        let _ = writeln!(text, "\n{whose}The service logged {count} faults, first: {first}");
    }
}

/// How costs grow from the fewest actors to the most: 1.00 is flat.
pub fn flatness(rounds: &[Round]) -> String {
    let (Some(first), Some(last)) = (rounds.first(), rounds.last()) else { return String::new() };
    if rounds.len() < 2 {
        return String::new();
    }
    let mut text = String::new();
    let _ = writeln!(text, "\n## {}: from {} to {} actors\n", first.database, first.actors, last.actors);
    let _ = writeln!(text, "| workload | req/s, last / first | CPU + db µs, last / first |\n|---|--:|--:|");
    for many in last.now.measured.iter().filter(|one| matches!(one.group, Group::Read | Group::Write | Group::Bulk)) {
        let few = find(&first.now, many);
        let _ = writeln!(
            text,
            "| {} | {} | {} |",
            many.name,
            Shown(few.map(|few| many.rate() / few.rate()), 2),
            Shown(few.map(|few| many.cost() / few.cost()), 2),
        );
    }
    text
}
