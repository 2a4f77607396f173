//! Forums and memberships: the operations in each state and on each day, and what members can see before, during and after.

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::{
    harness::{Answer, Client, Database, TestApp, id},
    states::{status, try_all},
};

/// The setting of these tests: an administrator, and an actor (`party`) with a user (`people`).
struct Stage {
    app: TestApp,
    admin: Client,
    party: String,
    people: Client,
}

impl Stage {
    fn start(database: Database) -> Option<Self> {
        let app = TestApp::start(database)?;
        let admin = app.user(Role::Admin, None);
        let party = association(&app, &admin, "Odlarna vid torget");
        let people = app.user(Role::ActorAdmin, Some(("actor", &party)));
        Some(Self { app, admin, party, people })
    }

    fn forum(&self, visibility: &str) -> String {
        let new =
            json!({"kind": "council", "level": "local", "name": "Torgrådet", "areas": [self.app.area("0127")], "visibility": visibility});
        format!("/forums/{}", id(&self.admin.post("/forums", &new).is(201).json))
    }

    /// Invites the party, for the given period, and returns the path of the membership.
    fn invite(&self, forum: &str, period: &Value) -> String {
        let mut new = json!({"actorId": self.party, "function": "member"});
        for (name, day) in period.as_object().unwrap() {
            new[name] = day.clone();
        }
        format!("{forum}/members/{}", id(&self.admin.post(&format!("{forum}/members"), &new).is(201).json))
    }

    fn join(&self, forum: &str) -> String {
        let member = self.invite(forum, &json!({}));
        self.people.call("POST", &format!("{member}/accept"), None).is(200);
        member
    }

    /// Creates an assessment in review, with a finding.
    fn assessment(&self, forum: &str) -> String {
        let new = json!({"title": "Läget vid torget", "forumId": forum.strip_prefix("/forums/"), "areaId": self.app.area("0127")});
        let assessment = format!("/assessments/{}", id(&self.admin.post("/assessments", &new).is(201).json));
        self.admin.post(&format!("{assessment}/findings"), &json!({"kind": "difference", "statement": "Det skiljer"})).is(201);
        self.admin.call("POST", &format!("{assessment}/review"), None).is(200);
        assessment
    }

    fn draft(&self, forum: &str) -> String {
        let new = json!({"title": "Ett utkast", "forumId": forum.strip_prefix("/forums/"), "areaId": self.app.area("0127")});
        format!("/assessments/{}", id(&self.admin.post("/assessments", &new).is(201).json))
    }

    /// Creates an assessment in review that the party has endorsed.
    fn endorsed_assessment(&self, forum: &str) -> String {
        let assessment = self.assessment(forum);
        self.people.put(&format!("{assessment}/endorsements/{}", self.party), &json!({"position": "endorse"})).is(201);
        assessment
    }

    fn new_round(&self, forum: &str) -> Value {
        let candidates: Vec<_> = ["Gungor", "Bänkar"].iter().map(|title| self.intervention(title)).collect();
        json!({"forumId": forum.strip_prefix("/forums/"), "question": "Vad först?", "horizon": "short", "candidates": candidates,
            "criteria": [{"key": "effect", "name": "Effekt", "weight": 1, "scale": 5}]})
    }

    fn intervention(&self, title: &str) -> String {
        let new = json!({"title": title, "ownerActorId": self.party, "status": "planned", "horizon": "short", "addresses": "consequence",
            "instrument": "area_measure"});
        id(&self.admin.post("/interventions", &new).is(201).json)
    }

    fn open_round(&self, forum: &str) -> String {
        let round = format!("/rounds/{}", id(&self.admin.post("/rounds", &self.new_round(forum)).is(201).json));
        self.admin.call("POST", &format!("{round}/open"), None).is(200);
        round
    }

    fn endorse(&self, assessment: &str) -> Answer {
        let word = json!({"position": "dissent", "reason": "Vi ser det annorlunda"});
        self.people.put(&format!("{assessment}/endorsements/{}", self.party), &word)
    }

    fn vote(&self, round: &str) -> Answer {
        self.people.put(&format!("{round}/ballots/{}", self.party), &json!({"abstains": true, "scores": []}))
    }
}

fn association(app: &TestApp, admin: &Client, name: &str) -> String {
    id(&admin.post("/actors", &json!({"kind": "association", "name": name, "seatAreaId": app.area("0127")})).is(201).json)
}

#[rstest]
fn each_operation_on_a_membership_in_each_state(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::start(database) else { return };
    try_all("Member", |state, call| {
        let forum = stage.forum("members");
        let member = stage.invite(&forum, &json!({}));
        let before: &[&str] = match state {
            "invited" => &[],
            "accepted" => &["accept"],
            "declined" => &["decline"],
            "left" => &["accept", "leave"],
            other => panic!("no way to {other} is known"),
        };
        for step in before {
            stage.people.call("POST", &format!("{member}/{step}"), None).is(200);
        }
        let answer = match call {
            "updateMember" => stage.admin.patch(&member, "*", &json!({"currentLevel": "dialogue"})),
            "deleteMember" => stage.admin.delete(&member, "*"),
            "acceptInvitation" => stage.people.call("POST", &format!("{member}/accept"), None),
            "declineInvitation" => stage.people.call("POST", &format!("{member}/decline"), None),
            "leaveForum" => stage.people.call("POST", &format!("{member}/leave"), None),
            other => panic!("{other} is not tried"),
        };
        (answer, status(&stage.admin.get(&member)))
    });
}

#[rstest]
fn each_operation_on_a_forum_in_each_state(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::start(database) else { return };
    try_all("Forum", |state, call| {
        let forum = stage.forum("public");
        let round = stage.new_round(&forum);
        stage.join(&forum);
        let other = association(&stage.app, &stage.admin, "De andra");
        let others = stage.app.user(Role::ActorAdmin, Some(("actor", &other)));
        let invited = stage.admin.post(&format!("{forum}/members"), &json!({"actorId": other, "function": "member"})).is(201);
        let (assessment, draft, open) = (stage.assessment(&forum), stage.draft(&forum), stage.open_round(&forum));
        let review = stage.endorsed_assessment(&forum);
        if call == "deleteForum" {
            stage.admin.call("POST", &format!("{open}/withdraw"), None).is(200);
        }
        let prepared = format!("/rounds/{}", id(&stage.admin.post("/rounds", &round).is(201).json));
        stage.admin.patch(&forum, "*", &json!({"status": state})).is(200);
        let answer = match call {
            "updateForum" => stage.admin.patch(&forum, "*", &json!({"purpose": "Torget"})),
            "createMember" => {
                let third = association(&stage.app, &stage.admin, "De tredje");
                stage.admin.post(&format!("{forum}/members"), &json!({"actorId": third, "function": "member"}))
            }
            "acceptInvitation" => others.call("POST", &format!("{forum}/members/{}/accept", id(&invited.json)), None),
            "updateAssessment" => stage.admin.patch(&assessment, "*", &json!({"purpose": "Torget"})),
            "reviewAssessment" => stage.admin.call("POST", &format!("{draft}/review"), None),
            "agreeAssessment" => stage.admin.call("POST", &format!("{review}/agree"), None),
            "createFinding" => stage.admin.post(&format!("{assessment}/findings"), &json!({"kind": "pattern", "statement": "Så är det"})),
            "createCause" => stage.admin.post(&format!("{assessment}/causes"), &json!({"statement": "Därför", "level": "local"})),
            "endorseAssessment" => stage.endorse(&assessment),
            "updateRound" => stage.admin.patch(&prepared, "*", &json!({"question": "Vad allra först?"})),
            "openRound" => stage.admin.call("POST", &format!("{prepared}/open"), None),
            "castBallot" => stage.vote(&open),
            "createAssessment" => {
                let new = json!({"title": "Läget", "forumId": round["forumId"], "areaId": stage.app.area("0127")});
                stage.admin.post("/assessments", &new)
            }
            "createRound" => stage.admin.post("/rounds", &round),
            "deleteForum" => stage.admin.delete(&forum, "*"),
            other => panic!("{other} is not tried"),
        };
        (answer, status(&stage.admin.get(&forum)))
    });
}

#[rstest]
fn only_the_party_answers_its_invitation(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::start(database) else { return };
    let forum = stage.forum("members");
    let member = stage.invite(&forum, &json!({}));
    let coordinator = stage.app.user(Role::Coordinator, Some(("area", &stage.app.area("0127"))));
    for step in ["accept", "decline", "leave"] {
        for other in [&stage.admin, &coordinator] {
            let refused = other.call("POST", &format!("{member}/{step}"), None).is(403);
            assert_eq!(refused.json["requiredPermission"], json!("forums.answer"));
        }
    }
    stage.people.call("POST", &format!("{member}/decline"), None).is(200);
    for who in [&stage.admin, &coordinator] {
        who.call("POST", &format!("{member}/accept"), None).is(403);
    }
    stage.people.call("POST", &format!("{member}/accept"), None).is(409);
    // Invited again it can accept. After that it can leave, but not decline.
    assert_eq!(stage.invite(&forum, &json!({})), member);
    stage.people.call("POST", &format!("{member}/accept"), None).is(200);
    stage.people.call("POST", &format!("{member}/decline"), None).is(409);
    assert_eq!(stage.people.call("POST", &format!("{member}/leave"), None).is(200).json["status"], json!("left"));
}

#[rstest]
fn an_invitation_opens_the_forum_and_none_of_its_drafts(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::start(database) else { return };
    let forum = stage.forum("forum");
    let assessment = stage.assessment(&forum);
    let round = stage.open_round(&forum);
    stage.people.get(&forum).is(404);
    let member = stage.invite(&forum, &json!({}));
    stage.people.get(&forum).is(200);
    stage.people.get(&member).is(200);
    assert_eq!(stage.people.get("/assessments").is(200).json["items"], json!([]));
    for hidden in [&assessment, &round] {
        stage.people.get(hidden).is(404);
    }
    stage.people.call("POST", &format!("{member}/accept"), None).is(200);
    for seen in [&assessment, &round] {
        stage.people.get(seen).is(200);
    }
    // A party that has left can no longer see them, except its own endorsement.
    stage.endorse(&assessment).is(201);
    stage.people.call("POST", &format!("{member}/leave"), None).is(200);
    stage.people.get(&forum).is(404);
    stage.people.get(&assessment).is(404);
    let own = stage.people.get(&format!("{assessment}/endorsements/{}", stage.party)).is(200);
    assert_eq!(own.json["position"], json!("dissent"));
    let stranger = stage.app.stranger("annan@example.se", "Någon Annan");
    stranger.get(&format!("{assessment}/endorsements/{}", stage.party)).is(404);
}

#[rstest]
fn words_and_votes_follow_the_day_and_the_actor(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::start(database) else { return };
    let forum = stage.forum("members");
    let member = stage.join(&forum);
    let assessment = stage.assessment(&forum);
    stage.admin.patch(&assessment, "*", &json!({"visibility": "members"})).is(200);
    let mut new = stage.new_round(&forum);
    new["visibility"] = json!("members");
    let round = format!("/rounds/{}", id(&stage.admin.post("/rounds", &new).is(201).json));
    stage.admin.call("POST", &format!("{round}/open"), None).is(200);
    // The period is compared with today, which is 22 November.
    for period in [json!({"validTo": "2026-11-22"}), json!({"validTo": null, "validFrom": "2026-11-23"})] {
        stage.admin.patch(&member, "*", &period).is(200);
        stage.endorse(&assessment).is(409);
        stage.vote(&round).is(409);
    }
    stage.admin.patch(&member, "*", &json!({"validFrom": "2026-11-22", "validTo": "2026-11-23"})).is(200);
    // In a closed forum nobody can endorse or vote.
    stage.admin.patch(&forum, "*", &json!({"status": "closed"})).is(200);
    stage.endorse(&assessment).is(409);
    stage.vote(&round).is(409);
    stage.admin.patch(&forum, "*", &json!({"status": "active"})).is(200);
    let actor = format!("/actors/{}", stage.party);
    stage.admin.patch(&actor, "*", &json!({"dissolved": "2026-11-22"})).is(200);
    stage.endorse(&assessment).is(409);
    stage.vote(&round).is(409);
    let other = stage.forum("members");
    let invite = json!({"actorId": stage.party, "function": "member"});
    assert_eq!(stage.admin.post(&format!("{other}/members"), &invite).is(422).faults(), ["/actorId dissolved"]);
    stage.admin.patch(&actor, "*", &json!({"dissolved": null})).is(200);
    stage.endorse(&assessment).is(201);
    stage.vote(&round).is(201);
    // A membership whose period is over can be neither offered nor accepted.
    let over = json!({"actorId": stage.party, "function": "member", "validTo": "2026-11-22"});
    assert_eq!(stage.admin.post(&format!("{other}/members"), &over).is(422).faults(), ["/validTo too-early"]);
    let late = stage.invite(&other, &json!({}));
    stage.admin.patch(&late, "*", &json!({"validTo": "2026-11-22"})).is(200);
    stage.people.call("POST", &format!("{late}/accept"), None).is(409);
}

#[rstest]
fn the_day_is_that_of_the_night_here(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::start(database) else { return };
    let forum = stage.forum("members");
    let member = stage.join(&forum);
    stage.admin.patch(&member, "*", &json!({"validTo": "2027-01-01"})).is(200);
    let assessment = stage.assessment(&forum);
    stage.admin.patch(&assessment, "*", &json!({"visibility": "members"})).is(200);
    let email = stage.people.get("/me").is(200).json["user"]["email"].as_str().unwrap().to_owned();
    let clerk = stage.admin.get("/me").is(200).json["user"]["email"].as_str().unwrap().to_owned();
    let url = stage.app.url.clone();
    let assert_at = |moment: &str, first: u64, status: u16, registration: &str| {
        let app = TestApp::at(moment.parse().unwrap(), &url, first);
        // The endorsement differs each time, since an unchanged one is not written again.
        let word = json!({"position": "dissent", "reason": moment});
        let answer = app.sign_in(&email).with("If-Match", "*").put(&format!("{assessment}/endorsements/{}", stage.party), &word);
        assert_eq!(answer.status, status, "{moment}: {}", answer.body);
        let entry = json!({"direction": "incoming", "receivedOn": &registration[..10], "title": "Nyårsbrevet"});
        let entry = app.sign_in(&clerk).post("/journal-entries", &entry).is(201);
        assert_eq!(entry.json["registration"], json!(&registration[11..]), "{moment}");
    };
    assert_at("2026-12-31T22:30:00Z", 20_000_000, 201, "2026-12-31 2026:1");
    // It is half past midnight in Sweden, and still the old year in UTC.
    assert_at("2026-12-31T23:30:00Z", 30_000_000, 409, "2027-01-01 2027:1");
}

#[rstest]
fn a_forum_with_open_rounds_or_published_assessments_stays(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::start(database) else { return };
    let forum = stage.forum("members");
    stage.join(&forum);
    let round = stage.open_round(&forum);
    stage.admin.delete(&forum, "*").is(409);
    stage.vote(&round).is(201);
    stage.admin.call("POST", &format!("{round}/close"), None).is(200);
    let assessment = stage.assessment(&forum);
    stage.people.put(&format!("{assessment}/endorsements/{}", stage.party), &json!({"position": "endorse"})).is(201);
    stage.admin.call("POST", &format!("{assessment}/agree"), None).is(200);
    stage.admin.call("POST", &format!("{assessment}/publish"), None);
    let published = stage.admin.get(&assessment).is(200).json["status"].clone();
    assert_eq!(published, json!("published"));
    stage.admin.delete(&forum, "*").is(409);
    // The published revision remains while the assessment is being revised.
    stage.admin.call("POST", &format!("{assessment}/revise"), None).is(200);
    stage.admin.delete(&forum, "*").is(409);
    stage.admin.delete(&stage.forum("members"), "*").is(204);
}
