//! Personal data: what is stored about people, who can see it, how it is removed, and what must be kept.

use std::collections::BTreeSet;

use rstest::rstest;
use samsyn::{
    access::policy::{Permission, Role},
    kernel::record::{DataPurpose, DataSubject, Table},
    privacy::register::markdown,
};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::{
    contract::{golden, operations},
    harness::{Client, Database, PASSWORD, TestApp, id, today},
    records::{schema, tables},
    story::{self, Teller},
};

const NAME: &str = "Ingrid Bergvall";
const ADDRESS: &str = "ingrid.bergvall@example.se";

/// Reads rows of texts directly from the database.
pub fn rows(url: &str, sql: &str) -> Vec<Vec<String>> {
    let (url, sql) = (if url.starts_with("sqlite") { format!("{url}?mode=rw") } else { url.to_owned() }, sql.to_owned());
    std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let db = sea_orm::Database::connect(url).await.unwrap();
            let found = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
            let read = |row: &sea_orm::QueryResult| {
                row.column_names().iter().map(|name| row.try_get::<Option<String>>("", name).unwrap().unwrap_or_default()).collect()
            };
            let found: Vec<_> = found.iter().map(read).collect();
            db.close().await.unwrap();
            found
        })
    })
    .join()
    .unwrap()
}

fn run(url: &str, sql: &str) {
    rows(url, sql);
}

#[test]
fn what_the_register_says_is_shown_exists_in_the_contract() {
    let known: BTreeSet<_> =
        operations().into_iter().map(|(_, _, operation)| operation["operationId"].as_str().unwrap().to_owned()).collect();
    for personal in tables().flat_map(|declared| declared.personal) {
        for operation in personal.shown.split_whitespace() {
            assert!(known.contains(operation), "{operation} is in the register but not in the contract");
        }
    }
}

#[test]
fn the_page_of_the_register_is_current() {
    let config = samsyn::config::Config::load(&[], None, std::iter::empty(), &[]).unwrap();
    golden("docs/personal-data.md", &markdown(&tables().collect::<Vec<&Table>>(), &config.retention()));
}

#[rstest]
fn the_register_is_for_everybody_to_read_in_their_language(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let register = app.anybody().get("/personal-data-register").is(200).json;
    let account = register["tables"].as_array().unwrap().iter().find(|table| table["table"] == "user_account").unwrap();
    assert_eq!(account["personal"][0]["legalBasis"], json!("Uppgift av allmänt intresse, GDPR art. 6.1 e"));
    let register = app.anybody().with("Accept-Language", "en").get("/personal-data-register").is(200).json;
    assert_eq!(register["tables"].as_array().unwrap().len(), tables().count());
    assert_eq!(register["rules"][0]["days"], json!(730));
}

#[rstest]
fn abuse_81_answers_with_personal_data_or_tokens_are_not_stored_on_the_way(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
    let mut private = BTreeSet::new();
    for (method, path, operation) in operations() {
        let key = operation["x-permission"].as_str().unwrap();
        let permission = Permission::ALL.iter().find(|permission| permission.key() == key).unwrap();
        let name = operation["operationId"].as_str().unwrap().to_owned();
        if !permission.is_private() {
            continue;
        }
        let path: String = path.split('/').map(|part| if part.starts_with('{') { unknown } else { part }).collect::<Vec<_>>().join("/");
        let body = operation.get("requestBody").map(|_| ("application/json", &b"{}"[..]));
        // A refusal may contain personal data too.
        for caller in [&app.anybody(), &admin] {
            let caller = if name == "deleteCurrentSession" { &app.anybody() } else { caller };
            let answer = caller.call(&method, &path, body);
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}: {}", answer.status);
        }
        private.insert(name);
    }
    let me = id(&admin.get("/me").is(200).json["user"]);
    for path in
        ["/me", "/users", "/grants", "/me/personal-data", "/legal-holds", &format!("/users/{me}"), &format!("/users/{me}/personal-data")]
    {
        assert_eq!(admin.get(path).is(200).header("cache-control"), Some("no-store"), "{path}");
    }
    let email = admin.get("/me").json["user"]["email"].clone();
    let session = app.anybody().post("/sessions", &json!({"email": email, "password": PASSWORD})).is(201);
    assert_eq!(session.header("cache-control"), Some("no-store"));
    // The operations that show accounts and grants according to the register are among them.
    for personal in tables().flat_map(|declared| declared.personal) {
        if matches!(
            personal.purpose,
            DataPurpose::Account | DataPurpose::Access | DataPurpose::SignIn | DataPurpose::Repetition | DataPurpose::Accountability
        ) {
            for operation in personal.shown.split_whitespace() {
                assert!(private.contains(operation), "{operation} shows personal data and may be stored on the way");
            }
        }
    }
    assert_eq!(app.anybody().get("/actors").is(200).header("cache-control"), Some("private, no-cache"));
}

/// Registers Ingrid, and lets her do something of each kind that is stored.
fn ingrid(app: &TestApp, admin: &Client) -> (Client, String) {
    let new = json!({"email": ADDRESS, "name": NAME});
    let user = id(&admin.with("Idempotency-Key", "registers-ingrid").post("/users", &new).is(201).json);
    let link = app.letter(ADDRESS, "invitation");
    app.anybody().post("/account-activations", &json!({"token": link, "password": PASSWORD})).is(204);
    let grant = json!({"userId": user, "role": "coordinator", "scope": {"kind": "area", "id": app.area("01")}});
    admin.with("Idempotency-Key", "grants-ingrid").post("/grants", &grant).is(201);
    let session = app.anybody().post("/sessions", &json!({"email": ADDRESS, "password": PASSWORD})).is(201);
    let renewed = app.anybody().post("/sessions/refresh", &json!({"refreshToken": session.json["refreshToken"]})).is(201);
    let ingrid = app.anybody().with_token(renewed.json["accessToken"].as_str().unwrap());
    let actor = json!({"kind": "association", "name": "Vallby odlare", "seatAreaId": app.area("0127")});
    ingrid.with("Idempotency-Key", "registers-an-actor").post("/actors", &actor).is(201);
    (ingrid, user)
}

fn part<'a>(extract: &'a Value, table: &str) -> &'a Vec<Value> {
    let parts = extract["parts"].as_array().unwrap();
    parts.iter().find(|part| part["table"] == table).unwrap_or_else(|| panic!("nothing on {table}"))["rows"].as_array().unwrap()
}

#[rstest]
fn abuse_101_a_person_gets_all_that_is_stored_about_it_and_no_secret(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let (ingrid, user) = ingrid(&app, &admin);
    // Reading the feed gives the changes their positions, which are part of the extract too.
    ingrid.get("/changes").is(200);
    let extract = ingrid.get("/me/personal-data").is(200).json;
    assert_eq!(part(&extract, "user_account")[0]["email"], json!(ADDRESS));
    assert_eq!(part(&extract, "access_grant")[0]["role"], json!("coordinator"));
    assert_eq!(part(&extract, "session")[0]["userId"], json!(user));
    assert_eq!(part(&extract, "refresh_token").len(), 2);
    assert_eq!(part(&extract, "event")[0]["entityKind"], json!("actor"));
    assert_eq!(part(&extract, "idempotent_answer")[0]["key"], json!("registers-an-actor"));
    // The extract has every table with a column that refers to a user, and every table that refers to one of those.
    let schema = schema(&app, database);
    for (table, columns) in &schema {
        for column in
            columns.keys().filter(|column| column.ends_with("user_id") || column.ends_with("_by") || column.starts_with("session_id"))
        {
            let of = tables().find(|declared| declared.name == table).unwrap().subject;
            let pointed = match of {
                DataSubject::User(names) => names.contains(&column.as_str()) || column.starts_with("session_id"),
                DataSubject::Through(name, _) => name == column,
                _ => false,
            };
            assert!(pointed, "{table}.{column} refers to a user, so the register must say whose its rows are");
            part(&extract, table);
        }
    }
    if database == Database::Sqlite {
        let sql = "SELECT tables.name, keys.\"from\" FROM sqlite_master AS tables, pragma_foreign_key_list(tables.name) AS keys \
             WHERE keys.\"table\" = 'user_account'";
        for row in rows(&app.url, sql) {
            assert!(
                matches!(tables().find(|declared| declared.name == row[0]).unwrap().subject, DataSubject::User(names) if names.contains(&row[1].as_str())),
                "{row:?}"
            );
        }
    }
    // It has no secrets, no digests of them, and not the names of their columns.
    let told = extract.to_string();
    assert!(!told.contains("argon2") && !told.contains("digest") && !told.contains("passwordHash"), "{told}");
    // An administrator can answer a request with the same extract; nobody else can.
    let theirs = admin.get(&format!("/users/{user}/personal-data")).is(200).json;
    assert_eq!(theirs["parts"], extract["parts"]);
    ingrid.get(&format!("/users/{user}/personal-data")).is(403);
    app.user(Role::Coordinator, None).post(&format!("/users/{user}/erasure"), &json!({"reason": "x"})).is(403);
    admin.get("/users/01890a5d-ac96-774b-bcce-b302099a8057/personal-data").is(404);
    app.anybody().get("/me/personal-data").is(401);
}

/// The places in the whole database where a text is stored, as text or as bytes, in any case.
fn places(app: &TestApp, database: Database, text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let hex = samsyn::kernel::hash::hex(text.as_bytes());

    let tables: BTreeSet<String> = match database {
        Database::Sqlite => {
            rows(&app.url, "SELECT name FROM sqlite_master WHERE type = 'table'").into_iter().map(|mut row| row.remove(0)).collect()
        }
        Database::Postgres => schema(app, database).into_keys().collect(),
    };
    let mut found = Vec::new();
    for table in tables {
        let sql = match database {
            Database::Sqlite => {
                let columns = rows(&app.url, &format!("SELECT name FROM pragma_table_info('{table}')"));
                let all =
                    columns.iter().map(|column| format!("coalesce(quote(\"{}\"), '')", column[0])).collect::<Vec<_>>().join(" || ' ' || ");
                format!("SELECT {all} AS whole FROM \"{table}\"")
            }
            Database::Postgres => format!("SELECT whole::text AS whole FROM \"{table}\" AS whole"),
        };
        for row in rows(&app.url, &sql) {
            let row = row[0].to_lowercase();
            if row.contains(&text) || row.contains(&hex) {
                found.push(format!("{table}: {row}"));
            }
        }
    }
    found
}

#[rstest]
fn abuse_101_an_erased_person_is_named_nowhere_and_out_at_once(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let other = TestApp::on(&app.url, 2_000_000);
    let admin = app.user(Role::Admin, None);
    let (ingrid, user) = ingrid(&app, &admin);
    ingrid.at(other.address).get("/me").is(200);
    for text in [NAME, ADDRESS] {
        assert!(places(&app, database, text).len() >= 2, "there is something to erase");
    }
    let path = format!("/users/{user}/erasure");
    let named = admin.post(&path, &json!({"reason": format!("{NAME} har slutat")})).is(422);
    assert_eq!(named.faults(), ["/reason wrong-form"]);
    let erasure = admin.with("Idempotency-Key", "erases-ingrid").post(&path, &json!({"reason": "Har slutat"})).is(201).json;
    let count =
        |what: &str| erasure["erased"].as_array().unwrap().iter().find(|part| part["what"] == what).map(|part| part["count"].clone());
    assert_eq!(count("Inloggningar"), Some(json!(1)));
    assert_eq!(count("Förnyelsekoder"), Some(json!(2)));
    assert_eq!(count("Sparade svar på anrop"), Some(json!(1)));
    let kept = erasure["kept"].as_array().unwrap();
    let history = kept.iter().find(|part| part["what"] == "Ändringar som personen har gjort, utan namn").unwrap();
    assert_eq!((history["count"].clone(), history["until"].clone()), (json!(1), Value::Null));
    let grants = kept.iter().find(|part| part["what"] == "Behörigheter, utan namn").unwrap();
    assert_eq!(grants["until"], json!("2027-11-22"));

    // The name is not in the account, the history, the feed, the search index, stored responses, or anywhere else.
    for text in [NAME, ADDRESS] {
        assert_eq!(places(&app, database, text), Vec::<String>::new());
    }
    // The id remains and stands for a removed user, and the feed reports it as removed.
    let shown = admin.get(&format!("/users/{user}")).is(200).json;
    assert_eq!((&shown["name"], &shown["status"]), (&json!("Borttagen användare / Removed user"), &json!("erased")));
    let feed = admin.get("/changes?types=user&limit=200").is(200).json;
    assert!(feed["items"].as_array().unwrap().iter().any(|change| change["id"] == json!(user) && change["op"] == json!("delete")));
    // A repeated call by another user gets the same response as before, without the name.
    let new = json!({"email": ADDRESS, "name": NAME});
    let again = admin.with("Idempotency-Key", "registers-ingrid").post("/users", &new).is(201);
    assert_eq!(again.json["name"], json!("Borttagen användare / Removed user"));
    assert_eq!(admin.with("Idempotency-Key", "erases-ingrid").post(&path, &json!({"reason": "Har slutat"})).is(201).json, erasure);
    admin.post(&path, &json!({"reason": "Igen"})).is(409);

    // The sessions end at once here, and within a second elsewhere. Nobody can sign in with the address.
    ingrid.get("/me").is(401);
    app.anybody().post("/sessions", &json!({"email": ADDRESS, "password": PASSWORD})).is(401);
    #[expect(clippy::disallowed_methods, reason = "the other instance reads the real clock")]
    let started = std::time::Instant::now();
    while ingrid.at(other.address).get("/me").status != 401 {
        assert!(started.elapsed().as_millis() < 1000, "the other instance has not heard");
    }
    // The address can be used by a new user.
    let new = json!({"email": ADDRESS, "name": "Någon Annan"});
    assert_ne!(id(&admin.post("/users", &new).is(201).json), user);
    let me = id(&admin.get("/me").json["user"]);
    admin.post(&format!("/users/{me}/erasure"), &json!({"reason": "Vill bort"})).is(409);
}

#[rstest]
fn abuse_101_who_must_be_kept_by_law_is_not_erased(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let told = story::tell(&mut Teller::new(&app));
    let admin = app.user(Role::Admin, None);
    // The user who published the assessment is named in an official document.
    let user = id(&told.municipality.get("/me").is(200).json["user"]);
    let path = format!("/users/{user}/erasure");
    let reason = json!({"reason": "Har slutat"});
    let refused = admin.post(&path, &reason).is(409);
    assert_eq!(refused.json["code"], json!("kept-by-law"));
    assert!(refused.json["detail"].as_str().unwrap().contains("arkivlagen"), "{}", refused.body);
    let revision = refused.json["conflictsWith"].as_str().unwrap().to_owned();
    let before = admin.get(&revision).is(200).json;
    assert_eq!(before["publishedBy"], json!("Robin kommun"));
    let english = admin.with("Accept-Language", "en").post(&path, &reason).is(409);
    assert!(english.json["detail"].as_str().unwrap().contains("Archives Act"), "{}", english.body);

    // A legal hold overrides a decision on disposal, even a hold on a record that has the name only in its history.
    let decided = json!({"reason": "Har slutat", "disposalDecision": "Gallringsbeslut KS 2026:17, 2026-11-01"});
    for (kind, record) in [("user", user.clone()), ("revision", id(&before)), ("assessment", told.assessment.clone())] {
        let hold = admin.post("/legal-holds", &json!({"recordKind": kind, "recordId": record, "reason": "Tillsyn"})).is(201);
        let held = admin.post(&path, &decided).is(409);
        assert_eq!(held.json["code"], json!("kept-by-law"));
        assert_eq!(held.json["conflictsWith"], json!(format!("/samsyn/v1/legal-holds/{}", id(&hold.json))), "{kind}");
        admin.delete(&format!("/legal-holds/{}", id(&hold.json)), &hold.etag()).is(204);
    }
    let future = json!({"recordKind": "user", "recordId": user, "reason": "Senare", "validFrom": "2027-01-01"});
    admin.post("/legal-holds", &future).is(201);

    // With the decision the name is removed, and the published content is unchanged.
    admin.post(&path, &decided).is(201);
    let after = admin.get(&revision).is(200).json;
    assert_eq!(after["publishedBy"], json!("Borttagen användare / Removed user"));
    assert_eq!((&after["content"], &after["hash"]), (&before["content"], &before["hash"]));
    assert_eq!(places(&app, database, "Robin kommun"), Vec::<String>::new());
}

#[rstest]
fn a_legal_hold_is_placed_on_what_there_is_and_ends_once(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let unknown = json!({"recordKind": "decision", "recordId": "01890a5d-ac96-774b-bcce-b302099a8057", "reason": " ",
        "validFrom": "2026-12-01", "validTo": "2026-11-01"});
    assert_eq!(admin.post("/legal-holds", &unknown).is(422).faults(), ["/validTo before-start", "/recordId not-found", "/reason required"]);
    let actor = app.public_actor("municipality_code:0127");
    let hold = admin.post("/legal-holds", &json!({"recordKind": "actor", "recordId": actor, "reason": "Revision"})).is(201);
    let path = format!("/legal-holds/{}", id(&hold.json));
    admin.delete(&path, "\"v7\"").is(412);
    admin.delete(&path, &hold.etag()).is(204);
    let ended = admin.get(&path).is(200);
    assert_eq!(ended.json["validTo"], json!("2026-11-22"));
    admin.delete(&path, &ended.etag()).is(409);
    assert_eq!(admin.get("/legal-holds?validOn=2026-11-22").is(200).json["items"], json!([]));
    assert_eq!(admin.get(&format!("/legal-holds?recordId={actor}")).is(200).json["items"].as_array().unwrap().len(), 1);
    app.user(Role::Coordinator, None).get("/legal-holds").is(403);
    // A hold that is ended before it begins was never in force.
    let later = json!({"recordKind": "actor", "recordId": actor, "reason": "Tillsyn", "validFrom": "2027-01-01"});
    let later = admin.post("/legal-holds", &later).is(201);
    admin.delete(&format!("/legal-holds/{}", id(&later.json)), &later.etag()).is(204);
    for day in ["2026-11-01", "2026-11-21", "2026-11-22", "2027-01-01"] {
        let in_force = admin.get(&format!("/legal-holds?validOn={day}")).is(200).json["items"].clone();
        assert!(in_force.as_array().unwrap().iter().all(|hold| hold["id"] != later.json["id"]), "{day}: {in_force}");
    }
}

/// The result of a run for one rule: found, removed, held back.
fn outcome(run: &Value, rule: &str) -> [i64; 3] {
    let outcome = run["rules"].as_array().unwrap().iter().find(|outcome| outcome["rule"] == rule).unwrap();
    ["found", "removed", "heldBack"].map(|what| outcome[what].as_i64().unwrap())
}

#[rstest]
fn abuse_104_disposal_follows_the_rules_leaves_a_protocol_and_never_touches_what_is_held(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let (_, held) = ingrid(&app, &admin);
    app.register("kim@example.se", "Kim Kort", Role::Reader, None);
    app.register("robin@example.se", "Robin Raderad", Role::Reader, None);
    let kim = id(&app.sign_in("kim@example.se").get("/me").is(200).json["user"]);
    let robin = id(&app.sign_in("robin@example.se").get("/me").is(200).json["user"]);
    admin.post(&format!("/users/{robin}/erasure"), &json!({"reason": "Har slutat"})).is(201);
    admin.post("/legal-holds", &json!({"recordKind": "user", "recordId": held, "reason": "Utredning"})).is(201);
    run(&app.url, &format!("UPDATE user_account SET status = 'disabled' WHERE name IN ('{NAME}', 'Kim Kort')"));

    // Nothing is due on the same day.
    let first = admin.post("/retention-runs", &json!({"dryRun": false})).is(201).json;
    for rule in ["accounts", "grants", "tokens", "sessions", "answers"] {
        assert_eq!(outcome(&first, rule), [0, 0, 0], "{rule}");
    }
    // Three years later nearly everything is due.
    let later = TestApp::at(today() + chrono::TimeDelta::days(3 * 365), &app.url, 3_000_000);
    let email = admin.get("/me").is(200).json["user"]["email"].as_str().unwrap().to_owned();
    let keeper = later.sign_in(&email);
    let dry = keeper.post("/retention-runs", &json!({"dryRun": true})).is(201);
    assert_eq!(outcome(&dry.json, "accounts"), [2, 0, 1]);
    assert_eq!(outcome(&dry.json, "grants"), [1, 0, 0]);
    assert_eq!(outcome(&dry.json, "tokens"), [1, 0, 1]);
    assert_eq!(outcome(&dry.json, "sessions"), [3, 0, 1]);
    let again = keeper.post("/retention-runs", &json!({"dryRun": true})).is(201);
    assert_eq!(again.json["rules"], dry.json["rules"], "a dry run removes nothing");

    let done = keeper.post("/retention-runs", &json!({"dryRun": false})).is(201);
    assert_eq!(outcome(&done.json, "accounts"), [2, 1, 1]);
    assert_eq!(outcome(&done.json, "grants"), [1, 1, 0]);
    assert_eq!(outcome(&done.json, "tokens"), [1, 0, 1]);
    // Kim's sessions were removed with the account.
    assert_eq!(outcome(&done.json, "sessions"), [2, 1, 1]);
    assert_eq!(keeper.get(&format!("/users/{kim}")).is(200).json["status"], json!("erased"));
    // A name that a concurrent call stored after an erasure is removed by the next run.
    run(
        &app.url,
        "UPDATE event SET changed_by_name = 'Kim Kort', changed_by = (SELECT user_id FROM erasure ORDER BY erased_at DESC LIMIT 1) WHERE seq = (SELECT max(seq) FROM event)",
    );
    assert_eq!(places(&app, database, "Kim Kort").len(), 1);
    keeper.post("/retention-runs", &json!({"dryRun": false})).is(201);
    assert_eq!(places(&app, database, "Kim Kort"), Vec::<String>::new());
    // Records under a legal hold are unchanged.
    let extract = keeper.get(&format!("/users/{held}/personal-data")).is(200).json;
    assert_eq!(part(&extract, "user_account")[0]["name"], json!(NAME));
    assert_eq!((part(&extract, "session").len(), part(&extract, "refresh_token").len()), (1, 2));
    // Another run finds only what is held.
    let last = keeper.post("/retention-runs", &json!({"dryRun": false})).is(201).json;
    assert_eq!(outcome(&last, "accounts"), [1, 0, 1]);
    assert_eq!(outcome(&last, "sessions"), [1, 0, 1]);
    // Each run is recorded.
    let runs = keeper.get("/retention-runs").is(200).json;
    assert_eq!(runs["items"].as_array().unwrap().len(), 6);
    assert_eq!(keeper.get(done.header("location").unwrap()).is(200).json, done.json);
    keeper.get("/retention-runs/01890a5d-ac96-774b-bcce-b302099a8057").is(404);
    app.user(Role::Coordinator, None).post("/retention-runs", &json!({"dryRun": true})).is(403);
}
