//! The coordinator opens a forum with the parties, who answer their invitations.

use samsyn::access::policy::Role;
use serde_json::json;

use super::parties::Parties;
use crate::{harness::id, story::Teller};

/// Returns the forum's id.
pub fn tell(t: &mut Teller<'_>, parties: &Parties) -> String {
    let Parties {
        county, botkyrka, municipality, region, association, foundation, kim, for_municipality, for_region, for_association, ..
    } = parties;
    let app = t.app;
    let forum = t.post(
        kim,
        "/forums",
        json!({"kind": "council", "level": "local", "name": "Samverkansrådet i norra Botkyrka", "areas": [botkyrka],
            "purpose": "En gemensam bild av levnadsvillkoren i norra Botkyrka", "complementsLineOrganisation": true}),
    );
    let forum_id = id(&forum.json);
    let forum_path = format!("/forums/{forum_id}");
    let mut members = Vec::new();
    for (actor, function, now, wish) in [
        (&municipality, "chair", "dialogue", "partnership"),
        (&region, "member", "information", "dialogue"),
        (&association, "member", "consultation", "partnership"),
        (&foundation, "observer", "information", "information"),
    ] {
        let new = json!({"actorId": actor, "function": function, "currentLevel": now, "desiredLevel": wish});
        members.push(t.post(kim, &format!("{forum_path}/members"), new));
    }
    for (who, member) in [(&for_municipality, &members[0]), (&for_region, &members[1]), (&for_association, &members[2])] {
        t.call(who, "POST", &format!("{forum_path}/members/{}/accept", id(&member.json)), None);
    }
    let fourth = format!("{forum_path}/members/{}", id(&members[3].json));
    // The foundation accepts and leaves; invited again, it declines.
    let for_foundation = app.user(Role::ActorAdmin, Some(("actor", foundation)));
    for_foundation.call("POST", &format!("{fourth}/accept"), None).is(200);
    t.call(&for_foundation, "POST", &format!("{fourth}/leave"), None);
    kim.post(&format!("{forum_path}/members"), &json!({"actorId": foundation, "function": "observer"})).is(201);
    t.call(&for_foundation, "POST", &format!("{fourth}/decline"), None);
    let second = format!("{forum_path}/members/{}", id(&members[1].json));
    let tag = t.get(kim, &second).etag();
    t.call(&kim.with("If-Match", &tag), "PATCH", &second, Some(json!({"currentLevel": "consultation"})));
    let tag = t.get(kim, &fourth).etag();
    t.call(&kim.with("If-Match", &tag), "DELETE", &fourth, None);
    t.get(kim, &format!("{forum_path}/members"));
    t.call(&kim.with("If-Match", &forum.etag()), "PATCH", &forum_path, Some(json!({"meetingRhythm": "Sex gånger om året"})));
    t.get(kim, "/forums?q=samverkans");
    t.get(kim, &forum_path);
    let mistaken = t.post(kim, "/forums", json!({"kind": "network", "level": "regional", "name": "Öppnat av misstag", "areas": [county]}));
    t.call(&kim.with("If-Match", &mistaken.etag()), "DELETE", &format!("/forums/{}", id(&mistaken.json)), None);
    forum_id
}
