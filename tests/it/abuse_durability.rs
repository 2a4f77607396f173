//! An acknowledged write is kept, even when the disk fails.

use std::thread;

use chrono::TimeDelta;
use rstest::rstest;
use samsyn::{access::policy::Role, kernel::db::Connection};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::harness::{
    Answer, Client, Database, TestApp,
    child::{self, Child, with_db},
    disk::Disk,
    id, today, waited,
};

/// A service on `SQLite` with a disk that fails on command, and a user who may write.
fn on_a_disk(settings: &str) -> Option<(Disk, String, Child, Client)> {
    let disk = Disk::new()?;
    let url = crate::harness::empty(Database::Sqlite)?;
    child::migrate(&url);
    child::admin(&url);
    let service = Child::start_in(&url, settings, disk.environment());
    let admin = Client::new(service.address).with_token(&child::token(service.address));
    Some((disk, url, service, admin))
}

fn new(name: &str) -> Value {
    json!({"kind": "other", "name": name})
}

/// Checks that the service refuses for now and says when to try again.
#[track_caller]
fn assert_try_again_later(answer: &Answer) {
    assert!(matches!(answer.status, 503 | 507), "{} {}", answer.status, answer.body);
    assert!(answer.header("Retry-After").is_some(), "{:?}", answer.headers);
}

fn names(who: &Client) -> Vec<String> {
    let page = who.get("/actors?kind=other&limit=200").is(200).json;
    let mut names: Vec<_> = page["items"].as_array().unwrap().iter().map(|actor| actor["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// A full disk, a disk with errors, a file that may not grow, and a disk that cannot sync what was written.
#[rstest]
fn abuse_141_what_is_acknowledged_is_kept_after_the_disk_has_failed(#[values("w 28", "w 5", "w 27", "s 5")] fault: &str) {
    let Some((disk, url, service, admin)) = on_a_disk("database_durable = true\nfeed_days = 0") else { return };
    let mut kept = Vec::new();
    let mut write = |name: String, expected: u16| {
        admin.post("/actors", &new(&name)).is(expected);
        kept.push(name);
    };
    for number in 0..3 {
        write(format!("Före {number}"), 201);
    }
    let first = admin.get("/actors?kind=other&limit=1").is(200).json["items"][0].clone();
    let path = format!("/actors/{}", id(&first));

    disk.fail(fault);
    for number in 0..3 {
        assert_try_again_later(&admin.post("/actors", &new(&format!("Under {number}"))));
        // A refusal is answered even when it cannot be noted, and reads still work.
        admin.patch(&path, "\"v9\"", &json!({"focus": "fel"})).is(412);
        admin.get(&path).is(200);
        let operations: Vec<_> = (0..3).map(|at| json!({"op": "create", "actor": new(&format!("Hop {number} {at}"))})).collect();
        assert_try_again_later(&admin.post("/actors/batch", &json!({"operations": operations})));
    }
    waited("that it is not ready", || admin.get("/health/ready").status == 503);

    disk.mend();
    waited("that it is ready again, by itself", || admin.get("/health/ready").status == 200);
    for number in 0..5 {
        write(format!("Efter {number}"), 201);
        // A refusal rolls back, and is then noted in the audit log.
        admin.patch(&path, "\"v9\"", &json!({"focus": "fel"})).is(412);
    }

    // No acknowledged write was only in a transaction that was never committed.
    service.kill();
    let service = Child::start(&url, "");
    let found = names(&admin.at(service.address));
    kept.sort();
    let there: Vec<_> = found.iter().filter(|name| !name.starts_with("Under") && !name.starts_with("Hop")).cloned().collect();
    assert_eq!(there, kept, "what was acknowledged");
    if fault.starts_with('w') {
        assert_eq!(found, kept, "nothing that was refused is there");
    }
    let notes = with_db(&url, false, async |db| {
        let sql = "SELECT count(*) AS notes FROM audit_entry WHERE status = 412";
        let row = db.reader().query_one_raw(Statement::from_string(db.backend(), sql)).await.unwrap().unwrap();
        row.try_get::<i64>("", "notes").unwrap()
    });
    assert!(notes >= 5, "{notes} refusals were noted");
}

#[test]
fn abuse_141_a_write_that_fails_in_the_middle_is_not_there_by_half() {
    // With so little memory, a large write goes to the disk in several pieces.
    let Some((disk, url, service, admin)) = on_a_disk("database_cache_mebibytes = 1\nbody_bytes = 1000000") else { return };
    let text = "x".repeat(300);
    let operations = |round: usize| -> Vec<_> {
        let actor = |at: usize| json!({"kind": "other", "name": format!("Hop {round} {at:04}"), "focus": text});
        (0..400).map(|at| json!({"op": "create", "actor": actor(at)})).collect()
    };
    for (round, fault) in ["w1 28", "w1 5", "w1 28"].into_iter().enumerate() {
        disk.fail(fault);
        // The error may hit background work instead of this call.
        let answer = admin.post("/actors/batch", &json!({"operations": operations(round)}));
        waited("the one fault", || !disk.fails());
        if answer.status == 201 {
            continue;
        }
        assert_try_again_later(&answer);
        assert_eq!(admin.get(&format!("/actors?q=Hop {round}&limit=1")).is(200).json["items"], json!([]), "none of it is there");
        admin.post("/actors/batch", &json!({"operations": operations(round)})).is(201);
    }
    service.kill();
    let all = with_db(&url, false, async |db| {
        let sql = "SELECT count(*) AS actors, (SELECT count(*) FROM event WHERE entity_kind = 'actor') AS events FROM actor WHERE name LIKE 'Hop %'";
        let row = db.reader().query_one_raw(Statement::from_string(db.backend(), sql)).await.unwrap().unwrap();
        (row.try_get::<i64>("", "actors").unwrap(), row.try_get::<i64>("", "events").unwrap())
    });
    assert_eq!(all, (1200, 1200), "each once, and each told of");
}

#[test]
fn abuse_141_every_transaction_begins_and_ends_where_its_commit_is_seen() {
    for (path, text) in crate::house::sources() {
        let code = text.split("#[cfg(test)]").next().unwrap();
        let signs = [".begin_with_options(", ".writer().begin(", "tx.commit()", ".transaction_async("];
        let begins = signs.iter().any(|sign| code.contains(sign));
        let homes =
            ["kernel/db/connection.rs", "kernel/db/group.rs", "kernel/db/transaction.rs", "kernel/db/writing.rs", "kernel/write.rs"];
        assert!(!begins || homes.contains(&path.as_str()), "{path} has a transaction of its own");
    }
}

#[rstest]
fn abuse_140_who_takes_any_version_is_never_told_that_another_was_first(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(app) = TestApp::start(database) else { return };
    let other = TestApp::on(&app.url, 2_000_000);
    let admin = app.user(Role::Admin, None);
    let callers = [admin.clone(), admin.at(other.address)];
    let path = format!("/actors/{}", id(&admin.post("/actors", &new("Räknaren")).is(201).json));
    thread::scope(|scope| {
        for worker in 0..10 {
            let (caller, path) = (&callers[worker % 2], &path);
            scope.spawn(move || {
                for turn in 0..6 {
                    caller.patch(path, "*", &json!({"focus": format!("{worker} {turn}")})).is(200);
                }
            });
        }
    });
    assert_eq!(admin.get(&path).is(200).json["version"], json!(61), "each was carried out, one after the other");
    admin.patch(&path, "\"v60\"", &json!({"focus": "fel"})).is(412);
}

/// Reads the feed from a cursor. The response may be a refusal.
fn follow(who: &Client, cursor: &str) -> Answer {
    who.get(&format!("/changes?types=actor&limit=200&cursor={cursor}"))
}

/// The cursor at the end of the feed, after all writes.
pub fn feed_end(who: &Client) -> String {
    let mut page = who.get("/changes?limit=200").is(200).json;
    while page["hasMore"] == json!(true) {
        page = who.get(&format!("/changes?limit=200&cursor={}", page["nextCursor"].as_str().unwrap())).is(200).json;
    }
    page["nextCursor"].as_str().unwrap().to_owned()
}

fn changed_ids(answer: Answer) -> Vec<Value> {
    answer.is(200).json["items"].as_array().unwrap().iter().map(|change| change["id"].clone()).collect()
}

#[rstest]
fn abuse_147_changes_are_read_when_nothing_can_be_written(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let from = feed_end(&admin);
    let first = admin.post("/actors", &new("Före")).is(201).json["id"].clone();
    assert_eq!(changed_ids(follow(&admin, &from)), std::slice::from_ref(&first));
    match database {
        Database::Sqlite => {
            app.execute("CREATE TRIGGER full BEFORE UPDATE OF position ON event BEGIN SELECT RAISE(ABORT, 'full'); END");
        }
        Database::Postgres => {
            app.execute(
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$",
            );
            app.execute("CREATE TRIGGER full_disk BEFORE UPDATE ON event FOR EACH ROW EXECUTE FUNCTION full_disk()");
        }
    }
    let second = admin.post("/actors", &new("Under")).is(201).json["id"].clone();
    assert_eq!(changed_ids(follow(&admin, &from)), [first], "what has its place is told");
    let stream = admin.stream(&format!("/changes?cursor={from}"));
    assert!(stream.is_ok(), "a stream begins too");
    app.execute(if database == Database::Sqlite { "DROP TRIGGER full" } else { "DROP TRIGGER full_disk ON event" });
    assert_eq!(changed_ids(follow(&admin, &from)).last(), Some(&second), "and the rest when there is room again");
}

#[test]
fn abuse_148_all_connections_together_keep_no_more_of_the_file_in_memory_than_was_said() {
    let Some(url) = crate::harness::empty(Database::Sqlite) else { return };
    let (mapped, reading, writing) = with_db(&url, true, async |db| {
        let read = async |from: &Connection, sql: &str| {
            let row = from.query_one_raw(Statement::from_string(db.backend(), sql.to_owned())).await.unwrap().unwrap();
            row.try_get_by_index::<i64>(0).unwrap()
        };
        let (reader, writer) = (db.reader(), db.writer());
        (read(reader, "PRAGMA mmap_size").await, read(reader, "PRAGMA cache_size").await, read(writer, "PRAGMA cache_size").await)
    });
    assert_eq!(mapped, 0, "what is mapped counts once for each connection and is bounded by none");
    // In kibibytes: of 32 MiB a third for four connections that read, and a third for the one that writes.
    assert_eq!((reading, writing), (-32 * 1024 / 3 / 4, -32 * 1024 / 3));
}

#[rstest]
fn abuse_149_a_restored_database_is_told_by_itself(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, url) = (app.user(Role::Admin, None), app.url.clone());
    let old = feed_end(&admin);
    let before = admin.post("/actors", &new("Före")).is(201).json["id"].clone();
    let at_backup = feed_end(&admin);
    // A copy is made, to be restored later.
    let restored = TestApp::start_from(&app.into_template());

    // The service goes on, and so does a follower of its feed.
    let ahead = {
        let app = TestApp::on(&url, 7_000_000);
        let admin = admin.at(app.address);
        for number in 0..2 {
            admin.post("/actors", &new(&format!("Glöms {number}"))).is(201);
        }
        assert_eq!(changed_ids(follow(&admin, &at_backup)).len(), 2);
        let list = admin.get("/actors?limit=1").is(200).json["changeCursor"].as_str().unwrap().to_owned();
        let mut stream = admin.stream(&format!("/changes?types=actor&cursor={at_backup}")).unwrap_or_else(|_| panic!("no stream"));
        let event = stream.change().unwrap().id;
        [feed_end(&admin), list, event]
    };

    // Then the copy is restored without notice, and its feed grows beyond the follower's cursor.
    let admin = admin.at(restored.address);
    let after: Vec<_> = (0..3).map(|number| admin.post("/actors", &new(&format!("Efter {number}"))).is(201).json["id"].clone()).collect();
    // Positions are given when the feed is read.
    feed_end(&admin);
    for cursor in &ahead {
        let refused = follow(&admin, cursor).is(410);
        assert_eq!((refused.faults(), refused.header("Link").is_some()), (vec!["cursor epoch-changed".to_owned()], true));
    }
    let stream = admin.with("Last-Event-ID", &ahead[2]).stream("/changes").err().flatten().unwrap();
    assert_eq!(stream.status, 410, "a stream is refused like a call");
    // A follower whose cursor is not after the backup goes on as usual.
    assert_eq!(changed_ids(follow(&admin, &at_backup)), after);
    assert_eq!(changed_ids(follow(&admin, &old)), [vec![before], after].concat());

    // The same holds when the change at its cursor has been removed and only the last change is left.
    let at_floor = follow_to(&admin, &at_backup, 2);
    let later = TestApp::at_with(today() + TimeDelta::days(40), &restored.url, 8_000_000, "feed_days = 30\n");
    waited("that old changes are removed", || later.rows("SELECT count(*) AS kept FROM event")[0].try_get::<i64>("", "kept").unwrap() == 1);
    assert_eq!(follow(&admin, &ahead[0]).is(410).faults(), ["cursor epoch-changed"], "the place is remembered");
    assert_eq!(changed_ids(follow(&admin, &at_floor)).len(), 1);
    assert_eq!(follow(&admin, &at_backup).is(410).faults(), ["cursor too-old"]);
}

/// The cursor after the first `count` changes of actors.
fn follow_to(who: &Client, cursor: &str, count: usize) -> String {
    let page = who.get(&format!("/changes?limit={count}&cursor={cursor}")).is(200).json;
    page["nextCursor"].as_str().unwrap().to_owned()
}
