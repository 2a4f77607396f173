//! Undo of merges: everything is as before, except what has been changed since.

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::{
    harness::{Client, Database, TestApp, id},
    merging::{Twice, assert_same, make, read_all, twice, without_changing_members},
};

#[rstest]
fn who_merges_and_undoes_has_all_as_it_was(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let twice = twice(&app);
    let everybody = [&twice.admin, &twice.coordinator, &twice.worker, &twice.other, &app.anybody()];
    let before = everybody.map(|who| read_all(who, &twice));
    let merge = twice.merge(&twice.admin).is(201);
    let undone = twice.admin.call("POST", &format!("/merges/{}/undo", id(&merge.json)), None).is(200);
    assert_eq!((&undone.json["leftAlone"], &undone.json["version"]), (&json!([]), &json!(2)));
    assert!(undone.json["undoneAt"].is_string());
    for (before, who) in before.iter().zip(everybody) {
        assert_same(before, &read_all(who, &twice));
    }
    // A second merge and undo give the same: nothing of the first remains.
    let merge = twice.merge(&twice.admin).is(201);
    twice.admin.call("POST", &format!("/merges/{}/undo", id(&merge.json)), None).is(200);
    for (before, who) in before.iter().zip(everybody) {
        assert_same(before, &read_all(who, &twice));
    }
}

/// Registers the association twice, in a variant given by the bits of a number: which members the actors have, and which actor is the
/// parent of which.
fn variant_of(number: u32, app: &TestApp, admin: &Client) -> Twice {
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
        // The survivor is a part of the merged actor, a part of its part, or its parent.
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
    let twice = variant_of(number, &app, &admin);
    let everybody = [&twice.admin, &twice.worker, &twice.other, &app.anybody()];
    let before = everybody.map(|who| read_all(who, &twice));
    let preview = twice.preview(&admin).is(200).json;
    let merge = twice.merge(&admin).is(201);
    assert_eq!(merge.json["moved"], preview["counts"]);
    let survivor = admin.get(&format!("/actors/{}", twice.kept)).is(200).json;
    let mut expected = without_changing_members(&preview["survivor"]);
    expected["updatedAt"] = Value::Null;
    assert_eq!(without_changing_members(&survivor), without_changing_members(&expected));
    // No actor is its own ancestor.
    let mut above = vec![twice.part.clone()];
    while let Some(parent) = admin.get(&format!("/actors/{}", above.last().unwrap())).is(200).json["parentId"].as_str() {
        assert!(!above.contains(&parent.to_owned()) && parent != twice.gone, "{above:?} {parent}");
        above.push(parent.to_owned());
    }
    let undone = admin.call("POST", &format!("/merges/{}/undo", id(&merge.json)), None).is(200);
    assert_eq!(undone.json["leftAlone"], json!([]));
    for (before, who) in before.iter().zip(everybody) {
        assert_same(before, &read_all(who, &twice));
    }
}

#[rstest]
fn what_has_been_changed_since_is_left_alone(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let twice = twice(&app);
    let admin = &twice.admin;
    let merge = id(&twice.merge(admin).is(201).json);
    let kept = format!("/actors/{}", twice.kept);
    // After the merge a member is corrected, a mandate moved to another actor, an intervention removed, and the number registered
    // again.
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

    // Other callers who may read the merge get only the records that they can see.
    let names = |who: &Client, id: &str| who.get(&format!("/merges/{merge}")).is(200).json["leftAlone"].to_string().contains(id);
    for who in [admin, &twice.coordinator] {
        assert_eq!(names(who, &twice.mandate), who.get(&mandate).status == 200);
    }
    assert!(!names(&twice.coordinator, &twice.mandate) && names(admin, &twice.mandate));
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
