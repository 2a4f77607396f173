//! Abuse of the audit log and of the service's log: nothing is done unnoticed, and neither log contains secrets or
//! personal data.

use std::{
    io::Write,
    sync::{LazyLock, Mutex},
    thread,
    time::Duration,
};

use actix_web::rt::System;
use rstest::rstest;
use samsyn::{
    access::{
        audit::{self, Flaw, Head, Verification},
        policy::Role,
    },
    kernel::{
        Db,
        audit::{AuditResult, Entity, Trail, row},
        clock::Clock,
        db::Settings,
        id::Ids,
        logs,
    },
};
use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::{Value, json};

use crate::harness::{Client, Database, PASSWORD, TestApp, id, today};

/// The audit entries that a caller can see.
pub fn entries(caller: &Client, filter: &str) -> Vec<Value> {
    caller.get(&format!("/audit-entries?limit=200&{filter}")).is(200).json["items"].as_array().unwrap().clone()
}

/// The operation, outcome, status and detail of entries, oldest first.
pub fn summaries(entries: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let one = |entry: &Value| ["operation", "outcome", "status", "detail"].map(|name| text(&entry[name])).join(" ");
    entries.iter().rev().map(one).collect()
}

/// Executes statements in the database itself, like an attacker with its file or password.
pub fn execute_directly(url: &str, statements: &[&str]) -> Result<(), String> {
    let (url, statements) = (url.to_owned(), statements.iter().map(ToString::to_string).collect::<Vec<_>>());
    thread::spawn(move || {
        System::new().block_on(async {
            // One connection only, because a role is set for a single connection.
            let options = sea_orm::ConnectOptions::new(url).max_connections(1).to_owned();
            let db = sea_orm::Database::connect(options).await.map_err(|error| error.to_string())?;
            for statement in statements {
                db.execute_unprepared(&statement).await.map_err(|error| error.to_string())?;
            }
            db.close().await.map_err(|error| error.to_string())
        })
    })
    .join()
    .unwrap()
}

/// The result of `samsyn audit verify`, after all entries have been linked.
fn verify(url: &str, from: i64, noted: Option<Head>) -> Verification {
    let url = url.to_owned();
    thread::spawn(move || {
        System::new().block_on(async {
            let settings = Settings {
                url,
                connections: 2,
                acquire_timeout: Duration::from_secs(10),
                statement_timeout: Duration::from_secs(10),
                lock_timeout: Duration::from_secs(10),
                durable: false,
                cache_mebibytes: 16,
            };
            let db = Db::open(&settings, samsyn::records::ALL, false, Clock::Fixed(today()), Ids::counted_from(900_000)).await.unwrap();
            audit::link(&db).await.unwrap();
            let seen = audit::verify(from, noted.as_ref(), &db).await.unwrap();
            let mut lines = 0;
            let exported = audit::write_lines(
                |line| {
                    lines += u64::from(line.starts_with('{'));
                    Ok(())
                },
                &db,
            );
            assert_eq!(exported.await.unwrap(), lines);
            db.close().await;
            seen
        })
    })
    .join()
    .unwrap()
}

/// Removes the triggers that guard the tables.
fn drop_guards(database: Database, url: &str) {
    let statements: &[&str] = match database {
        Database::Sqlite => &[
            "DROP TRIGGER audit_entry_no_update",
            "DROP TRIGGER audit_entry_no_delete",
            "DROP TRIGGER audit_link_no_update",
            "DROP TRIGGER audit_link_no_delete",
            "DROP TRIGGER audit_head_no_return",
        ],
        Database::Postgres => &[
            "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
            "ALTER TABLE audit_link DISABLE TRIGGER ALL",
            "ALTER TABLE audit_head DISABLE TRIGGER ALL",
        ],
    };
    execute_directly(url, statements).unwrap();
}

#[rstest]
fn abuse_95_nothing_is_done_seen_or_refused_in_secret(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    app.register("kim@example.se", "Kim Läsare", Role::Reader, None);
    let secret = "ett hemligt namn";

    // An entry has the operation, the user, the network address and the credential.
    let kept = admin.with("Idempotency-Key", "once").with("X-Request-Id", "request-1");
    let actor = kept.post("/actors", &json!({"kind": "association", "name": secret})).is(201);
    kept.post("/actors", &json!({"kind": "association", "name": secret})).is(201);
    let done = entries(&admin, "requestId=request-1");
    assert_eq!(summaries(&done), ["createActor done 201 null"], "a repeated call is noted once");
    assert_eq!((&done[0]["recordKind"], &done[0]["recordId"]), (&json!("actor"), &actor.json["id"]));
    assert_eq!((&done[0]["actorId"], &done[0]["address"]), (&actor.json["id"], &json!("127.0.0.1")));
    assert_eq!(done[0]["user"]["name"], json!("Test admin"));
    assert!(done[0]["credential"].as_str().unwrap().starts_with("session:"));

    // Sign-ins, successful and refused.
    let sign_in = |email: &str, password: &str| app.anybody().post("/sessions", &json!({"email": email, "password": password}));
    sign_in("kim@example.se", "fel lösenord som någon gissar").is(401);
    sign_in("ingen@example.se", PASSWORD).is(401);
    let session = sign_in("kim@example.se", PASSWORD).is(201);
    let kim = app.anybody().with_token(session.json["accessToken"].as_str().unwrap());
    let me = id(&kim.get("/me").is(200).json["user"]);
    let refresh = json!({"refreshToken": session.json["refreshToken"]});
    let of_kim = format!("userId={me}");
    assert_eq!(summaries(&entries(&admin, &of_kim)), ["createSession denied 401 invalid-credentials", "createSession done 201 null"]);
    assert_eq!(entries(&admin, "operation=createSession&outcome=denied").len(), 2, "an unknown address is refused without a name");

    // Refusals and failures.
    kim.post("/actors", &json!({"kind": "association", "name": secret})).is(403);
    kim.get("/users").is(403);
    admin.patch(&format!("/actors/{}", id(&actor.json)), "\"v9\"", &json!({"focus": secret})).is(412);
    app.anybody().post("/actors", &json!({"kind": "association", "name": secret})).is(401);
    kim.with_token("forged.token.here").post("/actors", &json!({})).is(401);
    app.anybody().post("/sessions/refresh", &refresh).is(201);
    app.anybody().post("/sessions/refresh", &refresh).is(401);
    assert_eq!(
        summaries(&entries(&admin, &of_kim))[2..],
        [
            "createActor denied 403 actors.write",
            "listUsers denied 403 users.read",
            "renewSession done 201 null",
            "renewSession denied 401 refresh-token-reused"
        ]
    );
    let failed = entries(&admin, "outcome=failed");
    assert_eq!(summaries(&failed), ["updateActor failed 412 precondition-failed"]);
    assert_eq!((&failed[0]["recordKind"], &failed[0]["recordId"]), (&json!("actor"), &actor.json["id"]));
    let without_user: Vec<_> =
        entries(&admin, "operation=createActor&outcome=denied").into_iter().filter(|one| one["user"].is_null()).collect();
    assert_eq!(summaries(&without_user), ["createActor denied 401 unauthenticated"; 2], "without a token, and with one that is forged");

    // Reads of personal data are noted; reads of other data are not.
    admin.get(&format!("/users/{me}")).is(200);
    admin.get("/grants").is(200);
    admin.get(&format!("/actors/{}", id(&actor.json))).is(200);
    let seen = entries(&admin, "outcome=seen");
    assert!(seen.iter().any(|one| one["operation"] == json!("getUser") && one["recordId"] == json!(me)));
    assert!(seen.iter().any(|one| one["operation"] == json!("listGrants")));
    assert!(seen.iter().all(|one| one["operation"] != json!("getActor")));

    // The export is noted itself, and contains no secret and no text of a caller.
    let table = admin.with("Accept", "text/csv").get("/audit-entries/export").is(200);
    assert_eq!(table.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(entries(&admin, "outcome=seen").iter().any(|one| one["operation"] == json!("exportAuditEntries")));
    for hidden in [secret, PASSWORD, "kim@example.se", "forged", "eyJ", session.json["refreshToken"].as_str().unwrap()] {
        assert!(!table.body.contains(hidden), "{hidden} is in the audit log");
    }
}

#[rstest]
fn a_table_of_any_length_is_whole(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let url = app.url.clone();
    let many = 1_700_u64;
    thread::spawn(move || {
        System::new().block_on(async {
            let db = sea_orm::Database::connect(&url).await.unwrap();
            let mut trail = Trail::of_console("seedEntry");
            "-1+1-2-3".clone_into(&mut trail.request_id);
            let rows = (0..many).map(|number| {
                let place = uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(number));
                row(&trail, place, today(), AuditResult::done(200), &[])
            });
            for chunk in rows.collect::<Vec<_>>().chunks(400) {
                Entity::insert_many(chunk.to_vec()).exec_without_returning(&db).await.unwrap();
            }
            db.close().await.unwrap();
        });
    })
    .join()
    .unwrap();
    let table = admin.with("Accept", "text/csv").get("/audit-entries/export?operation=seedEntry").is(200).body;
    assert!(
        table.contains("\u{feff}position;at;userId;userName;credential;address;requestId;operation;outcome;status;"),
        "{}",
        &table[..200]
    );
    assert_eq!(table.matches(";'-1+1-2-3;seedEntry;done;200;").count() as u64, many);
    // A response that is not a list has no table form, and the export has no page form.
    admin.with("Accept", "text/csv").get("/config").is(406);
    admin.with("Accept", "text/html").get("/audit-entries/export").is(406);
    admin.with("Accept", "text/*;q=0.5").get("/audit-entries/export?operation=none").is(200);
}

#[rstest]
fn an_actors_admin_sees_what_concerns_the_actor_alone(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let (botkyrka, gothenburg) = (app.public_actor("municipality_code:0127"), app.public_actor("municipality_code:1480"));
    let ours = app.user(Role::ActorAdmin, Some(("actor", &botkyrka)));
    let theirs = app.user(Role::ActorAdmin, Some(("actor", &gothenburg)));
    for (who, actor) in [(&ours, &botkyrka), (&theirs, &gothenburg), (&admin, &botkyrka), (&admin, &gothenburg)] {
        let path = format!("/actors/{actor}");
        let tag = who.get(&path).is(200).etag();
        let focus = format!("Vi {}", tag.len() + who.get("/me").body.len());
        who.patch(&path, &tag, &json!({"focus": focus})).is(200);
    }
    theirs.get("/retention-runs").is(403);
    let seen = entries(&ours, "");
    assert!(seen.iter().all(|one| one["actorId"] == json!(botkyrka)), "{seen:?}");
    assert_eq!(seen.iter().filter(|one| one["operation"] == json!("updateActor")).count(), 2, "also what others did with the actor");
    assert_eq!(entries(&ours, &format!("recordId={gothenburg}")), Vec::<Value>::new());
    let foreign = entries(&admin, &format!("recordId={gothenburg}"));
    ours.get(&format!("/audit-entries/{}", id(&foreign[0]))).is(404);
    theirs.get(&format!("/audit-entries/{}", id(&foreign[0]))).is(200);
    let table = ours.get("/audit-entries/export").is(200).body;
    assert!(table.contains(&botkyrka) && !table.contains(&gothenburg));
    app.user(Role::Reader, Some(("actor", &botkyrka))).get("/audit-entries").is(403);
    app.anybody().get("/audit-entries/export").is(401);
}

#[rstest]
fn the_filters_narrow_and_the_pages_meet(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    for number in 0..5 {
        admin.post("/actors", &json!({"kind": "other", "name": format!("Nummer {number}")})).is(201);
    }
    assert_eq!(entries(&admin, "operation=createActor&after=2026-11-22T09:00:00Z").len(), 5);
    assert_eq!(entries(&admin, "operation=createActor&before=2026-11-22T10:00:00%2B01:00").len(), 0);
    let first = admin.get("/audit-entries?operation=createActor&limit=3").is(200);
    let cursor = first.json["nextCursor"].as_str().unwrap();
    let second = admin.get(&format!("/audit-entries?operation=createActor&limit=3&cursor={cursor}")).is(200);
    let places: Vec<_> = [&first, &second]
        .iter()
        .flat_map(|page| page.json["items"].as_array().unwrap())
        .map(|one| one["position"].as_i64().unwrap())
        .collect();
    assert_eq!(places.len(), 5);
    assert!(places.windows(2).all(|pair| pair[0] > pair[1]), "newest first: {places:?}");
    let faults = admin.get("/audit-entries?outcome=hidden&after=yesterday").is(400).faults();
    assert!(faults.contains(&"after wrong-form".to_owned()) && faults.contains(&"outcome not-in-list".to_owned()), "{faults:?}");
}

/// All lines of the log of this process.
static LOG: LazyLock<&'static Mutex<Vec<u8>>> = LazyLock::new(|| {
    let log: &'static Mutex<Vec<u8>> = Box::leak(Box::default());
    logs::start("info", "json", move || Lines(log)).unwrap();
    log
});

struct Lines(&'static Mutex<Vec<u8>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[rstest]
fn abuse_96_whatever_is_sent_stays_one_line_of_json_without_secrets(#[values(Database::Sqlite)] database: Database) {
    let log = *LOG;
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let forged = "%0A%7B%22level%22:%22ERROR%22,%22message%22:%22forged%22%7D%1B%5B31m";
    let bodies = [format!("{{\"kind\":\"other\",\"name\":\"x\\n{PASSWORD}\\u001b[31m\"}}"), format!("\n\u{1b}[31m{PASSWORD}")];
    admin.with("X-Request-Id", "sent-as-path").get(&format!("/actors/{forged}")).is(400);
    admin.with("X-Request-Id", "sent-in-query").get(&format!("/actors?q={forged}&token=hemlighet-i-adressen")).is(400);
    admin.with("X-Request-Id", "sent-as-agent").with("User-Agent", "{\"message\":\"forged\"}\u{9b}31m hemlig-agent").get("/actors").is(200);
    admin.with("X-Request-Id", "sent-as-number").get("/actors/19811218-9876").is(400);
    admin.with("X-Request-Id", "not an id: hemligt-nummer\u{9b}31m").get("/actors").is(200);
    for body in &bodies {
        let answer = admin.with("X-Request-Id", "sent-as-body").call("POST", "/actors", Some(("application/json", body.as_bytes())));
        assert!(matches!(answer.status, 400 | 422), "{}", answer.body);
    }
    app.anybody()
        .with("X-Request-Id", "sent-as-password")
        .post("/sessions", &json!({"email": "hemlig@example.se", "password": PASSWORD}))
        .is(401);
    let text = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    for hidden in [PASSWORD, "hemlig", "\u{1b}", "\u{9b}", "eyJ", "Bearer", "811218"] {
        assert!(!text.contains(hidden), "{hidden:?} is in the log");
    }
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect();
    assert!(lines.iter().all(|line| line["message"] != json!("forged")));
    for sent in ["sent-as-path", "sent-in-query", "sent-as-agent", "sent-as-number", "sent-as-body", "sent-as-password"] {
        let answered = lines.iter().filter(|line| line["request_id"] == json!(sent) && line["message"] == json!("answered")).count();
        assert_eq!(answered, if sent == "sent-as-body" { 2 } else { 1 }, "{sent}");
    }
}

#[rstest]
fn abuse_97_the_audit_log_is_only_added_to(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    admin.post("/actors", &json!({"kind": "other", "name": "Ett"})).is(201);
    let entry = format!("/audit-entries/{}", id(&entries(&admin, "")[0]));
    for method in ["PUT", "PATCH", "DELETE", "POST"] {
        admin.with("If-Match", "*").call(method, &entry, Some(("application/json", b"{}"))).is(405);
        admin.with("If-Match", "*").call(method, "/audit-entries", Some(("application/json", b"{}"))).is(405);
    }
    for statement in [
        "UPDATE audit_entry SET status = 200",
        "DELETE FROM audit_entry",
        "UPDATE audit_link SET hash = ''",
        "DELETE FROM audit_link",
        "UPDATE audit_head SET position = 0",
        "DELETE FROM audit_head",
    ] {
        assert!(execute_directly(&app.url, &[statement]).is_err(), "{statement}");
    }
    assert!(verify(&app.url, 1, None).is_ok());
    if database == Database::Postgres {
        // The role that docs/OPERATIONS.md describes is refused before a trigger runs.
        let role = format!("samsyn_app_{}", std::process::id());
        execute_directly(
            &app.url,
            &[
                &format!("CREATE ROLE {role} LOGIN"),
                &format!("GRANT USAGE, CREATE ON SCHEMA public TO {role}"),
                &format!("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}"),
                &format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"),
                &format!("REVOKE UPDATE, DELETE, TRUNCATE ON audit_entry, audit_link FROM {role}"),
                &format!("REVOKE INSERT, DELETE, TRUNCATE ON audit_head FROM {role}"),
            ],
        )
        .unwrap();
        let become_role = format!("SET ROLE {role}");
        for statement in ["UPDATE audit_entry SET status = 200", "DELETE FROM audit_link", "DELETE FROM audit_head", "TRUNCATE audit_entry"]
        {
            let refused = execute_directly(&app.url, &[&become_role, statement]).unwrap_err();
            assert!(refused.contains("permission denied"), "{statement}: {refused}");
        }
        // The same role has all rights that the service needs.
        let (_, place) = app.url.split_once('@').unwrap();
        let restricted = TestApp::on(&format!("postgres://{role}@{place}"), 2_000_000);
        admin.at(restricted.address).post("/actors", &json!({"kind": "other", "name": "Två"})).is(201);
        assert_eq!(entries(&admin.at(restricted.address), "operation=createActor").len(), 2);
        drop(restricted);
        execute_directly(&app.url, &[&format!("DROP OWNED BY {role}"), &format!("DROP ROLE {role}")]).unwrap();
    }
}

#[rstest]
fn abuse_97_what_is_changed_or_removed_is_found(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    for number in 0..6 {
        admin.post("/actors", &json!({"kind": "other", "name": format!("Nummer {number}")})).is(201);
    }
    let whole = verify(&app.url, 1, None).unwrap();
    let last = whole.head.position;
    assert_eq!((whole.count, whole.waiting), (u64::try_from(last).unwrap(), 0));
    assert!(last >= 7, "a sign-in and six actors");
    assert_eq!(verify(&app.url, 3, Some(whole.head.clone())).unwrap().count, whole.count - 2);
    assert_eq!(verify(&app.url, 1, Some(Head { position: 2, hash: "0".repeat(64) })), Err(Flaw::NotAsNoted(2)));

    drop_guards(database, &app.url);
    let entry = |position: i64| format!("(SELECT entry_id FROM audit_link WHERE position = {position})");
    let broken = |statements: &[&str]| {
        execute_directly(&app.url, statements).unwrap();
        verify(&app.url, 1, None)
    };
    // An entry is changed, and restored.
    assert_eq!(broken(&[&format!("UPDATE audit_entry SET status = 299 WHERE id = {}", entry(3))]), Err(Flaw::Changed(3)));
    assert!(verify(&app.url, 4, None).is_ok(), "what comes after is as it was");
    assert!(broken(&[&format!("UPDATE audit_entry SET status = 201 WHERE id = {}", entry(3))]).is_ok());
    // The end of the chain is removed: first without the head, then together with it. A head that was written down
    // detects both.
    let cut = [
        format!("DELETE FROM audit_entry WHERE id = {}", entry(last)),
        format!("DELETE FROM audit_link WHERE position = {last}"),
        format!("UPDATE audit_head SET position = {}, hash = (SELECT hash FROM audit_link WHERE position = {})", last - 1, last - 1),
    ];
    assert_eq!(broken(&[&cut[0]]), Err(Flaw::EntryMissing(last)));
    assert_eq!(broken(&[&cut[1]]), Err(Flaw::LinkMissing(last)));
    assert!(broken(&[&cut[2]]).is_ok());
    assert_eq!(verify(&app.url, 1, Some(whole.head)), Err(Flaw::LinkMissing(last)));
    // In the middle: only the link, then the entry too.
    let removed = format!("DELETE FROM audit_entry WHERE id = {}", entry(2));
    assert_eq!(broken(&[&removed]), Err(Flaw::EntryMissing(2)));
    assert_eq!(broken(&["DELETE FROM audit_link WHERE position = 2"]), Err(Flaw::LinkMissing(2)));
}

#[rstest]
fn whoever_writes_at_once_is_linked_once(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let other = TestApp::on(&app.url, 2_000_000);
    let here = app.user(Role::Admin, None);
    let there = here.at(other.address);
    let done: usize = thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|worker| {
                let caller = [&here, &there][worker % 2];
                scope.spawn(move || {
                    (0..8)
                        .filter(|turn| {
                            // A reader links the new entries at the same time.
                            if turn % 4 == 0 {
                                caller.get("/audit-entries?limit=1").is(200);
                            }
                            caller.post("/actors", &json!({"kind": "other", "name": format!("Skrivare {worker} {turn}")})).status == 201
                        })
                        .count()
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert_eq!(done, 64);
    let noted = here.get("/audit-entries?operation=createActor&outcome=done&include=total&limit=1").is(200);
    assert_eq!(noted.json["total"], json!(done));
    let seen = here.get("/audit-entries?operation=listAuditEntries&include=total&limit=1").is(200);
    assert_eq!(seen.json["total"], json!(17), "each reading is noted, this one not yet");
    let chain = verify(&app.url, 1, None).unwrap();
    // The sign-in, the actors, and 18 reads of the log.
    assert_eq!((chain.count, chain.head.position), (83, 83));
}
