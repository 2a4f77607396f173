//! Records of a forum are invisible to others: in lists, by id, in search, expansions, traces and counts.

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::{
    abuse_policy::comparable,
    fixtures::Set,
    harness::{Client, Database, TestApp},
    policy::{in_order, prepared},
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
        // Every address that the coordinator has read, and each list as a whole with its total.
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
            // An id in the address appears in the links of the response; ids of hidden records must not appear.
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
            // A hidden record gets the same response as one that does not exist.
            let unknown = path
                .replace(&told.forum, NOBODY)
                .replace(&told.assessment, NOBODY)
                .replace(&told.interventions[0], NOBODY)
                .replace(&told.round, NOBODY)
                .replace(&told.decision, NOBODY);
            assert_eq!(without_instance(&outsider.get(&path).json), without_instance(&outsider.get(&unknown).json), "{path}");
        }
        let total = |client: &Client, list: &str| client.get(&format!("/{list}?include=total&limit=1")).json["total"].clone();
        for list in ["forums", "assessments", "rounds", "decisions", "interventions"] {
            assert_eq!(total(outsider, list), json!(0), "{list}");
            assert_ne!(total(&told.coordinator, list), json!(0), "{list}");
        }
        // A public record is visible.
        assert!(outsider.get("/actors?q=fittja grannar").body.contains("Fittja Grannar"));
    }
    // None of them can change the records.
    for path in [format!("/forums/{}", told.forum), format!("/interventions/{}", told.interventions[0])] {
        app.user(Role::Coordinator, Some(("area", &app.area("14")))).patch(&path, "\"v1\"", &json!({"visibility": "public"})).is(404);
    }
}

const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// A problem without the member that is different for each occurrence.
fn without_instance(problem: &Value) -> Value {
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
fn abuse_50_who_follows_the_changes_is_told_of_none_that_it_may_no_longer_see(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(app) = TestApp::start(database) else { return };
    let mut teller = Teller::new(&app);
    let told = story::tell(&mut teller);
    let association = app.public_actor("SE-ON:8020010008");
    let seen = |client: &Client| client.get("/changes?limit=200&types=forum,assessment,round,decision").is(200).json["items"].clone();
    assert_ne!(seen(&told.association), json!([]));
    // The actor leaves the forum. Changes from the time of its membership are not shown any more either, from any cursor.
    let forum = format!("/forums/{}", told.forum);
    let members = told.coordinator.get(&format!("{forum}/members")).json["items"].as_array().unwrap().clone();
    let member = members.iter().find(|member| member["actorId"] == json!(association)).unwrap();
    let path = format!("{forum}/members/{}", member["id"].as_str().unwrap());
    told.coordinator.delete(&path, &format!("\"v{}\"", member["version"])).is(204);
    assert_eq!(seen(&told.association), json!([]));
    assert_ne!(seen(&told.municipality), json!([]));
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

/// The values of a query parameter that might reveal something hidden: each code, each order, each known id.
fn values(parameter: &Value, hidden: &Set, own: &Set) -> Vec<String> {
    let name = parameter["name"].as_str().unwrap();
    let schema = &parameter["schema"];
    let codes = schema["enum"].as_array().or(schema["items"]["enum"].as_array());
    if let Some(codes) = codes {
        let each: Vec<String> = codes.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect();
        return each.iter().cloned().chain(schema["items"].is_object().then(|| each.join(","))).collect();
    }
    if let Some(only) = schema["items"]["example"].as_str() {
        return vec![only.to_owned()];
    }
    if schema["format"] == "uuid" {
        let known = ["actorId", "areaId", "indicatorId"].map(|name| own.one(name).to_owned());
        return hidden.ids.values().flatten().filter(|id| uuid::Uuid::parse_str(id).is_ok()).cloned().chain(known).collect();
    }
    if let Some(orders) = schema["pattern"].as_str().and_then(|pattern| pattern.strip_prefix("^-?(")?.strip_suffix(")$")) {
        return orders.split('|').flat_map(|order| [order.to_owned(), format!("-{order}")]).collect();
    }
    let fixed: &[&str] = match name {
        "q" => &["granngården", "torgrådet", "lekplatserna", "gungor", "nr0180", "odlarna", "stadgarna", "g"],
        "fields" => &["id", "id,version"],
        "limit" => &["1", "2", "200"],
        "offset" => &["1", "2", "5"],
        "municipality" | "code" => &["0180", "0127"],
        "updatedAfter" => &["2020-01-01T00:00:00Z", "2026-11-22T09:00:00Z"],
        "validOn" => &["2026-01-01"],
        "identifier" => &["SE-ON:8020010008", "municipality_code:0180"],
        "types" => &["actor", "mandate,forum,member", "assessment,intervention,round,decision,grant"],
        _ => &[],
    };
    // For other parameters, the example in the contract is tried.
    let example = parameter["example"].as_str().or(schema["example"].as_str());
    fixed.iter().copied().chain(example).map(ToOwned::to_owned).collect()
}

/// QUALITY 35: the service with another municipality's records and the service without them give an outsider the same
/// responses, byte for byte, to every read in every form. So nothing about these records is revealed by lists, ids,
/// search, order, counts, expansions, the feed, the trace, tags or cursors, and a hidden id is answered like one that
/// does not exist.
///
/// The response times do not differ either: a hidden and a missing record take the same path. Each `find` is one
/// statement whose condition contains what the caller may see (the function for visible rows in every store), so neither
/// case returns a row or makes another query.
#[rstest]
fn abuse_35_with_and_without_anothers_records_an_outsider_is_answered_alike(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(prepared) = prepared(database) else { return };
    let (with, without) = (TestApp::start_from(&prepared.template), TestApp::start_from(&prepared.without));
    let [own, hidden, _] = &prepared.sets;
    let mut addresses = Vec::new();
    for (method, pattern, operation) in in_order() {
        let name = operation["operationId"].as_str().unwrap();
        if method != "GET" {
            continue;
        }
        let query: Vec<_> = operation["parameters"].as_array().unwrap().iter().filter(|parameter| parameter["in"] == "query").collect();
        let counts = query.iter().any(|parameter| parameter["schema"]["items"]["enum"] == json!(["total"]));
        let mut paths: Vec<_> = prepared.sets.iter().map(|set| set.path(&pattern, name)).collect();
        paths.dedup();
        for path in paths {
            addresses.push(path.clone());
            for parameter in &query {
                for value in values(parameter, hidden, own) {
                    let named = parameter["name"].as_str().unwrap();
                    let total = if counts && named != "include" { "&include=total" } else { "" };
                    addresses.push(format!("{path}?{named}={value}{total}"));
                }
            }
        }
    }
    // The caller's extract of personal data lists every call of the caller, so it must be read before all others.
    addresses.sort_by_key(|address| address != "/me/personal-data");
    let outsiders = ["nobody", "reader actor", "coordinator area", "forum chair"];
    let different: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = prepared
            .testers
            .iter()
            .filter(|tester| outsiders.contains(&tester.name.as_str()))
            .map(|tester| {
                let (there, not_there) = (tester.client.at(with.address), tester.client.at(without.address));
                let addresses = &addresses;
                scope.spawn(move || {
                    let mut different = Vec::new();
                    for address in addresses {
                        let (one, other) = (comparable(&there.get(address)), comparable(&not_there.get(address)));
                        if one != other {
                            different.push(format!("{address} by {}:\n{one:?}\n{other:?}", tester.name));
                        }
                    }
                    different
                })
            })
            .collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(addresses.len() > 600, "{}", addresses.len());
    assert!(different.is_empty(), "{} differ, such as\n{}", different.len(), different[..different.len().min(5)].join("\n"));
    // For a caller who may see the records, this many responses differ. This shows that the test could have found a
    // difference.
    let admin = &prepared.testers.iter().find(|tester| tester.name == "admin everywhere").unwrap().client;
    let seen = addresses.iter().filter(|address| !address.contains('?'));
    let seen = seen.filter(|address| admin.at(with.address).get(address).json != admin.at(without.address).get(address).json).count();
    assert!(seen >= 30, "{seen}");
    admin.at(without.address).get(&format!("/forums/{}", hidden.one("forumId"))).is(404);
}
