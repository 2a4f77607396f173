//! The load driver: starts the service on an empty folder, fills it, calls it, and prints what each call costs.
//! Nothing is asserted; the figures are for people to read.

mod client;
mod database;
mod measure;
mod process;
mod report;
mod rows;
mod seed;
mod workloads;

use std::{error::Error, process::ExitCode};

use clap::{Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    database::{Database, Folder},
    measure::Measured,
    process::Server,
    report::Round,
};

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
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 100_000, 1_000_000])]
    actors: Vec<usize>,
    /// How long each workload is measured.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// How many connections call at once.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Only workloads whose name holds this.
    #[arg(long)]
    only: Option<String>,
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
    let binary = process::service_binary()?;
    println!("{}\n", report::HOW_TO_READ);
    let databases: &[bool] = match flags.database {
        Databases::Sqlite => &[false],
        Databases::Postgres => &[true],
        Databases::Both => &[false, true],
    };
    for postgres in databases {
        let mut rounds = Vec::new();
        for actors in &flags.actors {
            let round = round(*postgres, *actors, flags, &binary).await?;
            print!("{}", report::table(&round));
            rounds.push(round);
        }
        print!("{}", report::flatness(&rounds));
    }
    Ok(())
}

/// One database with one number of actors: filled, called, and thrown away.
async fn round(postgres: bool, actors: usize, flags: &Flags, binary: &std::path::Path) -> Outcome<Round> {
    let folder = Folder::new()?;
    let database = if postgres { Database::postgres(folder).await? } else { Database::sqlite(folder) };
    eprintln!("{}: filling with {actors} actors", database.name());
    let seeded = seed::fill(&database, actors).await?;
    let server = Server::start(binary, &database).await?;
    process::pin_driver(true);
    let workloads = workloads::all(&server, &seeded, flags).await?;
    let mut measured: Vec<Measured> = Vec::new();
    for workload in
        workloads.iter().filter(|workload| flags.only.as_ref().is_none_or(|only| workload.name.contains(only.as_str()) || workload.ceiling))
    {
        eprintln!("{}: {}", database.name(), workload.name);
        measured.push(measure::run(workload, &server, &database, flags.seconds).await?);
    }
    process::pin_driver(false);
    let (memory, logged) = (server.memory()?, server.logged()?);
    Ok(Round { database: database.name(), actors, mandates: seeded.mandates, measured, memory, logged })
}
