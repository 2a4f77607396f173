//! What must not get in and what must not get out: personal identity numbers, records under secrecy, the journal.

use std::thread;

use rstest::rstest;
use samsyn::access::policy::{Permission, Role, Standing, holds};
use serde_json::{Value, json};

use crate::{
    contract::operations,
    harness::{Answer, Client, Database, PASSWORD, TestApp, id},
    story::{self, Teller},
};

/// A number of nobody, from the agency's own list of numbers for tests.
const NUMBER: &str = "811228-9874";

/// Every place in a schema where a person may write freely, as a pointer in which `0` stands for the first of a list.
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

/// A user for each role, to call each operation as somebody who may.
fn callers(app: &TestApp) -> Vec<(Role, Client)> {
    [Role::Admin, Role::Coordinator, Role::ActorAdmin, Role::Contributor, Role::Analyst].map(|role| (role, app.user(role, None))).into()
}

#[rstest]
fn abuse_78_no_free_text_of_any_body_takes_a_personal_identity_number(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let document = samsyn::openapi::document(samsyn::openapi::CANONICAL_URL);
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
        free_texts(schema, &document["components"]["schemas"], "", &mut places);
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
    // Names of members are text too, and so are those of a member that stands twice.
    let named = callers[0].1.post("/actors", &json!({"name": "A", NUMBER: 1})).is(422);
    assert!(!named.body.contains("9874"), "{}", named.body);
    let twice = format!("{{\"{NUMBER}\":1,\"{NUMBER}\":2}}");
    let twice = callers[0].1.call("POST", "/actors", Some(("application/json", twice.as_bytes()))).is(400);
    assert!(!twice.body.contains("9874"), "{}", twice.body);
    // A sole trader's number as an organisation number has the same code, with a wrong check digit as well.
    for number in ["811228-9874", "811228-9875"] {
        let identifiers = json!([{"scheme": "SE-ON", "value": number}]);
        let trader = callers[0].1.post("/actors", &json!({"kind": "other", "name": "Anna", "identifiers": identifiers})).is(422);
        assert_eq!(trader.faults(), ["/identifiers/0/value personal-identity-number"]);
        assert_eq!(trader.json["code"], json!("personal-identity-number"));
    }
    // A password is no free text, and organisation numbers are what they are.
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
    // What the caller may choose and what comes back or is stored.
    let named = admin.with("X-Request-Id", NUMBER).get("/actors").is(200);
    assert_ne!(named.header("x-request-id"), Some(NUMBER));
    let keyed = admin.with("Idempotency-Key", NUMBER).post("/actors", &json!({"kind": "other", "name": "A"})).is(400);
    assert_eq!(keyed.faults(), ["Idempotency-Key personal-identity-number"]);

    // In a table only the row is refused; an amount is a number whatever its digits.
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

/// A text that nobody without clearance may meet.
const SECRET: &str = "Kvarnvägen sjutton";

/// Nothing of the secret is in an answer, in no header either.
#[track_caller]
fn tells_nothing(answer: &Answer) {
    for word in ["Kvarnvägen", "sjutton"] {
        assert!(!answer.body.contains(word), "{}", answer.body);
        assert!(answer.headers.iter().all(|(_, value)| !value.contains(word)));
    }
}

#[rstest]
fn abuse_102_what_is_under_secrecy_is_hidden_wherever_it_stands(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let mut teller = Teller::new(&app);
    let told = story::tell(&mut teller);
    let other = TestApp::on(&app.url, 3_000_000);
    let admin = app.user(Role::Admin, None);
    let reader = app.user(Role::Reader, Some(("forum", &told.forum)));
    let stranger = app.user(Role::Reader, Some(("actor", &app.public_actor("municipality_code:0114"))));
    let intervention = &told.interventions[0];
    let path = format!("/interventions/{intervention}");
    let shown = admin.get(&path).is(200);
    admin.patch(&path, &shown.etag(), &json!({"title": format!("{SECRET} byggs om"), "description": SECRET})).is(200);
    let cause_path = format!("/assessments/{}/causes/{}", told.assessment, told.cause);
    let before = reader.get(&path).is(200);

    // Only who leads the forum or administers the owner may set a mark, and only on what can be hidden.
    let mark = |member: Value| json!({"recordKind": "intervention", "recordId": intervention, "member": member, "chapter": 26, "paragraph": "1a", "motive": "Skyddat boende", "reviewOn": "2027-01-31"});
    assert_eq!(reader.post("/secrecy-marks", &mark(json!("title"))).is(403).json["requiredPermission"], json!("secrecy.write"));
    told.coordinator.post("/secrecy-marks", &mark(json!("title"))).is(403);
    let other_admin = app.user(Role::ActorAdmin, Some(("actor", &app.public_actor("municipality_code:0114"))));
    assert_eq!(other_admin.post("/secrecy-marks", &mark(json!("title"))).is(422).faults(), ["/recordId not-found"]);
    let wrong = told.municipality.post("/secrecy-marks", &mark(json!("status"))).is(422);
    assert_eq!(wrong.faults(), ["/member not-in-list"], "{}", wrong.body);
    let past = json!({"recordKind": "intervention", "recordId": intervention, "chapter": 26, "paragraph": "1", "motive": " ", "reviewOn": "2020-01-01"});
    assert_eq!(told.municipality.post("/secrecy-marks", &past).is(422).faults(), ["/motive blank", "/reviewOn too-early"]);

    // A member of the record.
    let title = told.municipality.post("/secrecy-marks", &mark(json!("title"))).is(201);
    let description = told.municipality.post("/secrecy-marks", &mark(json!("description"))).is(201);
    let taken = told.municipality.post("/secrecy-marks", &mark(json!("title"))).is(409);
    assert!(taken.json["conflictsWith"].as_str().unwrap().ends_with(&id(&title.json)), "{}", taken.body);
    let hidden = reader.get(&path).is(200);
    tells_nothing(&hidden);
    assert_eq!((&hidden.json["title"], &hidden.json["description"]), (&json!("[sekretess]"), &Value::Null));
    assert_eq!(
        hidden.json["redacted"],
        json!([{"member": "description", "ground": "OSL 26:1a"}, {"member": "title", "ground": "OSL 26:1a"}])
    );
    assert_eq!(hidden.json["status"], before.json["status"], "what is not hidden is shown");
    // Another representation has another tag, which still names the version.
    assert_ne!(hidden.etag(), told.municipality.get(&path).is(200).etag());
    assert_eq!(reader.with("If-None-Match", &hidden.etag()).get(&path).status, 304);
    assert_eq!(reader.with("If-None-Match", &before.etag()).get(&path).status, 200);
    // Who is cleared sees all, and who may not know of the record is told what it always was.
    assert!(told.municipality.get(&path).is(200).body.contains(SECRET) && admin.get(&path).is(200).body.contains(SECRET));
    stranger.get(&path).is(404);

    // Chosen members, lists, searches, traces, the feed, and other instances tell nothing either.
    let chosen = reader.get(&format!("{path}?fields=title")).is(200);
    tells_nothing(&chosen);
    assert_eq!(chosen.json.as_object().unwrap().keys().collect::<Vec<_>>(), ["title", "redacted"]);
    let mut addresses = teller.read.clone();
    for list in ["interventions", "assessments", "rounds", "decisions", "forums", "actors", "mandates"] {
        addresses.push(format!("/{list}?limit=200&include=total"));
        addresses.push(format!("/{list}?limit=200&fields=id"));
    }
    addresses.extend([
        format!("/trace/intervention/{intervention}"),
        format!("/trace/decision/{}", told.decision),
        "/actors?expand=mandates&limit=200".to_owned(),
    ]);
    for caller in [&reader, &app.anybody(), &told.association, &told.coordinator, &stranger] {
        for address in &addresses {
            tells_nothing(&caller.get(address));
        }
        tells_nothing(&caller.get("/changes?limit=200"));
        let found = caller.get("/interventions?q=kvarnvägen&include=total").is(200);
        assert_eq!((found.json["items"].as_array().unwrap().len(), &found.json["total"]), (0, &json!(0)), "search is no oracle");
    }
    assert_eq!(told.municipality.get("/interventions?q=kvarnvägen").is(200).json["items"].as_array().unwrap().len(), 1);
    let trace = reader.get(&format!("/trace/decision/{}", told.decision)).is(200);
    assert!(trace.body.contains("[sekretess]") && trace.body.contains(intervention.as_str()), "{}", trace.body);
    // In a plain list it stands last, whatever its title, and filters by what is not hidden find it.
    let list = reader.get("/interventions?limit=200").is(200);
    assert_eq!(list.json["items"].as_array().unwrap().last().unwrap()["id"], json!(intervention));
    let by_status = reader.get("/interventions?status=planned").is(200);
    assert!(by_status.body.contains(intervention.as_str()), "{}", by_status.body);
    let first = reader.get("/interventions?limit=1").is(200);
    let mut pages = vec![first.clone()];
    while let Some(cursor) = pages.last().unwrap().json["nextCursor"].as_str() {
        pages.push(reader.get(&format!("/interventions?limit=1&cursor={cursor}")).is(200));
    }
    let paged: Vec<_> = pages.iter().flat_map(|page| page.json["items"].as_array().unwrap().clone()).map(|item| id(&item)).collect();
    let whole: Vec<_> = list.json["items"].as_array().unwrap().iter().map(id).collect();
    assert_eq!(paged, whole, "pages follow each other without gap or repetition");
    #[expect(clippy::disallowed_methods, reason = "the other instance reads the real clock")]
    let started = std::time::Instant::now();
    while reader.at(other.address).get(&path).body.contains(SECRET) {
        assert!(started.elapsed().as_millis() < 1000, "the other instance has not heard");
    }

    // A call that was carried out before the mark, and is repeated after it, is answered as the caller may see it now.
    let keyed = told.coordinator.with("Idempotency-Key", "before-the-mark");
    let new = json!({"title": format!("{SECRET} igen"), "ownerActorId": shown.json["ownerActorId"], "forumId": told.forum, "status": "idea",
        "horizon": "short", "addresses": "consequence", "instrument": "area_measure", "validFrom": "2026-01-01"});
    let created = keyed.post("/interventions", &new).is(201);
    let created_mark = |member: &str| {
        let mark = json!({"recordKind": "intervention", "recordId": id(&created.json), "member": member, "chapter": 26, "paragraph": "1", "motive": "Prövas", "reviewOn": "2027-12-01"});
        told.municipality.post("/secrecy-marks", &mark).is(201);
    };
    created_mark("title");
    created_mark("validFrom");
    let replayed = keyed.post("/interventions", &new).is(201);
    assert_eq!(replayed.header("idempotency-replayed"), Some("true"));
    tells_nothing(&replayed);
    // Nor does a day that is refused tell of the day that is hidden.
    let created_path = format!("/interventions/{}", id(&created.json));
    told.coordinator.patch(&created_path, "*", &json!({"validTo": "2020-01-01"})).is(403);

    // Who may write the record but not see the member changes the rest and not that; also the answer tells nothing.
    let coordinator = &told.coordinator;
    let seen = coordinator.get(&path).is(200);
    let refused = coordinator.patch(&path, &seen.etag(), &json!({"description": "x"})).is(403);
    assert_eq!(refused.json["requiredPermission"], json!("secrecy.see"));
    tells_nothing(&refused);
    let changed = coordinator.patch(&path, &seen.etag(), &json!({"budget": 3_000_000})).is(200);
    tells_nothing(&changed);
    assert_eq!(changed.json["budget"], json!(3_000_000));
    assert_eq!(coordinator.patch(&path, "\"v1\"", &json!({"budget": 1})).is(412).status, 412);
    stranger.patch(&path, "*", &json!({"description": "x"})).is(403);
    let outsider = app.user(Role::Contributor, Some(("actor", &app.public_actor("municipality_code:0114"))));
    outsider.patch(&path, "*", &json!({"description": "x"})).is(404);
    assert!(told.municipality.get(&path).is(200).body.contains(SECRET), "what is hidden stays as it was");

    // A whole record, also where it was frozen when it was published.
    let frozen = format!("/assessments/{}/revisions", told.assessment);
    assert!(reader.get(&frozen).is(200).body.contains("Bostadsbeståndet"));
    let whole = json!({"recordKind": "cause", "recordId": told.cause, "chapter": 26, "paragraph": "1", "motive": "Prövas", "reviewOn": "2026-12-01"});
    let whole = told.municipality.post("/secrecy-marks", &whole).is(201);
    for address in [&frozen, &cause_path, &format!("/assessments/{}/causes", told.assessment), &format!("/trace/cause/{}", told.cause)] {
        let answer = reader.get(address).is(200);
        assert!(!answer.body.contains("Bostadsbeståndet") && answer.body.contains("OSL 26:1"), "{address}: {}", answer.body);
        assert!(told.municipality.get(address).is(200).body.contains("Bostadsbeståndet"));
    }
    let revision = json!({"recordKind": "revision", "recordId": id(&reader.get(&frozen).json["items"][0]), "chapter": 26, "paragraph": "1", "motive": "x", "reviewOn": "2026-12-01"});
    assert_eq!(told.municipality.post("/secrecy-marks", &revision).is(422).faults(), ["/recordKind not-in-list"]);

    // What is due for review is found, and a lifted mark hides nothing.
    let due = told.municipality.get("/secrecy-marks?reviewBefore=2026-12-31").is(200);
    assert_eq!(due.json["items"].as_array().unwrap().iter().map(id).collect::<Vec<_>>(), [id(&whole.json)]);
    assert!(other_admin.get("/secrecy-marks").is(200).json["items"].as_array().unwrap().is_empty());
    other_admin.get(&format!("/secrecy-marks/{}", id(&title.json))).is(404);
    for mark in [&title, &description] {
        let lifted = told.municipality.post(&format!("/secrecy-marks/{}/lift", id(&mark.json)), &json!({"motive": "Prövat"})).is(200);
        assert!(lifted.json["liftedAt"].is_string());
    }
    told.municipality.post(&format!("/secrecy-marks/{}/lift", id(&title.json)), &json!({"motive": "Prövat"})).is(409);
    assert!(reader.get(&path).is(200).body.contains(SECRET) && reader.get("/interventions?q=kvarnvägen").body.contains(SECRET));
}

#[rstest]
fn abuse_102_what_is_handed_out_is_masked_and_the_decision_is_kept(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let mut teller = Teller::new(&app);
    let told = story::tell(&mut teller);
    let admin = app.user(Role::Admin, None);
    let new = |kind: &str, record: &str, decision: &str| json!({"recordKind": kind, "recordId": record, "requestedOn": "2026-11-20", "decision": decision});
    // Every kind can be handed out.
    let actor = app.public_actor("SE-ON:8020010008");
    let mandate = id(&admin.get("/mandates?limit=1").json["items"][0]);
    let revision = id(&admin.get(&format!("/assessments/{}/revisions", told.assessment)).json["items"][0]);
    for (kind, record) in [
        ("actor", &actor),
        ("mandate", &mandate),
        ("forum", &told.forum),
        ("assessment", &told.assessment),
        ("finding", &told.finding),
        ("cause", &told.cause),
        ("intervention", &told.interventions[0]),
        ("round", &told.round),
        ("decision", &told.decision),
        ("revision", &revision),
    ] {
        let made = admin.post("/disclosures", &new(kind, record, "disclosed")).is(201);
        assert_eq!(made.json["content"]["id"], json!(record), "{kind}");
        let canonical = samsyn::kernel::hash::canonical(&made.json["content"]);
        assert_eq!(made.json["digest"], json!(samsyn::kernel::hash::sha256_hex(canonical.as_bytes())));
    }
    let mark = json!({"recordKind": "cause", "recordId": told.cause, "member": "statement", "chapter": 25, "paragraph": "1", "motive": "Prövas", "reviewOn": "2027-01-31"});
    told.municipality.post("/secrecy-marks", &mark).is(201);
    // What is secret cannot be said to be handed out whole, not even by who may see it.
    assert_eq!(admin.post("/disclosures", &new("revision", &revision, "disclosed")).is(422).faults(), ["/decision secrecy"]);
    let part = admin.with("Idempotency-Key", "once").post("/disclosures", &new("revision", &revision, "disclosed_in_part")).is(201);
    assert_eq!(part.json["masked"], json!([{"member": "content/causes/0/statement", "ground": "OSL 25:1"}]));
    assert!(!part.json["content"].to_string().contains("Bostadsbeståndet"), "{}", part.body);
    assert_eq!(
        admin.with("Idempotency-Key", "once").post("/disclosures", &new("revision", &revision, "disclosed_in_part")).body,
        part.body
    );
    let refused = admin.post("/disclosures", &new("cause", &told.cause, "refused")).is(201);
    assert_eq!((&refused.json["content"], &refused.json["digest"]), (&Value::Null, &Value::Null));
    // Each is kept; nothing changes or removes it, and nobody's name can be given.
    let path = format!("/disclosures/{}", id(&part.json));
    assert_eq!(admin.get(&path).is(200).json, part.json);
    admin.call("DELETE", &path, None).is(405);
    let mut named = new("cause", &told.cause, "refused");
    named["requester"] = json!("Anna");
    assert_eq!(admin.post("/disclosures", &named).is(422).faults(), ["/requester unknown"]);
    // Within reach: the county's coordinator hands out and sees what is the county's, another's does not.
    let kept = told.coordinator.get("/disclosures?limit=200").is(200);
    assert!(kept.body.contains(&id(&part.json)), "{}", kept.body);
    assert!(!kept.json["items"].to_string().contains("Begärd"), "{}", kept.body);
    let elsewhere = app.user(Role::Coordinator, Some(("area", &app.area("14"))));
    assert!(elsewhere.get("/disclosures").is(200).json["items"].as_array().unwrap().is_empty());
    elsewhere.get(&path).is(404);
    assert_eq!(elsewhere.post("/disclosures", &new("cause", &told.cause, "refused")).is(422).faults(), ["/recordId not-found"]);
    elsewhere.post("/disclosures", &new("actor", &actor, "refused")).is(403);
}

#[rstest]
fn abuse_103_what_comes_in_gets_a_number_that_never_changes(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let other = TestApp::on(&app.url, 4_000_000);
    let admin = app.user(Role::Admin, None);
    let new = json!({"direction": "incoming", "receivedOn": "2026-11-20", "title": "Yttrande över lägesbilden", "counterpart": "Region Stockholm"});
    // Two instances and many writers: no gap and no number twice, also when some are refused.
    let all: Vec<String> = thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let (admin, new) = (if writer % 2 == 0 { admin.clone() } else { admin.at(other.address) }, &new);
                scope.spawn(move || {
                    (0..5)
                        .map(|_| {
                            admin
                                .post("/journal-entries", &json!({"direction": "incoming", "receivedOn": "2031-01-01", "title": "x"}))
                                .is(422);
                            admin.post("/journal-entries", new).is(201).json["registration"].as_str().unwrap().to_owned()
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    let mut numbers: Vec<u32> = all.iter().map(|number| number.strip_prefix("2026:").unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
    // The same call again is the same entry.
    let keyed = admin.with("Idempotency-Key", "once");
    let first = keyed.post("/journal-entries", &new).is(201);
    assert_eq!(keyed.post("/journal-entries", &new).is(201).json["registration"], json!("2026:41"));
    assert_eq!(first.json["registration"], json!("2026:41"));
    // The list is in order, an entry is found by its number, and it is never changed or removed.
    let list = admin.get("/journal-entries?limit=200").is(200);
    let listed: Vec<_> = list.json["items"].as_array().unwrap().iter().map(|entry| entry["number"].as_u64().unwrap()).collect();
    assert_eq!(listed, (1..=41).collect::<Vec<_>>());
    let found = admin.get("/journal-entries?year=2026&number=7").is(200);
    assert_eq!(found.json["items"][0]["registration"], json!("2026:7"));
    let path = format!("/journal-entries/{}", id(&first.json));
    for method in ["DELETE", "PATCH", "PUT"] {
        admin.call(method, &path, Some(("application/json", b"{}"))).is(405);
    }
    // The next year begins at 1.
    drop(other);
    let next_year = TestApp::at("2027-01-02T08:00:00Z".parse().unwrap(), &app.url, 5_000_000);
    let session = next_year.anybody().post("/sessions", &json!({"email": "admin0@example.se", "password": PASSWORD})).is(201);
    let later = next_year.anybody().with_token(session.json["accessToken"].as_str().unwrap());
    assert_eq!(later.post("/journal-entries", &new).is(201).json["registration"], json!("2027:1"));

    // A title may turn out to be secret. Then its entry still has its number.
    let mark = json!({"recordKind": "journal_entry", "recordId": id(&first.json), "member": "title", "chapter": 26, "paragraph": "1", "motive": "Namn", "reviewOn": "2027-12-01"});
    admin.post("/secrecy-marks", &mark).is(201);
    let reader = app.user(Role::Reader, None);
    let hidden = reader.get(&path).is(200);
    assert_eq!((&hidden.json["title"], &hidden.json["registration"]), (&json!("[sekretess]"), &json!("2026:41")));
    assert!(!reader.get("/journal-entries?limit=200").is(200).json["items"].as_array().unwrap().last().unwrap()["redacted"].is_null());
    app.anybody().get(&path).is(401);
}

#[rstest]
fn an_entry_tells_nobody_of_a_record_that_they_may_not_see(#[values(Database::Sqlite)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let mut teller = Teller::new(&app);
    let told = story::tell(&mut teller);
    let new = json!({"direction": "drawn_up", "receivedOn": "2026-11-20", "title": "Lägesbild", "recordKind": "assessment", "recordId": told.assessment});
    let entry = told.coordinator.post("/journal-entries", &new).is(201);
    assert_eq!(entry.json["recordId"], json!(told.assessment));
    let stranger = app.user(Role::Reader, Some(("actor", &app.public_actor("municipality_code:0114"))));
    let path = format!("/journal-entries/{}", id(&entry.json));
    assert_eq!(stranger.get(&path).is(200).json["recordId"], Value::Null);
    assert!(!stranger.get("/journal-entries").is(200).body.contains(&told.assessment));
    assert_eq!(told.association.get(&path).is(200).json["recordId"], json!(told.assessment));
    let half = json!({"direction": "drawn_up", "receivedOn": "2026-11-20", "title": "Lägesbild", "recordKind": "assessment"});
    assert_eq!(told.coordinator.post("/journal-entries", &half).is(422).faults(), ["/recordId required"]);
}

/// Puts a member of a record under secrecy.
#[track_caller]
fn hide(who: &Client, kind: &str, record: &str, member: &str) {
    let mark = json!({"recordKind": kind, "recordId": record, "member": member, "chapter": 26, "paragraph": "1",
        "motive": "Skyddat boende", "reviewOn": "2027-01-31"});
    who.post("/secrecy-marks", &mark).is(201);
}

/// A number that no actor of the pack has.
const TAKEN: &str = "802001-0008";

#[rstest]
fn abuse_102_neither_a_refusal_nor_a_day_tells_of_what_is_hidden(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let kim = app.user(Role::Coordinator, Some(("area", &app.area("01"))));
    let seat = app.area("0127");
    let new = |name: &str, more: &Value| {
        let mut actor = json!({"kind": "association", "name": name, "seatAreaId": seat});
        actor.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        actor
    };
    let make = |name: &str, more: &Value| id(&admin.post("/actors", &new(name, more)).is(201).json);
    let number = json!({"identifiers": [{"scheme": "SE-ON", "value": TAKEN}]});

    // Whose number is taken.
    let gone = make("Borttagen", &number);
    admin.delete(&format!("/actors/{gone}"), "*").is(204);
    let umbrella = make("Paraplyet", &json!({}));
    let house = make("Hemligt hus", &json!({"founded": "1999-05-04", "parentId": umbrella, "identifiers": number["identifiers"]}));
    let path = format!("/actors/{house}");
    let other = make("Granne", &json!({}));
    let named = kim.post("/actors", &new("Gissning", &number)).is(409);
    assert_eq!(named.json["conflictsWith"], json!(format!("/samsyn/v1{path}")));
    hide(&admin, "actor", &house, "identifiers");
    // A number that is hidden is as free as any.
    let guess = id(&kim.post("/actors", &new("Gissning", &number)).is(201).json);
    kim.delete(&format!("/actors/{guess}"), "*").is(204);
    kim.patch(&format!("/actors/{other}"), "*", &number).is(200);
    kim.patch(&format!("/actors/{other}"), "*", &json!({"identifiers": []})).is(200);
    kim.call("POST", &format!("/actors/{gone}/restore"), None).is(200);

    // What it was called before is the name of earlier versions.
    admin.patch(&path, "*", &json!({"name": "Öppna huset"})).is(200);
    hide(&admin, "actor", &house, "formerNames");
    let history = kim.get(&format!("{path}/history")).is(200);
    assert!(!history.body.contains("Hemligt"), "{}", history.body);
    let names: Vec<_> =
        history.json["items"].as_array().unwrap().iter().flat_map(|version| version["changes"].as_array().unwrap()).collect();
    assert!(names.iter().any(|change| change["member"] == "name" && change["ground"] == "OSL 26:1"), "{}", history.body);
    assert!(admin.get(&format!("{path}/history")).is(200).body.contains("Hemligt hus"));

    // When it was founded is when it became part of the first that it was part of.
    let day = "1999-05-04";
    assert!(kim.get(&format!("/actor-relations?actorId={house}")).is(200).body.contains(day));
    hide(&admin, "actor", &house, "founded");
    for read in
        [format!("/actor-relations?actorId={house}"), format!("{path}?expand=relations"), format!("/actors/{umbrella}?expand=relations")]
    {
        assert!(!kim.get(&read).is(200).body.contains(day), "{read}");
        assert!(admin.get(&read).is(200).body.contains(day), "{read}");
    }
    let part_of = |day: &str| kim.get(&format!("{path}?asOf={day}")).is(200).json["parentId"].clone();
    assert_eq!((part_of("1999-05-03"), part_of(day)), (json!(umbrella), json!(umbrella)));
    // Nor is it found by the day on which it was no more, or the other way round.
    assert_eq!(kim.patch(&path, "*", &json!({"dissolved": "1990-01-01"})).is(403).json["requiredPermission"], json!("secrecy.see"));
    let closed = make("Nedlagd", &json!({"dissolved": "2020-01-01"}));
    hide(&admin, "actor", &closed, "dissolved");
    kim.patch(&format!("/actors/{closed}"), "*", &json!({"founded": "2021-01-01"})).is(403);

    // Since when it may decide something.
    let mandate = json!({"actorId": house, "policyDomain": "housing", "areaId": seat, "powers": ["implement"], "basis": "voluntary",
        "validFrom": "2001-02-03"});
    let mandate = id(&admin.post("/mandates", &mandate).is(201).json);
    hide(&admin, "mandate", &mandate, "validFrom");
    let held = |who: &Client, query: &str| who.get(&format!("{path}?expand=mandates{query}")).is(200).json["expanded"]["mandates"].clone();
    assert_eq!(held(&kim, "")[0]["validFrom"], Value::Null);
    assert_eq!((held(&kim, "&asOf=2001-02-02"), held(&kim, "&asOf=2001-02-03")), (json!([]), json!([])));
    assert_eq!(
        (held(&admin, "&asOf=2001-02-02").as_array().unwrap().len(), held(&admin, "&asOf=2001-02-03").as_array().unwrap().len()),
        (0, 1)
    );

    // What another is part of: whether it is a part of this one or of something else.
    let inside = make("Innanför", &json!({"parentId": other}));
    let outside = make("Utanför", &json!({"parentId": umbrella}));
    for part in [&inside, &outside] {
        hide(&admin, "actor", part, "parentId");
        let refused = kim.patch(&format!("/actors/{other}"), "*", &json!({"parentId": part})).is(422);
        assert_eq!(refused.faults(), ["/parentId secrecy"]);
    }
    let refused = admin.patch(&format!("/actors/{other}"), "*", &json!({"parentId": inside})).is(422);
    assert_eq!(refused.faults(), ["/parentId circle"]);
    admin.patch(&format!("/actors/{other}"), "*", &json!({"parentId": outside})).is(200);
}

#[rstest]
fn abuse_102_no_record_of_a_source_finds_out_what_is_hidden(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let kim = app.user(Role::Coordinator, Some(("area", &app.area("01"))));
    let ours = app.public_actor("municipality_code:0127");
    let robin = app.user(Role::ActorAdmin, Some(("actor", &ours)));
    let seat = app.area("0127");
    let source = json!({"actorId": ours, "name": "Register", "idScheme": "reg", "ownedFields": ["website", "dissolved"]});
    let source = id(&admin.post("/sources", &source).is(201).json);
    let at = |external: &str| format!("/sources/{source}/actors/{external}");
    let number = json!([{"scheme": "SE-ON", "value": TAKEN}]);

    // A candidate that is not shown, for its number is hidden, cannot be said yes to.
    let house = json!({"kind": "association", "name": "Kvinnojouren", "seatAreaId": seat, "identifiers": number});
    let house = id(&admin.post("/actors", &house).is(201).json);
    let guess = json!({"kind": "association", "name": "Gissning", "website": "https://gissning.example.se", "identifiers": number});
    let held = robin.put(&at("1"), &guess).is(202);
    let path = format!("/matches/{}", held.json["matchId"].as_str().unwrap());
    hide(&admin, "actor", &house, "identifiers");
    assert_eq!(kim.get(&path).is(200).json["candidates"], json!([]));
    let same = json!({"decision": "same", "actorId": house});
    assert_eq!(kim.post(&format!("{path}/decide"), &same).is(422).faults(), ["/actorId not-found"]);
    admin.post(&format!("{path}/decide"), &same).is(200);
    // What a decision wrote and is hidden by now is put back by who sees it.
    hide(&admin, "actor", &house, "website");
    let refused = kim.call("POST", &format!("{path}/undo"), None).is(403);
    assert_eq!(refused.json["requiredPermission"], json!("secrecy.see"));
    assert_eq!(admin.get(&format!("/actors/{house}")).json["website"], json!("https://gissning.example.se"));
    admin.call("POST", &format!("{path}/undo"), None).is(200);
    assert_eq!(admin.get(&format!("/actors/{house}")).json["website"], Value::Null);

    // The day on which it was no more tells nothing of the day on which it was founded.
    let record = |focus: &str| json!({"kind": "association", "name": "Härbärget", "focus": focus, "founded": "1999-05-04"});
    let linked = robin.put(&at("2"), &record("Skydd")).is(201).json["actorId"].as_str().unwrap().to_owned();
    hide(&admin, "actor", &linked, "founded");
    for day in ["1990-01-01", "2020-01-01"] {
        let left = robin.put(&at("2"), &json!({"dissolved": day})).is(200).json["leftAlone"].clone();
        assert_eq!((left.as_array().unwrap().len(), &left[0]["reason"]), (1, &json!("under_secrecy")), "{left}");
    }
    assert_eq!(admin.get(&format!("/actors/{linked}")).json["dissolved"], Value::Null);

    // Nor is it told whether what is given differs from what stands with an actor that is seen no longer.
    assert_eq!(robin.put(&at("2"), &record("Annat")).is(200).json["leftAlone"][0]["member"], json!("focus"));
    admin.patch(&format!("/actors/{linked}"), "*", &json!({"visibility": "actor"})).is(200);
    for focus in ["Skydd", "Annat"] {
        let sent = robin.put(&at("2"), &record(focus)).is(200).json;
        assert_eq!((&sent["actor"], &sent["leftAlone"]), (&Value::Null, &json!([])), "{focus}");
        assert_eq!(robin.get(&at("2")).is(200).json["leftAlone"], json!([]));
    }
}

#[rstest]
fn abuse_102_no_merge_compares_with_what_is_hidden(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let kim = app.user(Role::Coordinator, Some(("area", &app.area("01"))));
    let actor = |name: &str, more: Value| {
        let mut actor = json!({"kind": "association", "name": name, "seatAreaId": app.area("0127")});
        actor.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        id(&admin.post("/actors", &actor).is(201).json)
    };
    let (site, focus) = ("https://grannarna.example.se/", "Odling");
    let gone = actor("Grannarna", json!({"website": site, "focus": focus, "founded": "2001-01-01", "policyDomains": ["health"]}));
    let kept = actor("Huset", json!({"dissolved": "2020-01-01"}));
    let path = format!("/actors/{kept}");
    for member in ["website", "name", "dissolved"] {
        hide(&admin, "actor", &kept, member);
    }
    let preview = || kim.get(&format!("/actors/{gone}/merge-preview?into={kept}")).is(200).json;
    let withheld = |members: &Value| {
        let members = members.as_array().unwrap().iter().filter(|member| member["how"] == "withheld");
        members.map(|member| member["member"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = preview();
    assert_eq!(withheld(&first["members"]), ["formerNames", "founded", "name", "otherNames", "website"]);
    assert_eq!((&first["survivor"]["focus"], &first["survivor"]["otherNames"]), (&json!(focus), &json!([])));
    for other in [
        json!({"website": site}),
        json!({"website": "https://annat.example.se/"}),
        json!({"name": "Grannarna", "formerNames": []}),
        json!({"dissolved": "1990-01-01"}),
    ] {
        admin.patch(&path, "*", &other).is(200);
        assert_eq!(preview()["members"], first["members"], "{other}");
    }

    // The merge does what its preview says, and whoever reads of it later is told no more than is hidden from them.
    let before = admin.get(&path).is(200).json;
    let merge = |who: &Client| who.post(&format!("/actors/{gone}/merge"), &json!({"into": kept})).is(201).json;
    let merged = merge(&kim);
    assert_eq!(merged["members"], first["members"]);
    let after = admin.get(&path).is(200).json;
    for member in ["website", "name", "otherNames", "formerNames", "founded", "dissolved"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_eq!((&after["focus"], &after["policyDomains"]), (&json!(focus), &json!(["health"])));
    kim.call("POST", &format!("/merges/{}/undo", id(&merged)), None).is(200);
    assert_eq!(admin.get(&path).is(200).json["focus"], Value::Null);

    // Of what came by who sees it nothing is told to others, and they do not take it back.
    admin.patch(&path, "*", &json!({"website": null, "dissolved": null, "name": "Huset", "formerNames": []})).is(200);
    let merged = format!("/merges/{}", id(&merge(&admin)));
    assert_eq!(withheld(&admin.get(&merged).is(200).json["members"]), [""; 0]);
    assert_eq!(kim.get(&merged).is(200).json["members"], first["members"]);
    let undone = kim.call("POST", &format!("{merged}/undo"), None).is(200).json;
    let left = undone["leftAlone"].as_array().unwrap().iter();
    let left: Vec<_> = left.map(|one| format!("{} {}", one["member"].as_str().unwrap(), one["reason"].as_str().unwrap())).collect();
    assert_eq!(left, ["formerNames under_secrecy", "founded under_secrecy", "name under_secrecy", "website under_secrecy"]);
    let now = admin.get(&path).is(200).json;
    assert_eq!((&now["website"], &now["focus"], &now["founded"]), (&json!(site), &Value::Null, &json!("2001-01-01")));
}
