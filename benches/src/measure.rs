//! Runs a workload: every connection calls as fast as it is answered, first to warm up and then to be measured.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use crate::{
    Outcome,
    client::Connection,
    database::Database,
    process::Server,
    workloads::{Caller, Workload},
};

const WARM_UP: Duration = Duration::from_millis(700);
/// How long a workload is measured at the most while not every connection has been answered once.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often the service's memory is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What a workload is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Answers a constant, so what it costs is what any answer of that size costs.
    Ceiling,
    /// Costs the same at any size, or should.
    Read,
    /// The same, but what it finds has grown by what was written before.
    Write,
    /// Shows what others notice of a crowd; sign-ins, which cost what passwords cost.
    Crowd,
    /// Rows of a file.
    Bulk,
}

/// What a workload cost.
pub struct Measured {
    pub name: String,
    pub group: Group,
    pub connections: usize,
    /// Answers, good and bad; of a file, its rows.
    pub answers: usize,
    pub errors: usize,
    /// The first error, as an example.
    pub error: Option<String>,
    pub seconds: f64,
    /// Times to the answer in microseconds, the shortest first; of a file, none.
    pub times: Vec<u32>,
    /// What the service used of processors, in microseconds.
    pub cpu: u64,
    /// What the database's own processes used.
    pub database_cpu: u64,
    /// Bytes of all answers; of a file, its own.
    pub bytes: usize,
    /// The most memory of the service's own meanwhile, in MiB.
    pub peak: f64,
}

impl Measured {
    /// Adds a measurement of the same.
    pub fn add(&mut self, other: Self) {
        self.answers += other.answers;
        self.errors += other.errors;
        self.error = self.error.take().or(other.error);
        self.seconds += other.seconds;
        self.times.extend(other.times);
        self.times.sort_unstable();
        self.cpu += other.cpu;
        self.database_cpu += other.database_cpu;
        self.bytes += other.bytes;
        self.peak = self.peak.max(other.peak);
    }

    /// Microseconds of the service for each answer.
    pub fn cpu_each(&self) -> f64 {
        per(self.cpu, self.answers)
    }

    /// Microseconds of the database's own processes for each answer.
    pub fn database_each(&self) -> f64 {
        per(self.database_cpu, self.answers)
    }

    /// Both.
    pub fn cost(&self) -> f64 {
        per(self.cpu + self.database_cpu, self.answers)
    }

    pub fn bytes_each(&self) -> f64 {
        per(self.bytes as u64, self.answers)
    }

    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub fn rate(&self) -> f64 {
        self.answers as f64 / self.seconds
    }

    /// The time within which so many per mille were answered, in milliseconds.
    pub fn within(&self, per_mille: usize) -> f64 {
        let at = (self.times.len() * per_mille / 1000).min(self.times.len().saturating_sub(1));
        self.times.get(at).map_or(f64::NAN, |time| f64::from(*time) / 1000.0)
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn per(total: u64, count: usize) -> f64 {
    if count == 0 { f64::NAN } else { total as f64 / count as f64 }
}

#[derive(Default)]
struct Tally {
    times: Vec<u32>,
    bytes: usize,
    errors: usize,
    error: Option<String>,
}

pub async fn run(workload: &Workload, server: &Server, database: &Database, token: &Arc<str>, seconds: u64) -> Outcome<Measured> {
    // Set while answers count, and again when all is over.
    let (counting, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let answered = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for worker in 0..workload.connections {
        let (counting, over, answered) = (Arc::clone(&counting), Arc::clone(&over), Arc::clone(&answered));
        workers.spawn(work(server.address, (workload.callers)(worker, token), counting, over, answered));
    }
    let mut crowd = JoinSet::new();
    if let Some((connections, callers)) = &workload.beside {
        for worker in 0..*connections {
            let (never, over) = (Arc::new(AtomicBool::new(false)), Arc::clone(&over));
            crowd.spawn(work(server.address, callers(workload.connections + worker, token), never, over, Arc::default()));
        }
    }
    tokio::time::sleep(WARM_UP).await;
    let started = now();
    let (cpu, database_cpu) = (server.cpu()?, database.cpu());
    counting.store(true, Ordering::Relaxed);
    let mut peak = server.own_memory()?;
    // A figure for something very slow is better than none.
    while started.elapsed().as_secs() < seconds || answered.load(Ordering::Relaxed) < workload.connections && started.elapsed() < PATIENCE {
        tokio::time::sleep(LOOK).await;
        peak = peak.max(server.own_memory()?);
    }
    counting.store(false, Ordering::Relaxed);
    let (cpu, database_cpu) = (server.cpu()? - cpu, database.cpu().saturating_sub(database_cpu));
    let seconds = started.elapsed().as_secs_f64();
    over.store(true, Ordering::Relaxed);
    let mut all = Tally::default();
    while let Some(tally) = workers.join_next().await {
        let tally = tally?;
        all.times.extend(tally.times);
        all.bytes += tally.bytes;
        all.errors += tally.errors;
        all.error = all.error.or(tally.error);
    }
    // Those beside may wait in a long line; nobody waits for them.
    crowd.abort_all();
    while crowd.join_next().await.is_some() {}
    all.times.sort_unstable();
    Ok(Measured {
        name: workload.name.to_owned(),
        group: workload.group,
        connections: workload.connections,
        answers: all.times.len(),
        errors: all.errors,
        error: all.error,
        seconds,
        times: all.times,
        cpu,
        database_cpu,
        bytes: all.bytes,
        peak,
    })
}

#[expect(clippy::disallowed_methods, reason = "measuring durations is what this is for")]
pub fn now() -> Instant {
    Instant::now()
}

/// One connection's calls. A lost connection is an error and is opened anew.
async fn work(
    address: SocketAddr,
    mut caller: Caller,
    counting: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
) -> Tally {
    let mut tally = Tally::default();
    let mut bytes = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let mut connection = match Connection::open(address).await {
            Ok(connection) => connection,
            Err(error) => {
                tally.errors += 1;
                tally.error.get_or_insert_with(|| format!("no connection: {error}"));
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let mut request = caller(None);
        while !over.load(Ordering::Relaxed) {
            bytes.clear();
            request.write(&mut bytes);
            let asked = now();
            let answer = match connection.call(&bytes).await {
                Ok(answer) => answer,
                Err(error) => {
                    tally.errors += 1;
                    tally.error.get_or_insert_with(|| format!("{request} was not answered: {error}"));
                    break;
                }
            };
            if !(200..300).contains(&answer.status) {
                // Also while warming up: an error is always worth telling.
                tally.errors += 1;
                tally.error.get_or_insert_with(|| {
                    format!("{request} was answered with {}: {}", answer.status, String::from_utf8_lossy(answer.body))
                });
            }
            if counting.load(Ordering::Relaxed) {
                tally.times.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
                tally.bytes += answer.size;
                answered.fetch_add(1, Ordering::Relaxed);
            }
            request = caller(Some(&answer));
        }
    }
    tally
}
