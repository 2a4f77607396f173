//! A round: one database with one number of actors is filled, called, imported into, and thrown away. With a binary of
//! before, each of the two has a server and a database of its own, and they are measured in turn.

use std::{path::Path, time::Duration};

use crate::{
    Flags, Outcome, bulk,
    database::{Database, Folder},
    disk::{self, Growth},
    measure::{self, Measured, now},
    process::{self, Server},
    seed::{self, Seeded},
    session::Session,
    workloads::{self, MIXED, Workload},
};

/// How often each of two binaries has its turn at a workload.
const TURNS: u64 = 3;
/// How long memory is looked at after the imports.
const AFTER: Duration = Duration::from_mins(1);

/// One database with one number of actors.
pub struct Round {
    pub database: &'static str,
    pub actors: usize,
    pub mandates: usize,
    pub interventions: usize,
    pub now: Figures,
    pub before: Option<Figures>,
}

/// What was measured with one binary.
#[derive(Default)]
pub struct Figures {
    pub measured: Vec<Measured>,
    pub memory: Memory,
    /// What the service told of its caches after the imports.
    pub caches: Vec<String>,
    pub growth: Option<Growth>,
    /// How many faults the service logged, and the first of them.
    pub logged: (usize, Option<String>),
}

/// Memory of the service's own, in MiB.
#[derive(Default)]
pub struct Memory {
    /// After the first few calls.
    pub rest: f64,
    /// The most during the mixed load.
    pub mixed: Option<f64>,
    /// The most during the imports.
    pub imports: Option<f64>,
    /// A minute after the imports.
    pub after: Option<f64>,
    /// After how many seconds it was within a tenth of what it was at rest.
    pub back: Option<u64>,
}

/// A server on a filled database. Its parts are dropped in this order.
pub struct Side {
    pub session: Session,
    pub server: Server,
    pub database: Database,
    pub seeded: Seeded,
    workloads: Vec<Workload>,
    figures: Figures,
}

pub async fn run(postgres: bool, actors: usize, flags: &Flags, binary: &Path, before: Option<&Path>) -> Outcome<Round> {
    let mut sides = vec![Side::open(postgres, actors, flags, binary).await?];
    if let Some(before) = before {
        // First, so that each turn begins with it.
        sides.insert(0, Side::open(postgres, actors, flags, before).await?);
    }
    process::pin_driver(true);
    calls(&mut sides, flags).await?;
    let is_wanted = |import: &bulk::Import| flags.wants(&import.name(flags.import_rows));
    if flags.import_rows > 0 && bulk::ALL.iter().any(is_wanted) {
        // Without them the rest is still worth telling.
        if let Err(error) = imports(&mut sides, flags.import_rows).await {
            println!("\nThe imports could not be measured: {error}");
        }
        afterwards(&mut sides).await?;
    }
    process::pin_driver(false);
    for side in &mut sides {
        side.figures.logged = side.server.logged()?;
        side.figures.caches = side.server.caches().await?;
    }
    let now = sides.pop().ok_or("nothing was measured")?;
    Ok(Round {
        database: now.database.name(),
        actors,
        mandates: now.seeded.mandates,
        interventions: now.seeded.interventions,
        now: now.figures,
        before: sides.pop().map(|before| before.figures),
    })
}

impl Side {
    async fn open(postgres: bool, actors: usize, flags: &Flags, binary: &Path) -> Outcome<Self> {
        let folder = Folder::new()?;
        let database = if postgres { Database::postgres(folder).await? } else { Database::sqlite(folder) };
        eprintln!("{}: filling with {actors} actors", database.name());
        let seeded = seed::fill(binary, &database, actors).await?;
        let server = Server::start(binary, &database).await?;
        let mut session = Session::open(&server).await?;
        // Twice, so that what the start and the sign-in left has been given back.
        for _ in 0..2 {
            for path in ["/actors?limit=50", "/areas?limit=50", "/mandates?limit=50", "/codelists/ActorKind", "/actors?limit=50&q=kommun"] {
                session.get(path).await?;
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        let rest = server.own_memory()?;
        let workloads = workloads::all(&mut session, &seeded, flags.connections).await?;
        let figures = Figures { memory: Memory { rest, ..Memory::default() }, ..Figures::default() };
        Ok(Self { session, server, database, seeded, workloads, figures })
    }
}

async fn calls(sides: &mut [Side], flags: &Flags) -> Outcome<()> {
    let turns = if sides.len() > 1 { TURNS } else { 1 };
    for at in 0..sides.first().map_or(0, |side| side.workloads.len()) {
        for turn in 0..turns {
            for side in &mut *sides {
                let workload = &side.workloads[at];
                if workload.group != measure::Group::Ceiling && !flags.wants(workload.name) {
                    continue;
                }
                if turn == 0 {
                    eprintln!("{}: {}", side.database.name(), workload.name);
                }
                let token = side.session.token().await?;
                let seconds = flags.seconds.div_ceil(turns);
                let measured = measure::run(workload, &side.server, &side.database, &token, seconds).await?;
                if workload.name == MIXED {
                    let most = side.figures.memory.mixed.unwrap_or_default();
                    side.figures.memory.mixed = Some(most.max(measured.peak));
                }
                match side.figures.measured.last_mut().filter(|last| last.name == measured.name) {
                    Some(last) => last.add(measured),
                    None => side.figures.measured.push(measured),
                }
            }
        }
    }
    Ok(())
}

async fn imports(sides: &mut [Side], rows: usize) -> Outcome<()> {
    let mut sources = Vec::new();
    for side in &mut *sides {
        sources.push(bulk::source(side).await?);
    }
    for import in bulk::ALL {
        for (side, source) in sides.iter_mut().zip(&sources) {
            let is_first = matches!(import, bulk::Import::First);
            let before = if is_first { Some(disk::sizes(&side.database).await?) } else { None };
            eprintln!("{}: {}", side.database.name(), import.name(rows));
            let measured = bulk::import(*import, source, rows, side).await?;
            if let Some(before) = before {
                let created = measured.answers - measured.errors;
                side.figures.growth = Some(Growth::between(&before, &disk::sizes(&side.database).await?, created));
            }
            let most = side.figures.memory.imports.unwrap_or_default();
            side.figures.memory.imports = Some(most.max(measured.peak));
            side.figures.measured.push(measured);
        }
    }
    Ok(())
}

/// Looks at memory each second for a minute.
async fn afterwards(sides: &mut [Side]) -> Outcome<()> {
    let started = now();
    while started.elapsed() < AFTER {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for side in &mut *sides {
            let (own, memory) = (side.server.own_memory()?, &mut side.figures.memory);
            memory.after = Some(own);
            if own > memory.rest * 1.1 {
                memory.back = None;
            } else {
                memory.back.get_or_insert_with(|| started.elapsed().as_secs());
            }
        }
    }
    Ok(())
}
