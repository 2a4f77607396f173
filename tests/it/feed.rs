//! Following changes: narrowed, waited for, streamed, kept for a while, and ended where the feed does not go on.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use rstest::rstest;
use samsyn::{
    access::{Visibility, policy::Role},
    exchange::changes,
    kernel::{
        Id,
        events::{Change, ChangeOperation},
        request::Call,
    },
};
use serde_json::{Value, json};

use crate::{
    feed_checker::{Dice, literal},
    harness::{
        Client, Database, TestApp,
        child::{self, Child, with_db},
        id,
        receiver::Receiver,
        today,
    },
    webhooks::hook,
};

fn actor(who: &Client, name: &str, other: &Value) -> String {
    let mut new = json!({"kind": "other", "name": name});
    for (member, value) in other.as_object().unwrap() {
        new[member] = value.clone();
    }
    id(&who.post("/actors", &new).is(201).json)
}

fn patch(who: &Client, actor: &str, change: &Value) {
    let path = format!("/actors/{actor}");
    let seen = who.get(&path).is(200);
    who.patch(&path, &seen.etag(), change).is(200);
}

/// Where the feed is now. A list's own place may lie a moment before it.
fn here(who: &Client) -> String {
    let list = who.get("/actors?limit=1").is(200).json;
    after(who, list["changeCursor"].as_str().unwrap(), "").1
}

/// All that comes after a place: the records with what happened to each, and where to go on.
pub fn after(who: &Client, cursor: &str, query: &str) -> (Vec<Value>, String) {
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

fn told(items: &[Value]) -> Vec<(String, String)> {
    items.iter().map(|item| (id(item), item["op"].as_str().unwrap().to_owned())).collect()
}

fn one(actor: &str, op: &str) -> Vec<(String, String)> {
    vec![(actor.to_owned(), op.to_owned())]
}

/// Asks again until it is so.
fn in_time(what: &str, mut is: impl FnMut() -> bool) {
    #[expect(clippy::disallowed_methods, reason = "what never comes must not be waited for")]
    let started = Instant::now();
    while !is() {
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
    let from = here(&admin);
    let stays = actor(&admin, "I Botkyrka", &json!({"seatAreaId": botkyrka}));
    let moves = actor(&admin, "Till Malmö", &json!({"seatAreaId": botkyrka}));
    let serves = actor(&admin, "Verkar i Malmö", &json!({"areasServed": [malmo]}));
    actor(&admin, "Ingenstans", &json!({}));
    patch(&admin, &moves, &json!({"seatAreaId": malmo}));
    let changed = |area: &str| -> Vec<String> { after(&admin, &from, &format!("&area={area}")).0.iter().map(id).collect() };
    let in_botkyrka = [&stays, &moves, &moves].map(Clone::clone);
    assert_eq!(changed(&botkyrka), in_botkyrka, "who leaves an area concerns it once more");
    assert_eq!(changed(&county), in_botkyrka);
    assert_eq!(changed(&malmo), [serves, moves]);
    assert_eq!(after(&admin, &from, &format!("&area={malmo}&types=mandate")).0, [json!(null); 0]);
}

#[rstest]
fn who_loses_sight_of_a_record_is_told_that_it_is_gone(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, reader) = (app.user(Role::Admin, None), app.user(Role::Reader, Some(("area", &app.area("0127")))));
    let hides = actor(&admin, "Drar sig undan", &json!({}));
    let never = actor(&admin, "Alltid för sig själv", &json!({"visibility": "actor"}));
    let survivor = actor(&admin, "Går upp i detta", &json!({"visibility": "actor"}));
    let open = actor(&admin, "Går upp öppet", &json!({}));
    let (from, before) = (here(&admin), here(&reader));
    assert_eq!(after(&reader, &before, "").0, [json!(null); 0]);
    patch(&admin, &hides, &json!({"visibility": "actor"}));
    patch(&admin, &never, &json!({"focus": "x"}));
    let (items, reader_at) = after(&reader, &before, "");
    assert_eq!(told(&items), one(&hides, "delete"));
    assert_eq!((&items[0]["version"], &items[0]["changedBy"]), (&json!(2), &Value::Null), "by whom is now its own");
    let (items, admin_at) = after(&admin, &from, "");
    assert_eq!(told(&items), [one(&hides, "upsert"), one(&never, "upsert")].concat());

    // What became part of something that one may not see is gone as well.
    for into in [&survivor, &open] {
        let (gone, into) = (id(&json!({"id": actor(&admin, "Går upp", &json!({}))})), into.clone());
        with_db(&app.url, false, async move |db| {
            let ids = [&gone, &into].map(|id| serde_json::from_value::<Id<()>>(json!(id)).unwrap().uuid());
            db.transaction(&Call::of_installation(), async |w| {
                let mut change = Change::new("actor", ids[0], ChangeOperation::Merge, 2, Visibility::Public.of(None, Some(ids[0])));
                change.merged_into = Some(ids[1]);
                w.record(change);
                Ok(())
            })
            .await
            .unwrap();
        });
    }
    let ops = |items: &[Value]| -> Vec<Value> {
        items.iter().filter(|item| item["version"] == 2).map(|item| json!([item["op"], item["mergedInto"]])).collect()
    };
    assert_eq!(ops(&after(&reader, &reader_at, "").0), [json!(["delete", null]), json!(["merge", open])]);
    assert_eq!(ops(&after(&admin, &admin_at, "").0), [json!(["merge", survivor]), json!(["merge", open])]);
}

#[rstest]
fn a_call_waits_for_what_happens_at_another_instance(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let other = TestApp::on(&app.url, 2_000_000);
    let here_admin = app.user(Role::Admin, None);
    let there = here_admin.at(other.address);
    let from = here(&here_admin);
    let (empty, _) = after(&here_admin, &from, "&wait=0");
    assert!(empty.is_empty());
    let waiting = here_admin.clone();
    let path = format!("/changes?types=actor&wait=30&cursor={from}");
    let waits = thread::spawn(move || waiting.get(&path).is(200).json);
    thread::sleep(Duration::from_millis(200));
    #[expect(clippy::disallowed_methods, reason = "how long the waiter waits is what is tested")]
    let written = Instant::now();
    let new = actor(&there, "Skriven där", &json!({}));
    let page = waits.join().unwrap();
    assert_eq!(told(page["items"].as_array().unwrap()), one(&new, "upsert"));
    assert!(written.elapsed() < Duration::from_secs(10), "answered when it happened and not at the end");
    assert_eq!(here_admin.get("/changes?wait=31").is(400).faults(), ["wait too-large"]);
}

#[rstest]
fn changes_are_streamed_and_go_on_where_the_stream_was_cut(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let settings = "cors_origins = [\"https://app.example.se\"]\nfollowers_per_caller = 2\n";
    let Some(app) = TestApp::start_with(database, settings) else { return };
    let admin = app.user(Role::Admin, None);
    let from = here(&admin);
    let page = admin.with("Origin", "https://app.example.se").with("Accept-Encoding", "gzip, br");
    let mut stream = page.stream(&format!("/changes?types=actor&cursor={from}")).unwrap_or_else(|_| panic!("no stream"));
    let head = stream.head.to_ascii_lowercase();
    for header in [
        "content-type: text/event-stream",
        "cache-control: no-cache",
        "x-accel-buffering: no",
        "content-encoding: identity",
        "access-control-allow-origin: https://app.example.se",
    ] {
        assert!(head.contains(header), "{header} is not in {head}");
    }
    assert!(!stream.event().unwrap().id.is_empty(), "the place is told at once");
    let first = actor(&admin, "Först i strömmen", &json!({}));
    let event = stream.change().unwrap();
    assert_eq!((id(&event.data), event.data["op"].as_str()), (first.clone(), Some("upsert")));

    // As many as may, and one more; a place is given back when the follower is gone.
    let second = admin.stream("/changes").unwrap_or_else(|_| panic!("no second stream"));
    let refused = admin.stream("/changes").err().flatten().unwrap();
    assert_eq!((refused.status, refused.json["code"].as_str()), (429, Some("too-many-requests")));
    assert!(refused.header("Retry-After").is_some());
    admin.get("/changes?limit=1").is(200);
    assert_eq!(admin.get(&format!("/changes?wait=30&types=mandate&cursor={from}")).status, 429);
    drop((stream, second));
    let missed = actor(&admin, "Missad", &json!({}));
    in_time("the place is never given back", || {
        actor(&admin, "Så att det märks", &json!({}));
        admin.stream(&format!("/changes?cursor={from}")).is_ok()
    });
    let mut again = None;
    in_time("the stream does not go on", || {
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
fn abuse_50_a_stream_tells_nothing_that_its_follower_may_no_longer_see(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let own = actor(&admin, "Egen", &json!({"visibility": "actor"}));
    let worker = app.user(Role::Contributor, Some(("actor", &own)));
    let from = here(&worker);
    let follow = || worker.stream(&format!("/changes?types=actor&cursor={from}")).unwrap_or_else(|_| panic!("no stream"));
    let mut stream = follow();
    patch(&admin, &own, &json!({"focus": "ett"}));
    assert_eq!(id(&stream.change().unwrap().data), own);
    // The grant is taken back while the stream is open; what happens then is not told, what is public is.
    let grant = id(&worker.get("/me").is(200).json["grants"][0]);
    let tag = admin.get(&format!("/grants/{grant}")).is(200).etag();
    admin.delete(&format!("/grants/{grant}"), &tag).is(204);
    patch(&admin, &own, &json!({"focus": "två"}));
    let public = actor(&admin, "Öppen för alla", &json!({}));
    assert_eq!(id(&stream.change().unwrap().data), public);
    // And with the session the stream itself ends.
    worker.delete("/sessions/current", "*").is(204);
    actor(&admin, "Efter utloggningen", &json!({}));
    assert_eq!(stream.change(), None);
}

#[rstest]
fn old_changes_are_removed_and_who_was_away_is_told_to_begin_anew(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let first = admin.get("/changes?limit=1").is(200).json;
    assert_eq!(first["items"][0]["position"], 1);
    let old = here(&admin);
    actor(&admin, "Förr", &json!({}));
    actor(&admin, "Nyss", &json!({}));
    after(&admin, &old, "");

    // More than the kept days later; only the newest is left, for positions count on.
    let later = TestApp::at_with(today() + TimeDelta::days(40), &app.url, 3_000_000, "feed_days = 30\n");
    in_time("old changes are never removed", || {
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
    let (items, _) = after(&admin, kept["nextCursor"].as_str().unwrap(), "");
    assert_eq!(told(&items), one(&next, "upsert"));
    assert_eq!(items[0]["position"].as_i64(), kept["items"][0]["position"].as_i64().map(|last| last + 1));
}

#[rstest]
fn a_restored_database_ends_the_cursors_of_its_other_life(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let before = here(&admin);
    actor(&admin, "Glöms", &json!({}));
    let (_, ahead) = after(&admin, &before, "");
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
    here(&admin.at(restarted.address));
}

#[rstest]
fn one_call_looks_only_so_far(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, reader) = (app.user(Role::Admin, None), app.user(Role::Reader, Some(("area", &app.area("0127")))));
    let from = here(&reader);
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
    let (items, _) = after(&reader, page["nextCursor"].as_str().unwrap(), "");
    assert_eq!(told(&items), one(&public, "upsert"));
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
    let path = format!("/changes?wait=30&cursor={}", here(&admin));
    let waits = thread::spawn(move || waiting.get(&path).is(200).json);
    // It must have begun to wait before the service stops, also on a busy machine.
    thread::sleep(Duration::from_secs(2));
    #[expect(clippy::disallowed_methods, reason = "that stopping does not take long is what is tested")]
    let asked = Instant::now();
    service.stop();
    assert_eq!(waits.join().unwrap()["items"], json!([]));
    while stream.event().is_some() {}
    assert!(asked.elapsed() < Duration::from_secs(25), "nobody was waited for: {:?}", asked.elapsed());
}

/// The pages of a list that was read while others wrote, and the changes from the first page's place on, are what is there.
#[rstest]
fn a_list_and_what_changed_since_are_what_is_there(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let own: Vec<_> = (0..60).map(|number| actor(&admin, &format!("Spegling {number:02}"), &json!({}))).collect();
    let mut copy = std::collections::BTreeMap::new();
    let mut cursor = String::new();
    thread::scope(|scope| {
        let (admin, own) = (&admin, &own);
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                scope.spawn(move || {
                    for turn in 0..25 {
                        // From the end of the list to its beginning, and away.
                        let at = &own[(turn * 7 + writer * 30) % 60];
                        let path = format!("/actors/{at}");
                        let Some(seen) = Some(admin.get(&path)).filter(|seen| seen.status == 200) else { continue };
                        if turn % 6 == 5 {
                            admin.delete(&path, &seen.etag());
                        } else {
                            admin.patch(&path, &seen.etag(), &json!({"name": format!("Aspegling {turn} {writer}")}));
                        }
                        actor(admin, &format!("Spegling ny {writer} {turn}"), &json!({}));
                    }
                })
            })
            .collect();
        let mut next = String::new();
        loop {
            let page = admin.get(&format!("/actors?limit=9&q=spegling{next}")).is(200).json;
            if cursor.is_empty() {
                page["changeCursor"].as_str().unwrap().clone_into(&mut cursor);
            }
            for item in page["items"].as_array().unwrap() {
                copy.insert(id(item), item.clone());
            }
            let Some(more) = page["nextCursor"].as_str() else { break };
            next = format!("&cursor={more}");
        }
        for writer in writers {
            writer.join().unwrap();
        }
    });
    for change in after(&admin, &cursor, "&types=actor").0 {
        let now = admin.get(&format!("/actors/{}", id(&change)));
        if change["op"] == "delete" || now.status == 404 {
            copy.remove(&id(&change));
        } else {
            copy.insert(id(&change), now.is(200).json);
        }
    }
    let mut live = std::collections::BTreeMap::new();
    let mut next = String::new();
    loop {
        let page = admin.get(&format!("/actors?limit=200{next}")).is(200).json;
        let items = page["items"].as_array().unwrap().iter();
        live.extend(items.filter(|item| item["name"].as_str().unwrap().contains("pegling")).map(|item| (id(item), item.clone())));
        let Some(more) = page["nextCursor"].as_str() else { break };
        next = format!("&cursor={more}");
    }
    assert_eq!(copy, live);
}

/// Kinds of record with the lists that they stand in.
const MIRRORED: [(&str, &str); 5] = [
    ("actor", "/actors"),
    ("mandate", "/mandates"),
    ("statement", "/statements"),
    ("actor_relation", "/actor-relations"),
    ("source", "/sources"),
];

/// All that somebody is shown in those lists, by address, and where the feed was before it was read.
fn lists(who: &Client) -> (BTreeMap<String, Value>, String) {
    let (mut shown, mut from) = (BTreeMap::new(), String::new());
    for (_, list) in MIRRORED {
        let mut next = String::new();
        loop {
            let page = who.get(&format!("{list}?limit=200{next}")).is(200).json;
            if from.is_empty() {
                page["changeCursor"].as_str().unwrap().clone_into(&mut from);
            }
            shown.extend(page["items"].as_array().unwrap().iter().map(|item| (format!("{list}/{}", id(item)), item.clone())));
            let Some(more) = page["nextCursor"].as_str() else { break };
            next = format!("&cursor={more}");
        }
    }
    (shown, from)
}

/// A copy that somebody keeps as FOLLOWING.md says.
struct Mirror {
    who: Client,
    name: &'static str,
    copy: BTreeMap<String, Value>,
    from: String,
}

impl Mirror {
    fn of(name: &'static str, who: &Client) -> Self {
        let (copy, from) = lists(who);
        Self { who: who.clone(), name, copy, from }
    }

    fn catch_up(&mut self) {
        let (changes, from) = after(&self.who, &self.from, "");
        self.from = from;
        for change in changes {
            let Some((_, list)) = MIRRORED.iter().find(|(kind, _)| change["type"] == *kind) else { continue };
            let address = format!("{list}/{}", id(&change));
            let now = self.who.get(&address);
            if change["op"] == "upsert" && now.status == 200 {
                self.copy.insert(address, now.json);
            } else {
                self.copy.remove(&address);
            }
        }
    }

    /// What of the copy is not as it is shown.
    fn wrong(&self) -> Vec<String> {
        let (shown, _) = lists(&self.who);
        let all: BTreeSet<&String> = shown.keys().chain(self.copy.keys()).collect();
        let wrong = all.into_iter().filter(|address| shown.get(*address) != self.copy.get(*address));
        wrong.map(|address| format!("{}: {address} is {:?}, copied {:?}", self.name, shown.get(address), self.copy.get(address))).collect()
    }
}

/// A registry that is changed at random, by one who may do all.
struct Changing {
    admin: Client,
    dice: Dice,
    area: String,
    actors: Vec<String>,
    /// The actors that somebody works for. They live on in every merge, or their people would come to see more.
    worked_for: usize,
    hanging: Vec<String>,
    merges: Vec<String>,
    log: Vec<String>,
}

impl Changing {
    fn one(&mut self, of: usize) -> usize {
        usize::try_from(self.dice.below(of as u64)).unwrap()
    }

    fn actor(&mut self) -> String {
        let at = self.one(self.actors.len());
        self.actors[at].clone()
    }

    fn visibility(&mut self) -> &'static str {
        ["public", "members", "actor", "actor"][self.one(4)]
    }

    fn call(&mut self, method: &str, path: &str, body: &Value) -> Option<String> {
        let answer = match method {
            "POST" => self.admin.post(path, body),
            "PATCH" => self.admin.patch(path, "*", body),
            _ => self.admin.delete(path, "*"),
        };
        assert!(answer.status < 500, "{method} {path} {body}: {}", answer.body);
        self.log.push(format!("{method} {path} {body}: {}", answer.status));
        (answer.status == 201).then(|| id(&answer.json))
    }

    fn step(&mut self) {
        let (at, actor, other) = (self.log.len(), self.actor(), self.actor());
        let visibility = self.visibility();
        let parent = if self.one(3) == 0 { Value::Null } else { json!(other) };
        let common = json!({"actorId": actor, "policyDomain": "education", "areaId": self.area, "visibility": visibility});
        let with = |more: Value| {
            let mut new = common.clone();
            new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            new
        };
        let (list, new) = match self.one(15) {
            0 => ("/actors", json!({"kind": "other", "name": format!("Ny {at}"), "visibility": visibility, "parentId": parent})),
            1 => ("/mandates", with(json!({"powers": ["implement"], "basis": "voluntary", "validFrom": "2026-01-01"}))),
            2 => ("/statements", with(json!({"kind": "need", "text": format!("Lokal {at}"), "sufficiency": "insufficient"}))),
            3 => ("/actor-relations", json!({"kind": "member_of", "actorId": actor, "otherActorId": other})),
            4 => ("/sources", json!({"actorId": actor, "name": format!("Register {}", at % 3), "idScheme": "nr"})),
            5..=6 => return drop(self.call("PATCH", &format!("/actors/{actor}"), &json!({"visibility": visibility}))),
            7..=8 => return drop(self.call("PATCH", &format!("/actors/{actor}"), &json!({"parentId": parent}))),
            9 => return drop(self.call("DELETE", &format!("/actors/{actor}"), &json!(null))),
            10 => return drop(self.call("POST", &format!("/actors/{actor}/restore"), &json!({}))),
            11..=12 => {
                let gone = self.worked_for + self.one(self.actors.len() - self.worked_for);
                let gone = self.actors[gone].clone();
                let merge = self.call("POST", &format!("/actors/{gone}/merge"), &json!({"into": other}));
                return self.merges.extend(merge);
            }
            13 if !self.merges.is_empty() => {
                let merge = self.one(self.merges.len());
                let path = format!("/merges/{}/undo", self.merges[merge]);
                return drop(self.call("POST", &path, &json!({})));
            }
            _ if self.hanging.is_empty() => return,
            _ => {
                let hanging = self.one(self.hanging.len());
                let path = self.hanging.swap_remove(hanging);
                return drop(self.call("DELETE", &path, &json!(null)));
            }
        };
        let Some(new) = self.call("POST", list, &new) else { return };
        match list {
            "/actors" => self.actors.push(new),
            "/sources" => {}
            _ => self.hanging.push(format!("{list}/{new}")),
        }
    }
}

/// Whatever becomes of actors and what hangs on them, whoever follows has what it is shown.
#[rstest]
fn whatever_happens_a_copy_is_what_is_shown(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, area) = (app.user(Role::Admin, None), app.area("0127"));
    let mut actors: Vec<String> = Vec::new();
    for number in 0..8 {
        let parent = actors.get(number / 2).filter(|_| number > 1);
        let visibility = ["public", "actor"][number % 2];
        actors.push(actor(&admin, &format!("Aktör {number}"), &json!({"visibility": visibility, "parentId": parent})));
    }
    let people = |at: usize| app.user(Role::ActorAdmin, Some(("actor", &actors[at])));
    let followers = [
        ("a reader", app.user(Role::Reader, Some(("area", &area)))),
        ("a coordinator", app.user(Role::Coordinator, Some(("area", &area)))),
        ("the people of one", people(0)),
        ("the people of another", people(1)),
    ];
    let mirrors = || followers.iter().map(|(name, who)| Mirror::of(name, who)).collect::<Vec<_>>();
    let (mut often, mut at_last) = (mirrors(), mirrors());
    let (hanging, merges, log) = (Vec::new(), Vec::new(), Vec::new());
    let mut changing = Changing { admin: admin.clone(), dice: Dice(1), area, actors, worked_for: 2, hanging, merges, log };
    for step in 0..60 {
        changing.step();
        often[step % 4].catch_up();
    }
    at_last.extend(often);
    let wrong: Vec<_> = at_last
        .iter_mut()
        .flat_map(|mirror| {
            mirror.catch_up();
            mirror.wrong()
        })
        .collect();
    assert!(wrong.is_empty(), "{}\n\n{}", wrong.join("\n"), changing.log.join("\n"));
}

#[rstest]
fn what_hangs_on_an_actor_goes_and_comes_with_it(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (botkyrka, malmo) = (app.area("0127"), app.area("1280"));
    let (admin, reader) = (app.user(Role::Admin, None), app.user(Role::Reader, Some(("area", &botkyrka))));
    let club = actor(&admin, "Fittja Grannar", &json!({"seatAreaId": botkyrka}));
    let federation = actor(&admin, "Riksförbundet", &json!({"seatAreaId": malmo}));
    let made = |path: &str, new: Value| id(&admin.post(path, &new).is(201).json);
    let common =
        json!({"actorId": club, "policyDomain": "education", "areaId": botkyrka, "visibility": "public", "validFrom": "2026-01-01"});
    let with = |more: Value| {
        let mut new = common.clone();
        new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        new
    };
    let mandate = made("/mandates", with(json!({"powers": ["implement"], "basis": "voluntary"})));
    let need = made("/statements", with(json!({"kind": "need", "text": "Lokal", "sufficiency": "insufficient"})));
    let before = here(&admin);
    let tie = json!({"kind": "member_of", "actorId": club, "otherActorId": federation, "validFrom": "2001-01-01"});
    let membership = made("/actor-relations", tie);
    for area in [&botkyrka, &malmo] {
        assert_eq!(told(&after(&reader, &before, &format!("&area={area}")).0), one(&membership, "upsert"), "it concerns both");
    }

    let all = |op: &str| [&club, &mandate, &need, &membership].map(|id| (id.clone(), op.to_owned()));
    let places = |who: &Client, from: &str| told(&after(who, from, "").0);
    let from = here(&reader);
    admin.delete(&format!("/actors/{club}"), "*").is(204);
    assert_eq!(places(&reader, &from), all("delete"));
    let from = here(&reader);
    admin.delete(&format!("/actors/{federation}"), "*").is(204);
    assert_eq!(places(&reader, &from), one(&federation, "delete"), "its relation was not shown any more");
    let from = here(&reader);
    admin.call("POST", &format!("/actors/{club}/restore"), None).is(200);
    assert_eq!(places(&reader, &from), all("upsert")[..3], "the other end is still away");
    let from = here(&reader);
    admin.call("POST", &format!("/actors/{federation}/restore"), None).is(200);
    assert_eq!(places(&reader, &from), [one(&federation, "upsert"), one(&membership, "upsert")].concat());

    // Who may no longer see one of the actors may no longer see what ties them.
    for (visibility, op) in [("actor", "delete"), ("public", "upsert")] {
        let (reader_at, admin_at) = (here(&reader), here(&admin));
        patch(&admin, &federation, &json!({"visibility": visibility}));
        assert_eq!(places(&reader, &reader_at), [one(&federation, op), one(&membership, op)].concat());
        assert_eq!(places(&admin, &admin_at), [one(&federation, "upsert"), one(&membership, "upsert")].concat());
    }
}

#[rstest]
fn the_people_of_a_merged_actor_are_told_what_happened_before(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, botkyrka) = (app.user(Role::Admin, None), app.area("0127"));
    let [first, second, third] = ["Första", "Andra", "Tredje"].map(|name| actor(&admin, name, &json!({"visibility": "actor"})));
    let people = app.user(Role::ActorAdmin, Some(("actor", &first)));
    let receiver = Receiver::start();
    let new = json!({"actorId": first, "policyDomain": "education", "areaId": botkyrka, "visibility": "actor",
        "validFrom": "2026-01-01", "powers": ["implement"], "basis": "voluntary"});
    let mandate = id(&admin.post("/mandates", &new).is(201).json);
    people.get(&format!("/mandates/{mandate}")).is(200);
    let from = here(&people);
    hook(&people, &receiver.url(), &json!({"types": ["mandate"]}));
    admin.delete(&format!("/mandates/{mandate}"), "*").is(204);
    admin.post(&format!("/actors/{first}/merge"), &json!({"into": second})).is(201);
    admin.post(&format!("/actors/{second}/merge"), &json!({"into": third})).is(201);
    let (items, _) = after(&people, &from, "&types=mandate,actor");
    let told = told(&items);
    for expected in [(&mandate, "delete"), (&first, "merge"), (&second, "merge")] {
        assert!(told.iter().any(|(id, op)| (id, op.as_str()) == expected), "{expected:?} {told:?}");
    }
    assert_eq!(receiver.wait(1)[0].json["data"]["id"], json!(mandate));
}

/// Who works for what an actor is part of sees what is for its own people, as long as it is a part of it.
#[rstest]
fn who_sees_by_what_an_actor_is_part_of_is_told_when_it_moves(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, botkyrka) = (app.user(Role::Admin, None), app.area("0127"));
    let (one, other) = (actor(&admin, "Här", &json!({})), actor(&admin, "Där", &json!({})));
    let child = actor(&admin, "Del", &json!({"visibility": "actor", "parentId": one}));
    let below = actor(&admin, "Del av del", &json!({"visibility": "actor", "parentId": child}));
    let new = json!({"actorId": below, "policyDomain": "education", "areaId": botkyrka, "visibility": "actor",
        "validFrom": "2026-01-01", "powers": ["implement"], "basis": "voluntary"});
    let mandate = id(&admin.post("/mandates", &new).is(201).json);
    let source = id(&admin.post("/sources", &json!({"actorId": below, "name": "Register", "idScheme": "nr"})).is(201).json);
    let relation = |of: &str| id(&admin.get(&format!("/actor-relations?actorId={of}&limit=1")).is(200).json["items"][0]);
    let hanging = [relation(&child), relation(&below), child.clone(), below, mandate, source];
    let whose = |actor: &str| app.user(Role::ActorAdmin, Some(("actor", actor)));
    let (here_people, there_people, its_people) = (whose(&one), whose(&other), whose(&child));
    let places = [&here_people, &there_people, &its_people].map(here);
    patch(&admin, &child, &json!({"parentId": other}));
    let lately = |who: &Client, from: &str| -> BTreeMap<String, String> { told(&after(who, from, "").0).into_iter().collect() };
    let (lost, gained, kept) = (lately(&here_people, &places[0]), lately(&there_people, &places[1]), lately(&its_people, &places[2]));
    for id in &hanging {
        assert_eq!(lost.get(id).map(String::as_str), Some("delete"), "{hanging:?} {lost:?}");
        // That it was part of the one today ended the day that it began.
        if *id != hanging[0] {
            assert_eq!((gained.get(id).map(String::as_str), kept.get(id).map(String::as_str)), (Some("upsert"), Some("upsert")));
        }
    }
    let from = here(&there_people);
    patch(&admin, &child, &json!({"parentId": null}));
    let lost = lately(&there_people, &from);
    assert!(hanging[1..].iter().all(|id| lost.get(id).is_some_and(|op| op == "delete")), "{lost:?}");
}

#[rstest]
fn sources_come_and_go_with_their_actor(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, reader) = (app.user(Role::Admin, None), app.user(Role::Reader, Some(("area", &app.area("0127")))));
    let club = actor(&admin, "Fittja Grannar", &json!({}));
    let source = id(&admin.post("/sources", &json!({"actorId": club, "name": "Register", "idScheme": "nr"})).is(201).json);
    let path = format!("/sources/{source}");
    let becomes = |op: &str, status: u16, change: &dyn Fn()| {
        let from = here(&reader);
        change();
        assert_eq!(told(&after(&reader, &from, "&types=source").0), one(&source, op));
        reader.get(&path).is(status);
    };
    becomes("delete", 404, &|| patch(&admin, &club, &json!({"visibility": "actor"})));
    becomes("upsert", 200, &|| patch(&admin, &club, &json!({"visibility": "public"})));
    becomes("delete", 404, &|| drop(admin.delete(&format!("/actors/{club}"), "*").is(204)));
    becomes("upsert", 200, &|| drop(admin.call("POST", &format!("/actors/{club}/restore"), None).is(200)));
}

#[rstest]
fn that_it_is_secret_what_an_actor_is_part_of_is_told_of_its_relations(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, reader) = (app.user(Role::Admin, None), app.user(Role::Reader, Some(("area", &app.area("0127")))));
    let parent = actor(&admin, "Överst", &json!({}));
    let part = actor(&admin, "Del", &json!({"parentId": parent}));
    let relation = id(&admin.get(&format!("/actor-relations?actorId={part}")).is(200).json["items"][0]);
    for member in [json!("parentId"), json!(null)] {
        let from = here(&reader);
        let mark = json!({"recordKind": "actor", "recordId": part, "member": member, "chapter": 26, "paragraph": "1",
            "motive": "Skyddat boende", "reviewOn": "2027-01-31"});
        let mark = id(&admin.post("/secrecy-marks", &mark).is(201).json);
        assert_eq!(told(&after(&reader, &from, "").0), [one(&part, "upsert"), one(&relation, "upsert")].concat());
        reader.get(&format!("/actor-relations/{relation}")).is(404);
        let from = here(&reader);
        admin.post(&format!("/secrecy-marks/{mark}/lift"), &json!({"motive": "Inte längre"})).is(200);
        assert_eq!(told(&after(&reader, &from, "&types=actor_relation").0), one(&relation, "upsert"));
        reader.get(&format!("/actor-relations/{relation}")).is(200);
    }
}
