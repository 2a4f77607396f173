//! A partner system may reach and change only the records of its own source, and nothing that is hidden from it.

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::{
    harness::{Client, Database, TestApp, id},
    sources::{NUMBER, left_alone, partner, source, text},
};

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
    // It can neither write actors otherwise nor decide matches.
    partner.patch(&format!("/actors/{}", app.public_actor("municipality_code:0127")), "*", &json!({"focus": "x"})).is(403);
    partner.post("/sources", &json!({"name": "Egen", "idScheme": "x"})).is(403);

    // It is not revealed that another actor has the number: the record becomes an actor of its own, and callers who see
    // both are told.
    let alike = json!({"kind": "association", "name": "Skyddad verksamhet", "seatAreaId": seat, "identifiers": [{"scheme": "SE-ON", "value": NUMBER}]});
    let sent = partner.put(&format!("/sources/{own}/actors/2"), &alike).is(201);
    assert!(!sent.body.contains(&hidden) && !sent.body.contains("Hemligt"), "{}", sent.body);
    assert_eq!(partner.get("/matches").is(200).json["items"], json!([]));
    assert_eq!(admin.get("/likenesses").is(200).json["items"].as_array().unwrap().len(), 1);

    // A match with an actor that has been hidden since is shown without that candidate, and the candidate cannot be chosen.
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

    // An actor that it sent and that has been hidden since is still updated, but not shown.
    let link = partner.put(&format!("/sources/{own}/actors/3"), &record).is(201);
    let actor = format!("/actors/{}", text(&link, "actorId"));
    admin.patch(&actor, &admin.get(&actor).etag(), &json!({"visibility": "actor", "focus": "Dolt"})).is(200);
    let after = partner.put(&format!("/sources/{own}/actors/3"), &json!({"name": "Nytt namn", "focus": "Annat"})).is(200);
    assert_eq!((&after.json["actor"], &after.json["leftAlone"][0]["current"]), (&Value::Null, &Value::Null));
    assert_eq!(admin.get(&actor).json["name"], json!("Nytt namn"));

    // A record cannot name an actor as its parent that the source has nothing to do with.
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
    assert_eq!(left_alone(&refused), ["focus under_secrecy"]);
    assert!(!refused.body.contains("Storgatan"), "{}", refused.body);
    assert!(!partner.get(&format!("/sources/{source}/actors")).body.contains("Storgatan"));
    assert_eq!(admin.get(&format!("/actors/{actor}")).json["focus"], json!("Skyddat boende på Storgatan"));

    // A match by a secret name would reveal the name.
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

    // The source's own people do not decide what the source owns, because a source may write actors of others. And who is
    // responsible for an actor is never decided by what a source owns.
    let owned = json!({"ownedFields": ["website", "parentId", "seatAreaId"]});
    robin.patch(&format!("/sources/{source}"), "*", &owned).is(403);
    robin.post("/sources", &json!({"actorId": ours, "name": "Eget", "idScheme": "nr"})).is(403);
    admin.patch(&format!("/sources/{source}"), "*", &owned).is(200);
    let grab = json!({"website": "https://fri.example.se", "parentId": ours, "seatAreaId": app.area("0127")});
    let answer = robin.put(&path, &grab).is(200);
    assert_eq!(left_alone(&answer), ["parentId not_allowed", "seatAreaId not_allowed"]);
    let actor = admin.get(&format!("/actors/{theirs}")).json;
    assert_eq!(
        (&actor["parentId"], &actor["seatAreaId"], &actor["website"]),
        (&json!(null), &json!(null), &json!("https://fri.example.se"))
    );
    let again = robin.put(&path, &grab).is(200);
    assert_eq!((again.etag(), &again.body), (answer.etag(), &answer.body), "the same again writes nothing");
    assert_eq!(robin.get(&path).is(200).json["leftAlone"], answer.json["leftAlone"]);
    // A caller who may decide it sends the same record.
    assert!(left_alone(&admin.put(&path, &grab).is(200)).is_empty());
    assert_eq!(admin.get(&format!("/actors/{theirs}")).json["parentId"], json!(ours));
}
