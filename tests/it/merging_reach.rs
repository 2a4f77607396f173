//! Merges and rights: nobody can see or write more after a merge than they may, and nothing written at the same time is lost.

use std::thread;

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::{
    abuse_privacy::rows,
    harness::{Answer, Client, Database, TestApp, id},
    merging::{last_cursor, make, twice},
};

#[rstest]
fn what_fewer_saw_is_not_shown_to_more(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let twice = twice(&app);
    let admin = &twice.admin;
    let (gone, kept) = (format!("/actors/{}", twice.gone), format!("/actors/{}", twice.kept));
    // A member under secrecy is not taken over by the survivor.
    let mark = json!({"recordKind": "actor", "recordId": twice.gone, "member": "website", "chapter": 26, "paragraph": "1",
        "motive": "Visar var de bor", "reviewOn": "2027-11-22"});
    make(admin, "/secrecy-marks", &mark);
    let preview = twice.preview(admin).is(200).json;
    assert!(preview["members"].as_array().unwrap().contains(&json!({"member": "website", "how": "withheld"})), "{}", preview["members"]);
    assert_eq!((&preview["survivor"]["website"], &preview["survivor"]["otherNames"][1]), (&Value::Null, &json!("Grannarna")));
    // The survivor takes over nothing from an actor with a narrower visibility.
    admin.patch(&gone, "*", &json!({"visibility": "actor"})).is(200);
    let before = admin.get(&kept).is(200).json;
    let preview = twice.preview(admin).is(200).json;
    assert_eq!(preview["survivor"], before);
    let merge = id(&twice.merge(admin).is(201).json);
    assert_eq!(admin.get(&kept).is(200).json["version"], before["version"]);
    // Callers who could not see the merged actor learn neither that it existed nor where it went. Its own users do.
    let told = app.anybody().get(&gone).is(404);
    assert!(!told.body.contains(&twice.kept));
    twice.worker.get(&gone).is(301);
    let stranger = app.user(Role::Reader, Some(("actor", &app.public_actor("municipality_code:0180"))));
    assert!(!all_changes(&stranger, "").iter().any(|change| change["mergedInto"] == json!(twice.kept)));
    admin.call("POST", &format!("/merges/{merge}/undo"), None).is(200);

    // Callers who could see the merged actor and cannot see the survivor get a removal in the feed.
    admin.patch(&gone, "*", &json!({"visibility": "members"})).is(200);
    admin.patch(&kept, "*", &json!({"visibility": "actor"})).is(200);
    let cursor = last_cursor(&stranger, &stranger.get("/changes?limit=200").is(200).json);
    twice.merge(admin).is(201);
    let told = all_changes(&stranger, &cursor);
    let last = told.iter().rfind(|change| change["id"] == json!(twice.gone)).unwrap();
    assert_eq!((&last["op"], &last["mergedInto"]), (&json!("delete"), &Value::Null));
    stranger.get(&gone).is(404);
}

/// Reads all changes that a client gets, after a cursor, or from the beginning of the feed when it is empty.
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
    // Neither users of the actors nor coordinators of other areas may merge them.
    twice.worker.post(&format!("/actors/{}/merge", twice.gone), &json!({"into": twice.kept})).is(403);
    app.anybody().post(&format!("/actors/{}/merge", twice.gone), &json!({"into": twice.kept})).is(401);
    let elsewhere = app.user(Role::Coordinator, Some(("area", &app.area("14"))));
    twice.merge(&elsewhere).is(403);
    twice.preview(&elsewhere).is(403);
    // A membership of a forum in another area may not move, and is shown only to callers who can see the forum.
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
    // After leaving the forum, only the row with the status `left` would move.
    let preview = twice.preview(&twice.coordinator).is(200);
    assert_eq!(preview.json["allowed"], json!(false), "the forum is still elsewhere");

    // A coordinator who works for one of the actors would give herself rights over the other.
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
    // Another coordinator of the county may merge them and undo it. A coordinator of another county sees nothing of the merge.
    let merge = twice.coordinator.post(&format!("/actors/{pair}/merge"), &json!({"into": lone})).is(201);
    let path = format!("/merges/{}", id(&merge.json));
    elsewhere.get(&path).is(404);
    elsewhere.call("POST", &format!("{path}/undo"), None).is(404);
    assert_eq!(elsewhere.get("/merges").is(200).json["items"], json!([]));
    twice.worker.get("/merges").is(403);
    twice.coordinator.get(&format!("{path}?include=allowedActions")).is(200);
    twice.coordinator.call("POST", &format!("{path}/undo"), None).is(200);
    // An actor that is hidden from the caller is treated as missing.
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
    // The first into the second, the second into the first, and the first into a third.
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
                        let answer = retry_while_busy(|| caller.post("/mandates", &new));
                        assert!(matches!(answer.status, 201 | 422), "{}", answer.body);
                        if answer.status == 201 {
                            made.push(id(&answer.json));
                        }
                        let decided = json!({"legalBasis": format!("Beslut {number}")});
                        let edit = retry_while_busy(|| caller.patch(&format!("/mandates/{}", twice.mandate), "*", &decided));
                        assert!(matches!(edit.status, 200 | 412), "{}", edit.body);
                        let focused = json!({"focus": format!("Odling {number}")});
                        let edit = retry_while_busy(|| caller.patch(&format!("/actors/{}", twice.gone), "*", &focused));
                        assert!(matches!(edit.status, 200 | 410 | 412), "{}", edit.body);
                    }
                    made
                })
            })
            .collect();
        let merger = scope.spawn(|| retry_while_busy(|| twice.merge(&callers[1])));
        let answer = merger.join().unwrap();
        assert_eq!(answer.status, 201, "{}", answer.body);
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    // Every mandate that was registered, before or after the merge, belongs to the survivor and is found.
    for mandate in made.iter().chain([&twice.mandate]) {
        assert_eq!(twice.admin.get(&format!("/mandates/{mandate}")).is(200).json["actorId"], json!(twice.kept));
    }
    let left = rows(&app.url, &format!("SELECT '1' AS found FROM mandate WHERE {}", id_condition(database, "actor_id", &twice.gone)));
    assert!(left.is_empty(), "nothing was left behind");
}

/// Repeats a call as long as the answer is 503, and returns the first other answer.
fn retry_while_busy(call: impl Fn() -> Answer) -> Answer {
    (0..50).map(|_| call()).find(|answer| answer.status != 503).expect("the service is busy for ever")
}

/// The SQL condition that a column has this id, in the form in which the database stores ids.
pub fn id_condition(database: Database, column: &str, id: &str) -> String {
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
    // The partner sends the record again, and then with a new value: it now belongs to the survivor, except for members that are
    // curated here.
    admin.put(&path, &record).is(200);
    record["website"] = json!("https://odlare.example.se");
    admin.put(&path, &record).is(200);
    let survivor = admin.get(&format!("/actors/{kept}")).is(200).json;
    assert_eq!((&survivor["name"], &survivor["website"]), (&json!("Odlarna i Alby"), &json!("https://odlare.example.se")));
    assert_eq!(admin.get("/actors?q=alby&include=total").json["total"], json!(1));
    // After the undo the record belongs to the merged actor again, and values that the partner has written since stay.
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
    // Without the circle it can be restored, also when its former parent has been merged into another actor.
    admin.patch(&format!("/actors/{top}"), "*", &json!({"parentId": null})).is(200);
    let other = actor("Annan", Value::Null);
    admin.post(&format!("/actors/{top}/merge"), &json!({"into": other})).is(201);
    for id in [&removed, &part] {
        let back = admin.call("POST", &format!("/actors/{id}/restore"), None).is(200);
        assert_eq!(back.json["parentId"], json!(other));
    }
}
