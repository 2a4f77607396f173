//! The harness of the tests: a service in this process, a database of its own, and a client that speaks plain HTTP.

pub mod child;
mod client;
pub mod disk;
pub mod forge;
pub mod idp;
pub mod multiply;
pub mod postgres;
pub mod proxy;
pub mod receiver;

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use chrono::{DateTime, Utc};
use samsyn::{
    access::{grants, passwords, policy::Role, users},
    app::App,
    config::Config,
    kernel::{clock::Clock, db::Observer, id::Ids, request::Call},
};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

pub use client::{Answer, Client, raw};

/// The password of every test user.
pub const PASSWORD: &str = "fyra blå cyklar vid ån";

/// The database that a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// A running service.
pub struct TestApp {
    pub address: SocketAddr,
    /// The address of the measurements, if the settings of the test have one.
    pub metrics: Option<SocketAddr>,
    pub url: String,
    stop: Option<mpsc::Sender<()>>,
    running: Option<thread::JoinHandle<()>>,
    folder: Option<PathBuf>,
    users: AtomicUsize,
    read: std::sync::Mutex<std::collections::BTreeSet<String>>,
}

/// The URL of a database that no service uses, to copy for others.
pub struct Template(String);

/// Checks again and again until something is true. Fails after a minute.
#[track_caller]
pub fn waited(what: &str, mut is_so: impl FnMut() -> bool) {
    #[expect(clippy::disallowed_methods, reason = "the wait must end")]
    let started = std::time::Instant::now();
    while !is_so() {
        assert!(started.elapsed().as_secs() < 60, "{what} did not come");
        thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// Rows that another connection has locked, until this is dropped.
pub struct Lock {
    free: Option<mpsc::Sender<()>>,
    holds: Option<thread::JoinHandle<()>>,
}

impl Lock {
    /// Runs statements that begin a transaction and lock rows.
    pub fn by(database_url: &str, statements: &[&str]) -> Self {
        let (url, statements) = (database_url.to_owned(), statements.iter().map(ToString::to_string).collect::<Vec<_>>());
        let (free, freed) = mpsc::channel::<()>();
        let (locked, is_locked) = mpsc::channel();
        let holds = thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let db = sea_orm::Database::connect(sea_orm::ConnectOptions::new(url).max_connections(1).to_owned()).await.unwrap();
                for statement in statements {
                    db.execute_unprepared(&statement).await.unwrap();
                }
                locked.send(()).unwrap();
                let _ = tokio::task::spawn_blocking(move || freed.recv()).await;
                db.execute_unprepared("ROLLBACK").await.unwrap();
                db.close().await.unwrap();
            });
        });
        is_locked.recv().unwrap();
        Self { free: Some(free), holds: Some(holds) }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        drop(self.free.take());
        if let Some(holds) = self.holds.take() {
            let _ = holds.join();
        }
    }
}

/// The time at which all tests take place.
pub fn today() -> DateTime<Utc> {
    "2026-11-22T09:00:00Z".parse().unwrap()
}

/// The folder in which a test's service puts its letters. It depends on the database, so that instances share it.
pub fn mail(database_url: &str) -> PathBuf {
    let digest = samsyn::kernel::hash::sha256_hex(database_url.as_bytes());
    base().join(format!("samsyn-test-{}-mail", std::process::id())).join(&digest[..16])
}

fn config(database_url: &str, migrate: bool) -> Config {
    config_with(database_url, migrate, "")
}

/// The settings of a test's database, for access past the service.
pub fn settings_of(database_url: &str) -> samsyn::kernel::db::Settings {
    config(database_url, false).database()
}

/// The configuration from a file with these settings.
pub fn config_of(settings: &str) -> Config {
    config_with("sqlite::unused:", false, settings)
}

/// The same without the settings of the tests; the error is the sentence on why it cannot be used.
pub fn try_config(settings: &str) -> Result<Config, String> {
    let folder = folder();
    let file = folder.join("samsyn.toml");
    fs::write(&file, settings).unwrap();
    let config = Config::load(&[], Some(&file), std::iter::empty(), &[]).map_err(|error| error.to_string());
    let _ = fs::remove_dir_all(folder);
    config
}

/// The test configuration with other settings on top, written as in the file.
fn config_with(database_url: &str, migrate: bool, settings: &str) -> Config {
    let ours = [
        ("listen", "127.0.0.1:0"),
        ("public_url", samsyn::openapi::CANONICAL_URL),
        ("database_url", database_url),
        ("migrate_on_start", if migrate { "true" } else { "false" }),
        ("reference_pack", if migrate { "true" } else { "false" }),
        ("database_durable", "false"),
        ("database_connections", "4"),
        ("workers", "2"),
        ("stop_seconds", "1"),
        // Tests make any number of calls at once.
        ("calls_at_once", "0"),
        ("body_bytes", "100000"),
        ("mail_url", &format!("file:{}", mail(database_url).display())),
        // The receivers of webhooks are in the test process.
        ("webhook_networks", "127.0.0.0/8"),
        // Tests call at any rate, all from one address.
        ("rate_caller_per_minute", "0"),
        ("rate_address_per_minute", "0"),
        ("rate_invalid_tokens_per_minute", "0"),
        ("calls_per_day", "0"),
    ];
    // Flags override the file, so a setting that the file has is left out of them.
    let said = |name: &str| settings.lines().any(|line| line.split('=').next().map(str::trim) == Some(name));
    let flags: Vec<_> =
        ours.iter().filter(|(name, _)| !said(name)).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let file = (!settings.is_empty()).then(|| {
        let file = folder().join("samsyn.toml");
        fs::write(&file, settings).unwrap();
        file
    });
    let config = Config::load(&[], file.as_deref(), std::iter::empty(), &flags).unwrap();
    if let Some(folder) = file.as_deref().and_then(std::path::Path::parent) {
        let _ = fs::remove_dir_all(folder);
    }
    config
}

/// Makes a migrated database with the reference pack, which each test copies.
pub fn prepare(url: &str) {
    let config = config(url, true);
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async {
            let app = App::build(config, Clock::Fixed(today()), Ids::counted_from(1)).await.unwrap();
            app.db().close().await;
        });
    })
    .join()
    .unwrap();
}

static COUNT: AtomicUsize = AtomicUsize::new(0);

fn base() -> PathBuf {
    if PathBuf::from("/dev/shm").is_dir() { PathBuf::from("/dev/shm") } else { std::env::temp_dir() }
}

/// A folder that no other test uses.
fn folder() -> PathBuf {
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let base = base();
    if number == 0 {
        remove_stale(&base);
    }
    let folder = base.join(format!("samsyn-test-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Removes the folders of test runs that have ended.
fn remove_stale(base: &std::path::Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.strip_prefix("samsyn-test-").and_then(|rest| rest.split('-').next());
        if process.is_some_and(|process| !PathBuf::from(format!("/proc/{process}")).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn sqlite_template() -> &'static PathBuf {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let file = folder().join("template.db");
        prepare(&format!("sqlite:{}", file.display()));
        file
    })
}

/// The URL of a database without tables.
pub fn empty(database: Database) -> Option<String> {
    match database {
        Database::Sqlite => Some(format!("sqlite:{}", folder().join("empty.db").display())),
        Database::Postgres => postgres::empty(),
    }
}

impl TestApp {
    /// A service on a database of its own. `None`, with a message, when that kind of database is not available.
    pub fn start(database: Database) -> Option<Self> {
        Self::start_with(database, "")
    }

    /// The same with settings on top of the test configuration, written as in the file.
    pub fn start_with(database: Database, settings: &str) -> Option<Self> {
        match database {
            Database::Sqlite => {
                let folder = folder();
                let file = folder.join("samsyn.db");
                fs::copy(sqlite_template(), &file).unwrap();
                let config = config_with(&format!("sqlite:{}", file.display()), false, settings);
                let mut app = Self::run(today(), config, 1_000_000);
                app.folder = Some(folder);
                Some(app)
            }
            Database::Postgres => Some(Self::run(today(), config_with(&postgres::database()?, false, settings), 1_000_000)),
        }
    }

    /// A service on a database of its own, whose statements are observed.
    pub fn start_observed(database: Database, observer: &Observer) -> Option<Self> {
        let (folder, url) = match database {
            Database::Sqlite => {
                let folder = folder();
                let file = folder.join("samsyn.db");
                fs::copy(sqlite_template(), &file).unwrap();
                (Some(folder), format!("sqlite:{}", file.display()))
            }
            Database::Postgres => (None, postgres::database()?),
        };
        let mut app = Self::run_with(today(), config(&url, false), Ids::counted_from(1_000_000), Some(observer.clone()));
        app.folder = folder;
        Some(app)
    }

    /// Stops the service, changes its database, and starts it again with settings on top of the test configuration. Its statements are
    /// observed.
    pub fn restart_after(mut self, change: impl FnOnce(&str), first_id: u64, settings: &str, observer: &Observer) -> Self {
        drop(self.stop.take());
        self.running.take().unwrap().join().unwrap();
        change(&self.url);
        let config = config_with(&self.url, false, settings);
        let mut app = Self::run_with(today(), config, Ids::counted_from(first_id), Some(observer.clone()));
        app.folder = self.folder.take();
        app
    }

    /// Stops the service and keeps its database, for tests to copy.
    pub fn into_template(mut self) -> Template {
        drop(self.stop.take());
        self.running.take().unwrap().join().unwrap();
        self.folder = None;
        Template(self.url.clone())
    }

    /// A service on a copy of a prepared database.
    pub fn start_from(template: &Template) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(1);
        let first_id = 10_000_000 * COUNT.fetch_add(1, Ordering::Relaxed) as u64;
        let Some(file) = template.0.strip_prefix("sqlite:") else { return Self::on(&postgres::copy(&template.0), first_id) };
        let folder = folder();
        let copy = folder.join("samsyn.db");
        fs::copy(file, &copy).unwrap();
        let mut app = Self::on(&format!("sqlite:{}", copy.display()), first_id);
        app.folder = Some(folder);
        app
    }

    /// A service on a given database, so that several can be instances of one installation. Ids are counted from `first_id`.
    pub fn on(database_url: &str, first_id: u64) -> Self {
        Self::at(today(), database_url, first_id)
    }

    /// The same with settings on top of the test configuration.
    pub fn on_with(database_url: &str, first_id: u64, settings: &str) -> Self {
        Self::run(today(), config_with(database_url, false, settings), first_id)
    }

    /// The same at another time.
    pub fn at(now: DateTime<Utc>, database_url: &str, first_id: u64) -> Self {
        Self::run(now, config(database_url, false), first_id)
    }

    /// The same at another time, with settings on top of the test configuration.
    pub fn at_with(now: DateTime<Utc>, database_url: &str, first_id: u64, settings: &str) -> Self {
        Self::run(now, config_with(database_url, false, settings), first_id)
    }

    /// Another instance with random ids and cursors, as in production.
    pub fn by_chance(database_url: &str) -> Self {
        Self::run_with(today(), config(database_url, false), Ids::Random, None)
    }

    fn run(now: DateTime<Utc>, config: Config, first_id: u64) -> Self {
        Self::run_with(now, config, Ids::counted_from(first_id), None)
    }

    fn run_with(now: DateTime<Utc>, config: Config, ids: Ids, observer: Option<Observer>) -> Self {
        let (ready, address) = mpsc::channel();
        let (stop, stopped) = mpsc::channel();
        let url = config.database_url.clone();
        let running = thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = App::build(config, Clock::Fixed(now), ids).await.unwrap();
                if let Some(observer) = observer {
                    app.db().observe(&observer);
                }
                let listener = app.listen().unwrap();
                let metrics = app.listen_for_metrics().unwrap();
                ready.send((listener.local_addr().unwrap(), metrics.as_ref().map(|metrics| metrics.local_addr().unwrap()))).unwrap();
                if let Some(metrics) = metrics {
                    app.serve_metrics(metrics).unwrap();
                }
                let (server, handle) = app.serve(listener).unwrap();
                let server = actix_web::rt::spawn(server);
                let _ = tokio::task::spawn_blocking(move || stopped.recv()).await;
                handle.stop(false).await;
                let _ = server.await;
                app.close().await;
            });
        });
        let (address, metrics) = address.recv().unwrap();
        Self {
            address,
            metrics,
            url,
            stop: Some(stop),
            running: Some(running),
            folder: None,
            users: AtomicUsize::new(0),
            read: std::sync::Mutex::default(),
        }
    }

    /// A client that is not signed in.
    pub fn anybody(&self) -> Client {
        Client::new(self.address)
    }

    /// A signed-in user with a role: everywhere, or within a scope such as `("area", id)`.
    pub fn user(&self, role: Role, scope: Option<(&str, &str)>) -> Client {
        let number = self.users.fetch_add(1, Ordering::Relaxed);
        let name = serde_json::to_value(role).unwrap().as_str().unwrap().to_owned();
        let email = format!("{name}{number}@example.se");
        self.register(&email, &format!("Test {name}"), role, scope);
        self.sign_in(&email)
    }

    /// Registers a user at the console.
    pub fn register(&self, email: &str, name: &str, role: Role, scope: Option<(&str, &str)>) {
        self.stored(email, name, Some((role, scope)));
    }

    /// Registers somebody without any role.
    pub fn stranger(&self, email: &str, name: &str) -> Client {
        self.stored(email, name, None);
        self.sign_in(email)
    }

    /// Invites somebody, who follows the link and sets the test password. Returns the user's id.
    #[track_caller]
    pub fn invite(&self, by: &Client, email: &str) -> String {
        let user = id(&by.post("/users", &json!({"email": email, "name": "Robin Ny"})).is(201).json);
        let link = self.letter(email, "invitation");
        self.anybody().post("/account-activations", &json!({"token": link, "password": PASSWORD})).is(204);
        user
    }

    fn stored(&self, email: &str, name: &str, grant: Option<(Role, Option<(&str, &str)>)>) {
        let new: users::NewUser = serde_json::from_value(json!({"email": email, "name": name})).unwrap();
        let (role, scope) = grant.map_or((None, None), |(role, scope)| (Some(role), scope));
        let scope = scope.map_or_else(|| json!({"kind": "everywhere", "id": null}), |(kind, id)| json!({"kind": kind, "id": id}));
        let scope: grants::Scope = serde_json::from_value(scope).unwrap();
        let config = config(&self.url, false);
        // The ids do not collide with those of the template or the service.
        let first = 500_000 + self.users.fetch_add(1, Ordering::Relaxed) as u64 * 100;
        thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let db = samsyn::kernel::Db::open(
                    &config.database(),
                    samsyn::records::ALL,
                    false,
                    Clock::Fixed(today()),
                    Ids::counted_from(first),
                )
                .await
                .unwrap();
                let hash = password_hash().await;
                db.transaction(&Call::of_installation(), async |w| {
                    let user = users::insert(&new, Some(hash.clone()), w).await?;
                    if let Some(role) = role {
                        let grant = grants::NewGrant { user_id: user.id, role, scope: scope.clone(), valid_from: None, valid_to: None };
                        grants::insert(&grant, w).await?;
                    }
                    Ok(())
                })
                .await
                .unwrap();
                db.close().await;
            });
        })
        .join()
        .unwrap();
    }

    /// Signs a registered user in.
    pub fn sign_in(&self, email: &str) -> Client {
        let answer = self.anybody().post("/sessions", &json!({"email": email, "password": PASSWORD}));
        assert_eq!(answer.status, 201, "{}", answer.body);
        self.anybody().with_token(answer.json["accessToken"].as_str().unwrap())
    }

    /// Rotates the signing keys, as `samsyn keys rotate --now` does.
    pub fn rotate_keys(&self) {
        let config = config(&self.url, false);
        // The ids do not collide with any others.
        thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let db = samsyn::kernel::Db::open(
                    &config.database(),
                    samsyn::records::ALL,
                    false,
                    Clock::Fixed(today()),
                    Ids::counted_from(9_000_000),
                )
                .await
                .unwrap();
                let access = samsyn::access::Access::load(config.tokens(), &db).await.unwrap();
                access.rotate(today(), &db).await.unwrap();
                db.close().await;
            });
        })
        .join()
        .unwrap();
    }

    /// The secret in the link of the newest unread letter of a kind to an address. Waits until the letter has been sent.
    pub fn letter(&self, to: &str, page: &str) -> String {
        #[expect(clippy::disallowed_methods, reason = "a letter that never comes must not be waited for")]
        let started = std::time::Instant::now();
        loop {
            for letter in self.letters(to) {
                let start = format!("/account/{page}#");
                if let Some(secret) = letter.split(&start).nth(1) {
                    let secret = secret.split_whitespace().next().unwrap().to_owned();
                    // Each letter is returned once.
                    if self.read.lock().unwrap().insert(secret.clone()) {
                        return secret;
                    }
                }
            }
            assert!(started.elapsed().as_secs() < 30, "no letter to {to} came");
            thread::yield_now();
        }
    }

    /// The texts of all letters to an address, newest first.
    pub fn letters(&self, to: &str) -> Vec<String> {
        let mut letters: Vec<_> = fs::read_dir(mail(&self.url))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let text = fs::read_to_string(entry.path()).ok()?;
                let written = entry.metadata().ok()?.modified().ok()?;
                text.contains(&format!("To: {to}")).then(|| (written, unfolded(&text)))
            })
            .collect();
        letters.sort();
        letters.into_iter().rev().map(|(_, text)| text).collect()
    }

    /// Asks for tokens at the OAuth endpoint.
    pub fn token(&self, form: &[(&str, &str)]) -> Answer {
        self.form("/oauth2/token", form)
    }

    /// Sends a form to an OAuth endpoint.
    pub fn form(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let form: Vec<_> = form.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        self.anybody().call("POST", path, Some(("application/x-www-form-urlencoded", form.join("&").as_bytes())))
    }

    /// The id of an area, by its code.
    pub fn area(&self, code: &str) -> String {
        id(&self.anybody().get(&format!("/areas?code={code}")).json["items"][0])
    }

    /// The id of a public actor, by one of its identifiers.
    pub fn public_actor(&self, identifier: &str) -> String {
        id(&self.anybody().get(&format!("/actors?identifier={identifier}")).json["items"][0])
    }
}

/// The hash of the test password, computed once.
async fn password_hash() -> String {
    static HASH: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();
    let hash = async || passwords::hash(PASSWORD.to_owned(), &passwords::Hashing::new(1)).await.unwrap();
    HASH.get_or_init(hash).await.clone()
}

/// A letter's text without its encoding (quoted-printable).
fn unfolded(text: &str) -> String {
    text.replace("=\r\n", "").replace("=3D", "=").replace("=23", "#")
}

/// A value encoded for a form.
pub fn escaped(value: &str) -> String {
    value.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The digits that an app shows for a secret at a time (RFC 6238).
pub fn totp_of(secret: &str, at: DateTime<Utc>) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret.as_bytes().to_vec()).with_account_name("x").build().unwrap();
    totp.generate(u64::try_from(at.timestamp()).unwrap()).to_string()
}

/// A hash of the test password with weaker parameters.
pub fn weak_hash() -> String {
    use argon2::{Algorithm, Argon2, Params, Version, password_hash::PasswordHasher};
    let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8192, 1, 1, None).unwrap());
    weak.hash_password(PASSWORD.as_bytes()).unwrap().to_string()
}

/// The id of a resource.
pub fn id(resource: &Value) -> String {
    resource["id"].as_str().unwrap_or_else(|| panic!("{resource} has no id")).to_owned()
}

impl Drop for TestApp {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(running) = self.running.take() {
            let _ = running.join();
        }
        if let Some(folder) = &self.folder {
            let _ = fs::remove_dir_all(folder);
        }
    }
}
