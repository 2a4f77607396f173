//! A person asks for the stored data and is erased; a legal hold prevents that for a while; other data is disposed of by rule.

use samsyn::access::policy::Role;
use serde_json::json;

use crate::{
    harness::id,
    story::{StoryRecords, Teller},
};

pub fn tell(t: &mut Teller<'_>, told: &StoryRecords) {
    let admin = t.app.user(Role::Admin, None);
    t.get(&t.app.anybody(), "/personal-data-register");

    // A guest, who was here for a short while, asks for the stored data.
    let user = t.app.invite(&admin, "gast@example.se");
    admin.patch(&format!("/users/{user}"), "*", &json!({"name": "Noor Gäst"})).is(200);
    let grant = json!({"userId": user, "role": "reader", "scope": {"kind": "forum", "id": told.forum}});
    admin.post("/grants", &grant).is(201);
    let guest = t.app.sign_in("gast@example.se");
    t.get(&guest, "/me/personal-data");
    t.get(&admin, &format!("/users/{user}/personal-data"));

    // A court case requires that all of it is kept for a while.
    let hold = json!({"recordKind": "user", "recordId": user, "reason": "Överklagat beslut, förvaltningsrätten mål 1234-26"});
    let hold = t.post(&admin, "/legal-holds", hold);
    let path = format!("/legal-holds/{}", id(&hold.json));
    t.get(&admin, &format!("/legal-holds?recordId={user}&validOn=2026-11-22"));
    t.get(&admin, &path);
    let reason = json!({"reason": "Personen har slutat och ber om att bli raderad"});
    let refused = admin.post(&format!("/users/{user}/erasure"), &reason).is(409);
    assert_eq!(refused.json["code"], json!("kept-by-law"));
    t.call(&admin.with("If-Match", &hold.etag()), "DELETE", &path, None);
    t.post(&admin, &format!("/users/{user}/erasure"), reason);

    // Data that has served its purpose is removed by rule.
    let run = t.post(&admin, "/retention-runs", json!({"dryRun": true}));
    t.get(&admin, "/retention-runs");
    t.get(&admin, &format!("/retention-runs/{}", id(&run.json)));
}
