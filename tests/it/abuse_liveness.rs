//! The service survives a database that stops, becomes read-only or makes it wait.

use std::{
    io::Write,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::harness::{Client, Database, Lock, TestApp, postgres, proxy::Proxy, try_config, waited};

/// Settings that give up soon when the database does not answer.
const IMPATIENT: &str = "database_wait_seconds = 1\ndatabase_statement_seconds = 1\n";

/// Locks a table so that nobody else can even read it.
const LOCKED: [&str; 2] = ["BEGIN", "LOCK TABLE actor IN ACCESS EXCLUSIVE MODE"];

fn actor() -> Value {
    json!({"kind": "other", "name": "Den som kommer igen"})
}

fn is_ready(anybody: &Client) -> bool {
    anybody.get("/health/ready").status == 200
}

#[expect(clippy::disallowed_methods, reason = "how long callers waited is what is tested")]
fn now() -> Instant {
    Instant::now()
}

/// Only on PostgreSQL: `SQLite` is a file, which cannot vanish like a server.
#[test]
fn abuse_142_a_database_that_vanishes_without_a_word_is_found_again_when_it_is_back() {
    let Some(url) = postgres::database() else { return };
    let way = Proxy::to(&url);
    let app = TestApp::on_with(&Proxy::url(&url, &[&way]), 1_000_000, IMPATIENT);
    let admin = app.user(Role::Admin, None);
    admin.post("/actors", &actor()).is(201);
    assert!(is_ready(&admin));
    // Some statements are running, and all other connections have just been used.
    let lock = Lock::by(&url, &LOCKED);
    let started = now();
    thread::scope(|scope| {
        let (admin, way) = (&admin, &way);
        for _ in 0..4 {
            scope.spawn(move || admin.post("/actors", &actor()).is(503));
            scope.spawn(move || admin.get("/actors").is(503));
        }
        thread::sleep(Duration::from_millis(200));
        way.vanish();
    });
    assert_eq!(admin.get("/actors").is(503).header("retry-after"), Some("1"));
    assert!(!is_ready(&admin), "it is not ready without its database");
    admin.get("/health/live").is(200);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    way.come_back();
    drop(lock);
    waited("the database", || is_ready(&admin) && admin.post("/actors", &actor()).status == 201);
    // No dead connection is left in the pools.
    for _ in 0..8 {
        admin.post("/actors", &actor()).is(201);
        admin.get("/actors").is(200);
    }
}

#[test]
fn abuse_142_idle_connections_that_died_without_a_word_hold_nobody_up() {
    let Some(url) = postgres::database() else { return };
    let way = Proxy::to(&url);
    let app = TestApp::on_with(&Proxy::url(&url, &[&way]), 1_000_000, "database_wait_seconds = 1\n");
    let admin = app.user(Role::Admin, None);
    admin.post("/actors", &actor()).is(201);
    way.vanish();
    way.come_back();
    // A connection that has just been used is trusted. So some are left idle for a moment, and others wait in vain.
    thread::sleep(Duration::from_millis(1100));
    let started = now();
    waited("the database", || admin.post("/actors", &actor()).status == 201 && admin.get("/actors").status == 200);
    // A statement on a dead connection would have been given up only after half a minute.
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

/// Only on PostgreSQL: `SQLite` has no failover.
#[test]
fn abuse_143_a_database_that_only_reads_is_left_as_soon_as_it_writes_again() {
    let Some(url) = postgres::database() else { return };
    let way = Proxy::to(&url);
    let app = TestApp::on_with(&Proxy::url(&url, &[&way]), 1_000_000, "");
    let admin = app.user(Role::Admin, None);
    admin.post("/actors", &actor()).is(201);
    way.only_read(true);
    way.cut();
    waited("the database that only reads", || admin.get("/actors").status == 200);
    assert_eq!(admin.post("/actors", &actor()).is(503).header("retry-after"), Some("1"));
    waited("readiness to tell of it", || !is_ready(&admin));
    admin.get("/actors").is(200);
    // Another server takes over at the same address. No connection is cut, so the old ones could only read for ever.
    way.only_read(false);
    waited("the database that writes", || is_ready(&admin) && admin.post("/actors", &actor()).status == 201);
    for _ in 0..8 {
        admin.post("/actors", &actor()).is(201);
    }
}

#[test]
fn abuse_143_of_several_machines_the_one_that_writes_is_used() {
    let Some(url) = postgres::database() else { return };
    let (one, other) = (Proxy::to(&url), Proxy::to(&url));
    one.only_read(true);
    let address = format!("{}&target_session_attrs=read-write", Proxy::url(&url, &[&one, &other]));
    let app = TestApp::on_with(&address, 1_000_000, IMPATIENT);
    let admin = app.user(Role::Admin, None);
    admin.post("/actors", &actor()).is(201);
    // The other server gives the work back.
    one.only_read(false);
    other.only_read(true);
    other.cut();
    waited("the first machine", || is_ready(&admin) && admin.post("/actors", &actor()).status == 201);
    // And the first server vanishes completely.
    other.only_read(false);
    let before = other.taken();
    one.vanish();
    waited("the other machine", || is_ready(&admin) && admin.post("/actors", &actor()).status == 201);
    assert!(other.taken() > before);
    one.come_back();
}

#[test]
fn abuse_143_an_address_with_several_machines_is_understood_and_its_password_not_shown() {
    let told = |url: &str| try_config(&format!("database_url = \"{url}\"\n"));
    let printed = told("postgres://samsyn:hemligt@one:5432,two:5433/samsyn?target_session_attrs=read-write").unwrap().print();
    assert!(printed.contains("postgres://samsyn:…@one:5432,two:5433/samsyn") && !printed.contains("hemligt"), "{printed}");
    for url in [
        "postgres://samsyn:hemligt@one:5432,two:5433/samsyn?target_session_attrs=standby",
        "postgres://samsyn:hemligt@one,/samsyn",
        "postgresx://samsyn:hemligt@one/samsyn",
    ] {
        let sentence = told(url).unwrap_err();
        assert!(sentence.starts_with("database_url: ") && !sentence.contains("hemligt"), "{sentence}");
    }
}

/// Only on PostgreSQL: `SQLite` has no table locks, and its readers never wait.
#[test]
fn abuse_144_a_locked_table_stops_no_call_that_does_not_need_it() {
    let settings = "database_wait_seconds = 3\ndatabase_lock_seconds = 1\n";
    let Some(app) = TestApp::start_with(Database::Postgres, settings) else { return };
    let admin = app.user(Role::Admin, None);
    let lock = Lock::by(&app.url, &LOCKED);
    thread::scope(|scope| {
        let admin = &admin;
        let waiting: Vec<_> = (0..30)
            .flat_map(|_| [scope.spawn(move || admin.post("/actors", &actor())), scope.spawn(move || admin.get("/actors"))])
            .collect();
        for _ in 0..10 {
            let started = now();
            admin.get("/me").is(200);
            admin.get("/codelists").is(200);
            assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        }
        for answer in waiting {
            assert_eq!(answer.join().unwrap().is(503).header("retry-after"), Some("1"));
        }
    });
    drop(lock);
    waited("the table", || admin.get("/actors").status == 200);
    admin.post("/actors", &actor()).is(201);
}

#[test]
fn abuse_144_what_nobody_waits_for_is_no_longer_done() {
    // With these settings neither the lock nor the statement times out by itself.
    let Some(app) = TestApp::start_with(Database::Postgres, "database_lock_seconds = 0\n") else { return };
    let admin = app.user(Role::Admin, None);
    let _lock = Lock::by(&app.url, &LOCKED);
    let waiting = || {
        app.rows("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'samsyn' AND wait_event_type = 'Lock'")
            .len()
    };
    let token = admin.header("Authorization").unwrap();
    let body = actor().to_string();
    let call = format!(
        "POST /samsyn/v1/actors HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut caller = TcpStream::connect(app.address).unwrap();
    caller.write_all(call.as_bytes()).unwrap();
    waited("the statement", || waiting() == 1);
    let hung_up = now();
    drop(caller);
    waited("the statement's end", || waiting() == 0);
    assert!(hung_up.elapsed() < Duration::from_secs(20), "{:?}", hung_up.elapsed());
}

#[rstest]
fn abuse_144_a_call_that_takes_too_long_is_broken_off(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start_with(database, "call_seconds = 1\ndatabase_lock_seconds = 0\n") else { return };
    let admin = app.user(Role::Admin, None);
    let lock = match database {
        Database::Sqlite => Lock::by(&app.url, &["BEGIN IMMEDIATE"]),
        Database::Postgres => Lock::by(&app.url, &LOCKED),
    };
    let started = now();
    let answer = admin.with("Accept-Language", "en").post("/actors", &actor()).is(503);
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert_eq!((answer.json["code"].as_str(), answer.header("retry-after")), (Some("unavailable"), Some("5")));
    assert!(answer.json["detail"].as_str().unwrap().contains("broken off"), "{}", answer.body);
    // A caller that asks to wait gets the time.
    admin.get("/changes?wait=2").is(200);
    drop(lock);
    waited("the table", || admin.get("/actors").status == 200);
    assert_eq!(admin.get("/actors?q=kommer igen&include=total").is(200).json["total"], json!(0), "what was broken off is not there");
}
