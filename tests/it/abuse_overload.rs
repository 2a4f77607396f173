//! More calls than the service can answer, and a service that is stopped: begun calls are carried out, the others are
//! refused clearly.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use rstest::rstest;
use samsyn::access::policy::Role;
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::json;

use crate::harness::{
    Answer, Database, TestApp,
    child::{self, Child},
    empty, raw, settings_of, waited,
};

/// The present value of a metric.
fn measured(app: &TestApp, name: &str) -> f64 {
    let answer = raw(app.metrics.unwrap(), b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").is(200);
    let line = answer.body.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_else(|| panic!("no {name}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

fn metric_is(app: &TestApp, name: &str, count: u32) -> bool {
    (measured(app, name) - f64::from(count)).abs() < 0.5
}

/// Blocks all writers of the database. The returned function releases them.
fn hold_writers(url: &str) -> impl FnOnce() {
    let (settings, (held, is_held), (let_go, go)) = (settings_of(url), std::sync::mpsc::channel(), std::sync::mpsc::channel::<()>());
    let holding = thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let options = sea_orm::ConnectOptions::new(settings.url).max_connections(1).to_owned();
            let db = sea_orm::Database::connect(options).await.unwrap();
            let sqlite = db.get_database_backend() == sea_orm::DbBackend::Sqlite;
            if sqlite {
                db.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
                held.send(()).unwrap();
                let _ = go.recv();
                db.execute_unprepared("ROLLBACK").await.unwrap();
            } else {
                let tx = db.begin().await.unwrap();
                tx.execute_unprepared("LOCK TABLE actor IN EXCLUSIVE MODE").await.unwrap();
                held.send(()).unwrap();
                let _ = go.recv();
                tx.rollback().await.unwrap();
            }
            db.close().await.unwrap();
        });
    });
    is_held.recv().unwrap();
    move || {
        drop(let_go);
        holding.join().unwrap();
    }
}

#[rstest]
fn abuse_145_more_calls_than_can_be_answered_are_refused_at_once(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let settings = "calls_at_once = 1\ncalls_waiting = 1\ncall_wait_milliseconds = 60000\nmetrics_listen = \"127.0.0.1:0\"\n";
    let Some(app) = TestApp::start_with(database, settings) else { return };
    let admin = app.user(Role::Admin, None);
    let let_go = hold_writers(&app.url);
    let create = |name: &str| {
        let (admin, new) = (admin.clone(), json!({"kind": "association", "name": name}));
        thread::spawn(move || admin.post("/actors", &new))
    };
    let first = create("Den första");
    waited("a call under way", || metric_is(&app, "samsyn_calls_under_way", 1));
    let second = create("Den andra");
    waited("a call that waits", || metric_is(&app, "samsyn_calls_waiting", 1));
    // One more call is refused, whatever it asks for, before its body has arrived.
    let refused: Vec<Answer> = vec![
        admin.get("/actors?limit=1"),
        admin.with("Accept-Encoding", "gzip").get("/openapi.json"),
        app.anybody().get("/nowhere"),
        raw(app.address, b"POST /samsyn/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n"),
    ];
    for answer in refused {
        let answer = answer.is(503);
        assert_eq!((answer.json["code"].as_str(), answer.header("retry-after")), (Some("unavailable"), Some("1")));
        assert!(answer.json["detail"].as_str().unwrap().starts_with("Så många anrop kommer just nu"), "{}", answer.body);
    }
    // Operators can still read the health of the service.
    for path in ["/health/live", "/health/ready"] {
        app.anybody().get(path).is(200);
    }
    let_go();
    first.join().unwrap().is(201);
    second.join().unwrap().is(201);
    assert_eq!(admin.get("/actors?q=Den+andra").is(200).json["items"].as_array().map(Vec::len), Some(1));
    assert!(metric_is(&app, "samsyn_calls_under_way", 0) && metric_is(&app, "samsyn_calls_waiting", 0));
}

#[rstest]
fn abuse_145_what_takes_long_takes_no_place_from_what_does_not(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let settings = "calls_at_once = 1\ncalls_waiting = 0\nfollowers_per_caller = 1\nmetrics_listen = \"127.0.0.1:0\"\n";
    let Some(app) = TestApp::start_with(database, settings) else { return };
    let admin = app.user(Role::Admin, None);
    let reader = app.user(Role::Reader, None);
    let latest = crate::abuse_durability::feed_end(&admin);
    let waits = format!("/changes?wait=30&cursor={latest}");
    let waiting = thread::spawn({
        let (admin, path) = (admin.clone(), waits.clone());
        // Tries until it is let in, because another call may hold the place for a moment.
        move || loop {
            let answer = admin.get(&path);
            if !matches!(answer.status, 429 | 503) {
                return answer;
            }
        }
    });
    // When a second call of the caller is refused, the first one is waiting.
    waited("one who waits for a change", || admin.get(&format!("/changes?wait=1&cursor={latest}")).status == 429);
    let mut events = reader.stream(&format!("/changes?cursor={latest}")).unwrap();
    // Each of these holds the single place only while it begins.
    let mut new = Vec::new();
    let mut imported = String::new();
    waited("an import that found the place free", || {
        let token = admin.header("Authorization").unwrap();
        let head =
            format!("POST /samsyn/v1/imports?kind=association HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {token}\r\n");
        let mut arriving = TcpStream::connect(app.address).unwrap();
        write!(arriving, "{head}Content-Type: text/csv\r\nContent-Length: 24\r\n\r\nname;kind\r\n").unwrap();
        waited("the one place", || {
            let name = format!("Ny {}", new.len());
            let answer = admin.post("/actors", &json!({"kind": "association", "name": name, "visibility": "public"}));
            let is_in = answer.status != 503;
            new.extend(is_in.then(|| answer.is(201)));
            is_in
        });
        imported.clear();
        // If it was a moment too early, it has been refused already.
        let _ = arriving.write_all(b"X;association\n");
        let _ = arriving.read_to_string(&mut imported);
        !imported.is_empty() && !imported.starts_with("HTTP/1.1 503")
    });
    assert!(imported.starts_with("HTTP/1.1 202") || imported.starts_with("HTTP/1.1 4"), "{imported}");
    assert!(metric_is(&app, "samsyn_calls_under_way", 0));
    let seen = waiting.join().unwrap().is(200);
    assert_eq!(seen.json["items"][0]["id"], new[0].json["id"]);
    assert_eq!(events.change().unwrap().data["id"], new[0].json["id"]);
}

#[rstest]
fn abuse_146_who_stops_tells_first_and_cuts_nothing_off(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(url) = empty(database) else { return };
    child::migrate(&url);
    child::admin(&url);
    let child = Child::start_with_signals(&url, "stop_delay_milliseconds = 600000\nstop_seconds = 60\nrate_address_per_minute = 0\n");
    let address = child.address;
    let read = |stream: &mut TcpStream| {
        let mut received = String::new();
        let outcome = stream.read_to_string(&mut received);
        (received, outcome.is_ok())
    };
    let connected = || {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        stream
    };
    // One call whose body has not arrived, and a connection that is kept open after its response.
    let body = json!({"email": "admin@example.se", "password": crate::harness::PASSWORD}).to_string();
    let mut slow = connected();
    let head =
        format!("POST /samsyn/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    slow.write_all(head.as_bytes()).unwrap();
    let mut kept = connected();
    let live = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    kept.write_all(live).unwrap();
    let mut first = [0; 15];
    kept.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");

    child.signal("TERM");
    // Readiness reports it. Calls are still answered, but no connection is kept open.
    let ready = || raw(address, b"GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n");
    waited("that it is about to stop", || {
        let mut stream = connected();
        stream.write_all(b"GET /health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        read(&mut stream).0.starts_with("HTTP/1.1 503")
    });
    assert_eq!(ready().is(503).header("connection"), Some("close"));
    let answer = raw(address, b"GET /samsyn/v1/api-info HTTP/1.1\r\nHost: x\r\n\r\n").is(200);
    assert_eq!(answer.header("connection"), Some("close"));
    kept.write_all(live).unwrap();
    let (received, closed) = read(&mut kept);
    assert!(closed && received.contains("HTTP/1.1 200 OK") && received.contains("connection: close"), "{received}");

    // A second signal shortens the wait: the service stops listening, and the present call is carried out.
    child.signal("TERM");
    waited("that it listens no more", || TcpStream::connect(address).is_err());
    slow.write_all(body.as_bytes()).unwrap();
    let (received, closed) = read(&mut slow);
    assert!(closed && received.starts_with("HTTP/1.1 201") && received.contains("accessToken"), "{received}");
    child.ended();
}
