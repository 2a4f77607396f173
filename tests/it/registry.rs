//! The registry: the members of actors, their history, removal and restoring, their relations, and their statements.

use std::{thread, time::Instant};

use chrono::TimeDelta;
use rstest::rstest;
use samsyn::{
    access::{Sight, policy::Role},
    kernel::{Db, Problem, clock::Clock, id::Ids, request::Call},
    registry::actors::{
        Actor, ActorId, NewActor,
        store::{self as actors, Draft},
    },
};
use serde_json::{Value, json};

use crate::harness::{Client, Database, TestApp, id, settings_of, today};

/// Registers an actor in Botkyrka, with the members of `other` besides kind, name and seat.
#[track_caller]
fn actor(who: &Client, app: &TestApp, name: &str, other: &Value) -> Value {
    let mut new = json!({"kind": "association", "name": name, "seatAreaId": app.area("0127")});
    for (member, value) in other.as_object().unwrap() {
        new[member] = value.clone();
    }
    who.post("/actors", &new).is(201).json
}

fn path(actor: &Value) -> String {
    format!("/actors/{}", id(actor))
}

#[track_caller]
fn change(who: &Client, path: &str, body: &Value) -> Value {
    who.patch(path, "*", body).is(200).json
}

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

/// The ids of the records in a page.
fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(id).collect()
}

#[rstest]
fn an_actor_tells_more_of_itself_and_each_fault_says_what_to_do(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let more = json!({"workingMethods": ["Uppsökande arbete"], "languages": ["sv", "ar", "sv-FI"], "founded": "1998-04-01", "dissolved": "2025-01-01",
        "contactPoints": [{"function": "Kansliet", "email": "kansliet@example.se", "phone": "08-530 610 00"}],
        "formerNames": [{"name": "Vallby BK", "validTo": "2005-01-01"}], "otherNames": ["VIK"]});
    let told = actor(&admin, &app, "Vallby IK", &more);
    for (member, value) in more.as_object().unwrap() {
        match member.as_str() {
            "contactPoints" => assert_eq!(told[member][0]["function"], value[0]["function"]),
            "formerNames" => assert_eq!(told[member][0]["name"], value[0]["name"]),
            _ => assert_eq!(&told[member], value, "{member}"),
        }
    }
    assert_eq!(told["mergedInto"], Value::Null);
    for word in ["vallby bk", "vik"] {
        assert_eq!(ids(&admin.get(&format!("/actors?q={}", word.replace(' ', "%20"))).json), [id(&told)], "{word}");
    }
    let wrong = json!({"kind": "other", "name": "Fel", "languages": ["sv", "Svenska"], "founded": "2000-01-01", "dissolved": "1999-01-01",
        "workingMethods": [" "], "formerNames": [{"name": "A", "validFrom": "2001-01-01", "validTo": "2000-01-01"}],
        "identifiers": [{"scheme": "municipality_code", "value": "12"}, {"scheme": "county_code", "value": "001"},
            {"scheme": "kolada_id", "value": "V15E"}, {"scheme": "SE-ON", "value": "212000-2883"}]});
    let mut faults = admin.post("/actors", &wrong).is(422).faults();
    faults.sort();
    assert_eq!(
        faults,
        [
            "/dissolved before-start",
            "/formerNames/0/validTo before-start",
            "/identifiers/0/value bad-municipality-code",
            "/identifiers/1/value bad-county-code",
            "/identifiers/2/value bad-kolada-id",
            "/identifiers/3/value bad-check-digit",
            "/languages/1 wrong-form",
            "/workingMethods/0 blank",
        ]
    );
    let read_only = json!({"kind": "other", "name": "Fel", "mergedInto": id(&told)});
    assert_eq!(admin.post("/actors", &read_only).is(422).faults(), ["/mergedInto unknown"]);
    let contact = json!({"kind": "other", "name": "Fel", "contactPoints": [{"email": "nej", "phone": "ring"}]});
    let mut faults = admin.post("/actors", &contact).is(422).faults();
    faults.sort();
    assert_eq!(faults, ["/contactPoints/0/email wrong-form", "/contactPoints/0/function required", "/contactPoints/0/phone wrong-form"]);
}

#[rstest]
fn a_new_name_keeps_the_old_one(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let club = actor(&admin, &app, "Alby BK", &json!({}));
    let renamed = change(&admin, &path(&club), &json!({"name": "Alby IK"}));
    assert_eq!(renamed["formerNames"], json!([{"name": "Alby BK", "validFrom": null, "validTo": "2026-11-22"}]));
    // Former names that are given with the change are stored as they are.
    let own = json!([{"name": "Alby BK", "validFrom": "1990-01-01", "validTo": "2020-01-01"}]);
    let corrected = change(&admin, &path(&club), &json!({"name": "Alby Idrott", "formerNames": own}));
    assert_eq!(corrected["formerNames"], own);
    // The next former name begins on the day when the last one ended.
    let later = TestApp::at(today() + TimeDelta::minutes(2), &app.url, 2_000_000);
    let again = change(&admin.at(later.address), &path(&club), &json!({"name": "Alby Sport"}));
    assert_eq!(again["formerNames"][1], json!({"name": "Alby Idrott", "validFrom": "2020-01-01", "validTo": "2026-11-22"}));
    assert_eq!(ids(&admin.get("/actors?q=idrott%20alby").json), [id(&club)]);
}

#[rstest]
fn the_history_tells_each_version_and_what_it_changed(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let club = actor(&admin, &app, "Alby BK", &json!({"focus": "Boll"}));
    let path = path(&club);
    change(&admin, &path, &json!({"focus": "Boll och läxor"}));
    change(&admin, &path, &json!({"focus": "Boll och läxor"}));
    change(&admin, &path, &json!({"languages": ["so"], "focus": null}));
    let history = admin.get(&format!("{path}/history")).is(200).json;
    let versions: Vec<_> = history["items"].as_array().unwrap().iter().map(|item| item["version"].as_i64().unwrap()).collect();
    assert_eq!(versions, [3, 2, 1], "a change of nothing is no version");
    assert_eq!(
        history["items"][0]["changes"],
        json!([{"member": "focus", "before": "Boll och läxor", "after": null, "ground": null},
            {"member": "languages", "before": [], "after": ["so"], "ground": null}])
    );
    assert_eq!(history["items"][1]["changes"], json!([{"member": "focus", "before": "Boll", "after": "Boll och läxor", "ground": null}]));
    let first: Vec<_> =
        history["items"][2]["changes"].as_array().unwrap().iter().map(|change| change["member"].as_str().unwrap()).collect();
    assert_eq!(first, ["focus", "kind", "name", "seatAreaId", "sector", "status", "visibility"]);
    assert_eq!(history["items"][0]["changedBy"], admin.get("/me").json["user"]["id"]);
    // Read page by page the list is the same, also at the ends of pages.
    let mut paged = Vec::new();
    let mut next = format!("{path}/history?limit=1");
    loop {
        let page = admin.get(&next).is(200).json;
        paged.extend(page["items"].as_array().unwrap().clone());
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        next = format!("{path}/history?limit=1&cursor={cursor}");
    }
    assert_eq!(json!(paged), history["items"]);
    // The present version is told in the same way when others have followed it.
    change(&admin, &path, &json!({"name": "Alby IF"}));
    admin.delete(&path, "*").is(204);
    admin.call("POST", &format!("{path}/restore"), None).is(200);
    let later = admin.get(&format!("{path}/history")).is(200).json;
    assert_eq!(json!(later["items"].as_array().unwrap()[3..]), history["items"]);
    assert_eq!(
        later["items"].as_array().unwrap().iter().map(|item| item["op"].as_str().unwrap()).collect::<Vec<_>>()[..3],
        ["upsert", "delete", "upsert"]
    );
}

#[rstest]
fn abuse_35_the_history_shows_only_what_the_caller_could_see_then_and_nothing_secret(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let hidden = actor(&admin, &app, "Dold Adress", &json!({"visibility": "actor", "focus": "Hemligt"}));
    let path = path(&hidden);
    let anybody = app.anybody();
    assert_eq!(anybody.get(&format!("{path}/history")).is(404).json["code"], json!("not-found"));
    change(&admin, &path, &json!({"focus": "Öppet", "name": "Öppen Adress", "formerNames": []}));
    let renamed = admin.get(&path).is(200).json;
    assert_eq!(renamed["formerNames"][0]["name"], json!("Dold Adress"));
    change(&admin, &path, &json!({"formerNames": [], "visibility": "public"}));
    change(&admin, &path, &json!({"focus": "Öppet för alla"}));
    let seen = anybody.get(&format!("{path}/history")).is(200);
    assert_eq!(seen.json["items"].as_array().unwrap().len(), 2, "{}", seen.body);
    assert!(!seen.body.contains("Dold") && !seen.body.contains("Hemligt"), "{}", seen.body);
    assert_eq!(seen.json["items"][1]["changes"][0]["before"], Value::Null, "the first that is seen follows on nothing");
    assert!(seen.json["items"].as_array().unwrap().iter().all(|item| item["changedBy"].is_null()), "who changed it is for the signed-in");
    let all = admin.get(&format!("{path}/history")).is(200).json;
    assert_eq!(all["items"].as_array().unwrap().len(), 4);
    assert!(all["items"][3]["changedBy"].is_null(), "nor does the feed tell who changed what is an actor's own");
    // A member under secrecy is hidden in every version.
    let mark = json!({"recordKind": "actor", "recordId": id(&hidden), "member": "focus", "chapter": 26, "paragraph": "1",
        "motive": "Prövat.", "reviewOn": "2027-11-22"});
    admin.post("/secrecy-marks", &mark).is(201);
    let seen = app.user(Role::Reader, None).get(&format!("{path}/history")).is(200);
    assert!(!seen.body.contains("Öppet"), "{}", seen.body);
    assert_eq!(seen.json["items"][0]["changes"], json!([{"member": "focus", "before": null, "after": null, "ground": "OSL 26:1"}]));
    // A secret name stays hidden when the actor gets another name.
    let mark = json!({"recordKind": "actor", "recordId": id(&hidden), "member": "name", "chapter": 26, "paragraph": "1",
        "motive": "Prövat.", "reviewOn": "2027-11-22"});
    admin.post("/secrecy-marks", &mark).is(201);
    change(&admin, &path, &json!({"name": "Tredje Adressen"}));
    for read in [path.clone(), format!("{path}/history"), format!("{path}?asOf=2020-01-01"), "/actors?limit=200".to_owned()] {
        let seen = app.user(Role::Reader, None).get(&read).is(200);
        assert!(!seen.body.contains("Adress"), "{read}: {}", seen.body);
    }
}

#[rstest]
fn an_erased_person_is_in_no_history(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    app.register("kort@example.se", "Kort Besök", Role::Coordinator, None);
    let short = app.sign_in("kort@example.se");
    let user = short.get("/me").json["user"]["id"].as_str().unwrap().to_owned();
    let club = actor(&short, &app, "Alby BK", &json!({}));
    let history = format!("{}/history", path(&club));
    assert_eq!(admin.get(&history).json["items"][0]["changedBy"], json!(user));
    admin.post(&format!("/users/{user}/erasure"), &json!({"reason": "Egen begäran"})).is(201);
    assert_eq!(admin.get(&history).is(200).json["items"][0]["changedBy"], Value::Null);
}

#[rstest]
fn a_removed_actor_can_be_restored_for_thirty_days_by_who_may_write_it(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let number = json!({"identifiers": [{"scheme": "SE-ON", "value": "802001-0008"}]});
    let club = actor(&admin, &app, "Alby BK", &number);
    let path = path(&club);
    let restore = |who: &Client| who.call("POST", &format!("{path}/restore"), None);
    assert_eq!(restore(&admin).is(409).json["code"], json!("conflict"), "it is not removed");
    admin.delete(&path, "*").is(204);
    admin.get(&path).is(404);
    admin.get(&format!("{path}/history")).is(404);
    let county = app.user(Role::Coordinator, Some(("area", &app.area("01"))));
    let elsewhere = app.user(Role::Coordinator, Some(("area", &app.area("12"))));
    let reader = app.user(Role::Reader, None);
    for (who, sees) in [(&admin, true), (&county, true), (&elsewhere, false), (&reader, false), (&app.anybody(), false)] {
        assert_eq!(ids(&who.get("/actors?removed=true").is(200).json).contains(&id(&club)), sees);
    }
    restore(&elsewhere).is(404);
    restore(&reader).is(403);
    // Another actor has taken the number: nothing is restored, and the problem names that actor and says what to do.
    let other = actor(&admin, &app, "Alby BK igen", &number);
    let refused = restore(&county).is(409);
    assert_eq!(refused.json["conflictsWith"].as_str().unwrap().rsplit('/').next().unwrap(), id(&other));
    assert_eq!(refused.faults(), ["/identifiers/0 taken"]);
    change(&admin, &self::path(&other), &json!({"identifiers": []}));
    let back = restore(&county).is(200);
    assert_eq!((back.json["version"].clone(), back.json["name"].clone()), (json!(3), json!("Alby BK")));
    assert_eq!(ids(&admin.get("/actors?identifier=SE-ON:8020010008").json), [id(&club)]);
    assert_eq!(ids(&admin.get("/actors?q=alby%20bk&sort=createdAt").json)[0], id(&club));
    let ops: Vec<_> =
        admin.get(&format!("{path}/history")).json["items"].as_array().unwrap().iter().map(|item| item["op"].clone()).collect();
    assert_eq!(ops, [json!("upsert"), json!("delete"), json!("upsert")]);
    // After thirty days it is too late.
    admin.delete(&path, "*").is(204);
    let (in_time, too_late) = (today() + TimeDelta::days(29), today() + TimeDelta::days(31));
    let late = TestApp::at(too_late, &app.url, 2_000_000);
    late.register("sen@example.se", "Sen", Role::Admin, None);
    let told = restore(&late.sign_in("sen@example.se")).is(410);
    assert!(told.json["detail"].as_str().unwrap().contains("30"), "{}", told.body);
    assert!(ids(&late.sign_in("sen@example.se").get("/actors?removed=true").json).is_empty());
    let soon = TestApp::at(in_time, &app.url, 3_000_000);
    restore(&soon.sign_in("sen@example.se")).is(200);
}

#[rstest]
fn an_actor_is_shown_as_it_was_on_a_day(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let [first, second] = ["Förbundet", "Kommunen"].map(|name| actor(&admin, &app, name, &json!({})));
    let part = actor(
        &admin,
        &app,
        "Nämnden",
        &json!({"kind": "administration", "parentId": id(&first), "founded": "2000-01-01",
            "formerNames": [{"name": "Gamla nämnden", "validFrom": "2000-01-01", "validTo": "2010-01-01"}],
            "identifiers": [{"scheme": "SE-ON", "value": "802001-0008", "validTo": "2015-01-01"}]}),
    );
    let mandate = json!({"actorId": id(&part), "policyDomain": "housing", "areaId": app.area("0127"), "powers": ["decide"], "basis": "statutory",
        "validFrom": "2012-01-01"});
    admin.post("/mandates", &mandate).is(201);
    change(&admin, &path(&part), &json!({"parentId": id(&second)}));
    let on = |day: &str| admin.get(&format!("{}?asOf={day}&expand=mandates,relations", path(&part))).is(200).json;
    let old = on("2005-01-01");
    assert_eq!(old["name"], json!("Gamla nämnden"));
    assert_eq!(old["formerNames"], json!([]));
    assert_eq!(old["parentId"], json!(id(&first)));
    assert_eq!(old["identifiers"].as_array().unwrap().len(), 1);
    assert_eq!(old["expanded"]["mandates"], json!([]));
    assert_eq!(old["expanded"]["relations"][0]["otherActorId"], json!(id(&first)));
    let new = on("2026-11-22");
    assert_eq!((new["name"].clone(), new["parentId"].clone()), (json!("Nämnden"), json!(id(&second))));
    assert_eq!(new["identifiers"], json!([]));
    assert_eq!(new["expanded"]["mandates"].as_array().unwrap().len(), 1);
    assert_eq!(new["expanded"]["relations"].as_array().unwrap().len(), 1);
    // In lists only those that were there, below the parent of the day.
    let listed = |query: &str| ids(&admin.get(&format!("/actors?{query}")).is(200).json);
    assert_eq!(listed(&format!("parentId={}&asOf=2005-01-01", id(&first))), [id(&part)]);
    assert!(listed(&format!("parentId={}&asOf=2005-01-01", id(&second))).is_empty());
    assert!(listed(&format!("parentId={}&asOf=1999-12-31", id(&first))).is_empty());
    let page = admin.get("/actors?asOf=2005-01-01&sort=-createdAt&limit=1").json;
    assert_eq!(names(&page), ["Gamla nämnden"]);
    assert_eq!(admin.get(&format!("/mandates?actorId={}&asOf=2005-01-01", id(&part))).json["items"], json!([]));
    // After a second change of parent on the same day, the relation to the parent in between is removed.
    change(&admin, &path(&part), &json!({"parentId": id(&first)}));
    let parts = admin.get(&format!("/actor-relations?actorId={}&kind=part_of", id(&part))).json;
    let periods: Vec<_> =
        parts["items"].as_array().unwrap().iter().map(|part| (part["validFrom"].clone(), part["validTo"].clone())).collect();
    assert_eq!(periods, [(json!("2000-01-01"), json!("2026-11-22")), (json!("2026-11-22"), Value::Null)]);
}

#[rstest]
fn relations_follow_both_actors_and_never_run_in_a_circle(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let [a, b, c] = ["A", "B", "C"].map(|name| id(&actor(&admin, &app, name, &json!({}))));
    let hidden = id(&actor(&admin, &app, "Dold", &json!({"visibility": "actor"})));
    let relation = |kind: &str, from: &str, to: &str| json!({"kind": kind, "actorId": from, "otherActorId": to});
    let post = |who: &Client, relation: &Value| who.post("/actor-relations", relation);
    assert_eq!(post(&admin, &relation("part_of", &a, &b)).is(422).faults(), ["/kind kept-from-parent"]);
    assert_eq!(post(&admin, &relation("member_of", &a, &a)).is(422).faults(), ["/otherActorId circle"]);
    post(&admin, &relation("successor_of", &a, &b)).is(201);
    post(&admin, &relation("successor_of", &b, &c)).is(201);
    assert_eq!(post(&admin, &relation("successor_of", &c, &a)).is(422).faults(), ["/otherActorId circle"]);
    post(&admin, &relation("member_of", &c, &a)).is(201);
    let twice = post(&admin, &relation("member_of", &c, &a)).is(409);
    assert!(twice.json["conflictsWith"].as_str().unwrap().contains("/actor-relations/"));
    // A relation is visible only to callers who can see both actors.
    let secret = post(&admin, &relation("member_of", &a, &hidden)).is(201).json;
    let anybody = app.anybody();
    let path = format!("/actor-relations/{}", id(&secret));
    anybody.get(&path).is(404);
    assert_eq!(ids(&anybody.get(&format!("/actor-relations?actorId={a}")).json).len(), 2);
    assert_eq!(ids(&admin.get(&format!("/actor-relations?actorId={a}")).json).len(), 3);
    let told = anybody.get(&format!("/actors/{a}?expand=relations")).is(200);
    assert!(!told.body.contains(&hidden));
    let reader = app.user(Role::Reader, None);
    assert!(!reader.get("/changes?types=actor_relation&limit=200").body.contains(&id(&secret)));
    // The users of an actor may not relate it to actors for which they do not hold the permission.
    let own = app.user(Role::ActorAdmin, Some(("actor", &b)));
    assert_eq!(post(&own, &relation("member_of", &b, &c)).is(403).json["requiredPermission"], json!("actors.write"));
    assert_eq!(post(&own, &relation("member_of", &c, &b)).is(403).json["requiredPermission"], json!("actors.write"));
    assert_eq!(post(&own, &relation("member_of", &b, &hidden)).is(422).faults(), ["/otherActorId not-found"]);
    // A relation that follows from the parent can be changed only with the parent.
    let part = actor(&admin, &app, "Del", &json!({"parentId": b}));
    let kept = admin.get(&format!("/actor-relations?actorId={}", id(&part))).json["items"][0].clone();
    assert_eq!((kept["kind"].clone(), kept["otherActorId"].clone()), (json!("part_of"), json!(b)));
    let kept = format!("/actor-relations/{}", id(&kept));
    let refused = admin.patch(&kept, "*", &json!({"validTo": "2030-01-01"})).is(409);
    assert!(refused.json["conflictsWith"].as_str().unwrap().ends_with(&id(&part)));
    admin.delete(&kept, "*").is(409);
}

#[rstest]
fn successions_that_are_made_at_once_make_no_circle(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let ring: Vec<String> = (0..3).map(|number| id(&actor(&admin, &app, &format!("Ring {number}"), &json!({})))).collect();
    let statuses: Vec<u16> = thread::scope(|scope| {
        let workers: Vec<_> = (0..3)
            .map(|at| {
                let (admin, relation) = (&admin, json!({"kind": "successor_of", "actorId": ring[at], "otherActorId": ring[(at + 1) % 3]}));
                scope.spawn(move || admin.post("/actor-relations", &relation).status)
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 2, "{statuses:?}");
}

#[rstest]
fn what_actors_state_is_found_by_area_domain_and_words(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let club = id(&actor(&admin, &app, "Alby BK", &json!({})));
    let need = |text: &str, visibility: &str| {
        let new = json!({"kind": "need", "actorId": club, "text": text, "policyDomain": "education", "areaId": app.area("0127"), "visibility": visibility,
            "validFrom": "2026-01-01", "sufficiency": "insufficient"});
        admin.post("/statements", &new).is(201).json
    };
    let (open, closed) = (need("Lokaler för läxhjälp", "public"), need("Lokaler som ingen får veta om", "actor"));
    let anybody = app.anybody();
    let found = |who: &Client, query: &str| ids(&who.get(&format!("/statements?{query}")).is(200).json);
    let (county, elsewhere) = (app.area("01"), app.area("12"));
    for (query, there) in [
        (format!("areaId={county}"), true),
        (format!("areaId={elsewhere}"), false),
        ("q=lokaler".to_owned(), true),
        ("kind=resource".to_owned(), false),
        ("kind=need,resource&policyDomain=education".to_owned(), true),
        ("asOf=2025-12-31".to_owned(), false),
        (format!("actorId={club}&asOf=2026-01-01"), true),
    ] {
        assert_eq!(found(&anybody, &query), if there { vec![id(&open)] } else { vec![] }, "{query}");
        assert_eq!(found(&admin, &query).len(), if there { 2 } else { 0 }, "{query}");
    }
    anybody.get(&format!("/statements/{}", id(&closed))).is(404);
    let worker = app.user(Role::Contributor, Some(("actor", &club)));
    let path = format!("/statements/{}", id(&open));
    assert_eq!(worker.patch(&path, "*", &json!({"plan": "Fråga skolan"})).is(200).json["version"], json!(2));
    let other = id(&actor(&admin, &app, "Annan", &json!({})));
    let foreign = json!({"kind": "need", "actorId": other, "text": "Ej vår", "policyDomain": "education", "areaId": app.area("0127")});
    worker.post("/statements", &foreign).is(403);
    let wrong = json!({"kind": "need", "actorId": club, "text": " ", "policyDomain": "skola", "areaId": club,
        "validFrom": "2026-01-02", "validTo": "2026-01-01"});
    let mut faults = admin.post("/statements", &wrong).is(422).faults();
    faults.sort();
    assert_eq!(faults, ["/areaId not-found", "/policyDomain not-in-list", "/text blank", "/validTo before-start"]);
    // A statement can be put under secrecy.
    let mark = json!({"recordKind": "statement", "recordId": id(&open), "member": "text", "chapter": 26, "paragraph": "1",
        "motive": "Prövat.", "reviewOn": "2027-11-22"});
    admin.post("/secrecy-marks", &mark).is(201);
    assert_eq!(app.user(Role::Reader, None).get(&path).is(200).json["text"], json!("[sekretess]"));
    assert!(found(&anybody, "q=läxhjälp").is_empty(), "nor can it be searched for");
    admin.delete(&path, "*").is(204);
    admin.get(&path).is(404);
}

/// Stores drafts by calling the library, as sources and imports do.
fn put(app: &TestApp, drafts: Vec<Draft>) -> Vec<Result<Actor, Problem>> {
    let settings = settings_of(&app.url);
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async {
            let db = Db::open(&settings, samsyn::records::ALL, false, Clock::Fixed(today()), Ids::counted_from(5_000_000)).await.unwrap();
            let outcomes = db
                .transaction(&Call::of_installation(), async |w| actors::put_many(drafts.clone(), &Sight::of_installation(), w).await)
                .await
                .unwrap();
            db.close().await;
            outcomes
        })
    })
    .join()
    .unwrap()
}

fn draft(number: u128, fields: &Value) -> Draft {
    let mut new = json!({"kind": "association"});
    for (member, value) in fields.as_object().unwrap() {
        new[member] = value.clone();
    }
    let fields: NewActor = serde_json::from_value(new).unwrap();
    Draft { id: ActorId::from(uuid::Uuid::from_u128(number)), before: None, fields }
}

#[rstest]
fn of_many_drafts_a_bad_one_stops_no_other(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let area = app.area("0127");
    let number = json!([{"scheme": "SE-ON", "value": "802001-0008"}]);
    let parent = uuid::Uuid::from_u128(1);
    let outcomes = put(
        &app,
        vec![
            draft(1, &json!({"name": "Hela", "seatAreaId": area, "areasServed": [area], "identifiers": number})),
            draft(2, &json!({"name": "Del", "parentId": parent})),
            draft(3, &json!({"name": "Samma nummer", "identifiers": number})),
            draft(4, &json!({"name": " ", "policyDomains": ["skola"]})),
            draft(5, &json!({"name": "Okänd ovanför", "parentId": uuid::Uuid::from_u128(4)})),
            draft(6, &json!({"name": "Enskild", "identifiers": [{"scheme": "SE-ON", "value": "811228-9874"}]})),
        ],
    );
    let told: Vec<String> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Ok(actor) => format!("{} v{}", actor.fields.name, actor.version),
            Err(problem) => problem.faults.iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect::<Vec<_>>().join(", "),
        })
        .collect();
    assert_eq!(
        told,
        [
            "Hela v1",
            "Del v1",
            "/identifiers/0 taken",
            "/name blank, /policyDomains/0 not-in-list",
            "/parentId not-found",
            "/identifiers/0/value personal-identity-number"
        ]
    );
    let refused = outcomes[2].as_ref().unwrap_err();
    assert!(refused.conflicts_with.as_deref().unwrap().ends_with(&parent.to_string()));
    assert!(!format!("{:?}", outcomes[5]).contains("8112"), "the number of a sole trader is not repeated");
    assert_eq!(ids(&admin.get("/actors?q=hela").json), [parent.to_string()]);
    assert_eq!(
        ids(&admin.get(&format!("/actors?serves={area}&sort=-createdAt&limit=200")).json)
            .iter()
            .filter(|id| **id == parent.to_string())
            .count(),
        1
    );
    // The same draft again changes nothing. A draft with an old version is refused: somebody else has changed the actor first.
    let present = outcomes[0].as_ref().unwrap().clone();
    let same = Draft { id: present.id, before: Some(present.clone()), fields: present.fields.clone() };
    let old = Actor { version: 7, ..present.clone() };
    let late = Draft { id: present.id, before: Some(old), fields: NewActor { name: "För sent".to_owned(), ..present.fields.clone() } };
    let other = outcomes[1].as_ref().unwrap().clone();
    let fine = Draft { id: other.id, before: Some(other.clone()), fields: NewActor { name: "Delen".to_owned(), ..other.fields.clone() } };
    let circle =
        Draft { id: present.id, before: Some(present.clone()), fields: NewActor { parent_id: Some(other.id), ..present.fields.clone() } };
    let again = put(&app, vec![same]);
    assert_eq!(again[0].as_ref().unwrap().version, 1);
    let again = put(&app, vec![late, fine]);
    assert_eq!(again[0].as_ref().unwrap_err().kind.slug(), "precondition-failed");
    assert_eq!(again[1].as_ref().unwrap().fields.former_names[0].name, "Del");
    assert_eq!(put(&app, vec![circle])[0].as_ref().unwrap_err().faults[0].code, "circle");
    let history = admin.get(&format!("/actors/{}/history", other.id)).json;
    assert_eq!(history["items"].as_array().unwrap().len(), 2);
    // A number can move from one actor to another in one call.
    let bare = Draft { id: present.id, before: Some(present.clone()), fields: NewActor { identifiers: vec![], ..present.fields.clone() } };
    let taker = draft(8, &json!({"name": "Ny ägare", "identifiers": number}));
    assert!(put(&app, vec![bare, taker]).iter().all(Result::is_ok));
}

/// Measures how long it takes to register many actors, 500 in each transaction: the environment variable `SAMSYN_ACTORS` says how many
/// (100,000 without it). Run with `cargo test --release -p samsyn-tests many_actors -- --ignored`
#[rstest]
#[ignore = "measures"]
fn many_actors_are_stored_fast(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let area = app.area("0127");
    #[expect(clippy::disallowed_methods, reason = "as many as it is told")]
    let count: u128 = std::env::var("SAMSYN_ACTORS").ok().and_then(|count| count.parse().ok()).unwrap_or(100_000);
    let settings = settings_of(&app.url);
    let spent = thread::spawn(move || {
        actix_web::rt::System::new().block_on(async {
            let db = Db::open(&settings, samsyn::records::ALL, false, Clock::Fixed(today()), Ids::counted_from(5_000_000)).await.unwrap();
            #[expect(clippy::disallowed_methods, reason = "it measures")]
            let begun = Instant::now();
            for start in (0..count).step_by(500) {
                let drafts: Vec<_> = (start..start + 500)
                    .map(|number| {
                        let fields = json!({"name": format!("Föreningen nummer {number} i Botkyrka"), "seatAreaId": area, "areasServed": [area],
                            "focus": "Arbetar för barn och unga tillsammans med skola, kommun och grannar.", "policyDomains": ["education"],
                            "identifiers": [{"scheme": "external:register", "value": format!("F-{number}")}]});
                        draft(number + 1_000_000, &fields)
                    })
                    .collect();
                let outcomes = db.transaction(&Call::of_installation(), async |w| actors::put_many(drafts.clone(), &Sight::of_installation(), w).await).await.unwrap();
                assert!(outcomes.iter().all(Result::is_ok));
            }
            let spent = begun.elapsed();
            db.close().await;
            spent
        })
    })
    .join()
    .unwrap();
    eprintln!("{count} actors on {database:?}: {:.1} s", spent.as_secs_f64());
}
