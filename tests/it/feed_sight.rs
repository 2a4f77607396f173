//! The feed follows the rights of the caller: a record that the caller can no longer see is shown as deleted, and one that
//! becomes visible is shown as changed.

use std::collections::BTreeMap;

use rstest::rstest;
use samsyn::{
    access::{Visibility, policy::Role},
    kernel::{
        Id,
        events::{Change, ChangeOperation},
        request::Call,
    },
};
use serde_json::{Value, json};

use crate::{
    feed::{actor, changes_after, feed_end, one_change, patch, records_and_ops},
    harness::{Client, Database, TestApp, child::with_db, id, receiver::Receiver},
    webhooks::hook,
};

#[rstest]
fn who_loses_sight_of_a_record_is_told_that_it_is_gone(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, reader) = (app.user(Role::Admin, None), app.user(Role::Reader, Some(("area", &app.area("0127")))));
    let hides = actor(&admin, "Drar sig undan", &json!({}));
    let never = actor(&admin, "Alltid för sig själv", &json!({"visibility": "actor"}));
    let survivor = actor(&admin, "Går upp i detta", &json!({"visibility": "actor"}));
    let open = actor(&admin, "Går upp öppet", &json!({}));
    let (from, before) = (feed_end(&admin), feed_end(&reader));
    assert_eq!(changes_after(&reader, &before, "").0, [json!(null); 0]);
    patch(&admin, &hides, &json!({"visibility": "actor"}));
    patch(&admin, &never, &json!({"focus": "x"}));
    let (items, reader_at) = changes_after(&reader, &before, "");
    assert_eq!(records_and_ops(&items), one_change(&hides, "delete"));
    assert_eq!((&items[0]["version"], &items[0]["changedBy"]), (&json!(2), &Value::Null), "by whom is now its own");
    let (items, admin_at) = changes_after(&admin, &from, "");
    assert_eq!(records_and_ops(&items), [one_change(&hides, "upsert"), one_change(&never, "upsert")].concat());

    // A record that was merged into one that the caller may not see is deleted for the caller too.
    for into in [&survivor, &open] {
        let (gone, into) = (id(&json!({"id": actor(&admin, "Går upp", &json!({}))})), into.clone());
        with_db(&app.url, false, async move |db| {
            let ids = [&gone, &into].map(|id| serde_json::from_value::<Id<()>>(json!(id)).unwrap().uuid());
            db.transaction(&Call::of_installation(), async |w| {
                let mut change = Change::new("actor", ids[0], ChangeOperation::Merge, 2, Visibility::Public.of(None, Some(ids[0])));
                change.merged_into = Some(ids[1]);
                w.record(change);
                Ok(())
            })
            .await
            .unwrap();
        });
    }
    let ops = |items: &[Value]| -> Vec<Value> {
        items.iter().filter(|item| item["version"] == 2).map(|item| json!([item["op"], item["mergedInto"]])).collect()
    };
    assert_eq!(ops(&changes_after(&reader, &reader_at, "").0), [json!(["delete", null]), json!(["merge", open])]);
    assert_eq!(ops(&changes_after(&admin, &admin_at, "").0), [json!(["merge", survivor]), json!(["merge", open])]);
}

#[rstest]
fn abuse_50_a_stream_tells_nothing_that_its_follower_may_no_longer_see(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let own = actor(&admin, "Egen", &json!({"visibility": "actor"}));
    let worker = app.user(Role::Contributor, Some(("actor", &own)));
    let from = feed_end(&worker);
    let follow = || worker.stream(&format!("/changes?types=actor&cursor={from}")).unwrap_or_else(|_| panic!("no stream"));
    let mut stream = follow();
    patch(&admin, &own, &json!({"focus": "ett"}));
    assert_eq!(id(&stream.change().unwrap().data), own);
    // The grant is revoked while the stream is open. Later changes are not sent, except those of public records.
    let grant = id(&worker.get("/me").is(200).json["grants"][0]);
    let tag = admin.get(&format!("/grants/{grant}")).is(200).etag();
    admin.delete(&format!("/grants/{grant}"), &tag).is(204);
    patch(&admin, &own, &json!({"focus": "två"}));
    let public = actor(&admin, "Öppen för alla", &json!({}));
    assert_eq!(id(&stream.change().unwrap().data), public);
    // When the session ends, the stream ends too.
    worker.delete("/sessions/current", "*").is(204);
    actor(&admin, "Efter utloggningen", &json!({}));
    assert_eq!(stream.change(), None);
}

#[rstest]
fn what_hangs_on_an_actor_goes_and_comes_with_it(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (botkyrka, malmo) = (app.area("0127"), app.area("1280"));
    let (admin, reader) = (app.user(Role::Admin, None), app.user(Role::Reader, Some(("area", &botkyrka))));
    let club = actor(&admin, "Fittja Grannar", &json!({"seatAreaId": botkyrka}));
    let federation = actor(&admin, "Riksförbundet", &json!({"seatAreaId": malmo}));
    let made = |path: &str, new: Value| id(&admin.post(path, &new).is(201).json);
    let common =
        json!({"actorId": club, "policyDomain": "education", "areaId": botkyrka, "visibility": "public", "validFrom": "2026-01-01"});
    let with = |more: Value| {
        let mut new = common.clone();
        new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        new
    };
    let mandate = made("/mandates", with(json!({"powers": ["implement"], "basis": "voluntary"})));
    let need = made("/statements", with(json!({"kind": "need", "text": "Lokal", "sufficiency": "insufficient"})));
    let before = feed_end(&admin);
    let tie = json!({"kind": "member_of", "actorId": club, "otherActorId": federation, "validFrom": "2001-01-01"});
    let membership = made("/actor-relations", tie);
    for area in [&botkyrka, &malmo] {
        assert_eq!(
            records_and_ops(&changes_after(&reader, &before, &format!("&area={area}")).0),
            one_change(&membership, "upsert"),
            "it concerns both"
        );
    }

    let all = |op: &str| [&club, &mandate, &need, &membership].map(|id| (id.clone(), op.to_owned()));
    let places = |who: &Client, from: &str| records_and_ops(&changes_after(who, from, "").0);
    let from = feed_end(&reader);
    admin.delete(&format!("/actors/{club}"), "*").is(204);
    assert_eq!(places(&reader, &from), all("delete"));
    let from = feed_end(&reader);
    admin.delete(&format!("/actors/{federation}"), "*").is(204);
    assert_eq!(places(&reader, &from), one_change(&federation, "delete"), "its relation was not shown any more");
    let from = feed_end(&reader);
    admin.call("POST", &format!("/actors/{club}/restore"), None).is(200);
    assert_eq!(places(&reader, &from), all("upsert")[..3], "the other end is still away");
    let from = feed_end(&reader);
    admin.call("POST", &format!("/actors/{federation}/restore"), None).is(200);
    assert_eq!(places(&reader, &from), [one_change(&federation, "upsert"), one_change(&membership, "upsert")].concat());

    // A caller who can no longer see one of the actors cannot see their relation either.
    for (visibility, op) in [("actor", "delete"), ("public", "upsert")] {
        let (reader_at, admin_at) = (feed_end(&reader), feed_end(&admin));
        patch(&admin, &federation, &json!({"visibility": visibility}));
        assert_eq!(places(&reader, &reader_at), [one_change(&federation, op), one_change(&membership, op)].concat());
        assert_eq!(places(&admin, &admin_at), [one_change(&federation, "upsert"), one_change(&membership, "upsert")].concat());
    }
}

#[rstest]
fn the_people_of_a_merged_actor_are_told_what_happened_before(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, botkyrka) = (app.user(Role::Admin, None), app.area("0127"));
    let [first, second, third] = ["Första", "Andra", "Tredje"].map(|name| actor(&admin, name, &json!({"visibility": "actor"})));
    let people = app.user(Role::ActorAdmin, Some(("actor", &first)));
    let receiver = Receiver::start();
    let new = json!({"actorId": first, "policyDomain": "education", "areaId": botkyrka, "visibility": "actor",
        "validFrom": "2026-01-01", "powers": ["implement"], "basis": "voluntary"});
    let mandate = id(&admin.post("/mandates", &new).is(201).json);
    people.get(&format!("/mandates/{mandate}")).is(200);
    let from = feed_end(&people);
    hook(&people, &receiver.url(), &json!({"types": ["mandate"]}));
    admin.delete(&format!("/mandates/{mandate}"), "*").is(204);
    admin.post(&format!("/actors/{first}/merge"), &json!({"into": second})).is(201);
    admin.post(&format!("/actors/{second}/merge"), &json!({"into": third})).is(201);
    let (items, _) = changes_after(&people, &from, "&types=mandate,actor");
    let told = records_and_ops(&items);
    for expected in [(&mandate, "delete"), (&first, "merge"), (&second, "merge")] {
        assert!(told.iter().any(|(id, op)| (id, op.as_str()) == expected), "{expected:?} {told:?}");
    }
    assert_eq!(receiver.wait(1)[0].json["data"]["id"], json!(mandate));
}

/// People who work for the parent of an actor can see what only its own people may see, as long as it is the parent.
#[rstest]
fn who_sees_by_what_an_actor_is_part_of_is_told_when_it_moves(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, botkyrka) = (app.user(Role::Admin, None), app.area("0127"));
    let (one, other) = (actor(&admin, "Här", &json!({})), actor(&admin, "Där", &json!({})));
    let child = actor(&admin, "Del", &json!({"visibility": "actor", "parentId": one}));
    let below = actor(&admin, "Del av del", &json!({"visibility": "actor", "parentId": child}));
    let new = json!({"actorId": below, "policyDomain": "education", "areaId": botkyrka, "visibility": "actor",
        "validFrom": "2026-01-01", "powers": ["implement"], "basis": "voluntary"});
    let mandate = id(&admin.post("/mandates", &new).is(201).json);
    let source = id(&admin.post("/sources", &json!({"actorId": below, "name": "Register", "idScheme": "nr"})).is(201).json);
    let relation = |of: &str| id(&admin.get(&format!("/actor-relations?actorId={of}&limit=1")).is(200).json["items"][0]);
    let hanging = [relation(&child), relation(&below), child.clone(), below, mandate, source];
    let whose = |actor: &str| app.user(Role::ActorAdmin, Some(("actor", actor)));
    let (here_people, there_people, its_people) = (whose(&one), whose(&other), whose(&child));
    let places = [&here_people, &there_people, &its_people].map(feed_end);
    patch(&admin, &child, &json!({"parentId": other}));
    let lately =
        |who: &Client, from: &str| -> BTreeMap<String, String> { records_and_ops(&changes_after(who, from, "").0).into_iter().collect() };
    let (lost, gained, kept) = (lately(&here_people, &places[0]), lately(&there_people, &places[1]), lately(&its_people, &places[2]));
    for id in &hanging {
        assert_eq!(lost.get(id).map(String::as_str), Some("delete"), "{hanging:?} {lost:?}");
        // The relation to the old parent ended on the day on which it began.
        if *id != hanging[0] {
            assert_eq!((gained.get(id).map(String::as_str), kept.get(id).map(String::as_str)), (Some("upsert"), Some("upsert")));
        }
    }
    let from = feed_end(&there_people);
    patch(&admin, &child, &json!({"parentId": null}));
    let lost = lately(&there_people, &from);
    assert!(hanging[1..].iter().all(|id| lost.get(id).is_some_and(|op| op == "delete")), "{lost:?}");
}

#[rstest]
fn sources_come_and_go_with_their_actor(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, reader) = (app.user(Role::Admin, None), app.user(Role::Reader, Some(("area", &app.area("0127")))));
    let club = actor(&admin, "Fittja Grannar", &json!({}));
    let source = id(&admin.post("/sources", &json!({"actorId": club, "name": "Register", "idScheme": "nr"})).is(201).json);
    let path = format!("/sources/{source}");
    let becomes = |op: &str, status: u16, change: &dyn Fn()| {
        let from = feed_end(&reader);
        change();
        assert_eq!(records_and_ops(&changes_after(&reader, &from, "&types=source").0), one_change(&source, op));
        reader.get(&path).is(status);
    };
    becomes("delete", 404, &|| patch(&admin, &club, &json!({"visibility": "actor"})));
    becomes("upsert", 200, &|| patch(&admin, &club, &json!({"visibility": "public"})));
    becomes("delete", 404, &|| drop(admin.delete(&format!("/actors/{club}"), "*").is(204)));
    becomes("upsert", 200, &|| drop(admin.call("POST", &format!("/actors/{club}/restore"), None).is(200)));
}

#[rstest]
fn that_it_is_secret_what_an_actor_is_part_of_is_told_of_its_relations(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, reader) = (app.user(Role::Admin, None), app.user(Role::Reader, Some(("area", &app.area("0127")))));
    let parent = actor(&admin, "Överst", &json!({}));
    let part = actor(&admin, "Del", &json!({"parentId": parent}));
    let relation = id(&admin.get(&format!("/actor-relations?actorId={part}")).is(200).json["items"][0]);
    for member in [json!("parentId"), json!(null)] {
        let from = feed_end(&reader);
        let mark = json!({"recordKind": "actor", "recordId": part, "member": member, "chapter": 26, "paragraph": "1",
            "motive": "Skyddat boende", "reviewOn": "2027-01-31"});
        let mark = id(&admin.post("/secrecy-marks", &mark).is(201).json);
        assert_eq!(
            records_and_ops(&changes_after(&reader, &from, "").0),
            [one_change(&part, "upsert"), one_change(&relation, "upsert")].concat()
        );
        reader.get(&format!("/actor-relations/{relation}")).is(404);
        let from = feed_end(&reader);
        admin.post(&format!("/secrecy-marks/{mark}/lift"), &json!({"motive": "Inte längre"})).is(200);
        assert_eq!(records_and_ops(&changes_after(&reader, &from, "&types=actor_relation").0), one_change(&relation, "upsert"));
        reader.get(&format!("/actor-relations/{relation}")).is(200);
    }
}
