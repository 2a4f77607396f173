//! A round with weighted criteria, in which the members cast their ballots, and the decision.

use serde_json::json;

use super::parties::Parties;
use crate::{harness::id, story::Teller};

/// Returns the ids of the round and the decision.
pub fn tell(t: &mut Teller<'_>, parties: &Parties, forum_id: &str, interventions: &[String]) -> (String, String) {
    let Parties { municipality, region, association, kim, for_municipality, for_region, for_association, .. } = parties;
    let round = t.post(
        kim,
        "/rounds",
        json!({"forumId": forum_id, "question": "Vilka insatser ska gå först?", "horizon": "short", "candidates": interventions,
            "criteria": [{"key": "effect", "name": "Effekt på bakomliggande orsaker", "weight": 3, "scale": 5},
                {"key": "feasibility", "name": "Genomförbarhet", "weight": 2, "scale": 5}]}),
    );
    let round_id = id(&round.json);
    let round_path = format!("/rounds/{round_id}");
    t.call(&kim.with("If-Match", &round.etag()), "PATCH", &round_path, Some(json!({"question": "Vilka insatser ska gå först 2027?"})));
    t.call(kim, "POST", &format!("{round_path}/open"), None);
    for (who, actor, scores) in [
        (&for_municipality, &municipality, [[5, 3], [4, 5], [2, 4]]),
        (&for_region, &region, [[4, 2], [4, 4], [3, 4]]),
        (&for_association, &association, [[3, 2], [3, 4], [4, 5]]),
    ] {
        let score = |(candidate, [effect, feasibility]): (&String, [i32; 2])| {
            [("effect", effect), ("feasibility", feasibility)]
                .map(|(criterion, score)| json!({"interventionId": candidate, "criterion": criterion, "score": score}))
        };
        let scores: Vec<_> = interventions.iter().zip(scores).flat_map(score).collect();
        t.call(who, "PUT", &format!("{round_path}/ballots/{actor}"), Some(json!({"scores": scores})));
    }
    let ballot = format!("{round_path}/ballots/{region}");
    let cast = for_region.get(&ballot).is(200);
    t.call(&for_region.with("If-Match", &cast.etag()), "DELETE", &ballot, None);
    for_region.put(&ballot, &json!({"scores": cast.json["scores"]})).is(201);
    let own = for_region.get(&format!("{round_path}/ballots"));
    assert_eq!(own.json["items"].as_array().unwrap().len(), 1, "while the round is open a party sees its own ballot only");
    let closed = t.call(kim, "POST", &format!("{round_path}/close"), None);
    let ranking: Vec<_> = closed.json["result"]["ranking"]
        .as_array()
        .unwrap()
        .iter()
        .map(|ranked| ranked["interventionId"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ranking, [interventions[1].clone(), interventions[2].clone(), interventions[0].clone()]);
    t.get(kim, &format!("{round_path}/ballots"));
    t.get(kim, &format!("{round_path}/ballots/{region}"));
    t.get(kim, &round_path);
    t.get(kim, &format!("/rounds?forumId={forum_id}"));
    for more in ["canonical", "verify"] {
        t.get(kim, &format!("{round_path}/{more}"));
    }
    let prepared = json!({"forumId": forum_id, "question": "Förberedd av misstag", "horizon": "short", "candidates": interventions,
        "criteria": [{"key": "effect", "name": "Effekt", "weight": 1, "scale": 5}]});
    let mistaken = kim.post("/rounds", &prepared).is(201);
    t.call(&kim.with("If-Match", &mistaken.etag()), "DELETE", &format!("/rounds/{}", id(&mistaken.json)), None);
    let moot = format!("/rounds/{}", id(&kim.post("/rounds", &prepared).is(201).json));
    kim.call("POST", &format!("{moot}/open"), None).is(200);
    t.call(kim, "POST", &format!("{moot}/withdraw"), None);

    // The decision departs from the ranking, with its reason.
    let silent = kim.post("/decisions", &json!({"roundId": round_id, "chosen": [interventions[0]], "decidedOn": "2026-11-20"})).is(422);
    assert_eq!(silent.faults(), ["/reason required"]);
    let decision = t.post(
        kim,
        "/decisions",
        json!({"roundId": round_id, "chosen": [interventions[0], interventions[1]], "decidedOn": "2026-11-20",
            "reason": "Rådet vill börja med orsaken bakom skillnaderna, även om den tar längre tid."}),
    );
    assert_eq!(decision.json["departs"], json!(true));
    let decision_id = id(&decision.json);
    t.call(
        &kim.with("If-Match", &decision.etag()),
        "PATCH",
        &format!("/decisions/{decision_id}"),
        Some(json!({"decidedOn": "2026-11-19"})),
    );
    t.get(kim, &format!("/decisions/{decision_id}"));
    t.get(kim, &format!("/decisions?roundId={round_id}"));
    (round_id, decision_id)
}
