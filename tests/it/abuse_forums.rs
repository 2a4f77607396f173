//! Abuse within a forum: a member with a lesser function tries to take rights from those who lead it, or to show the
//! forum's records to others.

use chrono::TimeDelta;
use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::json;

use crate::harness::{Client, Database, TestApp, id, today};

/// An association in Botkyrka, with a client of its administrator.
fn association(app: &TestApp, admin: &Client, name: &str) -> (String, Client) {
    let actor = id(&admin.post("/actors", &json!({"kind": "association", "name": name, "seatAreaId": app.area("0127")})).is(201).json);
    let client = app.user(Role::ActorAdmin, Some(("actor", &actor)));
    (actor, client)
}

#[rstest]
fn abuse_114_who_coordinates_a_forum_neither_evicts_nor_outgrows_its_chair(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let (own, foreign) = (app.area("0127"), app.area("0180"));
    let (leads, chair) = association(&app, &admin, "De som leder");
    let (coordinates, worker) = association(&app, &admin, "De som samordnar");
    let (takes_part, member) = association(&app, &admin, "De som är med");
    let (next, _) = association(&app, &admin, "Nästa");
    let new = json!({"kind": "council", "level": "local", "name": "Torgrådet", "areas": [own], "purpose": "Allt"});
    let forum_id = id(&admin.post("/forums", &new).is(201).json);
    let forum = format!("/forums/{forum_id}");
    let members = format!("{forum}/members");
    let join = |actor: &str, function: &str, who: &Client| {
        let path = format!("{members}/{}", id(&admin.post(&members, &json!({"actorId": actor, "function": function})).is(201).json));
        who.call("POST", &format!("{path}/accept"), None).is(200);
        path
    };
    let of_chair = join(&leads, "chair", &chair);
    let of_worker = join(&coordinates, "coordinator", &worker);
    join(&takes_part, "member", &member);

    // No area of others can be added, and the forum can be neither made public nor removed.
    worker.patch(&forum, "*", &json!({"areas": [own, foreign]})).is(403);
    worker.patch(&forum, "*", &json!({"visibility": "public"})).is(403);
    worker.delete(&forum, "*").is(403);
    worker.patch(&forum, "*", &json!({"purpose": "Nästan allt"})).is(200);
    // The chair cannot be changed.
    worker.patch(&of_chair, "*", &json!({"function": "member"})).is(403);
    worker.patch(&of_chair, "*", &json!({"validTo": "2020-01-01"})).is(403);
    worker.delete(&of_chair, "*").is(403);
    assert_eq!(chair.get(&of_chair).is(200).json["function"], json!("chair"));

    // A narrowed token cannot appoint anybody to a function with more rights than the token carries.
    let coordinator = app.user(Role::Coordinator, Some(("area", &own)));
    let token = json!({"name": "Smal", "scopes": ["forums.read", "forums.write"], "expiresAt": today() + TimeDelta::days(1)});
    let token = app.anybody().with_token(coordinator.post("/me/tokens", &token).is(201).json["token"].as_str().unwrap());
    let appoint = json!({"actorId": next, "function": "chair"});
    assert_eq!(token.post(&members, &appoint).is(422).faults(), ["/function not-held"]);
    coordinator.post(&members, &appoint).is(201);

    // A member who may not publish an assessment cannot make it visible to others.
    let draft = json!({"title": "Lägenheterna vid torget", "forumId": forum_id, "areaId": own});
    let mut public = draft.clone();
    public["visibility"] = json!("public");
    member.post("/assessments", &public).is(403);
    let assessment = format!("/assessments/{}", id(&member.post("/assessments", &draft).is(201).json));
    for wider in ["public", "members"] {
        member.patch(&assessment, "*", &json!({"visibility": wider})).is(403);
    }
    app.anybody().get(&assessment).is(404);
    chair.patch(&assessment, "*", &json!({"visibility": "public"})).is(200);
    member.patch(&assessment, "*", &json!({"visibility": "forum"})).is(200);

    // Leaving is always allowed for one's own actor. Those who lead the forum can make it public and remove it.
    worker.delete(&of_worker, "*").is(204);
    chair.patch(&forum, "*", &json!({"visibility": "public"})).is(200);
}
