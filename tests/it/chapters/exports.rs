//! Exports as tables, and searches with filters that are longer than an address.

use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::{
    harness::id,
    story::{StoryRecords, Teller},
};

pub fn tell(t: &mut Teller<'_>, told: &StoryRecords) {
    let admin = t.app.user(Role::Admin, None);
    let kim = told.coordinator.clone();

    // The coordinator opens the actors in Excel.
    let table = t.get(&kim, "/actors?municipality=0127&fields=name,kind&format=excel-sv");
    assert!(table.body.contains("association"), "{}", table.body);

    // A partner searches for exactly its own records, by their numbers.
    let area = t.app.area("0127");
    let actor = t.app.public_actor("municipality_code:0127");
    let found = t.post(
        &t.app.anybody(),
        "/actors/search",
        json!({"id": [actor], "identifier": ["municipality_code:0127", "municipality_code:0180"], "include": ["total"]}),
    );
    assert_eq!(found.json["total"], json!(1));

    // All other lists can be searched in the same way.
    let user = id(&admin.get("/users?limit=1").is(200).json["items"][0]);
    let record = told.interventions[0].clone();
    let searches: [(&str, Value); 19] = [
        ("grants", json!({"userId": user, "limit": 1})),
        ("audit-entries", json!({"operation": "createDecision", "outcome": "done", "limit": 1})),
        ("codelists", json!({"codelist": "Sector", "limit": 2})),
        ("areas", json!({"code": "0127"})),
        ("mandates", json!({"areaId": area, "limit": 1})),
        ("actor-relations", json!({"kind": ["member_of"], "limit": 1})),
        ("statements", json!({"policyDomain": "housing", "limit": 1})),
        ("forums", json!({"q": "samverkan", "limit": 1})),
        ("indicators", json!({"code": "neet"})),
        ("observations", json!({"areaId": area, "limit": 2})),
        ("assessments", json!({"areaId": area, "limit": 1})),
        ("interventions", json!({"areaId": area, "limit": 1})),
        ("rounds", json!({"forumId": told.forum, "limit": 1})),
        ("decisions", json!({"roundId": told.round, "limit": 1})),
        ("changes", json!({"types": ["decision", "round"], "limit": 2})),
        ("secrecy-marks", json!({"recordId": record, "inForce": false, "limit": 1})),
        ("disclosures", json!({"recordId": record, "limit": 1})),
        ("journal-entries", json!({"direction": "incoming", "limit": 1})),
        ("legal-holds", json!({"validOn": "2026-11-22", "limit": 1})),
    ];
    for (list, search) in searches {
        t.post(&admin, &format!("/{list}/search"), search);
    }
}
