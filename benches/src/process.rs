//! Processes: the service as a child, on which processors things run, and what they have cost so far.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{
    Outcome,
    client::{Connection, Request},
    database::Database,
};

/// The service, serving; ended when dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// Where `/metrics` is.
    metrics: SocketAddr,
    log: PathBuf,
}

impl Server {
    pub async fn start(binary: &Path, database: &Database) -> Outcome<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let metrics = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let mut command = if pins() {
            let mut command = Command::new("taskset");
            command.args(["-c", "0"]).arg(binary);
            command
        } else {
            Command::new(binary)
        };
        let log = database.folder().join("service.log");
        let child = command
            .args(["serve", "--listen", &address.to_string(), "--database-url", database.url()])
            // One worker, so that the figures are those of one processor; a token that outlasts the round.
            .args(["--set", "workers=1", "--set", "log=error", "--set", "access_token_minutes=10"])
            // Calls are counted, but never too many; many sign in to one account at once.
            .args(["--set", "rate_caller_per_minute=4000000000", "--set", "rate_address_per_minute=4000000000"])
            .args(["--set", "calls_per_day=4000000000", "--set", "sign_in_failures_per_account=0"])
            .args(["--set", &format!("metrics_listen={metrics}")])
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log)?)
            .spawn()?;
        let mut server = Self { child, address, metrics, log };
        let mut ready = Vec::new();
        Request::get("/health/ready", None).write(&mut ready);
        for _ in 0..1200 {
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("the service ended before it was ready: {status}\n{}", fs::read_to_string(&server.log)?).into());
            }
            if let Ok(mut connection) = Connection::open(server.address).await
                && connection.call(&ready).await.is_ok_and(|answer| answer.status == 200)
            {
                return Ok(server);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err("the service was not ready within two minutes".into())
    }

    /// How many faults the service has logged, and the first of them.
    pub fn logged(&self) -> Outcome<(usize, Option<String>)> {
        let log = fs::read_to_string(&self.log)?;
        Ok((log.lines().count(), log.lines().next().map(ToOwned::to_owned)))
    }

    /// What the service has used of processors so far, in microseconds.
    pub fn cpu(&self) -> Outcome<u64> {
        cpu_of(self.child.id())
    }

    /// How much memory the service now has of its own, in MiB. Files that it maps, such as SQLite's, are not part of it.
    pub fn own_memory(&self) -> Outcome<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).ok_or("RssAnon is missing in /proc/PID/status")?;
        Ok(line.trim().trim_end_matches(" kB").trim().parse::<f64>()? / 1024.0)
    }

    /// What the service tells of its caches, by its measures; empty when it has no such measures.
    pub async fn caches(&self) -> Outcome<Vec<String>> {
        let mut request = Vec::new();
        Request::get("/metrics", None).write(&mut request);
        let mut connection = Connection::open(self.metrics).await?;
        let answer = connection.call(&request).await?;
        let lines = str::from_utf8(answer.body)?.lines().filter(|line| !line.starts_with('#'));
        Ok(lines.filter(|line| line.split([' ', '{']).next().is_some_and(|name| name.contains("cache"))).map(ToOwned::to_owned).collect())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The service's release binary: named by `SAMSYN_BIN`, or next to this program.
pub fn service_binary() -> Outcome<PathBuf> {
    match named("SAMSYN_BIN") {
        Some(binary) => existing(binary),
        None => existing(std::env::current_exe()?.with_file_name("samsyn")),
    }
}

/// A binary of before, to be compared with: named by the flag or by `SAMSYN_BIN_BEFORE`.
pub fn binary_before(flag: Option<&Path>) -> Outcome<Option<PathBuf>> {
    flag.map(Path::to_owned).or_else(|| named("SAMSYN_BIN_BEFORE")).map(existing).transpose()
}

fn named(variable: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the driver has no configuration of its own")]
    std::env::var(variable).ok().map(PathBuf::from)
}

fn existing(binary: PathBuf) -> Outcome<PathBuf> {
    if binary.is_file() {
        Ok(binary)
    } else {
        Err(format!("{} is missing; build it first: cargo build --release -p samsyn", binary.display()).into())
    }
}

/// A port that nobody listens on.
pub fn free_port() -> Outcome<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Whether the service and the driver can each have a processor.
fn pins() -> bool {
    std::thread::available_parallelism().is_ok_and(|count| count.get() > 1) && Command::new("taskset").arg("-V").output().is_ok()
}

/// Keeps the driver off the service's processor while measuring; otherwise it may use all.
pub fn pin_driver(apart: bool) {
    if pins() || !apart {
        let count = fs::read_dir("/sys/devices/system/cpu").map_or(2, |entries| {
            entries.flatten().filter(|entry| entry.file_name().to_string_lossy().trim_start_matches("cpu").parse::<u32>().is_ok()).count()
        });
        let all = format!("0-{}", count.saturating_sub(1));
        let processors = if apart { "1" } else { all.as_str() };
        let _ = Command::new("taskset").args(["-a", "-cp", processors, &std::process::id().to_string()]).output();
    }
}

/// What a process has used of processors so far, in microseconds.
pub fn cpu_of(process: u32) -> Outcome<u64> {
    Ok(stat(process).ok_or("the process is gone")?.1)
}

/// The same for a process and all its children.
pub fn cpu_of_family(parent: u32) -> u64 {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(|process| stat(process).map(|(above, cpu)| (process, above, cpu)))
        .filter(|(process, above, _)| *process == parent || *above == parent)
        .map(|(_, _, cpu)| cpu)
        .sum()
}

/// The parent of a process, and what it has used of processors, itself and the children that have ended.
fn stat(process: u32) -> Option<(u32, u64)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in parentheses may itself hold spaces and parentheses.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // Fields 4 and 14 to 17 of proc(5): parent, utime, stime, cutime, cstime. A tick is a hundredth of a second on Linux.
    let ticks: u64 = fields.get(11..15)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    Some((fields.get(1)?.parse().ok()?, ticks * 10_000))
}
