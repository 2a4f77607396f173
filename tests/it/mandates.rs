//! Mandates: their areas, their grounds, their confirmation, and the refusal of duplicates.

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::harness::{Client, Database, TestApp, id};

fn association(app: &TestApp, admin: &Client) -> String {
    id(&admin.post("/actors", &json!({"kind": "association", "name": "Odlarna", "seatAreaId": app.area("0127")})).is(201).json)
}

fn mandate(actor: &str, area: &str, more: &Value) -> Value {
    let mut new = json!({"actorId": actor, "policyDomain": "housing", "areaId": area, "powers": ["inform"], "basis": "voluntary"});
    new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    new
}

#[rstest]
fn what_holds_in_a_county_is_found_in_its_municipalities(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let actor = association(&app, &admin);
    let made: Vec<_> = ["00", "01", "0127", "0180", "12"]
        .map(|code| (code, id(&admin.post("/mandates", &mandate(&actor, &app.area(code), &json!({}))).is(201).json)))
        .to_vec();
    let found = |code: &str| -> Vec<(String, bool)> {
        let page = admin.get(&format!("/mandates?actorId={actor}&areaId={}&include=total", app.area(code))).is(200).json;
        let items = page["items"].as_array().unwrap();
        let code_of = |item: &Value| made.iter().find(|(_, known)| *known == id(item)).unwrap().0.to_owned();
        items.iter().map(|item| (code_of(item), item["inherited"].as_bool().unwrap())).collect()
    };
    let expected = |codes: &[(&str, bool)]| codes.iter().map(|(code, above)| ((*code).to_owned(), *above)).collect::<Vec<_>>();
    assert_eq!(found("0127"), expected(&[("00", true), ("01", true), ("0127", false)]));
    assert_eq!(found("01"), expected(&[("00", true), ("01", false)]));
    assert_eq!(found("00"), expected(&[("00", false)]));
    // Without a filter by area no mandate is inherited.
    let all = admin.get(&format!("/mandates?actorId={actor}")).is(200).json["items"].clone();
    assert!(all.as_array().unwrap().iter().all(|item| item["inherited"] == json!(false)));
}

#[rstest]
fn a_party_claims_no_law_without_naming_it(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let actor = association(&app, &admin);
    let people = app.user(Role::ActorAdmin, Some(("actor", &actor)));
    let nation = app.area("00");
    let claim = mandate(&actor, &nation, &json!({"basis": "statutory", "powers": ["decide"]}));
    assert_eq!(people.post("/mandates", &claim).is(422).faults(), ["/legalBasis required"]);
    let voluntary = format!("/mandates/{}", id(&people.post("/mandates", &mandate(&actor, &nation, &json!({}))).is(201).json));
    assert_eq!(people.patch(&voluntary, "*", &json!({"basis": "statutory"})).is(422).faults(), ["/legalBasis required"]);
    people.patch(&voluntary, "*", &json!({"basis": "statutory", "legalBasis": "Lagen (2018:1937)"})).is(200);
    // A public body need not name the law.
    let municipality = app.public_actor("municipality_code:0127");
    admin.post("/mandates", &mandate(&municipality, &app.area("0127"), &json!({"basis": "statutory"}))).is(201);
    // A mandate that is older than this rule can still be ended.
    app.execute("UPDATE mandate SET legal_basis = NULL, confirmer = NULL WHERE basis = 'statutory'");
    assert_eq!(people.get(&voluntary).is(200).json["confirmedBy"], Value::Null);
    people.patch(&voluntary, "*", &json!({"validTo": "2026-12-01"})).is(200);
}

#[rstest]
fn who_vouches_for_a_mandate_is_shown(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let actor = association(&app, &admin);
    let people = app.user(Role::ActorAdmin, Some(("actor", &actor)));
    let coordinator = app.user(Role::Coordinator, Some(("area", &app.area("01"))));
    let elsewhere = app.user(Role::Coordinator, Some(("area", &app.area("12"))));
    let made = people.post("/mandates", &mandate(&actor, &app.area("0127"), &json!({}))).is(201);
    assert_eq!(made.json["confirmedBy"], json!("party"));
    let path = format!("/mandates/{}", id(&made.json));
    for other in [&people, &elsewhere] {
        other.call("POST", &format!("{path}/confirm"), None).is(403);
    }
    let confirmed = coordinator.call("POST", &format!("{path}/confirm"), None).is(200);
    assert_eq!((&confirmed.json["confirmedBy"], &confirmed.json["version"]), (&json!("coordinator"), &json!(2)));
    assert_eq!(coordinator.call("POST", &format!("{path}/confirm"), None).is(200).json["version"], json!(2));
    // After a change by the party the mandate is not confirmed any more. A change by the coordinator confirms it.
    assert_eq!(people.patch(&path, "*", &json!({"powers": ["decide"]})).is(200).json["confirmedBy"], json!("party"));
    assert_eq!(coordinator.patch(&path, "*", &json!({"powers": ["advise"]})).is(200).json["confirmedBy"], json!("coordinator"));
    // The coordinator of a county cannot confirm a mandate for the whole country.
    let national = people.post("/mandates", &mandate(&actor, &app.area("00"), &json!({}))).is(201);
    coordinator.call("POST", &format!("/mandates/{}/confirm", id(&national.json)), None).is(403);
    admin.call("POST", &format!("/mandates/{}/confirm", id(&national.json)), None).is(200);
}

#[rstest]
fn identical_mandates_are_one(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let actor = association(&app, &admin);
    let new = |powers: Value| mandate(&actor, &app.area("0127"), &json!({"powers": powers}));
    let first = id(&admin.post("/mandates", &new(json!(["inform", "advise"]))).is(201).json);
    let twin = admin.post("/mandates", &new(json!(["advise", "inform", "advise"]))).is(409);
    assert!(twin.body.contains(&format!("/mandates/{first}")), "{}", twin.body);
    let other = id(&admin.post("/mandates", &new(json!(["advise"]))).is(201).json);
    admin.patch(&format!("/mandates/{other}"), "*", &json!({"powers": ["inform", "advise"]})).is(409);
    admin.patch(&format!("/mandates/{first}"), "*", &json!({"powers": ["advise", "inform"]})).is(200);
    // A removed mandate is no duplicate, nor is one for another period.
    admin.delete(&format!("/mandates/{first}"), "*").is(204);
    admin.patch(&format!("/mandates/{other}"), "*", &json!({"powers": ["inform", "advise"]})).is(200);
    let mut later = new(json!(["inform", "advise"]));
    later["validFrom"] = json!("2027-01-01");
    admin.post("/mandates", &later).is(201);
}

#[rstest]
fn two_that_become_one_have_an_identical_mandate_once(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let (one, other) = (association(&app, &admin), association(&app, &admin));
    let new = |actor: &str, more: Value| admin.post("/mandates", &mandate(actor, &app.area("0127"), &more)).is(201);
    new(&one, json!({"powers": ["inform", "advise"]}));
    new(&one, json!({"powers": ["decide"], "validTo": "2027-01-01"}));
    new(&other, json!({"powers": ["advise", "inform"]}));
    new(&other, json!({"powers": ["decide"]}));
    let held = |actor: &str| admin.get(&format!("/mandates?actorId={actor}")).is(200).json["items"].as_array().unwrap().len();
    let merge = admin.post(&format!("/actors/{other}/merge"), &json!({"into": one})).is(201);
    assert_eq!(held(&one), 3, "what both said stands once, and what each alone said stays");
    admin.call("POST", &format!("/merges/{}/undo", id(&merge.json)), None).is(200);
    assert_eq!((held(&one), held(&other)), (2, 2));
}
