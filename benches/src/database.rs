//! An empty folder, and in it a database: a file, or a PostgreSQL of our own with its usual durable settings.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use sea_orm::{ConnectOptions, DatabaseConnection};

use crate::{Outcome, process};

/// A folder that is removed when dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Outcome<Self> {
        let base = std::env::temp_dir();
        for number in 0..1000 {
            let folder = base.join(format!("samsyn-bench-{}-{number}", std::process::id()));
            if fs::create_dir(&folder).is_ok() {
                return Ok(Self(folder));
            }
        }
        Err(format!("no folder could be made in {}", base.display()).into())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A database of our own; ended and removed when dropped.
pub struct Database {
    // Before the folder, because the process must end before its files go.
    postgres: Option<Postgres>,
    url: String,
    folder: Folder,
}

impl Database {
    pub fn sqlite(folder: Folder) -> Self {
        Self { url: format!("sqlite:{}", folder.0.join("samsyn.db").display()), postgres: None, folder }
    }

    pub async fn postgres(folder: Folder) -> Outcome<Self> {
        let port = process::free_port()?;
        let postgres = Postgres::start(&folder.0, port)?;
        let database = Self { url: format!("postgres://samsyn@127.0.0.1:{port}/postgres"), postgres: Some(postgres), folder };
        for _ in 0..100 {
            if database.connect().await.is_ok() {
                return Ok(database);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err("PostgreSQL did not answer within ten seconds".into())
    }

    pub const fn name(&self) -> &'static str {
        if self.postgres.is_some() { "PostgreSQL" } else { "SQLite" }
    }

    /// Where things beside the database may be kept as long as it is there.
    pub fn folder(&self) -> &Path {
        &self.folder.0
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// A connection of the driver's own, past the service.
    pub async fn connect(&self) -> Outcome<DatabaseConnection> {
        let mut options = ConnectOptions::new(self.url.clone());
        options.max_connections(1).sqlx_logging(false).connect_timeout(Duration::from_secs(2));
        Ok(sea_orm::Database::connect(options).await?)
    }

    /// What the database's own processes have used of processors so far, in microseconds.
    pub fn cpu(&self) -> u64 {
        self.postgres.as_ref().map_or(0, |postgres| process::cpu_of_family(postgres.0.id()))
    }
}

struct Postgres(Child);

impl Postgres {
    fn start(folder: &Path, port: u16) -> Outcome<Self> {
        let programs = programs()?;
        let owner = owner()?;
        if let Some((user, group)) = owner {
            chown(folder, Some(user), Some(group))?;
        }
        let program = |name: &str| {
            let mut command = Command::new(programs.join(name));
            // PostgreSQL refuses to run as root.
            if let Some((user, group)) = owner {
                command.uid(user).gid(group);
            }
            command.current_dir(folder).stdin(Stdio::null());
            command
        };
        let data = folder.join("data");
        let made = program("initdb").args(["-A", "trust", "-U", "samsyn", "-E", "UTF8", "--locale=C.UTF-8", "-D"]).arg(&data).output()?;
        if !made.status.success() {
            return Err(format!("initdb failed: {}", String::from_utf8_lossy(&made.stderr)).into());
        }
        let log = fs::File::create(folder.join("postgres.log"))?;
        let child = program("postgres")
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        Ok(Self(child))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGQUIT: at once, with all its children.
        let told = Command::new("kill").args(["-QUIT", &self.0.id().to_string()]).status().is_ok_and(|status| status.success());
        if !told {
            let _ = self.0.kill();
        }
        let _ = self.0.wait();
    }
}

/// The folder with PostgreSQL's programs.
fn programs() -> Outcome<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the driver has no configuration of its own")]
    let (named, path) = (std::env::var("PG_BIN").ok(), std::env::var("PATH").unwrap_or_default());
    let mut folders: Vec<PathBuf> = named.into_iter().map(PathBuf::from).chain(std::env::split_paths(&path)).collect();
    let mut installed: Vec<_> =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin")).collect();
    installed.sort();
    folders.extend(installed.into_iter().rev());
    folders
        .into_iter()
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
        .ok_or_else(|| "PostgreSQL's initdb and postgres were not found; name their folder by PG_BIN".into())
}

/// As whom PostgreSQL is to run: nobody else unless we are root.
fn owner() -> Outcome<Option<(u32, u32)>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let root = status.lines().any(|line| line.strip_prefix("Uid:").is_some_and(|ids| ids.split_whitespace().nth(1) == Some("0")));
    if !root {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let find = |name: &str| {
        let user: Vec<&str> = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|user| user.first() == Some(&name))?;
        Some((user.get(2)?.parse().ok()?, user.get(3)?.parse().ok()?))
    };
    find("postgres").or_else(|| find("nobody")).map(Some).ok_or_else(|| "there is neither a user postgres nor nobody".into())
}
