//! Following changes: the feed is filtered, waited for, streamed, kept for a time, and ended when it cannot be continued.

use std::{
    thread,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use rstest::rstest;
use samsyn::{access::policy::Role, exchange::changes};
use serde_json::{Value, json};

use crate::{
    feed_checker::literal,
    harness::{
        Client, Database, TestApp,
        child::{self, Child, with_db},
        id, today,
    },
};

pub fn actor(who: &Client, name: &str, other: &Value) -> String {
    let mut new = json!({"kind": "other", "name": name});
    for (member, value) in other.as_object().unwrap() {
        new[member] = value.clone();
    }
    id(&who.post("/actors", &new).is(201).json)
}

pub fn patch(who: &Client, actor: &str, change: &Value) {
    let path = format!("/actors/{actor}");
    let seen = who.get(&path).is(200);
    who.patch(&path, &seen.etag(), change).is(200);
}

/// Returns the cursor of the end of the feed. The cursor of a list may be a moment earlier.
pub fn feed_end(who: &Client) -> String {
    let list = who.get("/actors?limit=1").is(200).json;
    changes_after(who, list["changeCursor"].as_str().unwrap(), "").1
}

/// Returns all changes after a cursor, and the cursor after them.
pub fn changes_after(who: &Client, cursor: &str, query: &str) -> (Vec<Value>, String) {
    let (mut items, mut cursor) = (Vec::new(), cursor.to_owned());
    loop {
        let page = who.get(&format!("/changes?limit=200&cursor={cursor}{query}")).is(200).json;
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        page["nextCursor"].as_str().unwrap().clone_into(&mut cursor);
        if page["hasMore"] == false {
            return (items, cursor);
        }
    }
}

pub fn records_and_ops(items: &[Value]) -> Vec<(String, String)> {
    items.iter().map(|item| (id(item), item["op"].as_str().unwrap().to_owned())).collect()
}

pub fn one_change(actor: &str, op: &str) -> Vec<(String, String)> {
    vec![(actor.to_owned(), op.to_owned())]
}

/// Repeats the check until it holds, or fails after a time limit.
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    #[expect(clippy::disallowed_methods, reason = "what never comes must not be waited for")]
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
        thread::yield_now();
    }
}

#[rstest]
fn the_feed_is_narrowed_by_kind_and_by_area(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let answer = admin.get("/changes?types=actor,actr").is(400);
    assert_eq!(answer.faults(), ["types not-in-list"]);
    assert!(answer.body.contains("Menade du actor?"), "{}", answer.body);
    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
    assert_eq!(admin.get(&format!("/changes?area={unknown}")).is(400).faults(), ["area not-found"]);

    let (county, botkyrka, malmo) = (app.area("01"), app.area("0127"), app.area("1280"));
    let from = feed_end(&admin);
    let stays = actor(&admin, "I Botkyrka", &json!({"seatAreaId": botkyrka}));
    let moves = actor(&admin, "Till Malmö", &json!({"seatAreaId": botkyrka}));
    let serves = actor(&admin, "Verkar i Malmö", &json!({"areasServed": [malmo]}));
    actor(&admin, "Ingenstans", &json!({}));
    patch(&admin, &moves, &json!({"seatAreaId": malmo}));
    let changed = |area: &str| -> Vec<String> { changes_after(&admin, &from, &format!("&area={area}")).0.iter().map(id).collect() };
    let in_botkyrka = [&stays, &moves, &moves].map(Clone::clone);
    assert_eq!(changed(&botkyrka), in_botkyrka, "who leaves an area concerns it once more");
    assert_eq!(changed(&county), in_botkyrka);
    assert_eq!(changed(&malmo), [serves, moves]);
    assert_eq!(changes_after(&admin, &from, &format!("&area={malmo}&types=mandate")).0, [json!(null); 0]);
}

#[rstest]
fn a_call_waits_for_what_happens_at_another_instance(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let other = TestApp::on(&app.url, 2_000_000);
    let here_admin = app.user(Role::Admin, None);
    let there = here_admin.at(other.address);
    let from = feed_end(&here_admin);
    let (empty, _) = changes_after(&here_admin, &from, "&wait=0");
    assert!(empty.is_empty());
    let waiting = here_admin.clone();
    let path = format!("/changes?types=actor&wait=30&cursor={from}");
    let waits = thread::spawn(move || waiting.get(&path).is(200).json);
    thread::sleep(Duration::from_millis(200));
    #[expect(clippy::disallowed_methods, reason = "how long the waiter waits is what is tested")]
    let written = Instant::now();
    let new = actor(&there, "Skriven där", &json!({}));
    let page = waits.join().unwrap();
    assert_eq!(records_and_ops(page["items"].as_array().unwrap()), one_change(&new, "upsert"));
    assert!(written.elapsed() < Duration::from_secs(10), "answered when it happened and not at the end");
    assert_eq!(here_admin.get("/changes?wait=31").is(400).faults(), ["wait too-large"]);
}

#[rstest]
fn changes_are_streamed_and_go_on_where_the_stream_was_cut(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let settings = "cors_origins = [\"https://app.example.se\"]\nfollowers_per_caller = 2\n";
    let Some(app) = TestApp::start_with(database, settings) else { return };
    let admin = app.user(Role::Admin, None);
    let from = feed_end(&admin);
    let page = admin.with("Origin", "https://app.example.se").with("Accept-Encoding", "gzip, br");
    let mut stream = page.stream(&format!("/changes?types=actor&cursor={from}")).unwrap_or_else(|_| panic!("no stream"));
    let head = stream.head.to_ascii_lowercase();
    for header in [
        "content-type: text/event-stream",
        "cache-control: no-cache",
        "x-accel-buffering: no",
        "access-control-allow-origin: https://app.example.se",
    ] {
        assert!(head.contains(header), "{header} is not in {head}");
    }
    assert!(!head.contains("content-encoding"), "{head}");
    assert!(!stream.event().unwrap().id.is_empty(), "the place is told at once");
    let first = actor(&admin, "Först i strömmen", &json!({}));
    let event = stream.change().unwrap();
    assert_eq!((id(&event.data), event.data["op"].as_str()), (first.clone(), Some("upsert")));

    // As many streams as are allowed, and one more. A place is free again when a follower disconnects.
    let second = admin.stream("/changes").unwrap_or_else(|_| panic!("no second stream"));
    let refused = admin.stream("/changes").err().flatten().unwrap();
    assert_eq!((refused.status, refused.json["code"].as_str()), (429, Some("too-many-requests")));
    assert!(refused.header("Retry-After").is_some());
    admin.get("/changes?limit=1").is(200);
    assert_eq!(admin.get(&format!("/changes?wait=30&types=mandate&cursor={from}")).status, 429);
    drop((stream, second));
    let missed = actor(&admin, "Missad", &json!({}));
    wait_until("the place is never given back", || {
        actor(&admin, "Så att det märks", &json!({}));
        admin.stream(&format!("/changes?cursor={from}")).is_ok()
    });
    let mut again = None;
    wait_until("the stream does not go on", || {
        again = admin.with("Last-Event-ID", &event.id).stream(&format!("/changes?types=actor&cursor={from}")).ok();
        again.is_some()
    });
    assert_eq!(id(&again.unwrap().change().unwrap().data), missed, "after the last event and not from the cursor");

    let preflight = app.anybody().with("Origin", "https://app.example.se").with("Access-Control-Request-Method", "GET");
    let leave = preflight.call("OPTIONS", "/changes", None).is(204);
    assert!(leave.header("Access-Control-Allow-Headers").unwrap().contains("Last-Event-ID"));
    for cursor in ["made-up", "påhittad"] {
        assert_eq!(admin.with("Last-Event-ID", cursor).stream("/changes").err().flatten().unwrap().json["code"], "invalid-cursor");
    }
}

#[rstest]
fn old_changes_are_removed_and_who_was_away_is_told_to_begin_anew(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let first = admin.get("/changes?limit=1").is(200).json;
    assert_eq!(first["items"][0]["position"], 1);
    let old = feed_end(&admin);
    actor(&admin, "Förr", &json!({}));
    actor(&admin, "Nyss", &json!({}));
    changes_after(&admin, &old, "");

    // After the retention time only the newest change is left, because positions are counted from it.
    let later = TestApp::at_with(today() + TimeDelta::days(40), &app.url, 3_000_000, "feed_days = 30\n");
    wait_until("old changes are never removed", || {
        later.rows("SELECT count(*) AS kept FROM event")[0].try_get::<i64>("", "kept").unwrap() == 1
    });
    for cursor in [&old, first["nextCursor"].as_str().unwrap()] {
        let gone = admin.get(&format!("/changes?cursor={cursor}")).is(410);
        assert_eq!((gone.json["code"].as_str(), gone.faults()), (Some("expired"), vec!["cursor too-old".to_owned()]));
        assert_eq!(gone.header("Link"), Some("</samsyn/v1/actors>; rel=\"collection\""));
    }
    let kept = admin.get("/changes").is(200).json;
    assert_eq!(kept["items"].as_array().unwrap().len(), 1, "without a cursor the feed begins with what is kept");
    let next = actor(&admin, "Sedan", &json!({}));
    let (items, _) = changes_after(&admin, kept["nextCursor"].as_str().unwrap(), "");
    assert_eq!(records_and_ops(&items), one_change(&next, "upsert"));
    assert_eq!(items[0]["position"].as_i64(), kept["items"][0]["position"].as_i64().map(|last| last + 1));
}

#[rstest]
fn a_restored_database_ends_the_cursors_of_its_other_life(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let before = feed_end(&admin);
    actor(&admin, "Glöms", &json!({}));
    let (_, ahead) = changes_after(&admin, &before, "");
    app.execute("DELETE FROM event WHERE position = (SELECT max(position) FROM event)");
    let refused = |cursor: &str| {
        let answer = admin.get(&format!("/changes?cursor={cursor}")).is(410);
        assert!(answer.header("Link").is_some() && answer.body.contains("changeCursor"));
        answer.faults()
    };
    assert_eq!(refused(&ahead), ["cursor ahead"]);
    admin.get(&format!("/changes?cursor={before}")).is(200);
    assert_eq!(with_db(&app.url, false, async |db| changes::begin_epoch(db).await.unwrap()), 2);
    assert_eq!(refused(&before), ["cursor epoch-changed"]);
    let stream = admin.with("Last-Event-ID", &before).stream("/changes").err().flatten().unwrap();
    assert_eq!(stream.status, 410, "a stream is refused like a call");
    let restarted = TestApp::on(&app.url, 2_000_000);
    feed_end(&admin.at(restarted.address));
}

#[rstest]
fn one_call_looks_only_so_far(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, reader) = (app.user(Role::Admin, None), app.user(Role::Reader, Some(("area", &app.area("0127")))));
    let from = feed_end(&reader);
    let hidden = actor(&admin, "Skrivs om och om igen", &json!({"visibility": "actor"}));
    let hidden = literal(&hidden, database);
    app.execute(&format!(
        "WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 6000) \
         INSERT INTO event (entity_kind, entity_id, op, version, changed_at, changed_by_name, visibility, actor_id) \
         SELECT entity_kind, entity_id, op, n + 1, changed_at, changed_by_name, visibility, actor_id FROM many \
         CROSS JOIN (SELECT * FROM event WHERE entity_id = {hidden}) AS one ORDER BY n"
    ));
    let public = actor(&admin, "Syns", &json!({}));
    let page = reader.get(&format!("/changes?cursor={from}")).is(200).json;
    assert_eq!((&page["items"], &page["hasMore"]), (&json!([]), &json!(true)), "an empty piece is no end");
    let (items, _) = changes_after(&reader, page["nextCursor"].as_str().unwrap(), "");
    assert_eq!(records_and_ops(&items), one_change(&public, "upsert"));
}

#[rstest]
fn a_service_that_stops_lets_nobody_wait(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(url) = crate::harness::empty(database) else { return };
    child::migrate(&url);
    child::admin(&url);
    let service = Child::start(&url, "stop_seconds = 60");
    let admin = Client::new(service.address).with_token(&child::token(service.address));
    let mut stream = admin.stream("/changes").unwrap_or_else(|_| panic!("no stream"));
    while stream.event().unwrap().name == "change" {}
    let waiting = admin.clone();
    let path = format!("/changes?wait=30&cursor={}", feed_end(&admin));
    let waits = thread::spawn(move || waiting.get(&path).is(200).json);
    // The call must have begun to wait before the service stops, also on a busy machine.
    thread::sleep(Duration::from_secs(2));
    #[expect(clippy::disallowed_methods, reason = "that stopping does not take long is what is tested")]
    let asked = Instant::now();
    service.stop();
    assert_eq!(waits.join().unwrap()["items"], json!([]));
    while stream.event().is_some() {}
    assert!(asked.elapsed() < Duration::from_secs(25), "nobody was waited for: {:?}", asked.elapsed());
}
