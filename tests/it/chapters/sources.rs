//! A partner system sends its register every night: new records are created, records that may exist already wait for a person,
//! and values that are curated here stay.

use serde_json::json;

use crate::{
    harness::id,
    story::{StoryRecords, Teller},
};

pub fn tell(t: &mut Teller<'_>, told: &StoryRecords) {
    let (app, kim) = (t.app, &told.coordinator);
    let botkyrka = app.public_actor("municipality_code:0127");
    let source = json!({"actorId": botkyrka, "name": "Lokalregistret", "idScheme": "botkyrka-lokal", "ownedFields": ["name", "website"]});
    let source = id(&kim.post("/sources", &source).is(201).json);
    let path = format!("/sources/{source}/actors");

    // A new record, and the same record again.
    let record =
        json!({"kind": "association", "name": "Alby Odlare", "seatAreaId": app.area("0127"), "website": "https://alby.example.se"});
    let first = t.call(kim, "PUT", &format!("{path}/4711"), Some(record.clone())).is(201);
    let same = kim.put(&format!("{path}/4711"), &record).is(200);
    assert_eq!((same.etag(), &same.json), (first.etag(), &first.json));
    t.get(kim, &format!("{path}/4711"));
    t.get(kim, &format!("{path}?absent=false"));

    // A record that may exist already waits.
    let record = json!({"kind": "association", "name": "Föreningen Alby Odlare", "seatAreaId": app.area("0127"), "website": "https://odlare.example.se"});
    let held = kim.put(&format!("{path}/4712"), &record).is(202);
    let held = held.json["matchId"].as_str().unwrap().to_owned();
    t.get(kim, &format!("/matches?status=open,undone&sourceId={source}"));
    t.post(kim, "/matches/search", json!({"status": ["open", "undone"], "sourceId": source}));
    t.post(kim, &format!("{path}/search"), json!({"externalId": "4711"}));
    t.get(kim, &format!("/matches/{held}"));
    let same = json!({"decision": "same", "actorId": first.json["actorId"], "note": "Samma förening, bekräftat per telefon."});
    t.post(kim, &format!("/matches/{held}/decide"), same);
    t.call(kim, "POST", &format!("/matches/{held}/undo"), None);

    // Somebody registers an actor with the same name by hand. It is another one, in another part of the municipality.
    let third = json!({"kind": "association", "name": "Alby Odlare", "seatAreaId": app.area("0127")});
    kim.post("/actors", &third).is(201);
    let alike = t.get(kim, "/likenesses?dismissed=false");
    t.post(kim, "/likenesses/search", json!({"dismissed": false}));
    t.call(kim, "POST", &format!("/likenesses/{}/dismiss", id(&alike.json["items"][0])), None);

    // In the morning the source sends all its ids.
    t.post(kim, &format!("/sources/{source}/full-syncs"), json!({"externalIds": ["4711", "4799"]}));
    let link = kim.get(&format!("{path}/4712")).is(200);
    t.call(&kim.with("If-Match", &link.etag()), "DELETE", &format!("{path}/4712"), None);
}
