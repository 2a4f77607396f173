//! Bad input, everywhere: the documented problem, never a 500, nothing half done.

use std::sync::LazyLock;

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::{
    contract::{checker, operations},
    harness::{Answer, Client, Database, TestApp, id, raw},
};

/// Checks that an answer is a whole problem document of a status that is documented for the operation.
#[track_caller]
fn is_problem(answer: &Answer, statuses: &[u16], what: &str) {
    static PROBLEM: LazyLock<jsonschema::Validator> = LazyLock::new(|| checker(&json!({"$ref": "#/components/schemas/Problem"})));
    assert!(statuses.contains(&answer.status), "{what}: {} {}", answer.status, answer.body);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");
    let errors: Vec<_> = PROBLEM.iter_errors(&answer.json).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{what}: {errors:?} {}", answer.body);
    assert_eq!(answer.json["status"], json!(answer.status), "{what}");
    for inner in ["sqlx", "sea_orm", "SELECT", "panicked", "/src/", "DbErr"] {
        assert!(!answer.body.contains(inner), "{what} tells of {inner}: {}", answer.body);
    }
}

fn events(admin: &Client) -> Value {
    let mut cursor = String::new();
    let mut last = Value::Null;
    loop {
        let page = admin.get(&format!("/changes?limit=200{cursor}")).is(200);
        last = page.json["items"].as_array().and_then(|items| items.last().cloned()).unwrap_or(last);
        if page.json["hasMore"] != json!(true) {
            return last["position"].clone();
        }
        cursor = format!("&cursor={}", page.json["nextCursor"].as_str().unwrap());
    }
}

#[rstest]
fn every_operation_with_a_body_refuses_what_it_cannot_read(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None).with("If-Match", "*");
    let before = events(&admin);
    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
    let deep = "[".repeat(10_000);
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(200_000));
    for (method, path, operation) in operations().into_iter().filter(|(_, _, operation)| operation.get("requestBody").is_some()) {
        let name = operation["operationId"].as_str().unwrap();
        // Administrators do not vote or endorse; for them the refusal comes first, as it should. An import takes a file,
        // whose rows are refused one by one.
        if matches!(name, "castBallot" | "endorseAssessment" | "createImport" | "createObservationImport") {
            continue;
        }
        let path: String = path.split('/').map(|part| if part.starts_with('{') { unknown } else { part }).collect::<Vec<_>>().join("/");
        let media_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let send = |body: &[u8]| admin.call(&method, &path, Some((media_type, body)));
        let malformed: [&[u8]; 8] =
            [b"", b"{", b"{\"a\":1,\"a\":2}", b"{\"a\":\"\\ud800\"}", b"[1,]", b"{\"a\":1e999}", b"\xff\xfe", deep.as_bytes()];
        for body in malformed {
            is_problem(&send(body), &[400], &format!("{name} {:?}", String::from_utf8_lossy(&body[..body.len().min(20)])));
        }
        is_problem(&send(b"{\"name\":\"a\\u0000b\"}"), &[422], &format!("{name} with a NUL"));
        is_problem(&send("{\"name\":\"a\u{202E}b\"}".as_bytes()), &[422], &format!("{name} with hidden letters"));
        is_problem(&send(large.as_bytes()), &[413], &format!("{name} too large"));
        let wrong = admin.call(&method, &path, Some(("text/plain", b"{}")));
        is_problem(&wrong, &[415], &format!("{name} of the wrong media type"));
        // A patch is judged against its record, which is not there.
        let statuses: &[u16] = if method == "PATCH" || name == "upsertSourceActor" { &[404, 422] } else { &[422] };
        is_problem(&send(b"[]"), statuses, &format!("{name} with a list"));
        let more = send(b"{\"nobodyKnowsThis\":1,\"id\":\"x\",\"version\":7}");
        is_problem(&more, statuses, &format!("{name} with unknown members"));
        if method == "POST" {
            assert!(more.faults().contains(&"/nobodyKnowsThis unknown".to_owned()), "{name}: {}", more.body);
        }
    }
    assert_eq!(events(&admin), before, "something was half done");
}

#[rstest]
fn every_list_refuses_parameters_that_it_does_not_have(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    for (_, path, operation) in operations().into_iter().filter(|(method, _, _)| method == "GET") {
        let name = operation["operationId"].as_str().unwrap();
        let path: String = path
            .split('/')
            .map(|part| if part.starts_with('{') { "01890a5d-ac96-774b-bcce-b302099a8057" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        is_problem(&admin.get(&format!("{path}?limt=3")), &[400], name);
        if name.starts_with("list") && !path.contains("01890") {
            for query in ["limit=0", "limit=201", "limit=-1", "limit=abc", "limit=1&limit=100", "cursor=abc", "limit=99999999999999999999"]
            {
                is_problem(&admin.get(&format!("{path}?{query}")), &[400], &format!("{name} {query}"));
            }
            if name != "listChanges" {
                is_problem(&admin.get(&format!("{path}?offset=10001")), &[400], name);
                is_problem(&admin.get(&format!("{path}?fields=nonsense")), &[400], name);
                admin.get(&format!("{path}?offset=3&limit=2&include=total")).is(200);
            }
        }
    }
    let meant = app.anybody().get("/actors?limt=3");
    assert!(meant.json["detail"].as_str().unwrap().contains("Menade du limit?"), "{}", meant.body);
}

#[rstest]
fn what_clients_send_in_another_way_is_understood(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let club = admin.post("/actors", &json!({"kind": "association", "name": "Odlarna"})).is(201).json;
    let items = |path: &str| admin.get(path).is(200).json["items"].clone();
    // The values of a list are separated by commas or by repeating the parameter.
    let of_two_kinds = items("/actors?kind=association,agency&limit=200");
    assert!(of_two_kinds.as_array().unwrap().iter().any(|actor| actor["name"] == "Odlarna"));
    assert_eq!(items("/actors?kind=association&kind=agency&limit=200"), of_two_kinds);
    // 5.0 is a whole number in JSON Schema.
    assert_eq!(items("/actors?limit=5.0"), items("/actors?limit=5"));
    assert_eq!(admin.post("/actors/search", &json!({"limit": 5.0})).is(200).json["items"], items("/actors?limit=5"));
    assert_eq!(admin.get("/actors?limit=5.5").is(400).faults(), ["limit wrong-type"]);
    // An empty cursor is none, and an empty list is a mistake: it would find nothing.
    assert_eq!(items("/actors?limit=5&cursor="), items("/actors?limit=5"));
    assert_eq!(admin.get("/changes?types=").is(400).faults(), ["types empty"]);
    let far = admin.get("/actors?offset=10001").is(400);
    assert_eq!(far.faults(), ["offset too-large"]);
    assert!(far.json["detail"].as_str().unwrap().contains("nextCursor"), "{}", far.body);
    // A tag that is none says so, and does not say that somebody has changed the record.
    let path = format!("/actors/{}", id(&club));
    assert_eq!(admin.patch(&path, "v1", &json!({"focus": "Odling"})).is(400).faults(), ["If-Match wrong-form"]);
    assert!(admin.patch(&path, "W/\"v1\"", &json!({"focus": "Odling"})).is(412).json["detail"].as_str().unwrap().contains("W/"));
    admin.patch(&path, "\"v1\"", &json!({"focus": "Odling"})).is(200);
}

#[rstest]
fn a_fixed_address_is_no_record_and_a_coded_answer_has_a_tag_of_its_own(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    // `search` and `batch` are not the ids of actors.
    for (method, path) in [("GET", "/actors/search"), ("DELETE", "/actors/batch"), ("PATCH", "/actors/search")] {
        let refused = app.anybody().call(method, path, None).is(405);
        assert_eq!(refused.header("allow"), Some("OPTIONS, POST"), "{method} {path}");
    }
    admin.post("/actors/search", &json!({"limit": 1})).is(200);
    // The same content coded and plain: two tags, either of which says that it is unchanged and may be changed.
    let club = admin.post("/actors", &json!({"kind": "association", "name": "Odlarna", "focus": "Odling ".repeat(40)})).is(201).json;
    let path = format!("/actors/{}", id(&club));
    let coded = admin.with("Accept-Encoding", "gzip").get(&path);
    assert_eq!((coded.header("content-encoding"), coded.header("etag")), (Some("gzip"), Some("\"v1-gzip\"")));
    assert_eq!(admin.get(&path).header("etag"), Some("\"v1\""));
    for tag in ["\"v1\"", "\"v1-gzip\"", "W/\"v1-gzip\"", "\"v0\", \"v1-br\""] {
        admin.with("If-None-Match", tag).get(&path).is(304);
    }
    assert_eq!(admin.with("If-None-Match", "\"v1-gzip\"").get(&path).header("etag"), Some("\"v1-gzip\""));
    admin.with("If-None-Match", "\"v2-gzip\"").get(&path).is(200);
    admin.patch(&path, "\"v1-gzip\"", &json!({"focus": null})).is(200);
}

#[rstest]
fn strange_texts_are_stored_as_they_are(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    for name in [
        "'; DROP TABLE actor; --",
        "100 % _ \\ \"citat\"",
        "<script>alert(1)</script>",
        "=1+1",
        "🦊 räven",
        "\u{41}\u{30A}ngström",
        "{{7*7}}",
        "..\\..\\etc",
    ] {
        let actor = admin.post("/actors", &json!({"kind": "other", "name": name})).is(201);
        let composed: String = name.replace("\u{41}\u{30A}", "Å");
        assert_eq!(actor.json["name"], json!(composed));
        assert_eq!(admin.get(&format!("/actors/{}", id(&actor.json))).json["name"], json!(composed));
    }
    for q in ["'", "\"", "*", "%", "_", "NEAR(", "a OR b", "(((((", "\\", "-", "kind:forum", ":*", "&", "🦊"] {
        let q = q.bytes().fold(String::new(), |q, byte| format!("{q}%{byte:02X}"));
        app.anybody().get(&format!("/actors?q={q}")).is(200);
    }
    // A wildcard is a letter like any other, and none of ours.
    assert_eq!(app.anybody().get("/actors?q=%25").json["items"], json!([]));
    assert_eq!(app.anybody().get("/actors?q=%C3%A5ngstr").json["items"].as_array().unwrap().len(), 1);
    assert_eq!(app.anybody().get("/actors?q=angstr").json["items"], json!([]));
}

#[rstest]
fn all_faults_of_a_body_are_told_at_once(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let answer = admin
        .post("/actors", &json!({"kind": "kommun", "nam": "x", "otherNames": [1], "website": "ftp://x", "identifiers": [{"scheme": "SE-ON"}], "seatAreaId": "127"}))
        .is(422);
    let mut faults = answer.faults();
    faults.sort();
    assert_eq!(
        faults,
        [
            "/identifiers/0/value required",
            "/kind not-in-list",
            "/nam unknown",
            "/name required",
            "/otherNames/0 wrong-type",
            "/seatAreaId wrong-form",
            "/website wrong-form"
        ]
    );
    let rules = admin
        .post("/actors", &json!({"kind": "administration", "name": " ", "policyDomains": ["bostad", "housing"], "seatAreaId": "01890a5d-ac96-774b-bcce-b302099a8057",
            "identifiers": [{"scheme": "SE-ON", "value": "811228-9875"}, {"scheme": "SE-ON", "value": "212000-2883"}]}))
        .is(422);
    insta::allow_duplicates! { insta::assert_snapshot!(rules.faults().join("\n"), @r"
    /name blank
    /parentId required
    /identifiers/0/value personal-identity-number
    /identifiers/1/value bad-check-digit
    /seatAreaId not-found
    /policyDomains/0 not-in-list
    "); }
    assert!(!rules.body.contains("811228"), "a personal identity number is never repeated");
}

#[rstest]
fn broken_calls_break_nothing(#[values(Database::Sqlite)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let anybody = app.anybody();
    for (method, path, status) in [
        ("TRACE", "/actors", 405),
        ("PUT", "/actors", 405),
        ("GET", "/nothing", 404),
        ("GET", "/samsyn/v2/actors", 404),
        ("GET", "/samsyn/v1/actors/..%2f..%2fusers", 400),
        ("GET", "//actors", 404),
        ("GET", "/actors/123", 400),
        ("GET", "/trace/nonsense/01890a5d-ac96-774b-bcce-b302099a8057", 404),
    ] {
        is_problem(&anybody.call(method, path, None), &[status], &format!("{method} {path}"));
    }
    assert_eq!(anybody.call("PUT", "/actors", None).header("allow"), Some("GET, HEAD, OPTIONS, POST"));
    is_problem(&anybody.with("Accept", "application/xml").get("/actors"), &[406], "Accept");
    is_problem(&anybody.get(&format!("/actors?q={}", "x".repeat(9000))), &[414], "a long address");
    for bytes in [
        &b"rubbish\r\n\r\n"[..],
        b"GET / HTTP/0.9\r\n\r\n",
        b"GET /samsyn/v1/actors HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    ] {
        assert!(raw(app.address, bytes).status != 200, "{}", String::from_utf8_lossy(bytes));
    }
    let length = b"POST /samsyn/v1/sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n";
    is_problem(&raw(app.address, length), &[413], "an announced flood");
    anybody.get("/health/live").is(200);
    let english = anybody.with("Accept-Language", "en").get("/nothing");
    assert_eq!((english.header("content-language"), english.json["title"].as_str()), (Some("en"), Some("Not found")));
    let page = anybody.get(english.json["type"].as_str().unwrap().trim_start_matches("https://samsyn.example.se")).is(200);
    assert!(page.body.contains("Finns inte") && page.body.contains("Not found"));
}
