//! A partner system is called at changes.

use serde_json::json;

use crate::{
    harness::{id, waited},
    story::{StoryRecords, Teller},
};

/// An address where nothing listens, so that nothing is sent to anybody.
pub const NOBODY: &str = "https://127.1.1.1:1031/samsyn";

pub fn tell(t: &mut Teller<'_>, told: &StoryRecords) {
    let kim = &told.coordinator;
    let botkyrka = t.app.area("0127");

    // She creates the webhook disabled, and enables it when the receiver is ready.
    let made = t.post(
        kim,
        "/webhooks",
        json!({"url": NOBODY, "types": ["actor", "forum"], "areaId": botkyrka, "description": "Kommunens föreningsregister", "enabled": false}),
    );
    let webhook = id(&made.json["webhook"]);
    let path = format!("/webhooks/{webhook}");
    t.get(kim, "/webhooks");
    let tag = t.get(kim, &path).etag();
    t.call(&kim.with("If-Match", &tag), "PATCH", &path, Some(json!({"types": ["actor"]})));
    t.post(kim, &format!("{path}/replay"), json!({"fromPosition": 5000}));
    t.call(kim, "POST", &format!("{path}/secrets"), None);
    t.call(kim, "POST", &format!("{path}/enable"), None);

    // A test message, which nobody receives.
    let ping = t.call(kim, "POST", &format!("{path}/test"), None);
    let delivery = format!("{path}/deliveries/{}", id(&ping.json));
    // Polling with a request id of its own uses up no ids, however often it happens.
    let looking = kim.with("X-Request-Id", "is-anybody-there");
    waited("the try", || looking.get(&delivery).json["lastTriedAt"].is_string());
    assert_eq!(t.get(kim, &delivery).json["lastError"], json!("unreachable"));
    t.get(kim, &format!("{path}/deliveries?state=pending"));
    t.post(kim, &format!("{path}/deliveries/search"), json!({"state": "pending", "limit": 1}));
    t.call(kim, "POST", &format!("{delivery}/retry"), None);
    let tag = kim.get(&path).etag();
    t.call(&kim.with("If-Match", &tag), "DELETE", &path, None);
}
