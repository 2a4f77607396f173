//! Two that are one: what is shown beforehand is what is done, nothing is lost, old addresses lead on, and all of it can be
//! undone.

use std::thread;

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::{
    abuse_privacy::rows,
    harness::{Answer, Client, Database, TestApp, id},
};

/// An association that is registered twice, with all that can hang on an actor.
struct Twice {
    admin: Client,
    coordinator: Client,
    /// Works for the one that is to go.
    worker: Client,
    /// Works for the one that is to stay.
    other: Client,
    /// Registered by mistake.
    gone: String,
    /// The one that is to live on.
    kept: String,
    part: String,
    mandate: String,
    /// A forum with both, and one with the first alone.
    forums: [String; 2],
    assessments: Vec<String>,
    rounds: Vec<String>,
    intervention: String,
}

impl Twice {
    fn preview(&self, who: &Client) -> Answer {
        who.get(&format!("/actors/{}/merge-preview?into={}", self.gone, self.kept))
    }

    fn merge(&self, who: &Client) -> Answer {
        who.post(&format!("/actors/{}/merge", self.gone), &json!({"into": self.kept, "note": "Samma förening"}))
    }
}

#[track_caller]
fn make(who: &Client, path: &str, body: &Value) -> String {
    id(&who.post(path, body).is(201).json)
}

fn twice(app: &TestApp) -> Twice {
    let admin = app.user(Role::Admin, None);
    let (county, botkyrka) = (app.area("01"), app.area("0127"));
    let coordinator = app.user(Role::Coordinator, Some(("area", &county)));
    let gone = make(
        &admin,
        "/actors",
        &json!({"kind": "association", "name": "Grannarna", "seatAreaId": botkyrka, "otherNames": ["FG"], "areasServed": [app.area("0180")],
            "website": "https://grannarna.example.se/", "focus": "Odling", "policyDomains": ["health"],
            "identifiers": [{"scheme": "SE-ON", "value": "802001-0008"}, {"scheme": "external:foreningar", "value": "77"}]}),
    );
    let kept = make(
        &admin,
        "/actors",
        &json!({"kind": "association", "name": "Fittja Grannar", "seatAreaId": botkyrka, "areasServed": [botkyrka], "focus": "Gemenskap",
            "policyDomains": ["housing"]}),
    );
    let part =
        make(&admin, "/actors", &json!({"kind": "administration", "name": "Grannarnas odlare", "parentId": gone, "seatAreaId": botkyrka}));
    let mandate = make(
        &admin,
        "/mandates",
        &json!({"actorId": gone, "policyDomain": "housing", "areaId": botkyrka, "powers": ["implement"], "basis": "voluntary", "visibility": "actor"}),
    );
    let worker = app.user(Role::ActorAdmin, Some(("actor", &gone)));
    let other = app.user(Role::ActorAdmin, Some(("actor", &kept)));
    let intervention = make(
        &admin,
        "/interventions",
        &json!({"title": "Odling på gården", "description": "Hos Berit", "ownerActorId": gone, "status": "planned", "horizon": "long", "areas": [botkyrka],
            "addresses": "consequence", "instrument": "area_measure", "visibility": "actor"}),
    );
    make(&admin, "/sources", &json!({"actorId": gone, "name": "Register", "idScheme": "nr"}));
    make(&admin, "/sources", &json!({"actorId": kept, "name": "Register", "idScheme": "nr"}));
    make(&admin, "/sources", &json!({"actorId": gone, "name": "Kartan", "idScheme": "nr"}));
    let mut twice = Twice {
        admin,
        coordinator,
        worker,
        other,
        gone,
        kept,
        part,
        mandate,
        forums: [String::new(), String::new()],
        assessments: Vec::new(),
        rounds: Vec::new(),
        intervention,
    };
    for (number, both) in [true, false].into_iter().enumerate() {
        meet(&mut twice, &botkyrka, number, both);
    }
    let about = json!({"recordKind": "intervention", "recordId": twice.intervention, "member": "description", "chapter": 26, "paragraph": "1",
        "motive": "Ett skyddat boende", "reviewOn": "2027-11-22"});
    make(&twice.admin, "/secrecy-marks", &about);
    twice
}

/// A forum with an assessment and a round, in which the one and perhaps the other take part.
fn meet(twice: &mut Twice, area: &str, number: usize, both: bool) {
    let admin = &twice.admin;
    let forum = make(
        admin,
        "/forums",
        &json!({"kind": "council", "level": "local", "name": format!("Rådet {number}"), "areas": [area], "visibility": "forum"}),
    );
    let mut parties = vec![(&twice.gone, &twice.worker)];
    parties.extend(both.then_some((&twice.kept, &twice.other)));
    let title = json!({"title": format!("Läget {number}"), "forumId": forum, "areaId": area});
    let assessment = make(admin, "/assessments", &title);
    let statement = json!({"kind": "difference", "statement": "Det skiljer"});
    make(admin, &format!("/assessments/{assessment}/findings"), &statement);
    for (actor, who) in &parties {
        let member = make(admin, &format!("/forums/{forum}/members"), &json!({"actorId": actor, "function": "member"}));
        who.call("POST", &format!("/forums/{forum}/members/{member}/accept"), None).is(200);
    }
    admin.call("POST", &format!("/assessments/{assessment}/review"), None).is(200);
    let one = make(
        admin,
        "/interventions",
        &json!({"title": format!("Insats {number}"), "ownerActorId": twice.kept, "forumId": forum, "status": "planned", "horizon": "long",
            "addresses": "consequence", "instrument": "area_measure", "visibility": "forum"}),
    );
    let two = make(
        admin,
        "/interventions",
        &json!({"title": format!("Åtgärd {number}"), "ownerActorId": twice.gone, "forumId": forum, "status": "planned", "horizon": "long",
            "addresses": "consequence", "instrument": "area_measure", "visibility": "forum"}),
    );
    let round = make(
        admin,
        "/rounds",
        &json!({"forumId": forum, "question": format!("Vad först {number}?"), "horizon": "short", "candidates": [one, two],
            "criteria": [{"key": "effect", "name": "Effekt", "weight": 1, "scale": 5}], "visibility": "forum"}),
    );
    admin.call("POST", &format!("/rounds/{round}/open"), None).is(200);
    for (actor, who) in &parties {
        who.put(&format!("/assessments/{assessment}/endorsements/{actor}"), &json!({"position": "endorse"})).is(201);
        who.put(&format!("/rounds/{round}/ballots/{actor}"), &json!({"abstains": true, "scores": []})).is(201);
    }
    twice.forums[number] = forum;
    twice.assessments.push(assessment);
    twice.rounds.push(round);
}

/// Without what a merge and its undoing change by themselves: versions, times and where to follow from.
fn lasting(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "version" | "updatedAt" | "changeCursor" | "nextCursor" | "instance"))
            .map(|(name, member)| (name.clone(), lasting(member)))
            .collect(),
        Value::Array(items) => items.iter().map(lasting).collect(),
        other => other.clone(),
    }
}

/// What somebody is answered at every address that has to do with the two.
fn all(who: &Client, twice: &Twice) -> Vec<(String, u16, Value)> {
    let mut addresses: Vec<String> = Vec::new();
    for list in
        ["mandates", "forums", "assessments", "interventions", "rounds", "sources", "grants", "users", "secrecy-marks", "disclosures"]
    {
        addresses.push(format!("/{list}?limit=200"));
    }
    for actor in [&twice.gone, &twice.kept, &twice.part] {
        addresses.push(format!("/actors/{actor}?expand=mandates"));
        addresses.push(format!("/actors/{actor}?include=allowedActions"));
        addresses.push(format!("/actors?parentId={actor}"));
        addresses.push(format!("/mandates?actorId={actor}"));
        addresses.push(format!("/interventions?ownerActorId={actor}"));
        for assessment in &twice.assessments {
            addresses.push(format!("/assessments/{assessment}/endorsements/{actor}"));
        }
        for round in &twice.rounds {
            addresses.push(format!("/rounds/{round}/ballots/{actor}"));
        }
    }
    for forum in &twice.forums {
        addresses.push(format!("/forums/{forum}?include=allowedActions"));
        addresses.push(format!("/forums/{forum}/members"));
    }
    for q in ["grannarna", "fittja grannar", "fg", "odling", "odlare"] {
        addresses.push(format!("/actors?q={q}&include=total"));
    }
    for identifier in ["SE-ON:8020010008", "external:foreningar:77"] {
        addresses.push(format!("/actors?identifier={identifier}"));
    }
    addresses.push("/actors?municipality=0127&limit=200&sort=createdAt&fields=id,name,parentId,identifiers".to_owned());
    addresses.push(format!("/mandates/{}", twice.mandate));
    addresses.push(format!("/interventions/{}", twice.intervention));
    addresses.push("/me".to_owned());
    addresses
        .into_iter()
        .map(|address| (who.get(&address), address))
        .map(|(answer, address)| (address, answer.status, lasting(&answer.json)))
        .collect()
}

#[track_caller]
fn same(before: &[(String, u16, Value)], after: &[(String, u16, Value)]) {
    for (before, after) in before.iter().zip(after) {
        assert_eq!(before, after);
    }
}

/// Registers the association twice, with all that can hang on an actor; returns the id of the one that is to go.
pub fn registered_twice(app: &TestApp) -> String {
    twice(app).gone
}

#[rstest]
fn a_merge_does_what_its_preview_says_and_loses_nothing(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let twice = twice(&app);
    let preview = twice.preview(&twice.admin).is(200).json;
    assert_eq!(preview["allowed"], json!(true));
    let count = |kind: &str| {
        let counts = preview["counts"].as_array().unwrap();
        counts.iter().find(|count| count["kind"] == json!(kind)).map(|count| (count["moves"].clone(), count["stays"].clone()))
    };
    for (kind, moves, stays) in [
        ("actor", 1, 0),
        ("mandate", 1, 0),
        ("member", 1, 1),
        ("endorsement", 1, 1),
        ("intervention", 3, 0),
        ("ballot", 1, 1),
        ("source", 1, 1),
        ("grant", 1, 0),
        ("secrecy_mark", 1, 0),
    ] {
        assert_eq!(count(kind), Some((json!(moves), json!(stays))), "{kind}");
    }
    let survivor = &preview["survivor"];
    assert_eq!(survivor["otherNames"], json!(["FG", "Grannarna"]));
    assert_eq!((&survivor["focus"], &survivor["website"]), (&json!("Gemenskap"), &json!("https://grannarna.example.se/")));
    assert_eq!(survivor["policyDomains"], json!(["housing", "health"]));
    assert_eq!(survivor["identifiers"][0]["scope"], json!("own"));
    // The people of each get rights over the other.
    assert_eq!(preview["access"].as_array().unwrap().len(), 2, "{}", preview["access"]);

    let before = twice.admin.get("/changes?limit=200").is(200).json;
    let cursor = last_cursor(&twice.admin, &before);
    let merged = twice.merge(&twice.admin).is(201);
    assert!(merged.header("location").unwrap().ends_with(&format!("/merges/{}", id(&merged.json))));
    assert_eq!(merged.json["moved"], preview["counts"]);
    assert_eq!(merged.json["members"], preview["members"]);
    let after = twice.admin.get(&format!("/actors/{}", twice.kept)).is(200);
    let mut expected = survivor.clone();
    expected["version"] = json!(2);
    assert_eq!(lasting(&after.json), lasting(&expected));
    // The feed tells of every record that moved, and of the merge last.
    let told = twice.admin.get(&format!("/changes?limit=200&cursor={cursor}")).is(200).json["items"].as_array().unwrap().clone();
    for record in preview["records"].as_array().unwrap().iter().filter(|record| record["outcome"] == json!("moves")) {
        let silent = ["secrecy_mark", "user"].map(|kind| json!(kind)).contains(&record["kind"]);
        assert!(silent || told.iter().any(|change| change["id"] == record["id"] && change["type"] == record["kind"]), "{record}");
    }
    let last = told.last().unwrap();
    assert_eq!((&last["id"], &last["op"], &last["mergedInto"]), (&json!(twice.gone), &json!("merge"), &json!(twice.kept)));
    // What was the one's is the other's, and its people see it.
    let see = |path: &str| twice.worker.get(path).is(200).json;
    assert_eq!(see(&format!("/mandates/{}", twice.mandate))["actorId"], json!(twice.kept));
    assert_eq!(see(&format!("/interventions/{}", twice.intervention))["description"], json!("Hos Berit"), "its people are still cleared");
    twice.other.get(&format!("/forums/{}", twice.forums[1])).is(200);
    assert_eq!(twice.admin.get(&format!("/actors/{}", twice.part)).json["parentId"], json!(twice.kept));
    twice.worker.patch(&format!("/actors/{}", twice.kept), &after.etag(), &json!({"focus": "Gemenskap och odling"})).is(200);
    // And it is found by what it was called.
    for q in ["grannarna", "fg"] {
        let found = app.anybody().get(&format!("/actors?q={q}&kind=association")).json["items"].clone();
        assert_eq!((found.as_array().unwrap().len(), &found[0]["id"]), (1, &json!(twice.kept)), "{q}");
    }
    assert_eq!(app.public_actor("SE-ON:8020010008"), twice.kept);
}

/// The cursor after all that there is.
fn last_cursor(who: &Client, page: &Value) -> String {
    let mut page = page.clone();
    while page["hasMore"] == json!(true) {
        page = who.get(&format!("/changes?limit=200&cursor={}", page["nextCursor"].as_str().unwrap())).is(200).json;
    }
    page["nextCursor"].as_str().unwrap().to_owned()
}

#[rstest]
fn an_old_address_leads_on(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let twice = twice(&app);
    twice.merge(&twice.admin).is(201);
    let path = format!("/actors/{}", twice.gone);
    let moved = app.anybody().get(&format!("{path}?fields=id,name")).is(301);
    assert_eq!(moved.header("location"), Some(format!("/samsyn/v1/actors/{}?fields=id,name", twice.kept).as_str()));
    assert_eq!(moved.body, "");
    let strict = app.anybody().with("Prefer", "handling=strict").with("Accept-Language", "sv");
    let told = strict.get(&path).is(410);
    assert_eq!((&told.json["code"], &told.json["mergedInto"]), (&json!("merged"), &json!(twice.kept)));
    assert!(told.json["detail"].as_str().unwrap().contains("gått upp i en annan"), "{}", told.body);
    // Whoever writes to the old one is told the same.
    for answer in [
        twice.admin.patch(&path, "*", &json!({"focus": "Allt"})),
        twice.admin.delete(&path, "*"),
        twice.admin.post(&format!("{path}/merge"), &json!({"into": twice.part})),
        twice.preview(&twice.admin),
    ] {
        assert_eq!((answer.status, &answer.json["mergedInto"]), (410, &json!(twice.kept)), "{}", answer.body);
    }
    let named =
        json!({"actorId": twice.gone, "policyDomain": "housing", "areaId": app.area("0127"), "powers": ["inform"], "basis": "voluntary"});
    let answer = twice.admin.post("/mandates", &named).is(422);
    assert_eq!(answer.faults(), ["/actorId merged"]);
    assert!(answer.body.contains(&twice.kept));
    let into = twice.admin.post(&format!("/actors/{}/merge", twice.part), &json!({"into": twice.gone})).is(422);
    assert_eq!(into.faults(), ["/into merged"]);
    // A chain leads to its end at once.
    let third = make(&twice.admin, "/actors", &json!({"kind": "association", "name": "Grannföreningen", "seatAreaId": app.area("0127")}));
    let second = twice.admin.post(&format!("/actors/{}/merge", twice.kept), &json!({"into": third})).is(201);
    for old in [&twice.gone, &twice.kept] {
        let moved = app.anybody().get(&format!("/actors/{old}")).is(301);
        assert!(moved.header("location").unwrap().ends_with(&third));
    }
    // Who may not see the one at the end learns of none.
    let tag = twice.admin.get(&format!("/actors/{third}")).etag();
    twice.admin.patch(&format!("/actors/{third}"), &tag, &json!({"visibility": "members"})).is(200);
    let hidden = app.anybody().get(&path).is(404);
    assert!(!hidden.body.contains(&third));
    strict.get(&path).is(404);
    // A chain is undone from its end.
    let merges = twice.admin.get("/merges").is(200).json["items"].clone();
    let (first, last) = (id(&merges[0]), id(&merges[1]));
    assert_eq!(last, id(&second.json));
    let early = twice.admin.call("POST", &format!("/merges/{first}/undo"), None).is(409);
    assert_eq!(early.json["conflictsWith"], json!(format!("/samsyn/v1/merges/{last}")));
    for merge in [&last, &first] {
        twice.admin.call("POST", &format!("/merges/{merge}/undo"), None).is(200);
        twice.admin.call("POST", &format!("/merges/{merge}/undo"), None).is(409);
    }
    app.anybody().get(&path).is(200);
}

#[rstest]
fn who_merges_and_undoes_has_all_as_it_was(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let twice = twice(&app);
    let everybody = [&twice.admin, &twice.coordinator, &twice.worker, &twice.other, &app.anybody()];
    let before = everybody.map(|who| all(who, &twice));
    let merge = twice.merge(&twice.admin).is(201);
    let undone = twice.admin.call("POST", &format!("/merges/{}/undo", id(&merge.json)), None).is(200);
    assert_eq!((&undone.json["leftAlone"], &undone.json["version"]), (&json!([]), &json!(2)));
    assert!(undone.json["undoneAt"].is_string());
    for (before, who) in before.iter().zip(everybody) {
        same(before, &all(who, &twice));
    }
    // And again: nothing of the first time stands in the way.
    let merge = twice.merge(&twice.admin).is(201);
    twice.admin.call("POST", &format!("/merges/{}/undo", id(&merge.json)), None).is(200);
    for (before, who) in before.iter().zip(everybody) {
        same(before, &all(who, &twice));
    }
}

/// Actors of all sorts, made up of a number: which members they have and where they lie above and below each other.
fn made_of(number: u32, app: &TestApp, admin: &Client) -> Twice {
    let mut twice = twice(app);
    let bit = |at: u32| number >> at & 1 == 1;
    let area = app.area("0127");
    let path = |id: &str| format!("/actors/{id}");
    let alter = |id: &str, body: Value| admin.patch(&path(id), "*", &body).is(200);
    if bit(0) {
        let other = make(admin, "/actors", &json!({"kind": "municipality", "name": "Ovanför", "seatAreaId": area}));
        alter(&twice.gone, json!({"parentId": other}));
    }
    match number >> 1 & 3 {
        // The survivor below the other, below a part of it, above it.
        1 => drop(alter(&twice.kept, json!({"parentId": twice.gone}))),
        2 => drop(alter(&twice.kept, json!({"parentId": twice.part}))),
        3 => drop(alter(&twice.gone, json!({"parentId": twice.kept}))),
        _ => {}
    }
    if bit(3) {
        alter(
            &twice.kept,
            json!({"identifiers": [{"scheme": "SE-ON", "value": "212000-2882", "scope": "parent"}], "website": "https://kvar.example.se/"}),
        );
    }
    if bit(4) {
        alter(&twice.gone, json!({"focus": null, "otherNames": [], "visibility": "members"}));
    }
    if bit(5) {
        alter(&twice.kept, json!({"focus": null, "areasServed": [], "policyDomains": []}));
    }
    twice.admin = admin.clone();
    twice
}

#[rstest]
fn whatever_the_two_are_undoing_gives_all_back(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
    #[values(2, 13, 20, 27, 36, 47, 50, 61)] number: u32,
) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let twice = made_of(number, &app, &admin);
    let everybody = [&twice.admin, &twice.worker, &twice.other, &app.anybody()];
    let before = everybody.map(|who| all(who, &twice));
    let preview = twice.preview(&admin).is(200).json;
    let merge = twice.merge(&admin).is(201);
    assert_eq!(merge.json["moved"], preview["counts"]);
    let survivor = admin.get(&format!("/actors/{}", twice.kept)).is(200).json;
    let mut expected = lasting(&preview["survivor"]);
    expected["updatedAt"] = Value::Null;
    assert_eq!(lasting(&survivor), lasting(&expected));
    // Nobody is above itself.
    let mut above = vec![twice.part.clone()];
    while let Some(parent) = admin.get(&format!("/actors/{}", above.last().unwrap())).is(200).json["parentId"].as_str() {
        assert!(!above.contains(&parent.to_owned()) && parent != twice.gone, "{above:?} {parent}");
        above.push(parent.to_owned());
    }
    let undone = admin.call("POST", &format!("/merges/{}/undo", id(&merge.json)), None).is(200);
    assert_eq!(undone.json["leftAlone"], json!([]));
    for (before, who) in before.iter().zip(everybody) {
        same(before, &all(who, &twice));
    }
}

#[rstest]
fn what_has_been_changed_since_is_left_alone(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let twice = twice(&app);
    let admin = &twice.admin;
    let merge = id(&twice.merge(admin).is(201).json);
    let kept = format!("/actors/{}", twice.kept);
    // Somebody corrects what came along, gives a mandate to another, removes an intervention, and registers the number anew.
    admin.patch(&kept, "*", &json!({"website": "https://fittja.example.se/", "identifiers": []})).is(200);
    let mandate = format!("/mandates/{}", twice.mandate);
    admin.patch(&mandate, "*", &json!({"actorId": twice.part})).is(200);
    admin.delete(&format!("/interventions/{}", twice.intervention), "*").is(204);
    let number = json!({"kind": "association", "name": "Ny", "identifiers": [{"scheme": "SE-ON", "value": "802001-0008"}]});
    let taker = make(admin, "/actors", &number);
    let undone = admin.call("POST", &format!("/merges/{merge}/undo"), None).is(200).json;
    let left: Vec<_> = undone["leftAlone"]
        .as_array()
        .unwrap()
        .iter()
        .map(|left| {
            format!("{} {} {}", left["kind"].as_str().unwrap(), left["member"].as_str().unwrap_or("-"), left["reason"].as_str().unwrap())
        })
        .collect();
    for expected in ["actor website changed", "actor identifiers SE-ON taken", "mandate - changed", "intervention - removed"] {
        assert!(left.iter().any(|left| left == expected), "{expected}: {left:?}");
    }
    let survivor = admin.get(&kept).is(200).json;
    assert_eq!((&survivor["website"], &survivor["otherNames"]), (&json!("https://fittja.example.se/"), &json!([])));
    let back = admin.get(&format!("/actors/{}", twice.gone)).is(200).json;
    assert_eq!(back["website"], json!("https://grannarna.example.se/"));
    assert_eq!(back["identifiers"][0]["scope"], json!("parent"), "the number is another's own now");
    assert_eq!(admin.get(&format!("/actors/{taker}")).json["identifiers"][0]["scope"], json!("own"));
    assert_eq!(admin.get(&mandate).json["actorId"], json!(twice.part));

    // Another who may read the merge is told of what it may see alone.
    let names = |who: &Client, id: &str| who.get(&format!("/merges/{merge}")).is(200).json["leftAlone"].to_string().contains(id);
    for who in [admin, &twice.coordinator] {
        assert_eq!(names(who, &twice.mandate), who.get(&mandate).status == 200);
    }
    assert!(!names(&twice.coordinator, &twice.mandate) && names(admin, &twice.mandate));
}

#[rstest]
fn what_fewer_saw_is_not_shown_to_more(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let twice = twice(&app);
    let admin = &twice.admin;
    let (gone, kept) = (format!("/actors/{}", twice.gone), format!("/actors/{}", twice.kept));
    // What is under secrecy does not come along.
    let mark = json!({"recordKind": "actor", "recordId": twice.gone, "member": "website", "chapter": 26, "paragraph": "1",
        "motive": "Visar var de bor", "reviewOn": "2027-11-22"});
    make(admin, "/secrecy-marks", &mark);
    let preview = twice.preview(admin).is(200).json;
    assert!(preview["members"].as_array().unwrap().contains(&json!({"member": "website", "how": "withheld"})), "{}", preview["members"]);
    assert_eq!((&preview["survivor"]["website"], &preview["survivor"]["otherNames"][1]), (&Value::Null, &json!("Grannarna")));
    // Nothing of a hidden actor comes along to one that all may see.
    admin.patch(&gone, "*", &json!({"visibility": "actor"})).is(200);
    let before = admin.get(&kept).is(200).json;
    let preview = twice.preview(admin).is(200).json;
    assert_eq!(preview["survivor"], before);
    let merge = id(&twice.merge(admin).is(201).json);
    assert_eq!(admin.get(&kept).is(200).json["version"], before["version"]);
    // Who could not see it is not told where it went, or that it was there; its own people are.
    let told = app.anybody().get(&gone).is(404);
    assert!(!told.body.contains(&twice.kept));
    twice.worker.get(&gone).is(301);
    let stranger = app.user(Role::Reader, Some(("actor", &app.public_actor("municipality_code:0180"))));
    assert!(!all_changes(&stranger, "").iter().any(|change| change["mergedInto"] == json!(twice.kept)));
    admin.call("POST", &format!("/merges/{merge}/undo"), None).is(200);

    // Who saw the one and does not see the other is told that it is gone.
    admin.patch(&gone, "*", &json!({"visibility": "members"})).is(200);
    admin.patch(&kept, "*", &json!({"visibility": "actor"})).is(200);
    let cursor = last_cursor(&stranger, &stranger.get("/changes?limit=200").is(200).json);
    twice.merge(admin).is(201);
    let told = all_changes(&stranger, &cursor);
    let last = told.iter().rfind(|change| change["id"] == json!(twice.gone)).unwrap();
    assert_eq!((&last["op"], &last["mergedInto"]), (&json!("delete"), &Value::Null));
    stranger.get(&gone).is(404);
}

/// All changes that somebody is told of, from a place in the feed or from its beginning.
fn all_changes(who: &Client, cursor: &str) -> Vec<Value> {
    let start = if cursor.is_empty() { String::new() } else { format!("&cursor={cursor}") };
    let mut page = who.get(&format!("/changes?limit=200{start}")).is(200).json;
    let mut all = page["items"].as_array().unwrap().clone();
    while page["hasMore"] == json!(true) {
        page = who.get(&format!("/changes?limit=200&cursor={}", page["nextCursor"].as_str().unwrap())).is(200).json;
        all.extend(page["items"].as_array().unwrap().clone());
    }
    all
}

#[rstest]
fn nobody_reaches_further_by_merging_than_they_may_give(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let twice = twice(&app);
    let admin = &twice.admin;
    // Neither who works for them nor who coordinates elsewhere.
    twice.worker.post(&format!("/actors/{}/merge", twice.gone), &json!({"into": twice.kept})).is(403);
    app.anybody().post(&format!("/actors/{}/merge", twice.gone), &json!({"into": twice.kept})).is(401);
    let elsewhere = app.user(Role::Coordinator, Some(("area", &app.area("14"))));
    twice.merge(&elsewhere).is(403);
    twice.preview(&elsewhere).is(403);
    // A membership of a forum elsewhere may not follow, and is named to who sees the forum only.
    let far = json!({"kind": "council", "level": "local", "name": "Långt borta", "areas": [app.area("1480")], "visibility": "forum"});
    let far = make(admin, "/forums", &far);
    let member = make(admin, &format!("/forums/{far}/members"), &json!({"actorId": twice.gone, "function": "member"}));
    let preview = twice.preview(&twice.coordinator).is(200);
    assert_eq!(preview.json["allowed"], json!(false));
    assert!(!preview.body.contains(&member));
    let counts = preview.json["counts"].as_array().unwrap().clone();
    assert!(counts.iter().any(|count| count["kind"] == json!("member") && count["outOfReach"] == json!(1)), "{counts:?}");
    let refused = twice.merge(&twice.coordinator).is(403);
    assert_eq!(refused.json["requiredPermission"], json!("actors.merge"));
    admin.delete(&format!("/forums/{far}/members/{member}"), "*").is(204);
    // Who has left takes nothing along but its place.
    let preview = twice.preview(&twice.coordinator).is(200);
    assert_eq!(preview.json["allowed"], json!(false), "the forum is still elsewhere");

    // Who coordinates and works for one of them would give herself rights.
    let email = "bada@example.se";
    app.register(email, "Kim Båda", Role::Coordinator, Some(("area", &app.area("01"))));
    let users = admin.get("/users?limit=200").is(200).json["items"].as_array().unwrap().clone();
    let user = id(users.iter().find(|user| user["email"] == json!(email)).unwrap());
    let lone = make(admin, "/actors", &json!({"kind": "association", "name": "Ensam", "seatAreaId": app.area("0127")}));
    let pair = make(admin, "/actors", &json!({"kind": "association", "name": "Par", "seatAreaId": app.area("0127")}));
    let both = app.sign_in(email);
    both.get(&format!("/actors/{pair}/merge-preview?into={lone}")).is(200);
    make(admin, "/grants", &json!({"userId": user, "role": "reader", "scope": {"kind": "actor", "id": lone}}));
    for (one, other) in [(&pair, &lone), (&lone, &pair)] {
        let preview = both.get(&format!("/actors/{one}/merge-preview?into={other}")).is(200).json;
        assert_eq!((&preview["allowed"], &preview["access"][0]["role"]), (&json!(false), &json!("reader")), "{preview}");
        both.post(&format!("/actors/{one}/merge"), &json!({"into": other})).is(403);
    }
    // Another coordinator of the county may, and may undo it; who coordinates elsewhere sees nothing of it.
    let merge = twice.coordinator.post(&format!("/actors/{pair}/merge"), &json!({"into": lone})).is(201);
    let path = format!("/merges/{}", id(&merge.json));
    elsewhere.get(&path).is(404);
    elsewhere.call("POST", &format!("{path}/undo"), None).is(404);
    assert_eq!(elsewhere.get("/merges").is(200).json["items"], json!([]));
    twice.worker.get("/merges").is(403);
    twice.coordinator.get(&format!("{path}?include=allowedActions")).is(200);
    twice.coordinator.call("POST", &format!("{path}/undo"), None).is(200);
    // One that is hidden from the caller is none.
    admin.patch(&format!("/actors/{lone}"), "*", &json!({"visibility": "actor"})).is(200);
    let hidden = twice.coordinator.post(&format!("/actors/{pair}/merge"), &json!({"into": lone})).is(422);
    assert_eq!(hidden.faults(), ["/into not-found"]);
    twice.coordinator.get(&format!("/actors/{pair}/merge-preview?into={lone}")).is(400);
    twice.coordinator.post(&format!("/actors/{lone}/merge"), &json!({"into": pair})).is(404);
    admin.post(&format!("/actors/{pair}/merge"), &json!({"into": pair})).is(409);
}

#[rstest]
fn two_merges_at_once_become_one(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let other = TestApp::on(&app.url, 2_000_000);
    let twice = twice(&app);
    let callers = [twice.admin.clone(), twice.admin.at(other.address)];
    let third = make(&twice.admin, "/actors", &json!({"kind": "association", "name": "Tredje", "seatAreaId": app.area("0127")}));
    // The one into the other, the other into the one, and the one into a third.
    let wishes = [(&twice.gone, &twice.kept), (&twice.kept, &twice.gone), (&twice.gone, &third), (&twice.gone, &twice.kept)];
    let answers: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = wishes
            .iter()
            .enumerate()
            .map(|(number, (one, into))| {
                let caller = &callers[number % 2];
                scope.spawn(move || caller.post(&format!("/actors/{one}/merge"), &json!({"into": into})))
            })
            .collect();
        running.into_iter().map(|running| running.join().unwrap()).collect()
    });
    assert!(
        answers.iter().all(|answer| matches!(answer.status, 201 | 410 | 422)),
        "{:?}",
        answers.iter().map(|one| &one.body).collect::<Vec<_>>()
    );
    assert!(answers.iter().any(|answer| answer.status == 201));
    let live: Vec<_> =
        [&twice.gone, &twice.kept, &third].into_iter().filter(|id| twice.admin.get(&format!("/actors/{id}")).status == 200).collect();
    assert!(!live.is_empty(), "never a circle");
    for old in [&twice.gone, &twice.kept, &third].into_iter().filter(|id| !live.contains(id)) {
        let to = twice.admin.get(&format!("/actors/{old}")).is(301).header("location").unwrap().to_owned();
        assert!(live.iter().any(|id| to.ends_with(id.as_str())), "{to}");
    }
}

#[rstest]
fn who_writes_while_two_become_one_loses_nothing(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let other = TestApp::on(&app.url, 2_000_000);
    let twice = twice(&app);
    let callers = [twice.admin.clone(), twice.admin.at(other.address)];
    let botkyrka = app.area("0127");
    let made: Vec<String> = thread::scope(|scope| {
        let writers: Vec<_> = (0..6)
            .map(|number| {
                let (caller, twice, botkyrka) = (&callers[number % 2], &twice, &botkyrka);
                scope.spawn(move || {
                    let mut made = Vec::new();
                    for turn in 0..8 {
                        let new = json!({"actorId": twice.gone, "policyDomain": "health", "areaId": botkyrka, "powers": ["inform"], "basis": "voluntary",
                            "legalBasis": format!("Stadgarnas {number}:{turn}")});
                        let answer = in_the_end(|| caller.post("/mandates", &new));
                        assert!(matches!(answer.status, 201 | 422), "{}", answer.body);
                        if answer.status == 201 {
                            made.push(id(&answer.json));
                        }
                        let decided = json!({"legalBasis": format!("Beslut {number}")});
                        let edit = in_the_end(|| caller.patch(&format!("/mandates/{}", twice.mandate), "*", &decided));
                        assert!(matches!(edit.status, 200 | 412), "{}", edit.body);
                        let focused = json!({"focus": format!("Odling {number}")});
                        let edit = in_the_end(|| caller.patch(&format!("/actors/{}", twice.gone), "*", &focused));
                        assert!(matches!(edit.status, 200 | 410 | 412), "{}", edit.body);
                    }
                    made
                })
            })
            .collect();
        let merger = scope.spawn(|| in_the_end(|| twice.merge(&callers[1])));
        let answer = merger.join().unwrap();
        assert_eq!(answer.status, 201, "{}", answer.body);
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    // Each mandate that was registered, before or after, is the survivor's and is found.
    for mandate in made.iter().chain([&twice.mandate]) {
        assert_eq!(twice.admin.get(&format!("/mandates/{mandate}")).is(200).json["actorId"], json!(twice.kept));
    }
    let left = rows(&app.url, &format!("SELECT '1' AS found FROM mandate WHERE {}", names(database, "actor_id", &twice.gone)));
    assert!(left.is_empty(), "nothing was left behind");
}

/// What a call is answered with by who sends it again as long as the service is busy.
fn in_the_end(call: impl Fn() -> Answer) -> Answer {
    (0..50).map(|_| call()).find(|answer| answer.status != 503).expect("the service is busy for ever")
}

/// That a column names an id, as each database stores it.
fn names(database: Database, column: &str, id: &str) -> String {
    match database {
        Database::Sqlite => format!("lower(hex({column})) = '{}'", id.replace('-', "")),
        Database::Postgres => format!("{column} = '{id}'"),
    }
}

#[rstest]
fn a_partners_record_follows_and_is_never_registered_anew(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let botkyrka = app.area("0127");
    let owner = app.public_actor("municipality_code:0127");
    let source = json!({"actorId": owner, "name": "Lokalregistret", "idScheme": "botkyrka-lokal", "ownedFields": ["name", "website"]});
    let path = format!("/sources/{}/actors/4711", make(&admin, "/sources", &source));
    let mut record = json!({"kind": "association", "name": "Alby Odlare", "seatAreaId": botkyrka, "website": "https://alby.example.se"});
    let gone = admin.put(&path, &record).is(201).json["actorId"].as_str().unwrap().to_owned();
    let kept = make(&admin, "/actors", &json!({"kind": "association", "name": "Odlarna i Alby", "seatAreaId": botkyrka}));
    let merge = id(&admin.post(&format!("/actors/{gone}/merge"), &json!({"into": kept})).is(201).json);
    assert_eq!(admin.get(&path).is(200).json["actorId"], json!(kept));
    // The partner sends it again, and then with something new: it is the survivor's now, but for what is curated here.
    admin.put(&path, &record).is(200);
    record["website"] = json!("https://odlare.example.se");
    admin.put(&path, &record).is(200);
    let survivor = admin.get(&format!("/actors/{kept}")).is(200).json;
    assert_eq!((&survivor["name"], &survivor["website"]), (&json!("Odlarna i Alby"), &json!("https://odlare.example.se")));
    assert_eq!(admin.get("/actors?q=alby&include=total").json["total"], json!(1));
    // Undone, the record is again what it was, and what the partner has written since stays.
    let undone = admin.call("POST", &format!("/merges/{merge}/undo"), None).is(200).json;
    assert_eq!(undone["leftAlone"], json!([{"kind": "actor", "id": kept, "member": "website", "reason": "changed"}]));
    assert_eq!(admin.get(&path).is(200).json["actorId"], json!(gone));
}

#[rstest]
fn each_is_part_of_one_at_a_time_also_after_a_merge(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let actor = |name: &str, parent: Value| make(&admin, "/actors", &json!({"kind": "association", "name": name, "parentId": parent}));
    let (one, two) = (actor("Ena distriktet", Value::Null), actor("Andra distriktet", Value::Null));
    let (kept, gone) = (actor("Kvar", json!(one)), actor("Borta", json!(two)));
    let parents = |of: &str| -> Vec<Value> {
        let page = admin.get(&format!("/actor-relations?actorId={of}&limit=200")).is(200).json;
        let open =
            |relation: &&Value| relation["kind"] == json!("part_of") && relation["validTo"].is_null() && relation["actorId"] == json!(of);
        page["items"].as_array().unwrap().iter().filter(open).map(|relation| relation["otherActorId"].clone()).collect()
    };
    assert_eq!((parents(&kept), parents(&gone)), (vec![json!(one)], vec![json!(two)]));
    let merge = id(&admin.post(&format!("/actors/{gone}/merge"), &json!({"into": kept})).is(201).json);
    assert_eq!(parents(&kept), [json!(one)]);
    admin.call("POST", &format!("/merges/{merge}/undo"), None).is(200);
    assert_eq!((parents(&kept), parents(&gone)), (vec![json!(one)], vec![json!(two)]));
}

#[rstest]
fn nobody_is_restored_above_itself(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let actor = |name: &str, parent: Value| make(&admin, "/actors", &json!({"kind": "association", "name": name, "parentId": parent}));
    let top = actor("Överst", Value::Null);
    let removed = actor("Mitten", json!(top));
    let below = actor("Underst", json!(removed));
    let part = actor("Del", json!(top));
    for id in [&removed, &part] {
        admin.delete(&format!("/actors/{id}"), "*").is(204);
    }
    admin.patch(&format!("/actors/{top}"), "*", &json!({"parentId": below})).is(200);
    let refused = admin.call("POST", &format!("/actors/{removed}/restore"), None).is(409);
    assert_eq!(refused.json["conflictsWith"], json!(format!("/samsyn/v1/actors/{top}")));
    // Once the circle is broken it comes back, and what is above it may have become part of another.
    admin.patch(&format!("/actors/{top}"), "*", &json!({"parentId": null})).is(200);
    let other = actor("Annan", Value::Null);
    admin.post(&format!("/actors/{top}/merge"), &json!({"into": other})).is(201);
    for id in [&removed, &part] {
        let back = admin.call("POST", &format!("/actors/{id}/restore"), None).is(200);
        assert_eq!(back.json["parentId"], json!(other));
    }
}

#[rstest]
fn what_is_restored_between_a_merge_and_its_undoing_is_part_of_one(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let actor = |name: &str, parent: Value| make(&admin, "/actors", &json!({"kind": "association", "name": name, "parentId": parent}));
    let (gone, kept) = (actor("Borta", Value::Null), actor("Kvar", Value::Null));
    let (restored, stays) = (actor("Återställd", json!(gone)), actor("Del", json!(gone)));
    let parents = |of: &str| -> (Value, Vec<Value>) {
        let page = admin.get(&format!("/actor-relations?actorId={of}&limit=200")).is(200).json;
        let open = page["items"].as_array().unwrap().iter().filter(|relation| relation["validTo"].is_null());
        (admin.get(&format!("/actors/{of}")).is(200).json["parentId"].clone(), open.map(|one| one["otherActorId"].clone()).collect())
    };
    admin.delete(&format!("/actors/{restored}"), "*").is(204);
    let merge = id(&admin.post(&format!("/actors/{gone}/merge"), &json!({"into": kept})).is(201).json);
    admin.call("POST", &format!("/actors/{restored}/restore"), None).is(200);
    for part in [&restored, &stays] {
        assert_eq!(parents(part), (json!(kept), vec![json!(kept)]));
    }
    let undone = admin.call("POST", &format!("/merges/{merge}/undo"), None).is(200).json;
    assert_eq!(undone["leftAlone"].as_array().unwrap().iter().map(|left| &left["reason"]).collect::<Vec<_>>(), ["changed"]);
    assert_eq!(parents(&restored), (json!(kept), vec![json!(kept)]));
    assert_eq!(parents(&stays), (json!(gone), vec![json!(gone)]));
}
