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

/// What a workload cost.
pub struct Measured {
    pub name: &'static str,
    pub reads: bool,
    pub ceiling: bool,
    pub connections: usize,
    /// Answers, good and bad.
    pub answers: usize,
    pub errors: usize,
    /// The first error, as an example.
    pub error: Option<String>,
    pub seconds: f64,
    /// Times to the answer in microseconds, the shortest first.
    pub times: Vec<u32>,
    /// What the service used of processors, in microseconds.
    pub cpu: u64,
    /// What the database's own processes used.
    pub database_cpu: u64,
    /// Bytes of all answers.
    pub bytes: usize,
}

#[derive(Default)]
struct Tally {
    times: Vec<u32>,
    bytes: usize,
    errors: usize,
    error: Option<String>,
}

pub async fn run(workload: &Workload, server: &Server, database: &Database, seconds: u64) -> Outcome<Measured> {
    // Set while answers count, and again when all is over.
    let (counting, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let answered = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for worker in 0..workload.connections {
        let (counting, over, answered) = (Arc::clone(&counting), Arc::clone(&over), Arc::clone(&answered));
        workers.spawn(work(server.address, (workload.caller)(worker), counting, over, answered));
    }
    let mut crowd = JoinSet::new();
    if let Some((connections, request)) = workload.beside {
        for _ in 0..connections {
            let (never, over) = (Arc::new(AtomicBool::new(false)), Arc::clone(&over));
            crowd.spawn(work(server.address, Box::new(move |_| request()), never, over, Arc::default()));
        }
    }
    tokio::time::sleep(WARM_UP).await;
    let started = now();
    let (cpu, database_cpu) = (server.cpu()?, database.cpu());
    counting.store(true, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    // A figure for something very slow is better than none.
    while answered.load(Ordering::Relaxed) < workload.connections && started.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(20)).await;
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
        name: workload.name,
        reads: workload.reads,
        ceiling: workload.ceiling,
        connections: workload.connections,
        answers: all.times.len(),
        errors: all.errors,
        error: all.error,
        seconds,
        times: all.times,
        cpu,
        database_cpu,
        bytes: all.bytes,
    })
}

#[expect(clippy::disallowed_methods, reason = "measuring durations is what this is for")]
fn now() -> Instant {
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
