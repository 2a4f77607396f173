//! Helpers for tests of imports: they send a file, wait for its job, and read the outcomes of its rows.

use std::{fs::File, io::Write, sync::Arc, thread};

use chrono::TimeDelta;
use samsyn::{
    access::{Access, Caller, policy::Role},
    exchange::imports::{Order, headings::FileContext, mapping::Mapping},
    intake::{formats::Format, headings::ChosenMeanings, spool::intake, store, worker::Worker},
    kernel::{Db, clock::Clock, id::Ids, request::Call},
    registry::actors::ActorKind,
};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::harness::{Client, Database, TestApp, config_of, empty, id, prepare, settings_of, today};

/// Waits until a job has ended, without using ids that the calls of a test would get.
#[track_caller]
pub fn wait(who: &Client, path: &str) -> Value {
    #[expect(clippy::disallowed_methods, reason = "a job that never ends must not be waited for")]
    let started = std::time::Instant::now();
    let who = who.with("X-Request-Id", "waiting-for-a-job");
    loop {
        let job = who.get(path).is(200).json;
        if !job["finishedAt"].is_null() {
            return job;
        }
        assert!(started.elapsed().as_secs() < 120, "the job does not end: {job}");
        thread::yield_now();
    }
}

#[track_caller]
pub fn import_as(who: &Client, query: &str, media_type: &str, file: &[u8]) -> (String, Value) {
    let accepted = who.call("POST", &format!("/imports{query}"), Some((media_type, file))).is(202);
    let path = format!("/imports/{}", id(&accepted.json));
    assert_eq!(accepted.header("location"), Some(format!("/samsyn/v1{path}").as_str()));
    let job = wait(who, &path);
    let sum: i64 = ["created", "updated", "unchanged", "held", "refused"].iter().map(|count| job[*count].as_i64().unwrap()).sum();
    if job["status"] == "completed" {
        assert_eq!((job["processed"].as_i64(), job["total"].as_i64()), (Some(sum), Some(sum)), "{job}");
    }
    (path, job)
}

#[track_caller]
pub fn import(who: &Client, query: &str, csv: &str) -> (String, Value) {
    import_as(who, query, "text/csv", csv.as_bytes())
}

/// Returns the listed rows of a job, each as number, outcome and codes.
pub fn rows(who: &Client, path: &str) -> Vec<String> {
    let told = |row: &Value| {
        let codes = row["errors"].as_array().unwrap().iter();
        let codes: Vec<_> = codes
            .map(|fault| {
                format!(
                    "{} {}",
                    fault["column"].as_str().or(fault["pointer"].as_str()).unwrap_or_default(),
                    fault["code"].as_str().unwrap()
                )
            })
            .collect();
        format!("{} {} {}", row["row"], row["outcome"].as_str().unwrap(), codes.join(", ")).trim().to_owned()
    };
    who.get(&format!("{path}/rows?limit=200")).is(200).json["items"].as_array().unwrap().iter().map(told).collect()
}

pub fn source(who: &Client, name: &str) -> String {
    let owned = ["name", "website", "focus", "identifiers", "seatAreaId", "targetGroups", "parentId", "contactPoints"];
    id(&who.post("/sources", &json!({"actorId": null, "name": name, "idScheme": name, "ownedFields": owned})).is(201).json)
}

pub fn found(who: &Client, name: &str) -> Vec<Value> {
    let page = who.get(&format!("/actors?q={}&limit=200", crate::harness::escaped(name))).is(200);
    page.json["items"].as_array().unwrap().clone()
}

/// Returns the number of recorded changes, including those without a position in the feed.
pub fn events(app: &TestApp) -> i64 {
    counted(app, "SELECT COUNT(*) AS rows_found FROM event")
}

pub fn counted(app: &TestApp, select: &'static str) -> i64 {
    let (settings, (send, receive)) = (settings_of(&app.url), std::sync::mpsc::channel());
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let db = Db::open(&settings, samsyn::records::ALL, false, Clock::Fixed(today()), Ids::counted_from(900_000)).await.unwrap();
            let count = Statement::from_string(db.backend(), select);
            let row = db.reader().query_one_raw(count).await.unwrap().unwrap();
            send.send(row.try_get("", "rows_found").unwrap()).unwrap();
            db.close().await;
        });
    });
    receive.recv().unwrap()
}

/// Encodes a text as windows-1252; `None` when it has letters that the encoding lacks.
pub fn windows(text: &str) -> Option<Vec<u8>> {
    let byte = |letter| {
        if letter == '€' { Some(0x80) } else { u8::try_from(u32::from(letter)).ok().filter(|byte| !(0x80..0xA0).contains(byte)) }
    };
    text.chars().map(byte).collect()
}

/// Returns the messages of all listed faults.
pub fn details(who: &Client, path: &str) -> Vec<String> {
    let page = who.get(&format!("{path}/rows?limit=200")).is(200).json;
    let faults = page["items"].as_array().unwrap().iter().flat_map(|row| row["errors"].as_array().unwrap());
    faults.map(|fault| fault["detail"].as_str().unwrap().to_owned()).collect()
}

/// Returns a file with this content.
pub fn file(text: &str) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// Returns a database of its own with two admins and no running service.
pub fn alone(database: Database) -> Option<(String, String)> {
    let url = empty(database)?;
    prepare(&url);
    let app = TestApp::on(&url, 1_000_000);
    let admin = app.user(Role::Admin, None);
    app.user(Role::Admin, None);
    let user = admin.get("/me").is(200).json["user"]["id"].as_str().unwrap().to_owned();
    Some((url, user))
}

/// Runs work on a database while no service runs on it.
pub fn with_db(url: &str, now: TimeDelta, first_id: u64, work: impl AsyncFnOnce(&Db, &Access, Worker) + Send + 'static) {
    let settings = settings_of(url);
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let db =
                Db::open(&settings, samsyn::records::ALL, false, Clock::Fixed(today() + now), Ids::counted_from(first_id)).await.unwrap();
            let access = Access::load(config_of("").tokens(), &db).await.unwrap();
            let contract = Arc::clone(&crate::contract::COMPILED);
            work(&db, &access, Worker::new(contract, config_of("import_rows = 2000").imports(), samsyn::app::targets())).await;
            db.close().await;
        });
    })
    .join()
    .unwrap();
}

/// Queues a job with `total` rows, processes one piece of it, and stops without releasing it.
pub fn die_in_the_middle(url: &str, user: &str, total: usize) {
    let user = user.parse().unwrap();
    with_db(url, TimeDelta::zero(), 700_000, async move |db, access, worker| {
        let csv = (0..total).fold("namn;typ\n".to_owned(), |csv, number| csv + &format!("Förening {number};förening\n"));
        let known = FileContext { kind: None, from_source: false, today: today().date_naive(), columns: ChosenMeanings::default() };
        let read = intake(Format::Csv, Arc::new(file(&csv)), Mapping::new(known), &worker.room().bounds).await.unwrap();
        let caller = Caller { user: Some(user), ..Caller::default() };
        let order = Order { source: None, kind: Some(ActorKind::Association), full: false, dry_run: false };
        let id = store::stage(&read, db).await.unwrap();
        let job = db
            .transaction(&Call::of_installation(), async |w| store::insert(id, order.to_stored()?, &read, &caller, w).await)
            .await
            .unwrap();
        assert!(worker.step(&job, access, db).await.unwrap());
    });
}
