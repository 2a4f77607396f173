//! Afterwards the administrator looks up who did what.

use samsyn::access::policy::Role;
use serde_json::json;

use crate::{
    harness::id,
    story::{StoryRecords, Teller},
};

/// The administrator looks up who corrected the decision, and exports failed calls for a spreadsheet.
pub fn tell(t: &mut Teller<'_>, told: &StoryRecords) {
    let admin = t.app.user(Role::Admin, None);
    let of_decision = t.get(&admin, &format!("/audit-entries?recordId={}&limit=2", told.decision));
    let entry = &of_decision.json["items"][0];
    assert_eq!((&entry["operation"], &entry["outcome"]), (&json!("updateDecision"), &json!("done")));
    assert_eq!(entry["user"]["name"], json!("Kim Samordnare"));
    t.get(&admin, &format!("/audit-entries/{}", id(entry)));
    let table = t.get(&admin, "/audit-entries/export?outcome=failed");
    assert!(table.body.contains("createDecision;failed;422"), "{}", table.body);
}
