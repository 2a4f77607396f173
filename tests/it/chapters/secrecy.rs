//! A description turns out to be secret, a request for it is answered, and the request is registered.

use serde_json::json;

use crate::{
    harness::id,
    story::{StoryRecords, Teller},
};

pub fn tell(t: &mut Teller<'_>, told: &StoryRecords) {
    let intervention = &told.interventions[0];
    let path = format!("/interventions/{intervention}");

    // The municipality's own intervention names a place that must be kept safe.
    let mark = t.post(
        &told.municipality,
        "/secrecy-marks",
        json!({"recordKind": "intervention", "recordId": intervention, "member": "description", "chapter": 26, "paragraph": "1",
            "motive": "Beskrivningen gör det möjligt att förstå vilket skyddat boende som avses.", "reviewOn": "2027-11-22"}),
    );
    let mark_path = format!("/secrecy-marks/{}", id(&mark.json));
    t.get(&told.municipality, &mark_path);
    t.get(&told.municipality, "/secrecy-marks?reviewBefore=2028-01-01");
    let hidden = t.get(&told.association, &path);
    assert_eq!(hidden.json["redacted"], json!([{"member": "description", "ground": "OSL 26:1"}]));

    // Somebody requests it; the coordinator discloses it without the secret part.
    let disclosure = t.post(
        &told.coordinator,
        "/disclosures",
        json!({"recordKind": "intervention", "recordId": intervention, "requestedOn": "2026-11-22", "decision": "disclosed_in_part",
            "note": "Begärd per telefon och lämnad ut som utskrift."}),
    );
    t.get(&told.coordinator, &format!("/disclosures/{}", id(&disclosure.json)));
    t.get(&told.coordinator, &format!("/disclosures?recordId={intervention}"));

    // The request is registered.
    let entry = t.post(
        &told.coordinator,
        "/journal-entries",
        json!({"direction": "incoming", "receivedOn": "2026-11-22", "title": "Begäran om utlämnande av en insats",
            "recordKind": "intervention", "recordId": intervention}),
    );
    assert_eq!(entry.json["registration"], json!("2026:1"));
    t.get(&told.coordinator, &format!("/journal-entries/{}", id(&entry.json)));
    t.get(&told.coordinator, "/journal-entries?year=2026");

    // A year later the place is no longer used.
    t.post(&told.municipality, &format!("{mark_path}/lift"), json!({"motive": "Boendet används inte längre."}));
    assert!(t.get(&told.association, &path).json.get("redacted").is_none());
}
