//! Input that must not be stored and data that must not be shown: personal identity numbers, records under secrecy, the
//! journal.

use std::thread;

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::{
    harness::{Answer, Database, PASSWORD, TestApp, id},
    story::{self, Teller},
};

/// A personal identity number of nobody, from the tax agency's list of test numbers.
pub const NUMBER: &str = "811228-9874";

/// A text that only callers with clearance may see.
const SECRET: &str = "Kvarnvägen sjutton";

/// Checks that neither body nor headers of a response contain the secret.
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

    // Only those who lead the forum or administer the owner may set a mark, and only on members that can be hidden.
    let mark = |member: Value| json!({"recordKind": "intervention", "recordId": intervention, "member": member, "chapter": 26, "paragraph": "1a", "motive": "Skyddat boende", "reviewOn": "2027-01-31"});
    assert_eq!(reader.post("/secrecy-marks", &mark(json!("title"))).is(403).json["requiredPermission"], json!("secrecy.write"));
    told.coordinator.post("/secrecy-marks", &mark(json!("title"))).is(403);
    let other_admin = app.user(Role::ActorAdmin, Some(("actor", &app.public_actor("municipality_code:0114"))));
    assert_eq!(other_admin.post("/secrecy-marks", &mark(json!("title"))).is(422).faults(), ["/recordId not-found"]);
    let wrong = told.municipality.post("/secrecy-marks", &mark(json!("status"))).is(422);
    assert_eq!(wrong.faults(), ["/member not-in-list"], "{}", wrong.body);
    let past = json!({"recordKind": "intervention", "recordId": intervention, "chapter": 26, "paragraph": "1", "motive": " ", "reviewOn": "2020-01-01"});
    assert_eq!(told.municipality.post("/secrecy-marks", &past).is(422).faults(), ["/motive blank", "/reviewOn too-early"]);

    // A mark on a member of the record.
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
    // Another representation has another tag, which still contains the version.
    assert_ne!(hidden.etag(), told.municipality.get(&path).is(200).etag());
    assert_eq!(reader.with("If-None-Match", &hidden.etag()).get(&path).status, 304);
    assert_eq!(reader.with("If-None-Match", &before.etag()).get(&path).status, 200);
    // A caller with clearance sees everything. A caller who may not see the record gets the same response as always.
    assert!(told.municipality.get(&path).is(200).body.contains(SECRET) && admin.get(&path).is(200).body.contains(SECRET));
    stranger.get(&path).is(404);

    // Chosen members, lists, searches, traces, the feed, and other instances do not reveal it either.
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
    // In a plain list the record comes last, whatever its title is. Filters on visible members find it.
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

    // A call that was carried out before the mark and is repeated after it is answered with what the caller may see now.
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
    // A refused day reveals nothing about the hidden day.
    let created_path = format!("/interventions/{}", id(&created.json));
    told.coordinator.patch(&created_path, "*", &json!({"validTo": "2020-01-01"})).is(403);

    // A caller who may write the record but not see a member can change the other members only. The response does not
    // reveal the member.
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

    // A mark on a whole record, which also hides it in frozen content.
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

    // Marks that are due for review can be found. A lifted mark hides nothing.
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
    // Records of every kind can be disclosed.
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
    // A record with secret parts cannot be recorded as disclosed in full, not even by somebody who may see them.
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
    // A disclosure cannot be changed or removed, and has no place for a person's name.
    let path = format!("/disclosures/{}", id(&part.json));
    assert_eq!(admin.get(&path).is(200).json, part.json);
    admin.call("DELETE", &path, None).is(405);
    let mut named = new("cause", &told.cause, "refused");
    named["requester"] = json!("Anna");
    assert_eq!(admin.post("/disclosures", &named).is(422).faults(), ["/requester unknown"]);
    // Within reach: the county's coordinator can disclose, and sees the county's disclosures; the coordinator of another
    // county does not.
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
    // Two instances with many writers leave no gap and use no number twice, even when some calls are refused.
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
    // A repeated call gives the same entry.
    let keyed = admin.with("Idempotency-Key", "once");
    let first = keyed.post("/journal-entries", &new).is(201);
    assert_eq!(keyed.post("/journal-entries", &new).is(201).json["registration"], json!("2026:41"));
    assert_eq!(first.json["registration"], json!("2026:41"));
    // The list is ordered by number, an entry can be found by its number, and entries are never changed or removed.
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

    // A title may turn out to be secret. The entry then still has its number.
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
