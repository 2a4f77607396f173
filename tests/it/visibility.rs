//! What is a forum's own is nobody else's: not in lists, by id, in search, expansions, traces or counts.

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::{
    harness::{Client, Database, TestApp},
    story::{self, Teller},
};

#[rstest]
fn a_reader_of_another_municipality_sees_not_one_byte_of_what_is_the_forums(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(app) = TestApp::start(database) else { return };
    let mut teller = Teller::new(&app);
    let told = story::tell(&mut teller);
    let reader = app.user(Role::Reader, Some(("actor", &app.public_actor("municipality_code:0114"))));
    let mut own: Vec<String> = told.interventions.clone();
    own.extend([&told.forum, &told.assessment, &told.finding, &told.cause, &told.round, &told.decision].map(String::clone));
    let words = [
        "Samverkansrådet",
        "Inkomstskillnader",
        "Bostadsbeståndet",
        "Uthyrningskriterier",
        "Vilka insatser ska gå först",
        "två femtedelar",
    ];

    for outsider in [&app.anybody(), &reader] {
        // Every address that the coordinator read, and each list whole and counted.
        let mut addresses = teller.read.clone();
        for list in ["actors", "mandates", "forums", "assessments", "interventions", "rounds", "decisions", "observations", "indicators"] {
            addresses.push(format!("/{list}?limit=200&include=total"));
        }
        for list in ["actors", "forums", "assessments", "interventions"] {
            for q in ["samverkan", "inkomst", "uthyrning", "fittja", "norra botkyrka"] {
                addresses.push(format!("/{list}?q={q}&include=total"));
            }
        }
        for (kind, record) in [
            ("decision", &told.decision),
            ("round", &told.round),
            ("intervention", &told.interventions[0]),
            ("cause", &told.cause),
            ("finding", &told.finding),
        ] {
            for direction in ["back", "forward"] {
                addresses.push(format!("/trace/{kind}/{record}?direction={direction}"));
            }
        }
        addresses.push("/actors?expand=mandates&limit=200".to_owned());
        addresses.push(format!("/interventions?causeId={}&include=total", told.cause));
        addresses.push("/changes?limit=200".to_owned());
        for address in addresses {
            let answer = outsider.get(&address);
            // What an address names comes back in links; what it hides must not.
            let asked: Vec<_> = own.iter().filter(|id| address.contains(id.as_str())).cloned().collect();
            for id in own.iter().filter(|id| !asked.contains(id)) {
                assert!(!answer.body.contains(id.as_str()), "{address} tells of {id}: {}", answer.body);
            }
            for word in words {
                assert!(!answer.body.contains(word), "{address} tells of {word}: {}", answer.body);
            }
        }
        for (path, own) in [
            (format!("/forums/{}", told.forum), true),
            (format!("/forums/{}/members", told.forum), true),
            (format!("/assessments/{}", told.assessment), true),
            (format!("/assessments/{}/findings", told.assessment), true),
            (format!("/assessments/{}/findings/{}", told.assessment, told.finding), true),
            (format!("/assessments/{}/causes/{}", told.assessment, told.cause), true),
            (format!("/assessments/{}/revisions", told.assessment), true),
            (format!("/interventions/{}", told.interventions[0]), true),
            (format!("/rounds/{}", told.round), true),
            (format!("/rounds/{}/ballots", told.round), true),
            (format!("/decisions/{}", told.decision), true),
            (format!("/trace/decision/{}", told.decision), true),
        ] {
            assert_eq!(outsider.get(&path).status == 404, own, "{path}");
            // What is hidden and what is not there look the same.
            let unknown = path
                .replace(&told.forum, NOBODY)
                .replace(&told.assessment, NOBODY)
                .replace(&told.interventions[0], NOBODY)
                .replace(&told.round, NOBODY)
                .replace(&told.decision, NOBODY);
            assert_eq!(plain(&outsider.get(&path).json), plain(&outsider.get(&unknown).json), "{path}");
        }
        let total = |client: &Client, list: &str| client.get(&format!("/{list}?include=total&limit=1")).json["total"].clone();
        for list in ["forums", "assessments", "rounds", "decisions", "interventions"] {
            assert_eq!(total(outsider, list), json!(0), "{list}");
            assert_ne!(total(&told.coordinator, list), json!(0), "{list}");
        }
        // What is public is seen.
        assert!(outsider.get("/actors?q=fittja grannar").body.contains("Fittja Grannar"));
    }
    // And none of them can change it.
    for path in [format!("/forums/{}", told.forum), format!("/interventions/{}", told.interventions[0])] {
        app.user(Role::Coordinator, Some(("area", &app.area("14")))).patch(&path, "\"v1\"", &json!({"visibility": "public"})).is(404);
    }
}

const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// A problem without what tells one occurrence from another.
fn plain(problem: &Value) -> Value {
    let mut problem = problem.clone();
    problem["instance"] = Value::Null;
    problem
}

#[rstest]
fn a_published_record_keeps_what_it_refers_to_hidden(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let mut teller = Teller::new(&app);
    let told = story::tell(&mut teller);
    let path = format!("/interventions/{}", told.interventions[0]);
    let tag = told.municipality.get(&path).is(200).etag();
    told.municipality.patch(&path, &tag, &json!({"visibility": "public"})).is(200);
    let seen = app.anybody().get(&path).is(200);
    assert_eq!((&seen.json["causes"], &seen.json["forumId"]), (&json!([]), &Value::Null), "the assessment and the forum are not public");
    assert!(told.association.get(&path).json["causes"].as_array().unwrap().len() == 1);
    let trace = app.anybody().get(&format!("/trace/intervention/{}", told.interventions[0])).is(200);
    assert_eq!(trace.json["nodes"].as_array().unwrap().len(), 1);
    assert!(app.anybody().get(&format!("/interventions?causeId={}", told.cause)).json["items"].as_array().unwrap().is_empty());
}

#[rstest]
fn who_leaves_a_forum_no_longer_sees_it(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let mut teller = Teller::new(&app);
    let told = story::tell(&mut teller);
    let forum = format!("/forums/{}", told.forum);
    told.association.get(&forum).is(200);
    let members = told.coordinator.get(&format!("{forum}/members")).json["items"].as_array().unwrap().clone();
    let association = app.public_actor("SE-ON:8020010008");
    let member = members.iter().find(|member| member["actorId"] == json!(association)).unwrap();
    let path = format!("{forum}/members/{}", member["id"].as_str().unwrap());
    told.coordinator.delete(&path, &format!("\"v{}\"", member["version"])).is(204);
    told.association.get(&forum).is(404);
    told.association.get(&format!("/assessments/{}", told.assessment)).is(404);
}
