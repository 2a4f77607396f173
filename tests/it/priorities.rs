//! Rankings are exact: equals are found equal and share their rank, and the result says what broke the tie.

use std::{collections::BTreeMap, fs};

use num_bigint::BigInt;
use num_rational::BigRational;
use rstest::rstest;
use samsyn::{
    access::policy::Role,
    priorities::{
        methods,
        rounds::{NewRound, rules},
    },
};
use serde_json::{Value, json};

use crate::harness::{Client, Database, TestApp, id};

/// Golden results that others computed. Empty when the files are not available.
fn golden(name: &str) -> Vec<Value> {
    let file = crate::contract::file(&format!("../shared/data/priorities/{name}.json"));
    let read = fs::read(file).map(|bytes| serde_json::from_slice::<Value>(&bytes).unwrap()).unwrap_or_default();
    read["cases"].as_array().cloned().unwrap_or_default()
}

fn fraction(value: &Value) -> BigRational {
    let text = value.as_str().unwrap();
    let (upper, lower) = text.split_once('/').unwrap_or((text, "1"));
    BigRational::new(upper.parse::<BigInt>().unwrap(), lower.parse::<BigInt>().unwrap())
}

fn names(case: &Value) -> Vec<String> {
    match case["candidates"].as_array() {
        Some(names) => names.iter().map(|name| name.as_str().unwrap().to_owned()).collect(),
        None => ["P", "Q", "R"].map(str::to_owned).to_vec(),
    }
}

/// The doubled ranks of each ballot. Candidates that a ballot leaves out are last.
fn ranked(case: &Value, names: &[String]) -> Vec<Vec<i64>> {
    let mut all = Vec::new();
    for ballot in case["ballots"].as_array().unwrap() {
        let classes = ballot["ranking"].as_array().unwrap();
        let class = |name: &String| classes.iter().position(|class| class.as_array().unwrap().iter().any(|one| one == name.as_str()));
        let scores: Vec<_> = names.iter().map(|name| -i64::try_from(class(name).unwrap_or(classes.len())).unwrap()).collect();
        let count = usize::try_from(ballot["count"].as_u64().unwrap_or(1)).unwrap();
        all.extend(std::iter::repeat_n(methods::doubled_ranks(&scores), count));
    }
    all
}

#[test]
fn rankings_equal_those_that_others_computed() {
    for case in golden("rankings").into_iter().chain(golden("edge_cases")) {
        let (name, names) = (case["name"].to_string(), names(&case));
        let (ballots, expected) = (ranked(&case, &names), &case["expected"]);
        let borda = methods::borda(names.len(), &ballots);
        for (at, candidate) in names.iter().enumerate() {
            assert_eq!(borda[at], fraction(&expected["borda"][candidate]), "{name} {candidate}");
        }
        match methods::kendalls_w(&ballots) {
            Ok(w) => assert_eq!(w, fraction(&expected["kendallsW"]), "{name}"),
            Err(why) => {
                assert_eq!((why.code(), expected["kendallsW"].is_null()), (expected["undefined"].as_str().unwrap(), true), "{name}");
            }
        }
    }
}

#[test]
fn ties_that_floating_point_breaks_are_ties() {
    for case in golden("float_ties") {
        let (name, names, expected) = (case["name"].to_string(), names(&case), &case["expected"]);
        let of = |at: usize| uuid::Uuid::from_u128(at as u128 + 1);
        let candidates: Vec<_> = (0..names.len()).map(of).collect();
        let criteria: Vec<_> = case["criteria"]
            .as_array()
            .unwrap()
            .iter()
            .map(|given| {
                let weight: f64 = given["weight"].as_str().unwrap().parse().unwrap();
                json!({"key": given["key"], "name": given["key"], "weight": weight, "scale": given["scale"]})
            })
            .collect();
        let round: NewRound = serde_json::from_value(json!({"forumId": of(99), "question": "Vad först?", "horizon": "short",
            "candidates": candidates, "criteria": criteria}))
        .unwrap();
        let ballots: Vec<rules::Cast> = case["ballots"]
            .as_array()
            .unwrap()
            .iter()
            .zip(200..)
            .map(|(ballot, actor)| {
                let mut scores = Vec::new();
                for (at, candidate) in names.iter().enumerate() {
                    for (criterion, score) in round.criteria.iter().zip(ballot["scores"][candidate].as_array().unwrap()) {
                        let score = json!({"interventionId": of(at), "criterion": criterion.key, "score": score});
                        scores.push(serde_json::from_value(score).unwrap());
                    }
                }
                (of(actor).into(), Some(scores))
            })
            .collect();
        let result = serde_json::to_value(rules::compute_result(&round, &ballots)).unwrap();
        let called: BTreeMap<String, &String> = candidates.iter().map(ToString::to_string).zip(&names).collect();
        let name_of = |ranked: &Value| called[ranked["interventionId"].as_str().unwrap()].clone();
        let ranking = result["ranking"].as_array().unwrap();
        let order: Vec<_> = ranking.iter().map(name_of).collect();
        assert_eq!(json!(order), expected["ranking"], "{name}");
        let mut classes: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for ranked in ranking {
            classes.entry(ranked["rank"].as_i64().unwrap()).or_default().push(name_of(ranked));
            let points = methods::nearest_f64(&fraction(&expected["points"][name_of(ranked)]));
            assert!((ranked["points"].as_f64().unwrap() - points).abs() < 1e-9, "{name}");
            let borda = methods::nearest_f64(&fraction(&expected["borda"][name_of(ranked)]));
            assert!((ranked["bordaPoints"].as_f64().unwrap() - borda).abs() < 1e-9, "{name}");
        }
        let mut classes: Vec<_> = classes.into_values().collect();
        for class in &mut classes {
            class.sort();
        }
        assert_eq!(json!(classes), expected["order"], "{name}");
        assert_eq!(result["agreement"]["undefined"], expected["undefined"], "{name}");
    }
}

/// An open round on two interventions, and its path; three actors that may vote, and a user who works for each.
fn a_round(app: &TestApp) -> (Client, String, [(String, Client); 3], [String; 2]) {
    let admin = app.user(Role::Admin, None);
    let forum = json!({"kind": "network", "level": "local", "name": "Rådet", "areas": ["0127"], "visibility": "public"});
    let forum = id(&admin.post("/forums", &forum).is(201).json);
    let voters = ["Ett", "Två", "Tre"].map(|name| {
        let actor = id(&admin.post("/actors", &json!({"kind": "other", "name": name, "visibility": "public"})).is(201).json);
        let worker = app.user(Role::Contributor, Some(("actor", &actor)));
        let member = admin.post(&format!("/forums/{forum}/members"), &json!({"actorId": actor, "function": "member"})).is(201);
        worker.call("POST", &format!("/forums/{forum}/members/{}/accept", id(&member.json)), None).is(200);
        (actor, worker)
    });
    let interventions = ["A", "B"].map(|title| {
        let new = json!({"title": title, "ownerActorId": voters[0].0, "status": "idea", "horizon": "short", "addresses": "consequence",
            "instrument": "area_measure", "visibility": "public"});
        id(&admin.post("/interventions", &new).is(201).json)
    });
    let round = json!({"forumId": forum, "question": "Vad först?", "horizon": "short", "candidates": interventions, "visibility": "public",
        "criteria": [{"key": "effect", "name": "Effekt", "weight": 3, "scale": 5}, {"key": "reach", "name": "Räckvidd", "weight": 2, "scale": 5}]});
    let path = format!("/rounds/{}", id(&admin.post("/rounds", &round).is(201).json));
    admin.call("POST", &format!("{path}/open"), None).is(200);
    (admin, path, voters, interventions)
}

#[rstest]
fn equals_share_their_rank_and_the_result_says_what_broke_the_tie(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, path, actors, [a, b]) = a_round(&app);
    let cast = |(actor, worker): &(String, Client), scores: [[i32; 2]; 2]| {
        let scores: Vec<_> = [&a, &b]
            .into_iter()
            .zip(scores)
            .flat_map(|(candidate, scores)| {
                ["effect", "reach"]
                    .into_iter()
                    .zip(scores)
                    .map(move |(key, score)| json!({"interventionId": candidate, "criterion": key, "score": score}))
            })
            .collect();
        let body = json!({"scores": scores}).to_string();
        worker.call("PUT", &format!("{path}/ballots/{actor}"), Some(("application/json", body.as_bytes()))).is(201);
    };
    // 3·3 + 2·2 = 13 and 3·1 + 2·5 = 13.
    cast(&actors[0], [[3, 2], [1, 5]]);
    cast(&actors[1], [[3, 2], [1, 5]]);
    let result = admin.call("POST", &format!("{path}/close"), None).is(200).json["result"].clone();
    let ranking = result["ranking"].as_array().unwrap();
    let told: Vec<_> =
        ranking.iter().map(|one| (one["rank"].clone(), one["place"].clone(), one["placedBy"].clone(), one["points"].clone())).collect();
    assert_eq!(
        told,
        [(json!(1), json!(1), json!("weightiest_criterion"), json!(52)), (json!(1), json!(2), json!("weightiest_criterion"), json!(52))]
    );
    assert_eq!(ranking[0]["interventionId"], json!(a));
    assert_eq!((&result["agreement"]["kendallsW"], &result["agreement"]["undefined"]), (&Value::Null, &json!("all_tied")));
    assert_eq!(result["parties"][0]["ranking"], json!([]), "who holds all equal has no order");
}

#[rstest]
fn a_round_without_votes_has_no_ranking(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, path, _, [a, _]) = a_round(&app);
    let closed = admin.call("POST", &format!("{path}/close"), None).is(200).json;
    assert_eq!((&closed["result"]["ranking"], &closed["result"]["unranked"]), (&json!([]), &json!("nobody_voted")));
    let silent = admin.post("/decisions", &json!({"roundId": closed["id"], "chosen": [a], "decidedOn": "2026-11-20"})).is(422);
    assert_eq!(silent.faults(), ["/reason required"]);
    let decided =
        admin.post("/decisions", &json!({"roundId": closed["id"], "chosen": [a], "decidedOn": "2026-11-20", "reason": "Bråttom."}));
    assert_eq!(decided.is(201).json["departs"], json!(true));
}

#[rstest]
fn ballots_of_parties_that_have_left_are_listed_and_not_counted(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, path, actors, _) = a_round(&app);
    let abstain = json!({"abstains": true}).to_string();
    for (actor, worker) in &actors[..2] {
        worker.call("PUT", &format!("{path}/ballots/{actor}"), Some(("application/json", abstain.as_bytes()))).is(201);
    }
    let forum = admin.get(&path).json["forumId"].as_str().unwrap().to_owned();
    let members = admin.get(&format!("/forums/{forum}/members")).json["items"].clone();
    let second = members.as_array().unwrap().iter().find(|member| member["actorId"] == json!(actors[1].0)).unwrap().clone();
    let tagged = admin.with("If-Match", &admin.get(&format!("/forums/{forum}/members/{}", id(&second))).etag());
    tagged.call("DELETE", &format!("/forums/{forum}/members/{}", id(&second)), None).is(204);
    let result = admin.call("POST", &format!("{path}/close"), None).is(200).json["result"].clone();
    assert_eq!(result["uncounted"], json!([{"actorId": actors[1].0, "because": "left"}]));
    assert_eq!(result["agreement"]["abstained"], json!(1));
}

#[test]
fn weighted_scores_equal_those_that_others_computed() {
    for case in golden("weighted_scoring") {
        let (name, names, expected) = (case["name"].to_string(), names(&case), &case["expected"]["scale"]["points"]);
        if expected.is_null() {
            continue;
        }
        let criteria = case["criteria"].as_array().unwrap();
        let decimal = |given: &Value| methods::decimal(given["weight"].as_str().unwrap().parse().unwrap());
        let weights: Vec<_> = criteria.iter().map(decimal).collect();
        let share = |(criterion, score): (&Value, &Value)| {
            let share = BigRational::new(score.as_i64().unwrap().into(), criterion["scale"].as_i64().unwrap().into());
            if criterion["direction"] == "lower" { methods::whole(1) - share } else { share }
        };
        let shares: Vec<Vec<_>> =
            names.iter().map(|name| criteria.iter().zip(case["scores"][name].as_array().unwrap()).map(share).collect()).collect();
        for (candidate, points) in names.iter().zip(methods::weighted_scores(&weights, &shares)) {
            assert_eq!(points, fraction(&expected[candidate]), "{name} {candidate}");
        }
    }
}

#[rstest]
fn a_merged_partys_ballot_counts_once(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, path, actors, _) = a_round(&app);
    for (actor, worker) in &actors[..2] {
        worker.put(&format!("{path}/ballots/{actor}"), &json!({"abstains": true})).is(201);
    }
    admin.post(&format!("/actors/{}/merge", actors[1].0), &json!({"into": actors[0].0})).is(201);
    let result = admin.call("POST", &format!("{path}/close"), None).is(200).json["result"].clone();
    assert_eq!(result["agreement"]["abstained"], json!(1), "{result}");
    assert_eq!(result["uncounted"], json!([{"actorId": actors[1].0, "because": "merged"}]));
}

#[rstest]
fn a_result_is_the_bytes_that_were_computed(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, path, actors, [a, b]) = a_round(&app);
    actors[0].1.put(&format!("{path}/ballots/{}", actors[0].0), &json!({"abstains": true})).is(201);
    admin.get(&format!("{path}/canonical")).is(404);
    let closed = admin.call("POST", &format!("{path}/close"), None).is(200).json;
    let bytes = admin.get(&format!("{path}/canonical")).is(200).body;
    assert_eq!(closed["resultHash"], json!(samsyn::kernel::hash::sha256_hex(bytes.as_bytes())));
    assert_eq!(admin.get(&format!("{path}/verify")).is(200).json, json!({"intact": true, "differs": []}));
    // A result from another program, with other members, is served as it is and can be decided on.
    let old = format!(r#"{{"was":1e-6,"ranking":[{{"interventionId":"{b}"}},{{"interventionId":"{a}"}}]}}"#);
    let hash = samsyn::kernel::hash::sha256_hex(old.as_bytes());
    app.execute(&format!("UPDATE round SET result = '{old}', result_hash = '{hash}', result_form = 1"));
    assert_eq!(admin.get(&format!("{path}/canonical")).is(200).body, old);
    assert_eq!(admin.get(&format!("{path}/verify")).is(200).json["differs"], json!(["/resultForm"]));
    assert_eq!(admin.get(&path).is(200).json["result"]["was"], json!(1e-6));
    let decided = admin.post("/decisions", &json!({"roundId": closed["id"], "chosen": [b], "decidedOn": "2026-11-20"})).is(201);
    assert_eq!(decided.json["departs"], json!(false));
}

#[rstest]
fn candidates_cannot_be_changed_while_they_are_voted_on(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, path, _, [a, _]) = a_round(&app);
    let candidate = format!("/interventions/{a}");
    admin.patch(&candidate, "*", &json!({"title": "Något annat"})).is(409);
    admin.patch(&candidate, "*", &json!({"visibility": "actor"})).is(409);
    admin.delete(&candidate, "*").is(409);
    admin.patch(&candidate, "*", &json!({"status": "ongoing"})).is(200);
    let round = admin.get(&path).is(200).json;
    assert_eq!((&round["titles"][0]["id"], &round["titles"][0]["title"]), (&json!(a), &json!("A")));
    admin.call("POST", &format!("{path}/close"), None).is(200);
    admin.patch(&candidate, "*", &json!({"title": "A, som det kallas nu"})).is(200);
    let new = json!({"roundId": round["id"], "chosen": [a], "decidedOn": "2026-11-20", "reason": "Bråttom."});
    let decision = format!("/decisions/{}", id(&admin.post("/decisions", &new).is(201).json));
    admin.delete(&candidate, "*").is(409);
    admin.patch(&candidate, "*", &json!({"visibility": "actor"})).is(409);
    assert_eq!(admin.get(&decision).is(200).json["chosen"], json!([a]));
}

#[rstest]
fn a_decision_is_corrected_and_shows_what_it_was(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, path, _, [a, b]) = a_round(&app);
    let round = admin.call("POST", &format!("{path}/close"), None).is(200).json["id"].clone();
    let new = json!({"roundId": round, "chosen": [a], "decidedOn": "2026-11-20", "reason": "Bråttom."});
    let decision = format!("/decisions/{}", id(&admin.post("/decisions", &new).is(201).json));
    admin.patch(&decision, "*", &json!({"chosen": [b], "reason": null})).is(422);
    let corrected = admin.patch(&decision, "*", &json!({"chosen": [b], "decidedOn": "2026-11-19"})).is(200).json;
    assert_eq!((&corrected["status"], &corrected["chosen"]), (&json!("corrected"), &json!([b])));
    let former = &corrected["former"][0];
    assert_eq!((&former["chosen"], &former["decidedOn"], &former["version"]), (&json!([a]), &json!("2026-11-20"), &json!(1)));
    // A second decision cannot be recorded on the same round.
    admin.post("/decisions", &new).is(409);
}

#[rstest]
fn a_draft_round_is_removed_and_an_open_one_is_withdrawn(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, path, _, _) = a_round(&app);
    let open = admin.get(&path).is(200).json;
    admin.delete(&path, "*").is(409);
    assert_eq!(admin.call("POST", &format!("{path}/withdraw"), None).is(200).json["status"], json!("withdrawn"));
    let mut draft = json!({"visibility": "public"});
    for member in ["forumId", "question", "horizon", "candidates", "criteria"] {
        draft[member] = open[member].clone();
    }
    let draft = format!("/rounds/{}", id(&admin.post("/rounds", &draft).is(201).json));
    admin.call("POST", &format!("{draft}/withdraw"), None).is(409);
    admin.delete(&draft, "*").is(204);
    admin.get(&draft).is(404);
    // A withdrawn round no longer prevents the removal of its candidates.
    admin.delete(&format!("/interventions/{}", open["candidates"][0].as_str().unwrap()), "*").is(204);
}

#[rstest]
fn the_migration_completes_old_results(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, path, actors, [a, b]) = a_round(&app);
    actors[0].1.put(&format!("{path}/ballots/{}", actors[0].0), &json!({"abstains": true})).is(201);
    admin.call("POST", &format!("{path}/close"), None).is(200);
    // As an earlier program left the database before the migration.
    let ranked = |id: &str, rank: i32| json!({"interventionId": id, "rank": rank, "points": 52.5, "bordaPoints": 1.0});
    let old = json!({"method": "borda", "ranking": [ranked(&b, 1), ranked(&a, 2)], "parties": [{"actorId": actors[0].0, "ranking": [b, a]}],
        "agreement": {"kendallsW": null, "undefined": "few_voters", "voters": 1, "abstained": 0}});
    if database == Database::Postgres {
        app.execute("ALTER TABLE round ALTER COLUMN result TYPE jsonb USING result::jsonb");
    }
    for statement in [
        format!("UPDATE round SET result = '{old}'"),
        "ALTER TABLE round DROP COLUMN result_hash".to_owned(),
        "ALTER TABLE round DROP COLUMN result_form".to_owned(),
        "ALTER TABLE round DROP COLUMN deleted_at".to_owned(),
        "ALTER TABLE decision DROP COLUMN status".to_owned(),
        "ALTER TABLE decision DROP COLUMN former".to_owned(),
        "ALTER TABLE disclosure DROP COLUMN form".to_owned(),
        "DELETE FROM seaql_migrations WHERE version = 'm0034_life_cycles'".to_owned(),
    ] {
        app.execute(&statement);
    }
    crate::harness::prepare(&app.url);
    let round = admin.get(&path).is(200).json;
    let result = &round["result"];
    let places: Vec<_> = result["ranking"].as_array().unwrap().iter().map(|one| (&one["place"], &one["placedBy"])).collect();
    assert_eq!(places, [(&json!(1), &Value::Null), (&json!(2), &Value::Null)]);
    assert_eq!((&result["parties"][0]["ranks"], &result["uncounted"]), (&json!([1, 2]), &json!([])));
    assert_eq!((&round["resultHash"], &round["resultForm"]), (&Value::Null, &Value::Null));
    assert_eq!(admin.get(&format!("{path}/verify")).is(200).json["differs"], json!(["/resultHash", "/resultForm"]));
    let decided = admin.post("/decisions", &json!({"roundId": round["id"], "chosen": [b], "decidedOn": "2026-11-20"})).is(201);
    assert_eq!((&decided.json["departs"], &decided.json["status"]), (&json!(false), &json!("recorded")));
}
