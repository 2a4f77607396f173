//! A service in a process of its own, which a test may kill: this test program, started once more to run one test that serves.

use std::{
    env,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::PathBuf,
    process::{Child as Process, Command, Stdio},
    thread,
};

use samsyn::{
    access::{grants, policy::Role, users},
    app::App,
    kernel::{Db, clock::Clock, id::Ids, request::Call},
};
use serde_json::json;

use super::{Client, PASSWORD, config_with, password_hash, settings_of};

/// The variables that give the other process its database and its settings.
const DATABASE: &str = "SAMSYN_TEST_CHILD_DATABASE";
const SETTINGS: &str = "SAMSYN_TEST_CHILD_SETTINGS";
/// Set when the service is to be stopped by signals, as the real program is.
const SIGNALS: &str = "SAMSYN_TEST_CHILD_SIGNALS";

/// A service in a process of its own.
pub struct Child {
    process: Process,
    pub address: SocketAddr,
}

impl Child {
    pub fn start(database_url: &str, settings: &str) -> Self {
        Self::run(Command::new(env::current_exe().unwrap()), database_url, settings)
    }

    /// The same with more variables in its environment.
    pub fn start_in(database_url: &str, settings: &str, environment: Vec<(&str, PathBuf)>) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.envs(environment);
        Self::run(command, database_url, settings)
    }

    /// The same, but it is stopped by signals, as the real program is.
    pub fn start_with_signals(database_url: &str, settings: &str) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.env(SIGNALS, "1");
        Self::run(command, database_url, settings)
    }

    fn run(mut command: Command, database_url: &str, settings: &str) -> Self {
        let mut process = command
            .args(["harness::child::serve_child", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env(DATABASE, database_url)
            .env(SETTINGS, settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("the other process serves").unwrap();
            // The name of the test comes before it on the line.
            if let Some((_, address)) = line.split_once("serves at ") {
                break address.parse().unwrap();
            }
        };
        // The rest of its output is read, so that it never blocks on a full pipe.
        thread::spawn(move || lines.for_each(drop));
        Self { process, address }
    }

    /// Sends a signal to it, such as `TERM`.
    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").arg(format!("-{name}")).arg(self.process.id().to_string()).status().unwrap().success());
    }

    /// Waits until it has ended by itself, and checks that it succeeded.
    pub fn ended(mut self) {
        // `wait` closes the standard input, which would end the service, so it is taken out first.
        let _open = self.process.stdin.take();
        assert!(self.process.wait().unwrap().success());
    }

    /// Its process id.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Kills it.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Stops it as an operator does, and waits until it has ended.
    pub fn stop(mut self) {
        drop(self.process.stdin.take());
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The other process: serves until its standard input closes, which happens in any case when the test ends.
#[test]
#[ignore = "a service for other tests, which start it"]
fn serve_child() {
    #[expect(clippy::disallowed_methods, reason = "how the test tells its child what to serve")]
    let (Ok(url), Ok(settings)) = (env::var(DATABASE), env::var(SETTINGS)) else { return };
    #[expect(clippy::disallowed_methods, reason = "likewise")]
    let signals = env::var(SIGNALS).is_ok();
    actix_web::rt::System::new().block_on(async move {
        let app = App::build(config_with(&url, false, &settings), Clock::System, Ids::Random).await.unwrap();
        if signals {
            // Ends with the test, in whatever way that ends.
            thread::spawn(|| {
                let _ = std::io::stdin().read_to_end(&mut Vec::new());
                std::process::exit(1);
            });
            return samsyn::cli::serve(&app, |address| println!("serves at {address}")).await.unwrap();
        }
        let listener = app.listen().unwrap();
        let address = listener.local_addr().unwrap();
        let (server, handle) = app.serve(listener).unwrap();
        let server = actix_web::rt::spawn(server);
        println!("serves at {address}");
        let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
        app.stop(&handle).await;
        let _ = server.await;
        app.db().close().await;
    });
}

/// Migrates an empty database, without the reference pack.
pub fn migrate(database_url: &str) {
    with_db(database_url, true, async |_| ());
}

/// Registers an administrator with all permissions everywhere.
pub fn admin(database_url: &str) {
    with_db(database_url, false, async |db| {
        let new: users::NewUser = serde_json::from_value(json!({"email": "admin@example.se", "name": "Test admin"})).unwrap();
        let hash = password_hash().await;
        let scope: grants::Scope = serde_json::from_value(json!({"kind": "everywhere", "id": null})).unwrap();
        db.transaction(&Call::of_installation(), async |w| {
            let user = users::insert(&new, Some(hash.clone()), w).await?;
            let grant = grants::NewGrant { user_id: user.id, role: Role::Admin, scope: scope.clone(), valid_from: None, valid_to: None };
            grants::insert(&grant, w).await
        })
        .await
        .unwrap();
    });
}

/// A personal token of that administrator, which is valid for longer than any test.
pub fn token(address: SocketAddr) -> String {
    let anybody = Client::new(address);
    let session = anybody.post("/sessions", &json!({"email": "admin@example.se", "password": PASSWORD})).is(201);
    let signed_in = anybody.with_token(session.json["accessToken"].as_str().unwrap());
    let new = json!({"name": "Följer", "scopes": ["actors.write", "changes.read", "registry.read"], "expiresAt": "2027-06-01T00:00:00Z"});
    signed_in.post("/me/tokens", &new).is(201).json["token"].as_str().unwrap().to_owned()
}

/// Works on a database outside all instances, in a thread of its own.
pub fn with_db<R: Send + 'static>(database_url: &str, migrate: bool, work: impl AsyncFnOnce(&Db) -> R + Send + 'static) -> R {
    let settings = settings_of(database_url);
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let db = Db::open(&settings, samsyn::records::ALL, migrate, Clock::System, Ids::Random).await.unwrap();
            let result = work(&db).await;
            db.close().await;
            result
        })
    })
    .join()
    .unwrap()
}
