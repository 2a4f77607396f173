//! The red thread from the decision back to the numbers, and other work of the coordinator and the administrator.

use serde_json::json;

use super::{numbers::Numbers, parties::Parties};
use crate::{harness::id, story::Teller};

pub fn tell(t: &mut Teller<'_>, parties: &Parties, numbers: &Numbers, decision_id: &str) {
    let Parties { botkyrka, foundation, kim, admin, .. } = parties;
    let Numbers { indicator, observation, .. } = numbers;
    let app = t.app;
    let indicator_id = id(&indicator.json);

    // The red thread from the decision back to the numbers, and forward again.
    let trace = t.get(kim, &format!("/trace/decision/{decision_id}"));
    let kinds: Vec<_> = trace.json["nodes"].as_array().unwrap().iter().map(|node| node["kind"].as_str().unwrap().to_owned()).collect();
    for kind in ["decision", "round", "intervention", "cause", "finding", "evidence", "observation"] {
        assert!(kinds.iter().any(|met| met == kind), "{kind} is not on the thread: {kinds:?}");
    }
    let forward = kim.get(&format!("/trace/observation/{observation}?direction=forward")).is(200);
    assert!(forward.body.contains(decision_id), "{}", forward.body);

    // Indicators are the same for all, so changing one takes a permission that holds everywhere.
    t.call(
        &admin.with("If-Match", &indicator.etag()),
        "PATCH",
        &format!("/indicators/{indicator_id}"),
        Some(json!({"updateNote": "Uppdateras i februari varje år"})),
    );
    let users = t.get(admin, "/users?limit=2");
    t.get(admin, &format!("/users/{}", id(&users.json["items"][0])));
    let grants = t.get(admin, "/grants?limit=2");
    assert!(grants.json["items"].as_array().unwrap().len() == 2);
    t.get(kim, "/changes?types=decision,round");
    let extra = t.post(admin, "/users", json!({"email": "kort@example.se", "name": "Kort Besök"}));
    let grant = t.post(admin, "/grants", json!({"userId": id(&extra.json), "role": "reader", "scope": {"kind": "everywhere", "id": null}}));
    t.get(admin, &format!("/grants/{}", id(&grant.json)));
    t.call(&admin.with("If-Match", &grant.etag()), "DELETE", &format!("/grants/{}", id(&grant.json)), None);
    let gone = t.post(kim, "/actors", json!({"kind": "association", "name": "Registrerad av misstag", "seatAreaId": botkyrka}));
    t.call(&kim.with("If-Match", &gone.etag()), "DELETE", &format!("/actors/{}", id(&gone.json)), None);
    let many = json!({"atomic": true, "operations": [
        {"op": "update", "id": foundation, "version": 2, "patch": {"targetGroups": ["Unga mellan 16 och 24 år"]}},
        {"op": "create", "actor": {"kind": "association", "name": "Alby Läxhjälp", "seatAreaId": botkyrka}}]});
    t.post(kim, "/actors/batch", many);
    let leaving = app.sign_in("region@example.se");
    t.call(&leaving, "DELETE", "/sessions/current", None);
    leaving.get("/me").is(401);
}
