//! Personal identity numbers are not stored, wherever they are written.

use rstest::rstest;
use samsyn::access::policy::{Permission, Role, Standing, holds};
use serde_json::{Value, json};

use crate::{
    abuse_secrecy::NUMBER,
    contract::{DOCUMENT, operations},
    harness::{Client, Database, TestApp},
};

/// Every place for free text in a schema, as a JSON Pointer in which `0` stands for the first item of a list.
fn free_texts(schema: &Value, components: &Value, pointer: &str, found: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return free_texts(&components[name], components, pointer, found);
    }
    for form in ["oneOf", "anyOf", "allOf"] {
        for part in schema[form].as_array().into_iter().flatten() {
            free_texts(part, components, pointer, found);
        }
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        free_texts(property, components, &format!("{pointer}/{name}"), found);
    }
    if schema["items"].is_object() {
        free_texts(&schema["items"], components, &format!("{pointer}/0"), found);
    }
    let text = schema["type"] == "string" || schema["type"].as_array().is_some_and(|types| types.contains(&json!("string")));
    let free = ["enum", "format", "pattern", "const"].iter().all(|limit| schema.get(limit).is_none());
    let name = pointer.rsplit('/').next().unwrap_or_default().to_lowercase();
    let secret =
        name == "code" || name == "cursor" || ["password", "token", "secret", "recoverycode"].iter().any(|end| name.ends_with(end));
    if text && free && !secret && !found.contains(&pointer.to_owned()) {
        found.push(pointer.to_owned());
    }
}

/// A body with a text at one place and nothing else.
fn body_with(pointer: &str, text: &str) -> Value {
    pointer.rsplit('/').filter(|part| !part.is_empty()).fold(
        json!(text),
        |inner, part| {
            if part == "0" { json!([inner]) } else { json!({ part: inner }) }
        },
    )
}

/// One user for each role, so that each operation can be called with the permission that it needs.
fn callers(app: &TestApp) -> Vec<(Role, Client)> {
    [Role::Admin, Role::Coordinator, Role::ActorAdmin, Role::Contributor, Role::Analyst].map(|role| (role, app.user(role, None))).into()
}

#[rstest]
fn abuse_78_no_free_text_of_any_body_takes_a_personal_identity_number(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let callers = callers(&app);
    let mut tried = 0;
    for (method, path, operation) in operations() {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        if schema.is_null() {
            continue;
        }
        let permission = *Permission::ALL.iter().find(|known| operation["x-permission"] == known.key()).unwrap();
        let Some((_, caller)) = callers.iter().find(|(role, _)| holds(Standing::Role(*role), permission)) else { continue };
        let mut places = Vec::new();
        free_texts(schema, &DOCUMENT["components"]["schemas"], "", &mut places);
        let mut path: String = path
            .split('/')
            .map(|part| if part.starts_with('{') { "01890a5d-ac96-774b-bcce-b302099a8057" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        if path == "/observation-imports" {
            path.push_str("?indicator=neet&source=SCB");
        }
        let media_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        for place in places {
            let body = body_with(&place, &format!("Ring Anna, {NUMBER}."));
            let answer = caller.call(&method, &path, Some((media_type, body.to_string().as_bytes()))).is(422);
            assert_eq!(answer.json["code"], json!("personal-identity-number"), "{method} {path} {place}: {}", answer.body);
            assert_eq!(answer.faults(), [format!("{place} personal-identity-number")], "{method} {path}");
            assert!(!answer.body.contains("9874"), "{method} {path} repeats it: {}", answer.body);
            tried += 1;
        }
    }
    assert!(tried > 60, "{tried}");
    // In English, and with a page that says what to write instead.
    let english = callers[0].1.with("Accept-Language", "en").post("/actors", &json!({"kind": "other", "name": NUMBER})).is(422);
    assert!(english.body.contains("Remove the number"), "{}", english.body);
    let page = app.anybody().get("/problems/personal-identity-number").is(200);
    assert!(page.body.contains("samordningsnummer"), "{}", page.body);
    // Names of members are checked too, even that of a member that occurs twice.
    let named = callers[0].1.post("/actors", &json!({"name": "A", NUMBER: 1})).is(422);
    assert!(!named.body.contains("9874"), "{}", named.body);
    let twice = format!("{{\"{NUMBER}\":1,\"{NUMBER}\":2}}");
    let twice = callers[0].1.call("POST", "/actors", Some(("application/json", twice.as_bytes()))).is(400);
    assert!(!twice.body.contains("9874"), "{}", twice.body);
    // The number of a sole trader as an organisation number gets the same code, even with a wrong check digit.
    for number in ["811228-9874", "811228-9875"] {
        let identifiers = json!([{"scheme": "SE-ON", "value": number}]);
        let trader = callers[0].1.post("/actors", &json!({"kind": "other", "name": "Anna", "identifiers": identifiers})).is(422);
        assert_eq!(trader.faults(), ["/identifiers/0/value personal-identity-number"]);
        assert_eq!(trader.json["code"], json!("personal-identity-number"));
    }
    // A password is not free text, and organisation numbers are allowed.
    let password = json!({"email": "ingen@example.se", "password": format!("hemligt {NUMBER} ord")});
    assert_eq!(app.anybody().post("/sessions", &password).is(401).json["code"], json!("invalid-credentials"));
    callers[0].1.post("/actors", &json!({"kind": "other", "name": "Förening 802001-0008"})).is(201);
}

#[rstest]
fn abuse_78_nor_does_any_address_header_or_row_of_an_import(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let mut tried = 0;
    for (method, path, operation) in operations().into_iter().filter(|(method, path, _)| method == "GET" && !path.contains('{')) {
        for parameter in operation["parameters"].as_array().unwrap().iter().filter(|parameter| parameter["in"] == "query") {
            let name = parameter["name"].as_str().unwrap();
            if name == "cursor" {
                continue;
            }
            let answer = admin.call(&method, &format!("{path}?{name}=811228%2D9874"), None).is(400);
            assert_eq!(answer.faults(), [format!("{name} personal-identity-number")], "{path}");
            assert!(!answer.body.contains("9874") && answer.headers.iter().all(|(_, value)| !value.contains("9874")), "{}", answer.body);
            tried += 1;
        }
    }
    assert!(tried > 40, "{tried}");
    let unknown = admin.get(&format!("/actors?{NUMBER}=1")).is(400);
    assert!(!unknown.body.contains("9874"), "{}", unknown.body);
    for path in [format!("/actors/{NUMBER}"), format!("/codelists/{NUMBER}"), format!("/trace/{NUMBER}/{NUMBER}"), format!("/{NUMBER}")] {
        let answer = admin.get(&path);
        assert!(matches!(answer.status, 400 | 404) && !answer.body.contains("9874"), "{path}: {}", answer.body);
    }
    // Headers that the caller may choose and that are returned or stored.
    let named = admin.with("X-Request-Id", NUMBER).get("/actors").is(200);
    assert_ne!(named.header("x-request-id"), Some(NUMBER));
    let keyed = admin.with("Idempotency-Key", NUMBER).post("/actors", &json!({"kind": "other", "name": "A"})).is(400);
    assert_eq!(keyed.faults(), ["Idempotency-Key personal-identity-number"]);

    // In a table only the row is refused. An amount is a number, whatever its digits are.
    let import = "/observation-imports?indicator=neet&source=SCB";
    let table = "områdeskod;period;ålder;värde\n0127;2023;811228-9874;1\n0127;2023;;811228-9874\n811228-9874;2023;;1\n0127;2022;;12,5\n";
    let report = admin.call("POST", import, Some(("text/csv", table.as_bytes()))).is(201);
    assert_eq!((&report.json["rowsCreated"], &report.json["rowsRefused"]), (&json!(1), &json!(3)), "{}", report.body);
    for refused in report.json["errors"].as_array().unwrap() {
        assert_eq!(refused["code"], json!("personal-identity-number"));
    }
    assert!(!report.body.contains("9874"), "{}", report.body);
    let headed = format!("områdeskod;period;värde;{NUMBER}\n0127;2023;1;1\n");
    let headed = admin.call("POST", import, Some(("text/csv", headed.as_bytes())));
    assert!(!headed.body.contains("9874"), "{}", headed.body);
}
