//! Abuse of identities: taking over records that an actor has left, and posing as a public body.

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::harness::{Answer, Client, Database, TestApp, id};

const BOTKYRKA: &str = "municipality_code:0127";

fn association(app: &TestApp, admin: &Client, name: &str) -> (String, Client) {
    let actor = id(&admin.post("/actors", &json!({"kind": "association", "name": name, "seatAreaId": app.area("0127")})).is(201).json);
    let client = app.user(Role::ActorAdmin, Some(("actor", &actor)));
    (actor, client)
}

fn merge(by: &Client, one: &str, into: &str) -> Answer {
    by.post(&format!("/actors/{one}/merge"), &json!({"into": into}))
}

fn own_statement(app: &TestApp, by: &Client, actor: &str) -> String {
    let new = json!({"actorId": actor, "kind": "need", "text": "Skyddade adresser", "areaId": app.area("0127"), "policyDomain": "housing",
        "visibility": "actor"});
    format!("/statements/{}", id(&by.post("/statements", &new).is(201).json))
}

fn mark(by: &Client, kind: &str, record: &str) {
    let mark = json!({"recordKind": kind, "recordId": record, "member": null, "chapter": 21, "paragraph": "1", "motive": "Motivet",
        "reviewOn": "2027-11-22"});
    by.post("/secrecy-marks", &mark).is(201);
}

#[rstest]
fn abuse_112_what_an_actor_left_is_nobodys_for_the_taking(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, area) = (app.user(Role::Admin, None), app.area("0127"));
    let botkyrka = app.public_actor(BOTKYRKA);
    let municipality = app.user(Role::ActorAdmin, Some(("actor", &botkyrka)));
    let kim = app.user(Role::Coordinator, Some(("area", &area)));
    let (club, friend) = association(&app, &admin, "Vännerna");
    let refused = |one: &str, into: &str| {
        let preview = kim.get(&format!("/actors/{one}/merge-preview?into={into}")).is(200).json;
        assert_eq!(preview["allowed"], json!(false), "{preview}");
        let refused = merge(&kim, one, into).is(403);
        assert!(refused.json["detail"].as_str().unwrap().contains("arbetar för båda"), "{}", refused.body);
    };

    // An administration that has been changed into an association.
    let office = json!({"kind": "administration", "name": "Kulturen", "parentId": botkyrka, "seatAreaId": area});
    let office = id(&municipality.post("/actors", &office).is(201).json);
    let secret = own_statement(&app, &municipality, &office);
    refused(&office, &club);
    kim.patch(&format!("/actors/{office}"), "*", &json!({"parentId": null, "kind": "association"})).is(200);
    refused(&office, &club);
    refused(&club, &office);
    friend.get(&secret).is(404);

    // An actor without people that still has a record of its own, of either kind.
    for what in ["statement", "mark"] {
        let (left, people) = association(&app, &admin, &format!("Jouren {what}"));
        let held = if what == "statement" {
            own_statement(&app, &people, &left)
        } else {
            let new = json!({"actorId": left, "policyDomain": "housing", "areaId": area, "powers": ["inform"], "basis": "voluntary"});
            let mandate = id(&people.post("/mandates", &new).is(201).json);
            mark(&people, "mandate", &mandate);
            format!("/mandates/{mandate}")
        };
        let grant = people.get("/me").is(200).json["grants"][0]["id"].as_str().unwrap().to_owned();
        kim.delete(&format!("/grants/{grant}"), "*").is(204);
        refused(&left, &club);
        // Nor by a merge into an actor that nobody works for, or by putting one above it.
        let shell = json!({"kind": "association", "name": format!("Skal {what}"), "seatAreaId": area});
        let shell = id(&kim.post("/actors", &shell).is(201).json);
        merge(&kim, &left, &shell).is(201);
        refused(&shell, &club);
        refused(&club, &shell);
        kim.patch(&format!("/actors/{shell}"), "*", &json!({"parentId": club})).is(403);
        let seen = friend.get(&held);
        assert!(seen.status == 404 || seen.is(200).json["policyDomain"] == json!("[sekretess]"), "{what} is seen");
    }

    // Duplicates without records of their own can be merged as always.
    let double = id(&kim.post("/actors", &json!({"kind": "association", "name": "Vännerna", "seatAreaId": area})).is(201).json);
    merge(&kim, &double, &club).is(201);
    // An administrator of the installation can merge any two actors.
    merge(&admin, &office, &club).is(201);
    friend.get(&secret).is(200);
}

#[rstest]
fn abuse_114_who_works_for_both_merges_them(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, area) = (app.user(Role::Admin, None), app.area("0127"));
    let (one, people) = association(&app, &admin, "Ettan");
    let (two, _) = association(&app, &admin, "Tvåan");
    let kim = app.user(Role::Coordinator, Some(("area", &area)));
    let secret = own_statement(&app, &people, &one);
    let user = id(&kim.get("/me").is(200).json["user"]);
    let work_for = |actor: &str| {
        let new = json!({"userId": user, "role": "actor_admin", "scope": {"kind": "actor", "id": actor}});
        admin.post("/grants", &new).is(201);
    };
    // Working for one of the two actors is not enough, whichever it is.
    work_for(&two);
    merge(&kim, &one, &two).is(403);
    kim.get(&secret).is(404);
    work_for(&one);
    merge(&kim, &one, &two).is(201);
    kim.get(&secret).is(200);
}

/// The undecided likenesses of two actors.
fn waiting(who: &Client, one: &str, other: &str) -> Vec<Value> {
    let all = who.get("/likenesses?dismissed=false&limit=200").is(200).json["items"].as_array().unwrap().clone();
    let of = |like: &Value| [&like["actor"]["id"], &like["otherActor"]["id"]] == [&json!(one), &json!(other)];
    all.into_iter().filter(of).collect()
}

fn left_alone(answer: &Answer) -> Vec<String> {
    let left = answer.json["leftAlone"].as_array().unwrap().iter();
    left.map(|one| format!("{} {}", one["member"].as_str().unwrap(), one["reason"].as_str().unwrap())).collect()
}

#[rstest]
fn abuse_133_a_source_passes_for_no_public_body(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, area) = (app.user(Role::Admin, None), app.area("0127"));
    let botkyrka = app.public_actor(BOTKYRKA);
    let kim = app.user(Role::Coordinator, Some(("area", &area)));
    let (partner, robin) = association(&app, &admin, "Grannarna");
    // The actors of the reference data are not taken for one another.
    assert_eq!(admin.get("/likenesses").is(200).json["items"], json!([]));
    let owned = ["kind", "name", "otherNames", "formerNames", "website"];
    let source = json!({"actorId": partner, "name": "Register", "idScheme": "reg", "ownedFields": owned});
    let records = format!("/sources/{}/actors", id(&admin.post("/sources", &source).is(201).json));

    // With any seat or none, and in any spelling of the name.
    let harmless = json!({"kind": "association", "name": "Liten"});
    let made = robin.put(&format!("{records}/1"), &harmless).is(201).json["actorId"].as_str().unwrap().to_owned();
    for name in ["Botkyrka kommun", "Bоtkyrka", "𝐁otkyrka", "B0tkyrka", "Bot-kyrka", "Botkyrka kommun (officiell)", "Botkyrka stad"] {
        let sent = robin.put(&format!("{records}/1"), &json!({"kind": "municipality", "name": name})).is(200);
        assert_eq!(left_alone(&sent), ["kind looks_like_another", "name looks_like_another"], "{name}");
        for (member, value) in [("otherNames", json!([name])), ("formerNames", json!([{"name": name, "validTo": "2020-01-01"}]))] {
            let sent = robin.put(&format!("{records}/1"), &json!({"kind": "association", "name": "Liten", member: value})).is(200);
            assert_eq!(left_alone(&sent), [format!("{member} looks_like_another")], "{name}");
        }
        let new = format!("{records}/ny-{}", name.len());
        robin.put(&new, &json!({"kind": "association", "name": name, "seatAreaId": app.area("0114")})).is(202);
    }
    assert_eq!(waiting(&kim, &botkyrka, &made).len(), 1);
    // By the kind alone, if a public body with this seat exists already.
    robin.put(&format!("{records}/2"), &json!({"kind": "association", "name": "Tvåan", "seatAreaId": area})).is(201);
    let sent = robin.put(&format!("{records}/2"), &json!({"kind": "municipality", "name": "Tvåan", "seatAreaId": area})).is(200);
    assert_eq!(left_alone(&sent), ["kind looks_like_another"]);

    // The actor's own people cannot dismiss the likeness.
    let part = |name: &str| json!({"kind": "association", "name": name, "parentId": partner, "seatAreaId": area});
    let made = robin.put(&format!("{records}/3"), &part("Delen")).is(201).json["actorId"].as_str().unwrap().to_owned();
    robin.put(&format!("{records}/3"), &part("Botkyrka kommun")).is(200);
    let like = waiting(&robin, &botkyrka, &made).pop().unwrap();
    let dismiss = format!("/likenesses/{}/dismiss", id(&like));
    let refused = robin.call("POST", &dismiss, None).is(403);
    assert!(refused.json["detail"].as_str().unwrap().contains("samordnar där"), "{}", refused.body);
    assert_eq!(left_alone(&robin.put(&format!("{records}/3"), &part("Botkyrka kommun")).is(200)), ["name looks_like_another"]);
    let held = robin.put(&format!("{records}/4"), &part("Botkyrka kommun")).is(202).json["matchId"].as_str().unwrap().to_owned();
    let decide = |by: &Client| by.post(&format!("/matches/{held}/decide"), &json!({"decision": "different"}));
    assert!(decide(&robin).is(403).json["detail"].as_str().unwrap().contains("offentligt organ"));
    // The people of the public body, and the coordinators of its area, can.
    app.user(Role::ActorAdmin, Some(("actor", &botkyrka))).call("POST", &dismiss, None).is(200);
    let sent = robin.put(&format!("{records}/3"), &part("Botkyrka kommun")).is(200);
    assert_eq!(left_alone(&sent), Vec::<String>::new());
    let decided = decide(&kim).is(200).json["actorId"].as_str().unwrap().to_owned();
    assert!(waiting(&kim, &botkyrka, &decided).is_empty());
}

#[rstest]
fn abuse_133_nobody_is_seen_as_a_public_body_by_its_own_word(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, area) = (app.user(Role::Admin, None), app.area("0127"));
    let botkyrka = app.public_actor(BOTKYRKA);
    let kim = app.user(Role::Coordinator, Some(("area", &area)));
    let change = |name: &str, change: &Value| {
        let (actor, own) = association(&app, &admin, name);
        own.patch(&format!("/actors/{actor}"), "*", change).is(200);
        let like = waiting(&kim, &botkyrka, &actor).pop().unwrap_or_else(|| panic!("{change} is not found"));
        own.call("POST", &format!("/likenesses/{}/dismiss", id(&like)), None).is(403);
        assert_eq!(waiting(&kim, &botkyrka, &actor).len(), 1);
        kim.call("POST", &format!("/likenesses/{}/dismiss", id(&like)), None).is(200);
    };
    change("Ett", &json!({"name": "Botkyrka kommun (officiell)"}));
    change("Två", &json!({"otherNames": ["Bоtkyrka stad"]}));
    change("Tre", &json!({"kind": "municipality"}));
    change("Fyra", &json!({"formerNames": [{"name": "B0tkyrka", "validTo": "2020-01-01"}]}));
    // A name that will be given up in the future is still the name until then.
    let (actor, own) = association(&app, &admin, "Fem");
    let ahead = json!({"formerNames": [{"name": "Botkyrka kommun", "validTo": "2099-01-01"}]});
    assert_eq!(own.patch(&format!("/actors/{actor}"), "*", &ahead).is(422).faults(), ["/formerNames/0/validTo in-future"]);
    // If neither actor looks like a public body, the coordinators can dismiss the likeness too, but the actor's own
    // people cannot.
    let (first, _) = association(&app, &admin, "Odlarna");
    let (second, own) = association(&app, &admin, "Odlarna");
    let like = format!("/likenesses/{}/dismiss", id(&waiting(&kim, &first, &second)[0]));
    own.call("POST", &like, None).is(403);
    kim.call("POST", &like, None).is(200);
}
