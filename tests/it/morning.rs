//! The coordinator's morning: codes instead of ids, names beside ids, what waits, and sentences instead of patterns.

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::harness::{Client, Database, TestApp, id};

/// A forum with an accepted and an invited party.
struct Morning {
    app: TestApp,
    admin: Client,
    forum: String,
    party: String,
    people: Client,
    invited: String,
}

impl Morning {
    fn new(database: Database) -> Option<Self> {
        let app = TestApp::start(database)?;
        let admin = app.user(Role::Admin, None);
        let new = json!({"kind": "council", "level": "local", "name": "Torgrådet", "areas": ["0127"], "visibility": "public"});
        let forum = format!("/forums/{}", id(&admin.post("/forums", &new).is(201).json));
        let actor = |name: &str| {
            let new = json!({"kind": "association", "name": name, "seatAreaId": "0127", "visibility": "public"});
            id(&admin.post("/actors", &new).is(201).json)
        };
        let (party, other) = (actor("Odlarna"), actor("Grannarna"));
        let people = app.user(Role::ActorAdmin, Some(("actor", &party)));
        let member = admin.post(&format!("{forum}/members"), &json!({"actorId": party, "function": "member"})).is(201);
        people.call("POST", &format!("{forum}/members/{}/accept", id(&member.json)), None).is(200);
        let invited = admin.post(&format!("{forum}/members"), &json!({"actorId": other, "function": "member"})).is(201);
        let invited = format!("{forum}/members/{}", id(&invited.json));
        Some(Self { app, admin, forum, party, people, invited })
    }
}

#[rstest]
fn codes_stand_where_ids_do(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(Morning { app, admin, .. }) = Morning::new(database) else { return };
    let botkyrka = app.area("0127");
    let municipality = app.public_actor("municipality_code:0127");
    // In the address, in parameters, also in lists and in a search, and in bodies.
    assert_eq!(admin.get("/areas/0127").is(200).json["id"], json!(botkyrka));
    assert_eq!(admin.get("/indicators/neet").is(200).json["code"], json!("neet"));
    assert_eq!(admin.get("/actors/municipality_code:0127").is(200).json["id"], json!(municipality));
    assert_eq!(admin.get("/actors/municipality_code%3A0127").is(200).json["id"], json!(municipality));
    let total = |path: &str| admin.get(path).is(200).json["items"].as_array().unwrap().len();
    assert_eq!(total("/forums?areaId=0127"), 1);
    assert_eq!(total("/forums?areaId=0180"), 0);
    assert_eq!(total("/actors?id=municipality_code:0127,municipality_code:0180"), 2);
    assert_eq!(admin.post("/forums/search", &json!({"areaId": "0127"})).is(200).json["items"].as_array().unwrap().len(), 1);
    let mandate = json!({"actorId": "municipality_code:0127", "policyDomain": "housing", "areaId": "0127", "powers": ["decide"], "basis": "statutory"});
    let made = admin.post("/mandates", &mandate).is(201);
    assert_eq!((&made.json["actorId"], &made.json["areaId"]), (&json!(municipality), &json!(botkyrka)));
    let path = format!("/mandates/{}", id(&made.json));
    assert_eq!(admin.patch(&path, "*", &json!({"areaId": "01"})).is(200).json["areaId"], json!(app.area("01")));
    let number = admin.get("/actors/municipality_code:0127").json["identifiers"].clone();
    let number =
        number.as_array().unwrap().iter().find(|one| one["scheme"] == "SE-ON").map(|one| one["value"].as_str().unwrap().to_owned());
    if let Some(number) = number {
        assert_eq!(total(&format!("/mandates?actorId=SE-ON:{number}")), 1);
    }
    let user = id(&admin.post("/users", &json!({"email": "ny@example.se", "name": "Ny Person"})).is(201).json);
    for (kind, code, known) in [("area", "0127", &botkyrka), ("actor", "municipality_code:0127", &municipality)] {
        let grant = json!({"userId": user, "role": "reader", "scope": {"kind": kind, "id": code}});
        assert_eq!(admin.post("/grants", &grant).is(201).json["scope"]["id"], json!(known));
    }
    let rows = json!({"rows": [{"areaCode": "0127", "period": "2023", "value": 12.5}]});
    admin.post("/observation-imports?indicator=neet&source=SCB", &rows).is(201);
    assert_eq!(total("/observations?indicatorId=neet&areaId=0127"), 1);
}

#[rstest]
fn a_code_of_nothing_is_refused_in_words(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(Morning { app, admin, .. }) = Morning::new(database) else { return };
    let refused = |answer: crate::harness::Answer, status: u16| {
        assert_eq!(answer.status, status, "{}", answer.body);
        let told = answer.json["errors"][0]["detail"].as_str().unwrap().to_owned();
        assert!(!told.contains(['^', '[', '\\']), "{told}");
        told
    };
    assert!(refused(admin.get("/forums?areaId=127"), 400).contains("0127"));
    assert!(refused(admin.get("/observations?indicatorId=net"), 400).contains("neet"));
    let mandate =
        json!({"actorId": "SE-ON:000000-0000", "policyDomain": "housing", "areaId": "0127", "powers": ["decide"], "basis": "voluntary"});
    assert!(refused(admin.post("/mandates", &mandate), 422).contains("SE-ON:212000-2882"));
    assert!(refused(admin.get("/areas/9999"), 400).contains("kod"));
    // What is hidden from the caller has no code for it.
    let new = json!({"kind": "association", "name": "De dolda", "seatAreaId": "0127", "visibility": "actor",
        "identifiers": [{"scheme": "SE-ON", "value": "802000-0006"}]});
    let hidden = admin.post("/actors", &new);
    if hidden.status == 201 {
        let reader = app.user(Role::Reader, None);
        let (there, nowhere) = (reader.get("/mandates?actorId=SE-ON:802000-0006"), reader.get("/mandates?actorId=SE-ON:802000-0014"));
        assert_eq!((there.status, &there.json["errors"]), (nowhere.status, &nowhere.json["errors"]));
        admin.get("/mandates?actorId=SE-ON:802000-0006").is(200);
    }
}

#[rstest]
fn names_stand_beside_ids(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(Morning { app: _app, admin, forum, party, people, .. }) = Morning::new(database) else { return };
    let members = admin.get(&format!("{forum}/members")).is(200).json["items"].clone();
    let named: Vec<_> = members.as_array().unwrap().iter().map(|member| member["actor"]["name"].as_str().unwrap()).collect();
    assert_eq!(named, ["Odlarna", "Grannarna"]);
    let new = json!({"title": "Läget", "forumId": forum.strip_prefix("/forums/"), "areaId": "0127"});
    let path = format!("/assessments/{}", id(&admin.post("/assessments", &new).is(201).json));
    admin.call("POST", &format!("{path}/review"), None).is(200);
    let word = people.put(&format!("{path}/endorsements/{party}"), &json!({"position": "endorse"})).is(201);
    assert_eq!(word.json["actor"], json!({"id": party, "name": "Odlarna"}));
    let words = admin.get(&format!("{path}/endorsements")).is(200).json;
    assert_eq!(words["items"][0]["actor"]["name"], json!("Odlarna"));
    // A new name is told under another tag.
    let before = admin.get(&format!("{path}/endorsements/{party}")).etag();
    admin.patch(&format!("/actors/{party}"), "*", &json!({"name": "Odlarna vid torget"})).is(200);
    assert_ne!(admin.get(&format!("{path}/endorsements/{party}")).etag(), before);
}

#[rstest]
fn what_waits_is_listed_with_what_does_it(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(Morning { app, admin, forum, party, people, invited }) = Morning::new(database) else { return };
    let waiting = |who: &Client| -> Vec<(String, String)> {
        let tasks = who.get("/me/tasks").is(200).json;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        tasks["items"].as_array().unwrap().iter().map(|task| (text(&task["kind"]), text(&task["operation"]["path"]))).collect()
    };
    assert_eq!(waiting(&people), []);
    let other = admin.get(&invited).json["actorId"].as_str().unwrap().to_owned();
    let others = app.user(Role::ActorAdmin, Some(("actor", &other)));
    assert_eq!(waiting(&others), [("invitation".to_owned(), format!("{invited}/accept"))]);

    let forum_id = forum.strip_prefix("/forums/").unwrap();
    let new = json!({"title": "Läget", "forumId": forum_id, "areaId": "0127"});
    let path = format!("/assessments/{}", id(&admin.post("/assessments", &new).is(201).json));
    let finding = admin.post(&format!("{path}/findings"), &json!({"kind": "pattern", "statement": "Så är det"})).is(201);
    admin.call("POST", &format!("{path}/review"), None).is(200);
    let candidates = ["A", "B"].map(|title| {
        let new = json!({"title": title, "ownerActorId": party, "status": "idea", "horizon": "short", "addresses": "consequence",
            "instrument": "area_measure", "visibility": "public"});
        id(&admin.post("/interventions", &new).is(201).json)
    });
    let round = json!({"forumId": forum_id, "question": "Vad först?", "horizon": "short", "candidates": candidates,
        "criteria": [{"key": "effect", "name": "Effekt", "weight": 1, "scale": 5}]});
    let round = format!("/rounds/{}", id(&admin.post("/rounds", &round).is(201).json));
    admin.call("POST", &format!("{round}/open"), None).is(200);
    let (word, ballot) = (format!("{path}/endorsements/{party}"), format!("{round}/ballots/{party}"));
    assert_eq!(waiting(&people), [("ballot".to_owned(), ballot.clone()), ("word".to_owned(), word.clone())]);
    // Each is done by the call that it names, and then gone.
    people.put(&ballot, &json!({"abstains": true})).is(201);
    people.put(&word, &json!({"position": "endorse"})).is(201);
    assert_eq!(waiting(&people), []);
    admin.patch(&format!("{path}/findings/{}", id(&finding.json)), "*", &json!({"statement": "Så är det inte"})).is(200);
    assert_eq!(waiting(&people), [("outdated_word".to_owned(), word)]);
    // What ends soon comes first, with its last day.
    let mandate = json!({"actorId": party, "policyDomain": "housing", "areaId": "0127", "powers": ["inform"], "basis": "voluntary", "validTo": "2026-12-02"});
    let mandate = format!("/mandates/{}", id(&admin.post("/mandates", &mandate).is(201).json));
    let tasks = people.get("/me/tasks").is(200).json["items"].clone();
    assert_eq!(
        (&tasks[0]["kind"], &tasks[0]["due"], &tasks[0]["operation"]["path"]),
        (&json!("mandate_ends"), &json!("2026-12-01"), &json!(mandate))
    );
    assert_eq!(tasks[0]["actor"]["name"], json!("Odlarna"));
    app.anybody().get("/me/tasks").is(401);
}

#[rstest]
fn forums_are_found_by_how_they_stand(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(Morning { app: _app, admin, forum, .. }) = Morning::new(database) else { return };
    let found = |status: &str| admin.get(&format!("/forums?status={status}")).is(200).json["items"].as_array().unwrap().len();
    assert_eq!((found("active"), found("closed")), (1, 0));
    admin.patch(&forum, "*", &json!({"status": "closed"})).is(200);
    assert_eq!((found("active"), found("closed")), (0, 1));
}

#[rstest]
fn who_has_left_still_reads_its_own_dissent(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(Morning { app: _app, admin, forum, party, people, .. }) = Morning::new(database) else { return };
    let new = json!({"title": "Läget", "forumId": forum.strip_prefix("/forums/"), "areaId": "0127"});
    let path = format!("/assessments/{}", id(&admin.post("/assessments", &new).is(201).json));
    admin.call("POST", &format!("{path}/review"), None).is(200);
    people.put(&format!("{path}/endorsements/{party}"), &json!({"position": "dissent", "reason": "Nej."})).is(201);
    let members = admin.get(&format!("{forum}/members")).json["items"].clone();
    let member = members.as_array().unwrap().iter().find(|member| member["actorId"] == json!(party)).unwrap().clone();
    let left = people.call("POST", &format!("{forum}/members/{}/leave", id(&member)), None).is(200);
    assert_eq!(left.json["status"], json!("left"), "who leaves has not declined");
    people.get(&path).is(404);
    assert_eq!(people.get(&format!("{path}/endorsements/{party}")).is(200).json["reason"], json!("Nej."));
    let own = people.get(&format!("{path}/endorsements")).is(200).json;
    assert_eq!(own["items"].as_array().unwrap().len(), 1);
}

#[rstest]
fn no_pattern_reaches_a_person(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(Morning { app, admin, forum, .. }) = Morning::new(database) else { return };
    let told = |answer: crate::harness::Answer| {
        assert!((400..500).contains(&answer.status), "{}", answer.body);
        let told = answer.json["errors"][0]["detail"].as_str().unwrap().to_owned();
        assert!(!told.contains(['^', '[', '\\', '$', '{']), "{told}");
        told
    };
    assert!(told(admin.get("/actors?municipality=127")).contains("0127"));
    assert!(told(admin.get("/actors?sort=size")).contains("updatedAt"));
    assert!(told(admin.get("/actors?format=pdf")).contains("excel-sv"));
    let actor = json!({"kind": "association", "name": "Odlarna", "seatAreaId": "0127", "website": "odlarna"});
    assert!(told(admin.post("/actors", &actor)).contains("https://"));
    let round = |weight: Value| {
        json!({"forumId": forum.strip_prefix("/forums/"), "question": "Vad först?", "horizon": "short", "candidates": [],
            "criteria": [{"key": "effect", "name": "Effekt", "weight": weight, "scale": 5}]})
    };
    let answer = admin.post("/rounds", &round(json!(0))).is(422);
    assert!(answer.body.contains("större än 0"), "{}", answer.body);
    // Who coordinates some areas is told that it is not said in which of them the actor is.
    let coordinator = app.user(Role::Coordinator, Some(("area", &app.area("01"))));
    let refused = coordinator.post("/actors", &json!({"kind": "association", "name": "Utan säte"})).is(403);
    assert_eq!(refused.faults(), ["/seatAreaId required"]);
    assert!(refused.json["detail"].as_str().unwrap().contains("seatAreaId"));
}

#[rstest]
fn codes_are_looked_up_for_who_may_call_and_never_without_end(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(Morning { app, admin, .. }) = Morning::new(database) else { return };
    // Nobody who is not signed in learns anything by a body, whatever it names.
    let of = |area: &str| json!({"kind": "council", "level": "local", "name": "Rådet", "areas": [area]});
    let (known, unknown) = (app.anybody().post("/forums", &of("0127")), app.anybody().post("/forums", &of("9999")));
    assert_eq!((known.status, unknown.status), (401, 401));
    let many: Vec<_> = (0..3_000).map(|at| format!("x{at}")).collect();
    let forum = json!({"kind": "council", "level": "local", "name": "Rådet", "areas": many});
    assert_eq!(admin.post("/forums", &forum).is(422).json["code"], json!("invalid"));
    // As many as a search takes are all found.
    let codes: Vec<_> = (0..999).map(|at| format!("SE-ON:{at}")).chain(["municipality_code:0127".to_owned()]).collect();
    let search = admin.post("/actors/search", &json!({"id": codes}));
    assert!(search.status == 422 && search.body.contains("SE-ON:212000-2882"), "{}", search.body);
    let known = ["municipality_code:0127", "municipality_code:0180"];
    assert_eq!(admin.post("/actors/search", &json!({"id": known})).is(200).json["items"].as_array().unwrap().len(), 2);
}
