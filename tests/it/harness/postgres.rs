//! A private `PostgreSQL` for the whole run, from the installed binaries, and a copied database for each test.
//!
//! The server's files are in memory. It ends with this process, however that ends: a supervising shell waits for its standard
//! input to close, then stops the server and removes its files.

use std::{
    env, fs,
    io::Write,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use sqlx::{Connection, Executor, PgConnection};

struct Cluster {
    /// Makes the URL of a database from its name.
    url: Box<dyn Fn(&str) -> String + Send + Sync>,
    /// Databases are copied one at a time, because a template may have no other connection.
    copying: Mutex<()>,
    name: String,
    _supervisor: Option<Child>,
}

/// The URL of a new database with the reference pack; `None` when there is no `PostgreSQL`.
pub fn database() -> Option<String> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let cluster = cluster()?;
    let name = format!("{}_{}", cluster.name, COUNT.fetch_add(1, Ordering::Relaxed));
    let _copying = cluster.copying.lock().unwrap();
    run(&(cluster.url)("postgres"), &format!("CREATE DATABASE {name} TEMPLATE {} STRATEGY FILE_COPY", cluster.name));
    Some((cluster.url)(&name))
}

/// The URL of a copy of a database that has no connections.
pub fn copy(url: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let cluster = cluster().unwrap();
    let template = url.split('?').next().unwrap().rsplit('/').next().unwrap();
    let name = format!("{template}_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let _copying = cluster.copying.lock().unwrap();
    run(&(cluster.url)("postgres"), &format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"));
    (cluster.url)(&name)
}

/// The URL of a new database without tables.
pub fn empty() -> Option<String> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let cluster = cluster()?;
    let name = format!("{}_empty_{}", cluster.name, COUNT.fetch_add(1, Ordering::Relaxed));
    run(&(cluster.url)("postgres"), &format!("CREATE DATABASE {name}"));
    Some((cluster.url)(&name))
}

fn run(url: &str, sql: &str) {
    let (url, sql) = (url.to_owned(), sql.to_owned());
    thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let mut connection = PgConnection::connect(&url).await.unwrap();
            connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
            connection.close().await.unwrap();
        });
    })
    .join()
    .unwrap();
}

fn cluster() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    let cluster = CLUSTER.get_or_init(|| {
        let cluster = given().or_else(start)?;
        run(&(cluster.url)("postgres"), &format!("CREATE DATABASE {}", cluster.name));
        super::prepare(&(cluster.url)(&cluster.name));
        Some(cluster)
    });
    if cluster.is_none() {
        assert!(env::var_os("CI").is_none(), "PostgreSQL is required in CI, and neither its binaries nor SAMSYN_TEST_POSTGRES are there");
        let _ = writeln!(
            std::io::stderr(),
            "\n*** ONLY SQLITE IS TESTED: install PostgreSQL, or set SAMSYN_TEST_POSTGRES=postgres://user@host ***\n"
        );
    }
    cluster.as_ref()
}

/// A server that runs already, given by a variable.
fn given() -> Option<Cluster> {
    #[expect(clippy::disallowed_methods, reason = "how the README names a server")]
    let server = env::var("SAMSYN_TEST_POSTGRES").ok()?;
    let server = server.trim_end_matches('/').to_owned();
    let name = format!("samsyn_test_{}", std::process::id());
    Some(Cluster { url: Box::new(move |database| format!("{server}/{database}")), copying: Mutex::default(), name, _supervisor: None })
}

fn binaries() -> Option<PathBuf> {
    let here = |folder: &Path| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    let mut folders: Vec<PathBuf> = env::var_os("PG_BIN").map(PathBuf::from).into_iter().collect();
    folders.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
    let mut installed: Vec<_> =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin")).collect();
    installed.sort();
    folders.extend(installed.into_iter().rev());
    folders.into_iter().find(|folder| here(folder))
}

/// An unprivileged user to run the server as when this process is root, because the server refuses to run as root.
fn unprivileged() -> Option<(u32, u32)> {
    let own: String = fs::read_to_string("/proc/self/status").ok()?;
    let root = own.lines().any(|line| line.starts_with("Uid:\t0\t"));
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let user = |name: &str| {
        let fields: Vec<_> = users.lines().find(|line| line.split(':').next() == Some(name))?.split(':').collect();
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    if root { user("postgres").or_else(|| user("nobody")) } else { None }
}

/// The programs and files of a new server, and the user who owns them.
struct Files {
    binaries: PathBuf,
    folder: PathBuf,
    user: Option<(u32, u32)>,
}

impl Files {
    fn new() -> Option<Self> {
        let binaries = binaries()?;
        let folder = super::folder();
        let user = unprivileged();
        if let Some((uid, gid)) = user {
            std::os::unix::fs::chown(&folder, Some(uid), Some(gid)).unwrap();
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        let files = Self { binaries, folder, user };
        let made = files
            .command(&files.binaries.join("initdb"))
            .args(["-A", "trust", "-U", "postgres", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "-D"])
            .arg(files.folder.join("data"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        Some(files)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command.current_dir("/");
        command
    }

    /// Runs a script that starts the server and stops it when standard input closes. Waits until the server answers.
    fn supervise(&self, script: &str) -> Child {
        let mut shell = self.command(Path::new("/bin/sh"));
        let supervisor = shell
            .args(["-c", script, "sh"])
            .arg(&self.binaries)
            .arg(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        #[expect(clippy::disallowed_methods, reason = "a server that does not start must not be waited for")]
        let started = Instant::now();
        let there = self.folder.join(".s.PGSQL.5432");
        while !there.exists() || !answers(&self.url("postgres")) {
            let log = self.folder.join("log");
            assert!(started.elapsed() < Duration::from_secs(30), "PostgreSQL did not start: {:?}", fs::read_to_string(log));
            thread::yield_now();
        }
        supervisor
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.folder.display())
    }
}

fn start() -> Option<Cluster> {
    let files = Files::new()?;
    let script = r#"
        "$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
            -c max_connections=400 -c shared_buffers=64MB >"$2/log" 2>&1 &
        server=$!
        cat >/dev/null
        kill -QUIT $server; wait $server; rm -rf "$2"
    "#;
    let supervisor = files.supervise(script);
    Some(Cluster {
        url: Box::new(move |database| files.url(database)),
        copying: Mutex::default(),
        name: "template_of_tests".to_owned(),
        _supervisor: Some(supervisor),
    })
}

/// A server for one test, which the test may restart.
pub struct Own {
    files: Files,
    _supervisor: Child,
}

impl Own {
    /// `None`, with a message, when the programs of a server are not installed.
    pub fn start() -> Option<Self> {
        let Some(files) = Files::new() else {
            cluster();
            let _ = writeln!(std::io::stderr(), "\n*** NO DATABASE IS RESTARTED UNDER LOAD: that needs the programs of PostgreSQL ***\n");
            return None;
        };
        // Answered writes must survive a restart of the server, so commits wait until the log is written. The machine itself does
        // not fail, so they need not wait for the disk.
        let script = r#"
            "$1/pg_ctl" -D "$2/data" -l "$2/log" -s -w start -o "-k $2 -c listen_addresses= -c fsync=off -c max_connections=200" || exit 1
            cat >/dev/null
            "$1/pg_ctl" -D "$2/data" -m immediate -s stop; rm -rf "$2"
        "#;
        let supervisor = files.supervise(script);
        Some(Self { files, _supervisor: supervisor })
    }

    /// The URL of a new database on it, without tables.
    pub fn database(&self) -> String {
        run(&self.files.url("postgres"), "CREATE DATABASE own");
        self.files.url("own")
    }

    /// Restarts the server without a proper shutdown.
    pub fn restart(&self) {
        let mut command = self.files.command(&self.files.binaries.join("pg_ctl"));
        let data = self.files.folder.join("data");
        let log = self.files.folder.join("log");
        let ended = command.arg("-D").arg(data).arg("-l").arg(log).args(["-m", "immediate", "-s", "-w", "restart"]).status().unwrap();
        assert!(ended.success(), "PostgreSQL did not come back");
    }
}

fn answers(url: &str) -> bool {
    let url = url.to_owned();
    thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(async { PgConnection::connect(&url).await.is_ok() })
    })
    .join()
    .unwrap()
}
