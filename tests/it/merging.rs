//! Merges of two actors: a merge does exactly what its preview shows, nothing is lost, old addresses redirect, and a merge can be
//! undone.

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::harness::{Answer, Client, Database, TestApp, id};

/// An association that is registered twice, with records of every kind that can belong to an actor.
pub struct Twice {
    pub admin: Client,
    pub coordinator: Client,
    /// A user who works for the actor that is merged.
    pub worker: Client,
    /// A user who works for the survivor.
    pub other: Client,
    /// The actor that is merged.
    pub gone: String,
    /// The survivor.
    pub kept: String,
    /// A part of the merged actor.
    pub part: String,
    /// A mandate of the merged actor.
    pub mandate: String,
    /// A forum with both actors, and one with the merged actor only.
    pub forums: [String; 2],
    pub assessments: Vec<String>,
    pub rounds: Vec<String>,
    pub intervention: String,
}

impl Twice {
    pub fn preview(&self, who: &Client) -> Answer {
        who.get(&format!("/actors/{}/merge-preview?into={}", self.gone, self.kept))
    }

    pub fn merge(&self, who: &Client) -> Answer {
        who.post(&format!("/actors/{}/merge", self.gone), &json!({"into": self.kept, "note": "Samma förening"}))
    }
}

#[track_caller]
pub fn make(who: &Client, path: &str, body: &Value) -> String {
    id(&who.post(path, body).is(201).json)
}

pub fn twice(app: &TestApp) -> Twice {
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
        add_forum(&mut twice, &botkyrka, number, both);
    }
    let about = json!({"recordKind": "intervention", "recordId": twice.intervention, "member": "description", "chapter": 26, "paragraph": "1",
        "motive": "Ett skyddat boende", "reviewOn": "2027-11-22"});
    make(&twice.admin, "/secrecy-marks", &about);
    twice
}

/// Adds a forum with an assessment and a round. The merged actor takes part in it, and with `both` the survivor too.
fn add_forum(twice: &mut Twice, area: &str, number: usize, both: bool) {
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

/// Removes the members that a merge and its undo always change: versions, times and cursors.
pub fn without_changing_members(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "version" | "updatedAt" | "changeCursor" | "nextCursor" | "instance"))
            .map(|(name, member)| (name.clone(), without_changing_members(member)))
            .collect(),
        Value::Array(items) => items.iter().map(without_changing_members).collect(),
        other => other.clone(),
    }
}

/// Reads every address that concerns the two actors: the path, the status and the body, without members that always change.
pub fn read_all(who: &Client, twice: &Twice) -> Vec<(String, u16, Value)> {
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
        .map(|(answer, address)| (address, answer.status, without_changing_members(&answer.json)))
        .collect()
}

#[track_caller]
pub fn assert_same(before: &[(String, u16, Value)], after: &[(String, u16, Value)]) {
    for (before, after) in before.iter().zip(after) {
        assert_eq!(before, after);
    }
}

/// Registers the association twice, and returns the id of the actor that is to be merged.
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
    // The users of each actor get rights over the other.
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
    assert_eq!(without_changing_members(&after.json), without_changing_members(&expected));
    // The feed has a change of every record that moved, and the merge comes last.
    let told = twice.admin.get(&format!("/changes?limit=200&cursor={cursor}")).is(200).json["items"].as_array().unwrap().clone();
    for record in preview["records"].as_array().unwrap().iter().filter(|record| record["outcome"] == json!("moves")) {
        let silent = ["secrecy_mark", "user"].map(|kind| json!(kind)).contains(&record["kind"]);
        assert!(silent || told.iter().any(|change| change["id"] == record["id"] && change["type"] == record["kind"]), "{record}");
    }
    let last = told.last().unwrap();
    assert_eq!((&last["id"], &last["op"], &last["mergedInto"]), (&json!(twice.gone), &json!("merge"), &json!(twice.kept)));
    // The records of the merged actor belong to the survivor, and its users can see them.
    let see = |path: &str| twice.worker.get(path).is(200).json;
    assert_eq!(see(&format!("/mandates/{}", twice.mandate))["actorId"], json!(twice.kept));
    assert_eq!(see(&format!("/interventions/{}", twice.intervention))["description"], json!("Hos Berit"), "its people are still cleared");
    twice.other.get(&format!("/forums/{}", twice.forums[1])).is(200);
    assert_eq!(twice.admin.get(&format!("/actors/{}", twice.part)).json["parentId"], json!(twice.kept));
    twice.worker.patch(&format!("/actors/{}", twice.kept), &after.etag(), &json!({"focus": "Gemenskap och odling"})).is(200);
    // The survivor is found by the names of the merged actor.
    for q in ["grannarna", "fg"] {
        let found = app.anybody().get(&format!("/actors?q={q}&kind=association")).json["items"].clone();
        assert_eq!((found.as_array().unwrap().len(), &found[0]["id"]), (1, &json!(twice.kept)), "{q}");
    }
    assert_eq!(app.public_actor("SE-ON:8020010008"), twice.kept);
}

/// Reads the feed to its end, starting after `page`, and returns the last cursor.
pub fn last_cursor(who: &Client, page: &Value) -> String {
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
    // Writes to the old address are refused with the same problem.
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
    // A chain of merges redirects directly to its end.
    let third = make(&twice.admin, "/actors", &json!({"kind": "association", "name": "Grannföreningen", "seatAreaId": app.area("0127")}));
    let second = twice.admin.post(&format!("/actors/{}/merge", twice.kept), &json!({"into": third})).is(201);
    for old in [&twice.gone, &twice.kept] {
        let moved = app.anybody().get(&format!("/actors/{old}")).is(301);
        assert!(moved.header("location").unwrap().ends_with(&third));
    }
    // A caller who cannot see the actor at the end gets 404.
    let tag = twice.admin.get(&format!("/actors/{third}")).etag();
    twice.admin.patch(&format!("/actors/{third}"), &tag, &json!({"visibility": "members"})).is(200);
    let hidden = app.anybody().get(&path).is(404);
    assert!(!hidden.body.contains(&third));
    strict.get(&path).is(404);
    // In a chain of merges the last one must be undone first.
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
