//! Partner systems that send their registers: nothing lost, nothing doubled, and nothing written over that is curated here.

use std::thread;

use rstest::rstest;
use samsyn::{
    access::{Reach, Sight, policy::Role},
    exchange::sources::{
        NewSource, Source,
        sync::{self, Incoming, Outcome, Syncing},
    },
    kernel::{Db, clock::Clock, contract::Contract, id::Ids, request::Call},
};
use serde_json::{Value, json};

use crate::harness::{Answer, Client, Database, TestApp, id, settings_of, today};

/// A number that no actor of the pack has.
const NUMBER: &str = "802001-0008";

fn source(who: &Client, actor: &Value, owned: &[&str]) -> String {
    let new = json!({"actorId": actor, "name": format!("Register {}", owned.len()), "idScheme": "reg", "ownedFields": owned});
    id(&who.post("/sources", &new).is(201).json)
}

/// A partner system that was granted a source and nothing else.
fn partner(app: &TestApp, admin: &Client, source: &str) -> Client {
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

fn text<'a>(answer: &'a Answer, member: &str) -> &'a str {
    answer.json[member].as_str().unwrap_or_else(|| panic!("{member} in {}", answer.body))
}

/// How many changes there are that the caller may see.
fn changes(who: &Client) -> usize {
    who.get("/changes?limit=200").is(200).json["items"].as_array().unwrap().len()
}

fn left(answer: &Answer) -> Vec<String> {
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

    // Again: the same tag, no write, no event.
    let before = changes(&admin);
    let same = partner.put(&path, &record).is(200);
    assert_eq!((same.etag(), &same.body), (created.etag(), &created.body));
    assert_eq!(changes(&admin), before);
    assert_eq!(partner.get(&path).is(200).etag(), created.etag());

    // What the source owns follows; what it does not own is left alone.
    let changed =
        partner.put(&path, &json!({"name": "Fittja Odlarförening", "focus": "Annat", "website": "https://odla.example.se"})).is(200);
    assert_eq!(changed.json["actor"]["name"], json!("Fittja Odlarförening"));
    assert_eq!(changed.json["actor"]["website"], json!("https://odla.example.se"));
    assert_eq!(changed.json["actor"]["focus"], json!("Odling"));
    assert_eq!(left(&changed), ["focus not_owned"]);
    assert_eq!(changed.json["leftAlone"][0], json!({"member": "focus", "reason": "not_owned", "current": "Odling", "given": "Annat"}));
    assert_eq!(partner.get(&path).is(200).body, changed.body, "it is told the same when read");

    // Absent is not given, null clears, and a version is heeded when it is sent.
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
    // The source has nothing new to say.
    assert!(left(&send("Teater").is(200)).is_empty());
    // It has, and is told that somebody here knows better.
    let refused = send("Teater och dans").is(200);
    assert_eq!(left(&refused), ["focus curated_locally"]);
    assert_eq!(refused.json["actor"]["focus"], json!("Teater för unga"));
    let events = changes(&admin);
    assert_eq!(send("Teater och dans").is(200).etag(), refused.etag());
    assert_eq!(changes(&admin), events);
    // Both come to say the same, and from then on the source is followed again.
    curate("Teater och dans");
    assert!(left(&send("Teater och dans").is(200)).is_empty());
    let followed = send("Dans").is(200);
    assert_eq!((left(&followed).len(), &followed.json["actor"]["focus"]), (0, &json!("Dans")));

    // What was removed here is not made anew behind somebody's back.
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
    // By name too, legal form aside, at the same place; elsewhere it is another.
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

    // Other content of a held record updates what is held.
    let mut more = by_number.clone();
    more["website"] = json!("https://if.example.se");
    send("1", &more).is(202);
    assert_eq!(admin.get(&format!("/matches/{first}")).json["incoming"]["website"], json!("https://if.example.se"));

    // The same: linked, and what the source owns is written.
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
        (&linked.json["actorId"], left(&linked)),
        (&json!(actor), vec!["focus not_owned".to_owned(), "identifiers not_owned".to_owned()])
    );

    // Taken back: what nobody has changed since becomes what it was.
    admin.patch(&format!("/actors/{actor}"), "*", &json!({"website": "https://kurerad.example.se"})).is(200);
    let undone = admin.call("POST", &format!("/matches/{first}/undo"), None).is(200);
    assert_eq!((&undone.json["status"], &undone.json["undoneBy"]), (&json!("undone"), &json!("Test admin")));
    let now = admin.get(&format!("/actors/{actor}")).json;
    assert_eq!((&now["name"], &now["website"]), (&json!("Fittja Idrottsförening"), &json!("https://kurerad.example.se")));
    assert_eq!(now["formerNames"], json!([]));
    admin.call("POST", &format!("/matches/{first}/undo"), None).is(409);
    assert_eq!(text(&send("1", &more).is(202), "matchId"), first, "it waits again");

    // Another: created, its number carried as the parent's.
    let decided = decide(&first, &json!({"decision": "different"})).is(200);
    let created = text(&decided, "actorId").to_owned();
    assert_eq!(admin.get(&format!("/actors/{created}")).json["identifiers"][0]["scope"], json!("parent"));
    let events = changes(&admin);
    assert!(left(&send("1", &more).is(200)).is_empty());
    assert_eq!(changes(&admin), events);
    // Taken back, unless somebody has built on it.
    admin.patch(&format!("/actors/{created}"), "*", &json!({"focus": "Eget"})).is(200);
    let refused = admin.call("POST", &format!("/matches/{first}/undo"), None).is(409);
    assert_eq!(refused.json["conflictsWith"], json!(format!("/samsyn/v1/actors/{created}")));
    decide(&other, &json!({"decision": "different"})).is(200);
    let undone = admin.call("POST", &format!("/matches/{other}/undo"), None).is(200);
    assert_eq!(undone.json["actorId"], json!(null), "the actor is gone");

    // What stood in the way is gone, so the record becomes an actor by itself.
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
    // It comes back, by either way.
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
fn a_partner_reaches_its_own_source_and_nothing_else(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let seat = app.area("0127");
    let hidden = json!({"kind": "association", "name": "Skyddad verksamhet", "seatAreaId": seat, "visibility": "actor", "focus": "Hemligt",
        "identifiers": [{"scheme": "SE-ON", "value": NUMBER}]});
    let hidden = id(&admin.post("/actors", &hidden).is(201).json);
    let own = source(&admin, &json!(app.public_actor("municipality_code:0127")), &["name"]);
    let others = source(&admin, &json!(app.public_actor("municipality_code:0114")), &["name", "focus"]);
    let of_hidden = source(&admin, &json!(hidden), &["name", "focus", "website"]);
    let partner = partner(&app, &admin, &own);
    let record = json!({"kind": "association", "name": "Ny förening"});

    for (source, status) in [(&others, 403), (&of_hidden, 404)] {
        partner.put(&format!("/sources/{source}/actors/1"), &record).is(status);
        partner.get(&format!("/sources/{source}/actors/1")).is(status);
        partner.get(&format!("/sources/{source}/actors")).is(status);
        partner.delete(&format!("/sources/{source}/actors/1"), "*").is(status);
        partner.post(&format!("/sources/{source}/full-syncs"), &json!({"externalIds": []})).is(status);
    }
    // It has no other way to an actor, nor to a decision.
    partner.patch(&format!("/actors/{}", app.public_actor("municipality_code:0127")), "*", &json!({"focus": "x"})).is(403);
    partner.post("/sources", &json!({"name": "Egen", "idScheme": "x"})).is(403);

    // That somebody has the number does not show: the record becomes an actor of its own, and who sees both is told.
    let alike = json!({"kind": "association", "name": "Skyddad verksamhet", "seatAreaId": seat, "identifiers": [{"scheme": "SE-ON", "value": NUMBER}]});
    let sent = partner.put(&format!("/sources/{own}/actors/2"), &alike).is(201);
    assert!(!sent.body.contains(&hidden) && !sent.body.contains("Hemligt"), "{}", sent.body);
    assert_eq!(partner.get("/matches").is(200).json["items"], json!([]));
    assert_eq!(admin.get("/likenesses").is(200).json["items"].as_array().unwrap().len(), 1);

    // What is held for an actor that is hidden afterwards is told without it, and it cannot be chosen unseen.
    let known = json!({"kind": "association", "name": "Känd verksamhet", "seatAreaId": seat, "focus": "Hemligt"});
    let known = id(&admin.post("/actors", &known).is(201).json);
    let held = json!({"kind": "association", "name": "Känd verksamhet", "seatAreaId": seat});
    let held = partner.put(&format!("/sources/{own}/actors/5"), &held).is(202);
    let address = format!("/actors/{known}");
    admin.patch(&address, &admin.get(&address).etag(), &json!({"visibility": "actor"})).is(200);
    let shown = partner.get(&format!("/matches/{}", text(&held, "matchId"))).is(200);
    assert_eq!(shown.json["candidates"], json!([]));
    assert!(!shown.body.contains(&known) && !shown.body.contains("Hemligt"), "{}", shown.body);
    let alike = |who: &Client| who.get("/matches?reason=same_name").is(200).json["items"].as_array().unwrap().len();
    assert_eq!((alike(&partner), alike(&admin)), (0, 1), "by what it is alike is not told either");
    partner.post(&format!("/matches/{}/decide", text(&held, "matchId")), &json!({"decision": "same", "actorId": known})).is(403);
    let coordinator = app.user(Role::Coordinator, Some(("area", &seat)));
    let blind =
        coordinator.post(&format!("/matches/{}/decide", text(&held, "matchId")), &json!({"decision": "same", "actorId": known})).is(422);
    assert_eq!(blind.faults(), ["/actorId not-found"]);

    // An actor that it sent and that was hidden since is still kept up to date, and not shown.
    let link = partner.put(&format!("/sources/{own}/actors/3"), &record).is(201);
    let actor = format!("/actors/{}", text(&link, "actorId"));
    admin.patch(&actor, &admin.get(&actor).etag(), &json!({"visibility": "actor", "focus": "Dolt"})).is(200);
    let after = partner.put(&format!("/sources/{own}/actors/3"), &json!({"name": "Nytt namn", "focus": "Annat"})).is(200);
    assert_eq!((&after.json["actor"], &after.json["leftAlone"][0]["current"]), (&Value::Null, &Value::Null));
    assert_eq!(admin.get(&actor).json["name"], json!("Nytt namn"));

    // Nobody becomes part of another actor by being sent.
    let parent = app.public_actor("municipality_code:0114");
    partner.put(&format!("/sources/{own}/actors/4"), &json!({"kind": "administration", "name": "Smygare", "parentId": parent})).is(403);
    let parent = app.public_actor("municipality_code:0127");
    partner.put(&format!("/sources/{own}/actors/4"), &json!({"kind": "administration", "name": "Egen del", "parentId": parent})).is(201);
}

#[rstest]
fn a_sole_traders_number_is_neither_stored_nor_repeated(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let source = source(&admin, &Value::Null, &["name"]);
    let path = format!("/sources/{source}/actors");
    for number in ["811228-9874", "198112289874"] {
        let record = json!({"kind": "company", "name": "Snickeriet", "identifiers": [{"scheme": "SE-ON", "value": number}]});
        let refused = admin.put(&format!("{path}/1"), &record).is(422);
        assert!(!refused.body.contains(number) && refused.body.contains("personal-identity-number"), "{}", refused.body);
        let refused = admin.put(&format!("{path}/{number}"), &json!({"kind": "company", "name": "Snickeriet"}));
        assert!(matches!(refused.status, 400 | 422) && !refused.body.contains(number), "{}", refused.body);
        let refused = admin.post(&format!("/sources/{source}/full-syncs"), &json!({"externalIds": ["1", number]})).is(422);
        assert!(!refused.body.contains(number), "{}", refused.body);
    }
    assert_eq!(admin.get(&path).json["items"], json!([]));
}

#[rstest]
fn what_is_under_secrecy_is_neither_shown_nor_written(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let source = source(&admin, &json!(app.public_actor("municipality_code:0127")), &["name", "focus"]);
    let partner = partner(&app, &admin, &source);
    let path = format!("/sources/{source}/actors/1");
    let record = |focus: &str| json!({"kind": "association", "name": "Kvinnojouren", "focus": focus});
    let link = partner.put(&path, &record("Skyddat boende på Storgatan")).is(201);
    let actor = text(&link, "actorId").to_owned();
    let mark = json!({"recordKind": "actor", "recordId": actor, "member": "focus", "chapter": 26, "paragraph": "1",
        "motive": "Platsen måste skyddas.", "reviewOn": "2027-11-22"});
    admin.post("/secrecy-marks", &mark).is(201);
    let refused = partner.put(&path, &record("Öppet för alla")).is(200);
    assert_eq!(left(&refused), ["focus under_secrecy"]);
    assert!(!refused.body.contains("Storgatan"), "{}", refused.body);
    assert!(!partner.get(&format!("/sources/{source}/actors")).body.contains("Storgatan"));
    assert_eq!(admin.get(&format!("/actors/{actor}")).json["focus"], json!("Skyddat boende på Storgatan"));

    // That a record is called as somebody whose name is secret would tell the name.
    let (seat, number) = (app.area("0127"), json!([{"scheme": "SE-ON", "value": NUMBER}]));
    let called =
        |identifiers: &Value| json!({"kind": "association", "name": "Linnéas vänner", "seatAreaId": seat, "identifiers": identifiers});
    let named = id(&admin.post("/actors", &called(&number)).is(201).json);
    let mark = json!({"recordKind": "actor", "recordId": named, "member": "name", "chapter": 26, "paragraph": "1",
        "motive": "Namnet röjer platsen.", "reviewOn": "2027-11-22"});
    admin.post("/secrecy-marks", &mark).is(201);
    let held = partner.put(&format!("/sources/{source}/actors/2"), &called(&number)).is(202);
    let shown = partner.get(&format!("/matches/{}", text(&held, "matchId"))).is(200).json;
    assert_eq!((&shown["reasons"], &shown["candidates"][0]["reasons"]), (&json!(["same_identifier"]), &json!(["same_identifier"])));
    let alike = |reason: &str| partner.get(&format!("/matches?reason={reason}")).is(200).json["items"].as_array().unwrap().len();
    assert_eq!((alike("same_name"), alike("same_identifier")), (0, 1));
}

#[rstest]
fn a_source_owns_members_that_an_actor_has_and_may_be_the_installations_own(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let new = json!({"actorId": null, "name": "Eget register", "idScheme": "eget", "ownedFields": ["otherName", "name"]});
    let refused = admin.post("/sources", &new).is(422);
    assert_eq!(refused.faults(), ["/ownedFields/0 not-in-list"]);
    assert!(refused.body.contains("otherNames?"), "{}", refused.body);
    let new = json!({"name": "Eget register", "idScheme": "eget", "ownedFields": ["name"]});
    let own = id(&admin.post("/sources", &new).is(201).json);
    admin.post("/sources", &new).is(409);
    let coordinator = app.user(Role::Coordinator, Some(("area", &app.area("01"))));
    assert_eq!(coordinator.get(&format!("/sources/{own}")).is(200).json["actorId"], json!(null));
    coordinator.post("/sources", &new).is(403);
    coordinator.patch(&format!("/sources/{own}"), "*", &json!({"name": "Vårt"})).is(403);
    coordinator.put(&format!("/sources/{own}/actors/1"), &json!({"kind": "other", "name": "X"})).is(403);
    app.anybody().get(&format!("/sources/{own}")).is(401);
    partner(&app, &admin, &own).put(&format!("/sources/{own}/actors/1"), &json!({"kind": "other", "name": "X"})).is(201);
}

/// Does something with a database that a service runs on, as the installation itself.
fn inside<T: Send + 'static>(app: &TestApp, work: impl AsyncFnOnce(&Db, &Source, &Syncing<'_>) -> T + Send + 'static, owned: &[&str]) -> T {
    let admin = app.user(Role::Admin, None);
    let source = Source {
        id: source(&admin, &Value::Null, owned).parse::<uuid::Uuid>().unwrap().into(),
        version: 1,
        fields: NewSource {
            actor_id: None,
            name: "Eget".to_owned(),
            id_scheme: "eget".to_owned(),
            owned_fields: owned.iter().map(|member| (*member).to_owned()).collect(),
        },
        created_at: today(),
        updated_at: today(),
    };
    let settings = settings_of(&app.url);
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let db = Db::open(&settings, samsyn::records::ALL, false, Clock::Fixed(today()), Ids::counted_from(5_000_000)).await.unwrap();
            let contract = Contract::new(&samsyn::openapi::document(samsyn::openapi::CANONICAL_URL)).unwrap();
            let sight = Sight::of_installation();
            let mut reach = Reach::default();
            reach.everywhere = true;
            let outcome = work(&db, &source, &Syncing { source: &source, sight: &sight, reach: &reach, contract: &contract }).await;
            db.close().await;
            outcome
        })
    })
    .join()
    .unwrap()
}

fn incoming(external: &str, record: &Value) -> Incoming {
    Incoming { external_id: external.to_owned(), fields: record.as_object().unwrap().clone(), ..Incoming::default() }
}

async fn apply(records: Vec<Incoming>, by: &Syncing<'_>, db: &Db) -> Vec<Outcome> {
    db.transaction(&Call::of_installation(), async |w| sync::apply(records.clone(), by, w).await).await.unwrap()
}

fn results(outcomes: &[Outcome]) -> Vec<String> {
    let told = outcomes.iter().map(|outcome| outcome.json(samsyn::kernel::language::Language::Sv));
    told.map(|one| {
        let code = one["errors"][0]["code"].as_str().map(|code| format!(" {code}")).unwrap_or_default();
        format!("{}{code}", one["result"].as_str().unwrap())
    })
    .collect()
}

#[rstest]
fn records_of_one_call_know_of_each_other(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let number = |name: &str, number: &str| json!({"kind": "agency", "name": name, "identifiers": [{"scheme": "SE-ON", "value": number}]});
    let records = vec![
        incoming("1", &number("Första domstolen", "202100-2742")),
        incoming("2", &number("Andra domstolen", "2021002742")),
        incoming("1", &number("Tredje domstolen", "2021002742")),
        incoming("3", &json!({"kind": "other", "name": "Fel", "seatAreaId": "01890a5d-ac96-774b-bcce-b302099a8057"})),
        incoming("4", &json!({"kind": "other", "name": "Föreningen Fel"})),
        incoming("5", &json!({"kind": "other", "name": "fel"})),
        incoming("6", &json!({"kind": "other", "name": "Fel", "okänd": 1})),
        incoming("811228-9874", &json!({"kind": "other", "name": "Snickaren"})),
        incoming("7", &number("Snickaren", "811228-9874")),
    ];
    let wanted = [
        "created",
        "held",
        "refused repeated",
        "refused not-found",
        "created",
        "held",
        "refused unknown",
        "refused personal-identity-number",
        "refused personal-identity-number",
    ];
    let (tried, applied, again) = inside(
        &app,
        async move |db, _, by| {
            let tried = sync::try_out(&records, by, &Call::of_installation(), db).await.unwrap();
            assert!(tried.iter().all(|outcome| !format!("{:?}", outcome.json(samsyn::kernel::language::Language::En)).contains("9874")));
            let applied = apply(records.clone(), by, db).await;
            (results(&tried), results(&applied), results(&apply(records, by, db).await))
        },
        &["name"],
    );
    assert_eq!(tried, wanted, "a dry run tells the same");
    assert_eq!(applied, wanted);
    let again_wanted = wanted.map(|result| result.replace("created", "unchanged"));
    assert_eq!(again, again_wanted);
}

/// How many records: enough to fill several statements, or as many as `SAMSYN_MANY` says, to measure.
#[expect(clippy::disallowed_methods, reason = "it measures, as many as it is told")]
fn many() -> usize {
    std::env::var("SAMSYN_MANY").ok().and_then(|many| many.parse().ok()).unwrap_or(1200)
}

#[rstest]
fn a_whole_register_is_sent_and_sent_again_without_a_write(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let seat = app.area("0127");
    let records: Vec<Incoming> = (0..many())
        .map(|number| {
            let record = json!({"kind": "association", "name": format!("Förening nummer {number}"), "seatAreaId": seat,
                "website": format!("https://{number}.example.se"), "areasServed": [seat], "policyDomains": ["democracy"]});
            incoming(&format!("{number:07}"), &record)
        })
        .collect();
    inside(
        &app,
        async move |db, _, by| {
            for (run, wanted) in [("first", "created"), ("second", "unchanged")] {
                #[expect(clippy::disallowed_methods, reason = "what is measured is told, and nothing depends on it")]
                let started = std::time::Instant::now();
                for records in records.chunks(500) {
                    let outcomes = apply(records.to_vec(), by, db).await;
                    assert!(
                        outcomes.iter().all(|outcome| outcome.result == serde_json::from_value(json!(wanted)).unwrap()),
                        "{outcomes:?}"
                    );
                }
                println!("{} records, {run} run: {:?}", records.len(), started.elapsed());
            }
        },
        &["name", "website"],
    );
    let admin = app.user(Role::Admin, None);
    let source = admin.get("/sources").is(200).json["items"].as_array().unwrap().last().unwrap().clone();
    let page = admin.get(&format!("/sources/{}/actors?include=total&limit=1", id(&source))).is(200);
    assert_eq!((&page.json["total"], &page.json["items"][0]["version"]), (&json!(many()), &json!(1)));
}

#[rstest]
fn a_source_is_no_way_to_somebody_elses_actor(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let ours = app.public_actor("municipality_code:0127");
    let theirs = json!({"kind": "association", "name": "Fristående", "identifiers": [{"scheme": "SE-ON", "value": NUMBER}]});
    let theirs = id(&admin.post("/actors", &theirs).is(201).json);
    let source = source(&admin, &json!(ours), &["website"]);
    let path = format!("/sources/{source}/actors/1");
    let robin = app.user(Role::ActorAdmin, Some(("actor", &ours)));
    let record = json!({"kind": "association", "name": "Fristående", "identifiers": [{"scheme": "SE-ON", "value": NUMBER}]});
    let held = text(&robin.put(&path, &record).is(202), "matchId").to_owned();
    admin.post(&format!("/matches/{held}/decide"), &json!({"decision": "same", "actorId": theirs})).is(200);

    // Whoever registers a source trusts it with actors that are others', so its own people do not decide what it owns; and what
    // it owns is never who answers for an actor.
    let owned = json!({"ownedFields": ["website", "parentId", "seatAreaId"]});
    robin.patch(&format!("/sources/{source}"), "*", &owned).is(403);
    robin.post("/sources", &json!({"actorId": ours, "name": "Eget", "idScheme": "nr"})).is(403);
    admin.patch(&format!("/sources/{source}"), "*", &owned).is(200);
    let grab = json!({"website": "https://fri.example.se", "parentId": ours, "seatAreaId": app.area("0127")});
    let answer = robin.put(&path, &grab).is(200);
    assert_eq!(left(&answer), ["parentId not_allowed", "seatAreaId not_allowed"]);
    let actor = admin.get(&format!("/actors/{theirs}")).json;
    assert_eq!(
        (&actor["parentId"], &actor["seatAreaId"], &actor["website"]),
        (&json!(null), &json!(null), &json!("https://fri.example.se"))
    );
    let again = robin.put(&path, &grab).is(200);
    assert_eq!((again.etag(), &again.body), (answer.etag(), &answer.body), "the same again writes nothing");
    assert_eq!(robin.get(&path).is(200).json["leftAlone"], answer.json["leftAlone"]);
    // Somebody who may decide it sends the same.
    assert!(left(&admin.put(&path, &grab).is(200)).is_empty());
    assert_eq!(admin.get(&format!("/actors/{theirs}")).json["parentId"], json!(ours));
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

    // A source with records stays with its actor.
    let other = json!({"actorId": app.public_actor("municipality_code:0114")});
    let refused = admin.patch(&format!("/sources/{source}"), "*", &other).is(409);
    assert_eq!(refused.json["conflictsWith"], json!(format!("/samsyn/v1/sources/{source}/actors")));

    // What was created is not taken away from what is said of it.
    let created = admin.post(&format!("/matches/{second}/decide"), &json!({"decision": "different"})).is(200);
    let need = json!({"kind": "need", "actorId": created.json["actorId"], "text": "Lokal", "policyDomain": "education",
        "areaId": app.area("0127"), "visibility": "public", "validFrom": "2026-01-01", "sufficiency": "insufficient"});
    let need = format!("/statements/{}", id(&admin.post("/statements", &need).is(201).json));
    admin.call("POST", &format!("/matches/{second}/undo"), None).is(409);
    admin.delete(&need, "*").is(204);
    admin.call("POST", &format!("/matches/{second}/undo"), None).is(200);

    // The candidate has become part of another: the record may be that one.
    admin.post(&format!("/actors/{gone}/merge"), &json!({"into": kept})).is(201);
    let decided = admin.post(&format!("/matches/{first}/decide"), &json!({"decision": "same", "actorId": kept})).is(200);
    assert_eq!(decided.json["actorId"], json!(kept));
}
