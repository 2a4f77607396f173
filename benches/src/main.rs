//! The load driver: starts the service on an empty folder, fills it, calls it, and prints what each call costs.
//! Nothing is asserted; the figures are for people to read.

mod bulk;
mod client;
mod database;
mod disk;
mod last;
mod measure;
mod process;
mod random;
mod report;
mod round;
mod rows;
mod seed;
mod session;
mod workloads;

use std::{error::Error, path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use crate::last::Last;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Databases {
    Sqlite,
    Postgres,
    Both,
}

/// Measures what calls of the service cost.
#[derive(Debug, Parser)]
#[command(name = "samsyn-benches")]
struct Flags {
    /// On which databases.
    #[arg(long, value_enum, default_value = "sqlite")]
    database: Databases,
    /// With how many actors, one round each, the fewest first.
    #[arg(long, value_delimiter = ',', default_values_t = [100_000])]
    actors: Vec<usize>,
    /// How long each workload is measured.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// How many connections call at once.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Only workloads whose name holds this.
    #[arg(long)]
    only: Option<String>,
    /// How many rows the imported file has; 0 leaves the imports out.
    #[arg(long, default_value_t = 100_000)]
    import_rows: usize,
    /// A binary of before, to be measured in turn with the present one.
    #[arg(long)]
    before: Option<PathBuf>,
    /// Store the figures in benches/last.json, which later runs are compared with.
    #[arg(long)]
    store: bool,
}

impl Flags {
    /// Whether a workload of this name is to be measured.
    fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(only.as_str()))
    }
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    // One thread drives all connections, so that the driver never takes more than its own processor.
    let run = || -> Outcome<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate())?;
            tokio::select! {
                outcome = all(&flags) => outcome,
                // Dropping the work ends the processes that it started.
                _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
                _ = terminate.recv() => Err("told to end".into()),
            }
        })
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("samsyn-benches: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn all(flags: &Flags) -> Outcome<()> {
    let (binary, before) = (process::service_binary()?, process::binary_before(flags.before.as_deref())?);
    let last = Last::read()?;
    println!("{}\n", report::HOW_TO_READ);
    println!("Last: {}.", last.origin().as_deref().unwrap_or("nothing is stored"));
    let databases: &[bool] = match flags.database {
        Databases::Sqlite => &[false],
        Databases::Postgres => &[true],
        Databases::Both => &[false, true],
    };
    let mut stored = Vec::new();
    for postgres in databases {
        let mut rounds = Vec::new();
        for actors in &flags.actors {
            let round = Box::pin(round::run(*postgres, *actors, flags, &binary, before.as_deref())).await?;
            print!("{}", report::table(&round, &last));
            rounds.push(round);
        }
        print!("{}", report::flatness(&rounds));
        stored.extend(rounds);
    }
    if flags.store { last.store(&stored) } else { Ok(()) }
}
