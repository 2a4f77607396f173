//! Comparisons reveal nothing that is under secrecy: refusals, days, records of sources, merges.

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::harness::{Client, Database, TestApp, id};

/// Puts a member of a record under secrecy.
#[track_caller]
fn hide(who: &Client, kind: &str, record: &str, member: &str) {
    let mark = json!({"recordKind": kind, "recordId": record, "member": member, "chapter": 26, "paragraph": "1",
        "motive": "Skyddat boende", "reviewOn": "2027-01-31"});
    who.post("/secrecy-marks", &mark).is(201);
}

/// A number that no actor of the pack has.
const TAKEN: &str = "802001-0008";

#[rstest]
fn abuse_102_neither_a_refusal_nor_a_day_tells_of_what_is_hidden(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let kim = app.user(Role::Coordinator, Some(("area", &app.area("01"))));
    let seat = app.area("0127");
    let new = |name: &str, more: &Value| {
        let mut actor = json!({"kind": "association", "name": name, "seatAreaId": seat});
        actor.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        actor
    };
    let make = |name: &str, more: &Value| id(&admin.post("/actors", &new(name, more)).is(201).json);
    let number = json!({"identifiers": [{"scheme": "SE-ON", "value": TAKEN}]});

    // The holder of a number is hidden.
    let gone = make("Borttagen", &number);
    admin.delete(&format!("/actors/{gone}"), "*").is(204);
    let umbrella = make("Paraplyet", &json!({}));
    let house = make("Hemligt hus", &json!({"founded": "1999-05-04", "parentId": umbrella, "identifiers": number["identifiers"]}));
    let path = format!("/actors/{house}");
    let other = make("Granne", &json!({}));
    let named = kim.post("/actors", &new("Gissning", &number)).is(409);
    assert_eq!(named.json["conflictsWith"], json!(format!("/samsyn/v1{path}")));
    hide(&admin, "actor", &house, "identifiers");
    // A hidden number can be used like a free one.
    let guess = id(&kim.post("/actors", &new("Gissning", &number)).is(201).json);
    kim.delete(&format!("/actors/{guess}"), "*").is(204);
    kim.patch(&format!("/actors/{other}"), "*", &number).is(200);
    kim.patch(&format!("/actors/{other}"), "*", &json!({"identifiers": []})).is(200);
    kim.call("POST", &format!("/actors/{gone}/restore"), None).is(200);

    // A former name is the name in earlier versions.
    admin.patch(&path, "*", &json!({"name": "Öppna huset"})).is(200);
    hide(&admin, "actor", &house, "formerNames");
    let history = kim.get(&format!("{path}/history")).is(200);
    assert!(!history.body.contains("Hemligt"), "{}", history.body);
    let names: Vec<_> =
        history.json["items"].as_array().unwrap().iter().flat_map(|version| version["changes"].as_array().unwrap()).collect();
    assert!(names.iter().any(|change| change["member"] == "name" && change["ground"] == "OSL 26:1"), "{}", history.body);
    assert!(admin.get(&format!("{path}/history")).is(200).body.contains("Hemligt hus"));

    // The day of founding also shows as the first day of its first parent relation.
    let day = "1999-05-04";
    assert!(kim.get(&format!("/actor-relations?actorId={house}")).is(200).body.contains(day));
    hide(&admin, "actor", &house, "founded");
    for read in
        [format!("/actor-relations?actorId={house}"), format!("{path}?expand=relations"), format!("/actors/{umbrella}?expand=relations")]
    {
        assert!(!kim.get(&read).is(200).body.contains(day), "{read}");
        assert!(admin.get(&read).is(200).body.contains(day), "{read}");
    }
    let part_of = |day: &str| kim.get(&format!("{path}?asOf={day}")).is(200).json["parentId"].clone();
    assert_eq!((part_of("1999-05-03"), part_of(day)), (json!(umbrella), json!(umbrella)));
    // Nor can it be found by comparison with the day of dissolution, or the other way round.
    assert_eq!(kim.patch(&path, "*", &json!({"dissolved": "1990-01-01"})).is(403).json["requiredPermission"], json!("secrecy.see"));
    let closed = make("Nedlagd", &json!({"dissolved": "2020-01-01"}));
    hide(&admin, "actor", &closed, "dissolved");
    kim.patch(&format!("/actors/{closed}"), "*", &json!({"founded": "2021-01-01"})).is(403);

    // The first day of a mandate.
    let mandate = json!({"actorId": house, "policyDomain": "housing", "areaId": seat, "powers": ["implement"], "basis": "voluntary",
        "validFrom": "2001-02-03"});
    let mandate = id(&admin.post("/mandates", &mandate).is(201).json);
    hide(&admin, "mandate", &mandate, "validFrom");
    let held = |who: &Client, query: &str| who.get(&format!("{path}?expand=mandates{query}")).is(200).json["expanded"]["mandates"].clone();
    assert_eq!(held(&kim, "")[0]["validFrom"], Value::Null);
    assert_eq!((held(&kim, "&asOf=2001-02-02"), held(&kim, "&asOf=2001-02-03")), (json!([]), json!([])));
    assert_eq!(
        (held(&admin, "&asOf=2001-02-02").as_array().unwrap().len(), held(&admin, "&asOf=2001-02-03").as_array().unwrap().len()),
        (0, 1)
    );

    // The parent of a part: this actor or another one.
    let inside = make("Innanför", &json!({"parentId": other}));
    let outside = make("Utanför", &json!({"parentId": umbrella}));
    for part in [&inside, &outside] {
        hide(&admin, "actor", part, "parentId");
        let refused = kim.patch(&format!("/actors/{other}"), "*", &json!({"parentId": part})).is(422);
        assert_eq!(refused.faults(), ["/parentId secrecy"]);
    }
    let refused = admin.patch(&format!("/actors/{other}"), "*", &json!({"parentId": inside})).is(422);
    assert_eq!(refused.faults(), ["/parentId circle"]);
    admin.patch(&format!("/actors/{other}"), "*", &json!({"parentId": outside})).is(200);
}

#[rstest]
fn abuse_102_no_record_of_a_source_finds_out_what_is_hidden(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let kim = app.user(Role::Coordinator, Some(("area", &app.area("01"))));
    let ours = app.public_actor("municipality_code:0127");
    let robin = app.user(Role::ActorAdmin, Some(("actor", &ours)));
    let seat = app.area("0127");
    let source = json!({"actorId": ours, "name": "Register", "idScheme": "reg", "ownedFields": ["website", "dissolved"]});
    let source = id(&admin.post("/sources", &source).is(201).json);
    let at = |external: &str| format!("/sources/{source}/actors/{external}");
    let number = json!([{"scheme": "SE-ON", "value": TAKEN}]);

    // A candidate whose number is hidden is not shown, so it cannot be chosen.
    let house = json!({"kind": "association", "name": "Kvinnojouren", "seatAreaId": seat, "identifiers": number});
    let house = id(&admin.post("/actors", &house).is(201).json);
    let guess = json!({"kind": "association", "name": "Gissning", "website": "https://gissning.example.se", "identifiers": number});
    let held = robin.put(&at("1"), &guess).is(202);
    let path = format!("/matches/{}", held.json["matchId"].as_str().unwrap());
    hide(&admin, "actor", &house, "identifiers");
    assert_eq!(kim.get(&path).is(200).json["candidates"], json!([]));
    let same = json!({"decision": "same", "actorId": house});
    assert_eq!(kim.post(&format!("{path}/decide"), &same).is(422).faults(), ["/actorId not-found"]);
    admin.post(&format!("{path}/decide"), &same).is(200);
    // A member that a decision wrote and that is hidden by now is restored only by somebody who can see it.
    hide(&admin, "actor", &house, "website");
    let refused = kim.call("POST", &format!("{path}/undo"), None).is(403);
    assert_eq!(refused.json["requiredPermission"], json!("secrecy.see"));
    assert_eq!(admin.get(&format!("/actors/{house}")).json["website"], json!("https://gissning.example.se"));
    admin.call("POST", &format!("{path}/undo"), None).is(200);
    assert_eq!(admin.get(&format!("/actors/{house}")).json["website"], Value::Null);

    // The day of dissolution reveals nothing about the hidden day of founding.
    let record = |focus: &str| json!({"kind": "association", "name": "Härbärget", "focus": focus, "founded": "1999-05-04"});
    let linked = robin.put(&at("2"), &record("Skydd")).is(201).json["actorId"].as_str().unwrap().to_owned();
    hide(&admin, "actor", &linked, "founded");
    for day in ["1990-01-01", "2020-01-01"] {
        let left = robin.put(&at("2"), &json!({"dissolved": day})).is(200).json["leftAlone"].clone();
        assert_eq!((left.as_array().unwrap().len(), &left[0]["reason"]), (1, &json!("under_secrecy")), "{left}");
    }
    assert_eq!(admin.get(&format!("/actors/{linked}")).json["dissolved"], Value::Null);

    // The response does not reveal whether the given value differs from that of an actor that the caller can no longer
    // see.
    assert_eq!(robin.put(&at("2"), &record("Annat")).is(200).json["leftAlone"][0]["member"], json!("focus"));
    admin.patch(&format!("/actors/{linked}"), "*", &json!({"visibility": "actor"})).is(200);
    for focus in ["Skydd", "Annat"] {
        let sent = robin.put(&at("2"), &record(focus)).is(200).json;
        assert_eq!((&sent["actor"], &sent["leftAlone"]), (&Value::Null, &json!([])), "{focus}");
        assert_eq!(robin.get(&at("2")).is(200).json["leftAlone"], json!([]));
    }
}

#[rstest]
fn abuse_102_no_merge_compares_with_what_is_hidden(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let kim = app.user(Role::Coordinator, Some(("area", &app.area("01"))));
    let actor = |name: &str, more: Value| {
        let mut actor = json!({"kind": "association", "name": name, "seatAreaId": app.area("0127")});
        actor.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        id(&admin.post("/actors", &actor).is(201).json)
    };
    let (site, focus) = ("https://grannarna.example.se/", "Odling");
    let gone = actor("Grannarna", json!({"website": site, "focus": focus, "founded": "2001-01-01", "policyDomains": ["health"]}));
    let kept = actor("Huset", json!({"dissolved": "2020-01-01"}));
    let path = format!("/actors/{kept}");
    for member in ["website", "name", "dissolved"] {
        hide(&admin, "actor", &kept, member);
    }
    let preview = || kim.get(&format!("/actors/{gone}/merge-preview?into={kept}")).is(200).json;
    let withheld = |members: &Value| {
        let members = members.as_array().unwrap().iter().filter(|member| member["how"] == "withheld");
        members.map(|member| member["member"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = preview();
    assert_eq!(withheld(&first["members"]), ["formerNames", "founded", "name", "otherNames", "website"]);
    assert_eq!((&first["survivor"]["focus"], &first["survivor"]["otherNames"]), (&json!(focus), &json!([])));
    for other in [
        json!({"website": site}),
        json!({"website": "https://annat.example.se/"}),
        json!({"name": "Grannarna", "formerNames": []}),
        json!({"dissolved": "1990-01-01"}),
    ] {
        admin.patch(&path, "*", &other).is(200);
        assert_eq!(preview()["members"], first["members"], "{other}");
    }

    // The merge does what its preview says. Those who read about it later see nothing that is hidden from them.
    let before = admin.get(&path).is(200).json;
    let merge = |who: &Client| who.post(&format!("/actors/{gone}/merge"), &json!({"into": kept})).is(201).json;
    let merged = merge(&kim);
    assert_eq!(merged["members"], first["members"]);
    let after = admin.get(&path).is(200).json;
    for member in ["website", "name", "otherNames", "formerNames", "founded", "dissolved"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_eq!((&after["focus"], &after["policyDomains"]), (&json!(focus), &json!(["health"])));
    kim.call("POST", &format!("/merges/{}/undo", id(&merged)), None).is(200);
    assert_eq!(admin.get(&path).is(200).json["focus"], Value::Null);

    // Members that somebody with clearance wrote are not shown to others, who cannot undo the merge either.
    admin.patch(&path, "*", &json!({"website": null, "dissolved": null, "name": "Huset", "formerNames": []})).is(200);
    let merged = format!("/merges/{}", id(&merge(&admin)));
    assert_eq!(withheld(&admin.get(&merged).is(200).json["members"]), [""; 0]);
    assert_eq!(kim.get(&merged).is(200).json["members"], first["members"]);
    let undone = kim.call("POST", &format!("{merged}/undo"), None).is(200).json;
    let left = undone["leftAlone"].as_array().unwrap().iter();
    let left: Vec<_> = left.map(|one| format!("{} {}", one["member"].as_str().unwrap(), one["reason"].as_str().unwrap())).collect();
    assert_eq!(left, ["formerNames under_secrecy", "founded under_secrecy", "name under_secrecy", "website under_secrecy"]);
    let now = admin.get(&path).is(200).json;
    assert_eq!((&now["website"], &now["focus"], &now["founded"]), (&json!(site), &Value::Null, &json!("2001-01-01")));
}
