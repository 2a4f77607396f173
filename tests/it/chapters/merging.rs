//! An association turns out to be registered twice.

use serde_json::json;

use crate::{
    harness::id,
    story::{StoryRecords, Teller},
};

pub fn tell(t: &mut Teller<'_>, told: &StoryRecords) {
    let kim = &told.coordinator;
    let botkyrka = t.app.area("0127");
    let kept = t.app.public_actor("SE-ON:8020010008");
    let twin = kim.post(
        "/actors",
        &json!({"kind": "association", "name": "Fittja Grannförening", "seatAreaId": botkyrka, "focus": "Odling",
            "website": "https://grannforeningen.example.se/", "policyDomains": ["health"]}),
    );
    let twin = id(&twin.is(201).json);
    let mandate = kim.post(
        "/mandates",
        &json!({"actorId": twin, "policyDomain": "health", "areaId": botkyrka, "powers": ["inform"], "basis": "voluntary"}),
    );
    let mandate = format!("/mandates/{}", id(&mandate.is(201).json));

    // Kim looks at the preview before she merges.
    let preview = t.get(kim, &format!("/actors/{twin}/merge-preview?into={kept}"));
    assert_eq!(preview.json["counts"][0]["kind"], json!("mandate"));
    assert_eq!(kim.get(&mandate).json["actorId"], json!(twin), "a preview changes nothing");
    let merge = t.post(kim, &format!("/actors/{twin}/merge"), json!({"into": kept, "note": "Samma förening, registrerad två gånger"}));
    assert_eq!(kim.get(&mandate).json["actorId"], json!(kept));
    t.app.anybody().get(&format!("/actors/{twin}")).is(301);

    // They were not the same: one is a part of the other. She undoes the merge.
    let path = format!("/merges/{}", id(&merge.json));
    t.get(kim, &path);
    t.get(kim, "/merges?limit=5");
    let undone = t.call(kim, "POST", &format!("{path}/undo"), None);
    assert_eq!(undone.json["leftAlone"], json!([]));
    assert_eq!(kim.get(&mandate).json["actorId"], json!(twin));
}
