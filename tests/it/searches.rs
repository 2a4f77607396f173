//! Lists that are asked by a body: the same list, for filters that are longer than an address.

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::{
    abuse_audit::{entries, summaries},
    contract::operations,
    exports::call,
    fixtures::{found, settle},
    harness::{Database, TestApp, id},
};

#[rstest]
fn every_list_with_a_filter_can_be_asked_by_a_body(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let shared = found(&admin, "0127");
    let set = settle(&app, &admin, "0127", false, &shared);
    let all = operations();
    let searches: Vec<_> = all.iter().filter(|(_, _, operation)| operation.get("x-search-of").is_some()).collect();
    assert!(searches.len() >= 18, "{}", searches.len());
    for (method, pattern, operation) in searches {
        let name = operation["operationId"].as_str().unwrap();
        let path = set.path(pattern, name);
        let list = path.trim_end_matches("/search");
        let (_, _, of) = all.iter().find(|(_, _, of)| of["operationId"] == operation["x-search-of"]).unwrap();
        assert_eq!(method, "POST");
        assert_eq!(operation["x-permission"], of["x-permission"], "{name}");
        // What reading adds to is read as it was.
        let stable = if name == "searchAuditEntries" { json!({"outcome": "done", "limit": 5}) } else { json!({"limit": 5}) };
        let asked = admin.post(&path, &stable).is(200);
        let listed = admin.get(&format!("{list}?limit=5{}", if name == "searchAuditEntries" { "&outcome=done" } else { "" })).is(200);
        assert_eq!(asked.json["items"], listed.json["items"], "{name}");
        assert!(asked.header("etag").is_none() && asked.header("link").is_none(), "{name}");
        assert_eq!(asked.header("cache-control"), listed.header("cache-control"), "{name}");
        assert_eq!(admin.post(&path, &json!({"nothing": 1})).is(422).faults(), ["/nothing unknown"], "{name}");
    }
}

#[rstest]
fn a_search_says_what_is_wrong_with_its_members(#[values(Database::Sqlite)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let anybody = app.anybody();
    let wrong = anybody.post("/actors/search", &json!({"knd": ["agency"], "kind": "agency", "limit": 500, "fields": ["nam"]})).is(422);
    assert_eq!(wrong.json["code"], json!("invalid"));
    let mut faults = wrong.faults();
    faults.sort();
    assert_eq!(faults, ["/kind wrong-type", "/knd unknown", "/limit too-large"]);
    assert!(wrong.body.contains("Menade du kind?"), "{}", wrong.body);
    assert_eq!(anybody.post("/actors/search", &json!({"kind": ["agensy"], "fields": null})).is(422).faults().len(), 2);
    // What is found out later is told of members too.
    let fields = anybody.post("/actors/search", &json!({"fields": ["nam"]})).is(422);
    assert_eq!((fields.faults(), &fields.json["code"]), (vec!["/fields unknown".to_owned()], &json!("invalid")));
    assert_eq!(anybody.post("/actors/search", &json!({"offset": 20_000})).is(422).faults(), ["/offset too-large"]);
    assert_eq!(anybody.post("/actors/search", &json!([])).is(422).faults(), [" wrong-type"]);
    assert_eq!(anybody.post("/actors/search", &json!({"q": "Anna 811228-9874"})).is(422).faults(), ["/q personal-identity-number"]);
    // Parameters belong in the body, and the body is JSON.
    let address = anybody.post("/actors/search?kind=agency", &json!({})).is(400);
    assert_eq!(address.faults(), ["kind unknown"]);
    anybody.call("POST", "/actors/search", Some(("text/plain", b"{}"))).is(415);
    anybody.call("POST", "/actors/search", Some(("application/json", b"{"))).is(400);
    anybody.call("POST", "/actors/search", Some(("application/json", b"{\"q\":\"a\",\"q\":\"b\"}"))).is(400);
    assert_eq!(anybody.call("PUT", "/actors/search", Some(("application/json", b"{}"))).status, 405);
    // Nobody learns the form of what they may not ask.
    assert_eq!(anybody.post("/grants/search", &json!({"nothing": 1})).status, 401);
    assert_eq!(app.user(Role::Reader, None).post("/grants/search", &json!({"nothing": 1})).status, 403);
    // The counts of calls tell it from the list and from the registering of an actor.
    let allowed = anybody.call("OPTIONS", "/mandates/search", None);
    assert!(allowed.header("allow").unwrap_or_default().contains("POST"), "{:?}", allowed.headers);
}

#[rstest]
fn the_pages_of_a_search_follow_each_other(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let anybody = app.anybody();
    let filter = json!({"kind": ["region", "municipality"], "sort": "-name", "limit": 150, "include": ["total"]});
    let mut names: Vec<Value> = Vec::new();
    let mut asked = filter.clone();
    let total = loop {
        let page = anybody.post("/actors/search", &asked).is(200).json;
        names.extend(page["items"].as_array().unwrap().iter().map(|actor| actor["name"].clone()));
        match &page["nextCursor"] {
            Value::Null => break page["total"].clone(),
            cursor => asked["cursor"] = cursor.clone(),
        }
    };
    assert_eq!(total, json!(names.len()));
    assert!(names.len() > 300);
    let cursor = anybody.post("/actors/search", &filter).is(200).json["nextCursor"].clone();
    // A cursor is for its own address, filter and caller.
    let invalid = |who: &crate::harness::Client, body: &Value| {
        assert_eq!(who.post("/actors/search", body).is(400).json["code"], json!("invalid-cursor"));
    };
    invalid(&anybody, &json!({"kind": ["region"], "sort": "-name", "cursor": cursor}));
    invalid(&app.user(Role::Reader, None), &json!({"kind": ["region", "municipality"], "sort": "-name", "cursor": cursor}));
    anybody.get(&format!("/actors?kind=region,municipality&sort=-name&cursor={}", cursor.as_str().unwrap())).is(400);
    // And in any form.
    let lines = call(&app, &anybody, "POST", "/actors/search", &[("Accept", "application/x-ndjson")], Some(&filter)).is(200);
    let told: Vec<Value> = lines.text().lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["name"].clone()).collect();
    assert!(lines.whole);
    assert_eq!(told, names);
    let table =
        call(&app, &anybody, "POST", "/actors/search", &[], Some(&json!({"format": "csv", "fields": ["name"], "kind": ["region"]})));
    assert!(table.is(200).text().starts_with("name\r\nRegion "));
    let rest = call(
        &app,
        &anybody,
        "POST",
        "/actors/search",
        &[],
        Some(&json!({"format": "csv", "fields": ["name"], "kind": ["region", "municipality"], "sort": "-name", "cursor": cursor})),
    );
    assert_eq!(rest.is(200).text().lines().count(), names.len() - 150 + 1);
}

#[rstest]
fn a_search_reads_and_is_kept_as_a_reading(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let first = admin.with("Idempotency-Key", "en-nyckel-for-sokning").post("/grants/search", &json!({"limit": 1})).is(200);
    let second = admin.with("Idempotency-Key", "en-nyckel-for-sokning").post("/grants/search", &json!({"limit": 2})).is(200);
    assert_eq!((first.json["items"].as_array().unwrap().len(), second.header("idempotency-replayed")), (1, None));
    assert_eq!(first.header("cache-control"), Some("no-store"));
    admin.with("If-None-Match", "*").post("/actors/search", &json!({})).is(200);
    admin.with("Prefer", "return=minimal").post("/actors/search", &json!({})).is(200);
    app.user(Role::Reader, None).post("/grants/search", &json!({})).is(403);
    assert_eq!(
        summaries(&entries(&admin, "operation=searchGrants")),
        ["searchGrants seen 200 null", "searchGrants seen 200 null", "searchGrants denied 403 grants.read"]
    );
    assert!(entries(&admin, "operation=searchActors").is_empty(), "what everybody may read is not noted");
}

#[rstest]
fn abuse_36_a_search_tells_nothing_of_what_is_hidden(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let actor = json!({"kind": "network", "name": "Öppet nätverk", "focus": "Hemligt boende för utsatta",
        "identifiers": [{"scheme": "external:skydd", "value": "h1"}]});
    let actor = id(&admin.post("/actors", &actor).is(201).json);
    let mark = |member: &str| {
        let mark = json!({"recordKind": "actor", "recordId": actor, "member": member, "chapter": 26, "paragraph": "1",
            "motive": "Skyddat boende", "reviewOn": "2027-11-22"});
        admin.post("/secrecy-marks", &mark).is(201);
    };
    mark("focus");
    mark("identifiers");
    let reader = app.user(Role::Reader, None);
    for filter in [json!({"q": "hemligt"}), json!({"identifier": ["external:skydd:h1"]}), json!({"q": "hemligt", "format": "json"})] {
        assert_eq!(reader.post("/actors/search", &filter).is(200).json["items"], json!([]), "{filter}");
        assert_eq!(admin.post("/actors/search", &filter).is(200).json["items"].as_array().unwrap().len(), 1, "{filter}");
    }
    let named = reader.post("/actors/search", &json!({"id": [actor]})).is(200);
    assert!(!named.body.contains("Hemligt boende") && named.json["items"][0]["redacted"].is_array(), "{}", named.body);
    // What is not offered to be sorted by is refused.
    assert_eq!(reader.post("/actors/search", &json!({"sort": "focus"})).is(422).faults(), ["/sort wrong-form"]);
    // Another's own is not found by its id either.
    let hidden = json!({"kind": "network", "name": "Dolt nätverk", "visibility": "actor"});
    let hidden = id(&admin.post("/actors", &hidden).is(201).json);
    assert_eq!(reader.post("/actors/search", &json!({"id": [hidden], "include": ["total"]})).is(200).json["total"], json!(0));
}

#[rstest]
fn abuse_61_a_filter_has_only_so_many_values(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let anybody = app.anybody();
    let kommun = app.public_actor("municipality_code:0127");
    let ids = |count: usize| -> Vec<String> {
        (1..count).map(|at| format!("01890a5d-ac96-774b-bcce-{at:012x}")).chain([kommun.clone()]).collect()
    };
    // A thousand values of two filters, each number with a scheme of its own.
    let numbers: Vec<_> = (1..1000).map(|at| format!("external:s{at}:{at}")).chain(["municipality_code:0127".to_owned()]).collect();
    let found = anybody.post("/actors/search", &json!({"id": ids(1000), "identifier": numbers, "include": ["total"]})).is(200);
    assert_eq!((id(&found.json["items"][0]), &found.json["total"]), (kommun.clone(), &json!(1)));
    // The value and the scheme belong together.
    assert_eq!(
        anybody.post("/actors/search", &json!({"identifier": ["municipality_code:01", "county_code:0127"]})).is(200).json["items"],
        json!([])
    );
    let two = anybody.get("/actors?identifier=municipality_code:0127,municipality_code:0180&sort=name").is(200);
    assert_eq!(two.json["items"].as_array().unwrap().len(), 2);
    // One more is too many, and in an address fewer are.
    assert_eq!(anybody.post("/actors/search", &json!({"id": ids(1001)})).is(422).faults(), ["/id too-many"]);
    assert_eq!(anybody.get(&format!("/actors?id={}", ids(51).join(","))).is(400).faults(), ["id too-many"]);
    assert_eq!(anybody.get(&format!("/actors?id={}", ids(50).join(","))).is(200).json["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        app.user(Role::Reader, None).get(&format!("/changes?types={}", vec!["actor"; 51].join(","))).is(400).faults(),
        ["types too-many"]
    );
}

#[rstest]
fn a_word_of_very_many_finds_all_of_them_in_order(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let numbered = |count: usize, name: fn(usize) -> String| (0..count).map(name).collect::<Vec<_>>();
    // In Swedish alphabetical order.
    let oaks = numbered(400, |number| format!("Ek {number:04}"));
    let farms = numbered(300, |number| format!("Gård {number:04} med hus"));
    let houses = numbered(1_800, |number| format!("Hus {number:04}"));
    let islands = numbered(30, |number| format!("Ö {number:04} HUSET"));
    let all: Vec<_> = [("association", &oaks), ("association", &farms), ("network", &houses), ("other", &islands)]
        .into_iter()
        .flat_map(|(kind, names)| names.iter().map(move |name| json!({"op": "create", "actor": {"kind": kind, "name": name}})))
        .collect();
    // They come in another order than that of their names.
    for few in all.chunks(700).rev() {
        admin.post("/actors/batch", &json!({"operations": few, "atomic": true})).is(201);
    }
    let names = |query: &str| {
        let (mut names, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = admin.get(&format!("/actors?fields=name&{query}{cursor}")).is(200).json;
            names.extend(page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()));
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return names,
            }
        }
    };
    let begins_first = [houses.clone(), farms.clone(), islands.clone()].concat();
    assert!(names("q=hus&limit=190") == begins_first, "names that begin with the word come first");
    assert!(names("q=HUS&limit=200") == begins_first, "capitals do not matter");
    let by_name = [farms.clone(), houses.clone(), islands.clone()].concat();
    assert!(names("q=hus&sort=name&limit=200") == by_name);
    let backwards: Vec<_> = by_name.iter().rev().cloned().collect();
    assert!(names("q=hus&sort=-name&limit=199") == backwards);
    assert_eq!(names("q=hus&sort=createdAt&limit=200").len(), by_name.len());
    assert_eq!(names("q=hus&kind=other&limit=7"), islands, "they lie at the end of the list");
    assert_eq!(names("q=hus&kind=association&limit=200"), farms);
    assert_eq!(names("q=g%C3%A5rd+hus&limit=200"), farms);
    // The first that is found lies behind more rows than are walked for so small a page.
    assert_eq!(admin.get("/actors?q=hus&sort=name&limit=1").is(200).json["items"][0]["name"], json!(farms[0]));
    assert_eq!(admin.get("/actors?q=hus&limit=1&offset=1799&fields=name").is(200).json["items"][0]["name"], json!(houses[1_799]));
    let total = admin.get("/actors?q=hus&limit=1&include=total").is(200).json;
    assert_eq!((&total["total"], &total["totalIsExact"]), (&json!(by_name.len()), &json!(true)));
}
