//! Partner systems send their registers: nothing is lost or doubled, and no member that is curated here is overwritten.

use std::thread;

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::harness::{Answer, Client, Database, TestApp, id};

/// A number that no actor in the reference data has.
pub const NUMBER: &str = "802001-0008";

pub fn source(who: &Client, actor: &Value, owned: &[&str]) -> String {
    let new = json!({"actorId": actor, "name": format!("Register {}", owned.len()), "idScheme": "reg", "ownedFields": owned});
    id(&who.post("/sources", &new).is(201).json)
}

/// Returns a service account whose only right is a grant for a source.
pub fn partner(app: &TestApp, admin: &Client, source: &str) -> Client {
    let scopes = json!(["registry.read", "changes.read", "sources.read", "sources.sync", "matches.read"]);
    let account = json!({"name": "Register", "authMethod": "client_secret_post", "scopes": scopes});
    let account = id(&admin.post("/service-accounts", &account).is(201).json);
    let secret = admin.call("POST", &format!("/service-accounts/{account}/secrets"), None).is(201);
    let grant = json!({"userId": account, "role": "service", "scope": {"kind": "source", "id": source}});
    admin.post("/grants", &grant).is(201);
    let secret = secret.json["clientSecret"].as_str().unwrap();
    let token = app.token(&[("grant_type", "client_credentials"), ("client_id", &account), ("client_secret", secret)]).is(200);
    app.anybody().with_token(token.json["access_token"].as_str().unwrap())
}

pub fn text<'a>(answer: &'a Answer, member: &str) -> &'a str {
    answer.json[member].as_str().unwrap_or_else(|| panic!("{member} in {}", answer.body))
}

/// Returns the number of changes that the caller may see.
fn changes(who: &Client) -> usize {
    who.get("/changes?limit=200").is(200).json["items"].as_array().unwrap().len()
}

pub fn left_alone(answer: &Answer) -> Vec<String> {
    let left = answer.json["leftAlone"].as_array().unwrap().iter();
    left.map(|one| format!("{} {}", one["member"].as_str().unwrap(), one["reason"].as_str().unwrap())).collect()
}

#[rstest]
fn a_record_is_created_once_and_what_the_source_owns_follows_it(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let source = source(&admin, &json!(app.public_actor("municipality_code:0127")), &["name", "website"]);
    let partner = partner(&app, &admin, &source);
    let path = format!("/sources/{source}/actors/a%2Fb:%C3%B6%201");
    let record = json!({"kind": "association", "name": " Fittja Odlare ", "focus": "Odling", "seatAreaId": app.area("0127"),
        "identifiers": [{"scheme": "SE-ON", "value": NUMBER}]});

    let created = partner.put(&path, &record).is(201);
    assert_eq!(created.header("location"), Some(format!("/samsyn/v1{}", path.replace(':', "%3A")).as_str()));
    assert_eq!(created.json["externalId"], json!("a/b:ö 1"));
    assert_eq!(created.json["actor"]["name"], json!("Fittja Odlare"));
    assert_eq!(created.json["actor"]["focus"], json!("Odling"), "a new actor gets all that is given");
    assert_eq!(created.json["actor"]["identifiers"][0]["value"], json!("8020010008"));

    // Sent again: the same tag, no write, no event.
    let before = changes(&admin);
    let same = partner.put(&path, &record).is(200);
    assert_eq!((same.etag(), &same.body), (created.etag(), &created.body));
    assert_eq!(changes(&admin), before);
    assert_eq!(partner.get(&path).is(200).etag(), created.etag());

    // Members that the source owns are updated; other members are left alone.
    let changed =
        partner.put(&path, &json!({"name": "Fittja Odlarförening", "focus": "Annat", "website": "https://odla.example.se"})).is(200);
    assert_eq!(changed.json["actor"]["name"], json!("Fittja Odlarförening"));
    assert_eq!(changed.json["actor"]["website"], json!("https://odla.example.se"));
    assert_eq!(changed.json["actor"]["focus"], json!("Odling"));
    assert_eq!(left_alone(&changed), ["focus not_owned"]);
    assert_eq!(changed.json["leftAlone"][0], json!({"member": "focus", "reason": "not_owned", "current": "Odling", "given": "Annat"}));
    assert_eq!(partner.get(&path).is(200).body, changed.body, "it is told the same when read");

    // An absent member is not given, null clears, and `If-Match` is respected when it is sent.
    let cleared = partner.with("If-Match", &changed.etag()).put(&path, &json!({"website": null})).is(200);
    assert_eq!(cleared.json["actor"]["website"], json!(null));
    assert_eq!(cleared.json["actor"]["name"], json!("Fittja Odlarförening"));
    partner.with("If-Match", &changed.etag()).put(&path, &json!({"website": null})).is(412);
    assert_eq!(partner.put(&path, &json!({"name": null})).is(422).faults(), ["/name required"]);
    assert_eq!(partner.put(&path, &json!({"nam": "x"})).is(422).faults(), ["/nam unknown"]);
    assert_eq!(partner.put(&format!("/sources/{source}/actors/2"), &json!({"kind": "other"})).is(422).faults(), ["/name required"]);
}

#[rstest]
fn what_is_curated_here_is_never_written_over(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let source = source(&admin, &json!(app.public_actor("municipality_code:0127")), &["name", "website", "focus"]);
    let partner = partner(&app, &admin, &source);
    let path = format!("/sources/{source}/actors/1");
    let send = |focus: &str| partner.put(&path, &json!({"kind": "association", "name": "Alby Teater", "focus": focus}));
    let actor = format!("/actors/{}", text(&send("Teater").is(201), "actorId"));
    let curate = |focus: &str| admin.patch(&actor, &admin.get(&actor).etag(), &json!({"focus": focus})).is(200);

    curate("Teater för unga");
    // The source sends nothing new.
    assert!(left_alone(&send("Teater").is(200)).is_empty());
    // The source sends a new value, and is told that the member was changed here.
    let refused = send("Teater och dans").is(200);
    assert_eq!(left_alone(&refused), ["focus curated_locally"]);
    assert_eq!(refused.json["actor"]["focus"], json!("Teater för unga"));
    let events = changes(&admin);
    assert_eq!(send("Teater och dans").is(200).etag(), refused.etag());
    assert_eq!(changes(&admin), events);
    // When both have the same value, later values of the source are written again.
    curate("Teater och dans");
    assert!(left_alone(&send("Teater och dans").is(200)).is_empty());
    let followed = send("Dans").is(200);
    assert_eq!((left_alone(&followed).len(), &followed.json["actor"]["focus"]), (0, &json!("Dans")));

    // An actor that was removed here is not created again.
    admin.delete(&actor, "*").is(204);
    let gone = send("Musik").is(409);
    assert_eq!(gone.faults(), ["/externalId actor-removed"]);
    let link = partner.get(&path).is(200);
    partner.delete(&path, &link.etag()).is(204);
    partner.get(&path).is(404);
    send("Musik").is(201);
}

#[rstest]
fn a_record_that_may_be_there_already_waits_for_a_person(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let seat = app.area("0127");
    let new = json!({"kind": "association", "name": "Fittja Idrottsförening", "seatAreaId": seat, "focus": "Idrott",
        "identifiers": [{"scheme": "SE-ON", "value": NUMBER}, {"scheme": "external:gammal", "value": "9"}]});
    let actor = id(&admin.post("/actors", &new).is(201).json);
    let source = source(&admin, &json!(app.public_actor("municipality_code:0127")), &["name", "website"]);
    let partner = partner(&app, &admin, &source);
    let path = format!("/sources/{source}/actors");
    let send = |external: &str, record: &Value| partner.put(&format!("{path}/{external}"), record);
    let by_number = json!({"kind": "association", "name": "Fittja IF", "website": "https://fittja.example.se", "focus": "Fotboll",
        "identifiers": [{"scheme": "SE-ON", "value": "8020010008"}]});

    let held = send("1", &by_number).is(202);
    let first = text(&held, "matchId").to_owned();
    assert_eq!(held.header("location"), Some(format!("/samsyn/v1/matches/{first}").as_str()));
    assert_eq!(held.json["actorId"], json!(null));
    let events = changes(&admin);
    assert_eq!(send("1", &by_number).is(202).etag(), held.etag());
    assert_eq!(changes(&admin), events, "the same again writes nothing");
    // A match by name ignores the legal form and requires the same seat; with another seat it is another actor.
    let by_name = |seat: &str| json!({"kind": "association", "name": "Ideella föreningen Fittja Idrottsförening", "seatAreaId": seat});
    let other = text(&send("2", &by_name(&seat)).is(202), "matchId").to_owned();
    send("3", &by_name(&app.area("0114"))).is(201);

    let shown = admin.get(&format!("/matches/{first}")).is(200);
    assert_eq!((&shown.json["status"], &shown.json["reasons"]), (&json!("open"), &json!(["same_identifier"])));
    assert_eq!(shown.json["candidates"][0]["actor"]["id"], json!(actor));
    let change =
        |member: &str| shown.json["candidates"][0]["changes"].as_array().unwrap().iter().find(|one| one["member"] == member).cloned();
    assert_eq!(change("focus"), Some(json!({"member": "focus", "current": "Idrott", "given": "Fotboll", "written": false})));
    assert_eq!(change("name").unwrap()["written"], json!(false), "what is filled stays unless somebody takes the other");
    let ids = |query: &str| {
        let items = admin.get(&format!("/matches?{query}")).is(200).json["items"].as_array().unwrap().clone();
        items.iter().map(id).collect::<Vec<_>>()
    };
    assert_eq!(ids("reason=same_name&status=open"), std::slice::from_ref(&other));
    assert_eq!(ids(&format!("sourceId={source}")).len(), 2);

    // Sending other content of a held record updates the held record.
    let mut more = by_number.clone();
    more["website"] = json!("https://if.example.se");
    send("1", &more).is(202);
    assert_eq!(admin.get(&format!("/matches/{first}")).json["incoming"]["website"], json!("https://if.example.se"));

    // Decided as the same: it is linked, and the members that the source owns are written.
    let decide = |id: &str, body: &Value| admin.post(&format!("/matches/{id}/decide"), body);
    assert_eq!(decide(&first, &json!({"decision": "same"})).is(422).faults(), ["/actorId required"]);
    let stranger = app.public_actor("municipality_code:0114");
    assert_eq!(decide(&first, &json!({"decision": "same", "actorId": stranger})).is(422).faults(), ["/actorId not-found"]);
    let decided = decide(&first, &json!({"decision": "same", "actorId": actor, "take": ["name"], "note": "Bekräftat"})).is(200);
    assert_eq!((&decided.json["status"], &decided.json["decidedBy"]), (&json!("decided"), &json!("Test admin")));
    decide(&first, &json!({"decision": "different"})).is(409);
    let now = admin.get(&format!("/actors/{actor}")).json;
    assert_eq!((&now["name"], &now["website"], &now["focus"]), (&json!("Fittja IF"), &json!("https://if.example.se"), &json!("Idrott")));
    let linked = send("1", &more).is(200);
    assert_eq!(
        (&linked.json["actorId"], left_alone(&linked)),
        (&json!(actor), vec!["focus not_owned".to_owned(), "identifiers not_owned".to_owned()])
    );

    // Undone: members that nobody has changed since get their earlier values back.
    admin.patch(&format!("/actors/{actor}"), "*", &json!({"website": "https://kurerad.example.se"})).is(200);
    let undone = admin.call("POST", &format!("/matches/{first}/undo"), None).is(200);
    assert_eq!((&undone.json["status"], &undone.json["undoneBy"]), (&json!("undone"), &json!("Test admin")));
    let now = admin.get(&format!("/actors/{actor}")).json;
    assert_eq!((&now["name"], &now["website"]), (&json!("Fittja Idrottsförening"), &json!("https://kurerad.example.se")));
    assert_eq!(now["formerNames"], json!([]));
    admin.call("POST", &format!("/matches/{first}/undo"), None).is(409);
    assert_eq!(text(&send("1", &more).is(202), "matchId"), first, "it waits again");

    // Decided as different: an actor is created, and its number gets the scope `parent`.
    let decided = decide(&first, &json!({"decision": "different"})).is(200);
    let created = text(&decided, "actorId").to_owned();
    assert_eq!(admin.get(&format!("/actors/{created}")).json["identifiers"][0]["scope"], json!("parent"));
    let events = changes(&admin);
    assert!(left_alone(&send("1", &more).is(200)).is_empty());
    assert_eq!(changes(&admin), events);
    // Undone, unless other records depend on it.
    admin.patch(&format!("/actors/{created}"), "*", &json!({"focus": "Eget"})).is(200);
    let refused = admin.call("POST", &format!("/matches/{first}/undo"), None).is(409);
    assert_eq!(refused.json["conflictsWith"], json!(format!("/samsyn/v1/actors/{created}")));
    decide(&other, &json!({"decision": "different"})).is(200);
    let undone = admin.call("POST", &format!("/matches/{other}/undo"), None).is(200);
    assert_eq!(undone.json["actorId"], json!(null), "the actor is gone");

    // No candidate is left, so the record becomes an actor without a decision.
    admin.delete(&format!("/actors/{actor}"), "*").is(204);
    let created = send("2", &by_name(&seat)).is(201);
    assert_eq!(created.json["matchId"], json!(null));
    assert_eq!(admin.get(&format!("/matches/{other}")).json["status"], json!("decided"));
}

#[rstest]
fn what_a_source_no_longer_has_is_marked_and_stays(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let source = source(&admin, &json!(app.public_actor("municipality_code:0127")), &[]);
    let partner = partner(&app, &admin, &source);
    for number in 1..=3 {
        partner.put(&format!("/sources/{source}/actors/{number}"), &json!({"kind": "other", "name": format!("Nummer {number}")})).is(201);
    }
    let sync = |ids: &[&str]| partner.post(&format!("/sources/{source}/full-syncs"), &json!({"externalIds": ids})).is(200).json;
    assert_eq!(sync(&["1", "2", "9"]), json!({"present": 2, "marked": 1, "unmarked": 0, "unknown": 1}));
    let events = changes(&admin);
    assert_eq!(sync(&["9", "2", "1", "1"]), json!({"present": 2, "marked": 0, "unmarked": 0, "unknown": 1}));
    assert_eq!(changes(&admin), events);
    let absent = partner.get(&format!("/sources/{source}/actors?absent=true")).is(200).json["items"].clone();
    assert_eq!((absent.as_array().unwrap().len(), &absent[0]["externalId"]), (1, &json!("3")));
    assert!(absent[0]["absentSince"].is_string() && absent[0]["actor"]["name"] == "Nummer 3", "{absent}");
    // The record is present again, by either operation.
    assert_eq!(sync(&["3"])["unmarked"], json!(1));
    let back = partner.put(&format!("/sources/{source}/actors/1"), &json!({"kind": "other", "name": "Nummer 1"})).is(200);
    assert_eq!(back.json["absentSince"], json!(null));
    assert_eq!(partner.get(&format!("/sources/{source}/actors?externalId=2")).json["items"].as_array().unwrap().len(), 1);
}

#[rstest]
fn of_two_who_decide_at_once_one_is_told_so(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let other = TestApp::on(&app.url, 2_000_000);
    let admin = app.user(Role::Admin, None);
    let source = source(&admin, &Value::Null, &["name"]);
    let actor = id(&admin.post("/actors", &json!({"kind": "other", "name": "Dubbel"})).is(201).json);
    let record = json!({"kind": "other", "name": "Dubbel"});
    let held = admin.put(&format!("/sources/{source}/actors/1"), &record).is(202);
    let path = format!("/matches/{}/decide", text(&held, "matchId"));
    let there = admin.at(other.address);
    let same = json!({"decision": "same", "actorId": actor});
    let different = json!({"decision": "different"});
    let mut answers: Vec<u16> = thread::scope(|scope| {
        let one = scope.spawn(|| admin.post(&path, &same).status);
        let two = scope.spawn(|| there.post(&path, &different).status);
        vec![one.join().unwrap(), two.join().unwrap()]
    });
    answers.sort_unstable();
    assert_eq!(answers, [200, 409]);
    let linked = admin.put(&format!("/sources/{source}/actors/1"), &record).is(200);
    assert!(linked.json["actorId"].is_string());
}

#[rstest]
fn the_same_record_from_many_at_once_is_one_actor(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let other = TestApp::on(&app.url, 2_000_000);
    let admin = app.user(Role::Admin, None);
    let source = source(&admin, &Value::Null, &["name"]);
    let there = admin.at(other.address);
    let path = format!("/sources/{source}/actors/1");
    let record = json!({"kind": "other", "name": "En enda"});
    let mut answers: Vec<u16> = thread::scope(|scope| {
        let running: Vec<_> = (0..8)
            .map(|number| {
                let (who, path, record) = (if number % 2 == 0 { &admin } else { &there }, &path, &record);
                scope.spawn(move || who.put(path, record).status)
            })
            .collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    answers.sort_unstable();
    assert_eq!((answers[..7].to_vec(), answers[7]), (vec![200; 7], 201));
    assert_eq!(admin.get("/actors?q=En enda&include=total").json["total"], json!(1));
}

#[rstest]
fn an_id_is_one_however_its_letters_are_composed(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let source = source(&admin, &json!(null), &["name"]);
    let path = |external: &str| format!("/sources/{source}/actors/{external}");
    let record = json!({"kind": "association", "name": "Östra"});
    let created = admin.put(&path("o%CC%88"), &record).is(201);
    assert_eq!(created.json["externalId"], json!("ö"));
    assert_eq!(admin.put(&path("%C3%B6"), &record).is(200).etag(), created.etag());
    assert_eq!(admin.get(&path("o%CC%88")).is(200).etag(), created.etag());
    let found = admin.get(&format!("/sources/{source}/actors?externalId=o%CC%88")).is(200);
    assert_eq!(found.json["items"].as_array().unwrap().len(), 1);
    let full = admin.post(&format!("/sources/{source}/full-syncs"), &json!({"externalIds": ["o\u{308}"]})).is(200);
    assert_eq!((&full.json["present"], &full.json["marked"]), (&json!(1), &json!(0)));
}

#[rstest]
fn what_waits_follows_a_merge_and_what_is_built_upon_stays(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let source = source(&admin, &json!(app.public_actor("municipality_code:0127")), &["website"]);
    let numbered = json!({"kind": "association", "name": "Alby Kör", "identifiers": [{"scheme": "SE-ON", "value": NUMBER}]});
    let gone = id(&admin.post("/actors", &numbered).is(201).json);
    let kept = id(&admin.post("/actors", &json!({"kind": "association", "name": "Kören i Alby"})).is(201).json);
    let record = json!({"kind": "association", "name": "Kör", "identifiers": [{"scheme": "SE-ON", "value": NUMBER}]});
    let hold = |external: &str| text(&admin.put(&format!("/sources/{source}/actors/{external}"), &record).is(202), "matchId").to_owned();
    let (first, second) = (hold("1"), hold("2"));

    // A source with records keeps its actor.
    let other = json!({"actorId": app.public_actor("municipality_code:0114")});
    let refused = admin.patch(&format!("/sources/{source}"), "*", &other).is(409);
    assert_eq!(refused.json["conflictsWith"], json!(format!("/samsyn/v1/sources/{source}/actors")));

    // The actor that was created is not removed while other records refer to it.
    let created = admin.post(&format!("/matches/{second}/decide"), &json!({"decision": "different"})).is(200);
    let need = json!({"kind": "need", "actorId": created.json["actorId"], "text": "Lokal", "policyDomain": "education",
        "areaId": app.area("0127"), "visibility": "public", "validFrom": "2026-01-01", "sufficiency": "insufficient"});
    let need = format!("/statements/{}", id(&admin.post("/statements", &need).is(201).json));
    admin.call("POST", &format!("/matches/{second}/undo"), None).is(409);
    admin.delete(&need, "*").is(204);
    admin.call("POST", &format!("/matches/{second}/undo"), None).is(200);

    // The candidate has been merged into another actor: the record may be that one.
    admin.post(&format!("/actors/{gone}/merge"), &json!({"into": kept})).is(201);
    let decided = admin.post(&format!("/matches/{first}/decide"), &json!({"decision": "same", "actorId": kept})).is(200);
    assert_eq!(decided.json["actorId"], json!(kept));
}
