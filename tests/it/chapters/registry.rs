//! The registry over time: an actor gets a new name and is removed by mistake, a club is a member of its federation, and an
//! association states a need.

use serde_json::json;

use crate::{
    harness::id,
    story::{StoryRecords, Teller},
};

pub fn tell(t: &mut Teller<'_>, told: &StoryRecords) {
    let kim = &told.coordinator;
    let botkyrka = t.app.area("0127");
    let club = t.post(
        kim,
        "/actors",
        json!({"kind": "association", "name": "Alby Bollklubb", "seatAreaId": botkyrka, "areasServed": [botkyrka],
            "workingMethods": ["Uppsökande arbete"], "languages": ["sv", "ar", "so"], "founded": "1998-04-01",
            "contactPoints": [{"function": "Kansliet", "email": "kansliet@albybk.example.se", "phone": "08-530 610 00"}]}),
    );
    let path = format!("/actors/{}", id(&club.json));
    let renamed = t.call(&kim.with("If-Match", &club.etag()), "PATCH", &path, Some(json!({"name": "Alby Idrottsklubb"})));
    assert_eq!(renamed.json["formerNames"], json!([{"name": "Alby Bollklubb", "validFrom": "1998-04-01", "validTo": "2026-11-22"}]));
    let before = t.get(kim, &format!("{path}?asOf=2020-01-01"));
    assert_eq!(before.json["name"], json!("Alby Bollklubb"));
    let history = t.get(kim, &format!("{path}/history"));
    assert_eq!(history.json["items"][0]["changes"][1]["after"], json!("Alby Idrottsklubb"));

    // Removed by mistake, found among the actors that can be restored, and restored.
    t.call(&kim.with("If-Match", &renamed.etag()), "DELETE", &path, None);
    assert!(t.get(kim, "/actors?removed=true").body.contains(&id(&club.json)));
    t.call(kim, "POST", &format!("{path}/restore"), None);

    let federation = t.post(kim, "/actors", json!({"kind": "association", "name": "Södertörns idrottsförbund", "seatAreaId": botkyrka}));
    let relation = t.post(
        kim,
        "/actor-relations",
        json!({"kind": "member_of", "actorId": id(&club.json), "otherActorId": id(&federation.json), "validFrom": "2001-01-01"}),
    );
    let relation_path = format!("/actor-relations/{}", id(&relation.json));
    t.get(kim, &relation_path);
    t.get(kim, &format!("/actor-relations?actorId={}", id(&federation.json)));
    let ended = t.call(&kim.with("If-Match", &relation.etag()), "PATCH", &relation_path, Some(json!({"validTo": "2025-01-01"})));
    t.call(&kim.with("If-Match", &ended.etag()), "DELETE", &relation_path, None);

    let need = t.post(
        kim,
        "/statements",
        json!({"kind": "need", "actorId": id(&club.json), "text": "Lokaler för läxhjälp på kvällar", "policyDomain": "education",
            "areaId": botkyrka, "targetGroups": ["Ungdomar i Alby"], "sufficiency": "insufficient", "validFrom": "2026-01-01"}),
    );
    let need_path = format!("/statements/{}", id(&need.json));
    t.get(kim, &need_path);
    t.get(kim, &format!("/statements?kind=need&policyDomain=education&areaId={}&q=läxhjälp", t.app.area("01")));
    let planned = t.call(&kim.with("If-Match", &need.etag()), "PATCH", &need_path, Some(json!({"plan": "Fråga skolan om tomma salar."})));
    t.call(&kim.with("If-Match", &planned.etag()), "DELETE", &need_path, None);
}
