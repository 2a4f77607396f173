//! Every operation in every state: the answers are those of the life-cycle tables.

use rstest::rstest;
use samsyn::{
    access::policy::Role,
    kernel::lifecycle::{Outcome, Table},
};
use serde_json::{Value, json};

use crate::harness::{Answer, Client, Database, TestApp, id};

/// A forum with a party, and everything that its assessments and rounds need.
struct Stage {
    app: TestApp,
    admin: Client,
    forum: String,
    party: String,
    people: Client,
    interventions: [String; 2],
    indicator: String,
}

impl Stage {
    fn new(database: Database) -> Option<Self> {
        let app = TestApp::start(database)?;
        let admin = app.user(Role::Admin, None);
        let new = json!({"kind": "council", "level": "local", "name": "Torgrådet", "areas": ["0127"], "visibility": "public"});
        let forum = id(&admin.post("/forums", &new).is(201).json);
        let new = json!({"kind": "association", "name": "Odlarna", "seatAreaId": "0127"});
        let party = id(&admin.post("/actors", &new).is(201).json);
        let people = app.user(Role::ActorAdmin, Some(("actor", &party)));
        let members = format!("/forums/{forum}/members");
        let member = admin.post(&members, &json!({"actorId": party, "function": "member"})).is(201);
        people.call("POST", &format!("{members}/{}/accept", id(&member.json)), None).is(200);
        let interventions = ["Gungor", "Bänkar"].map(|title| {
            let new = json!({"title": title, "ownerActorId": party, "status": "planned", "horizon": "short", "addresses": "consequence",
                "instrument": "area_measure", "visibility": "public"});
            id(&admin.post("/interventions", &new).is(201).json)
        });
        let rows = json!({"rows": [{"areaCode": "0127", "period": "2023", "value": 12.5}]});
        let import = admin.post("/observation-imports?indicator=neet&source=SCB", &rows).is(201);
        let indicator = import.json["indicatorId"].as_str().unwrap().to_owned();
        Some(Self { app, admin, forum, party, people, interventions, indicator })
    }

    /// An assessment in review that can be agreed, with a finding, evidence, a cause and an endorsement.
    fn assessment(&self) -> Written {
        let new = json!({"title": "Läget vid torget", "forumId": self.forum, "areaId": "0127"});
        let path = format!("/assessments/{}", id(&self.admin.post("/assessments", &new).is(201).json));
        let make =
            |below: &str, new: &Value| format!("{path}/{below}/{}", id(&self.admin.post(&format!("{path}/{below}"), new).is(201).json));
        let finding = make("findings", &json!({"kind": "difference", "statement": "Det skiljer"}));
        let evidence = self.admin.post(&format!("{finding}/evidence"), &self.question()).is(201);
        let evidence = format!("{finding}/evidence/{}", id(&evidence.json));
        let cause = make("causes", &json!({"statement": "Ingen har planterat", "level": "local"}));
        self.admin.call("POST", &format!("{path}/review"), None).is(200);
        let word = format!("{path}/endorsements/{}", self.party);
        self.people.put(&word, &json!({"position": "endorse"})).is(201);
        Written { path, finding, evidence, cause, word }
    }

    fn question(&self) -> Value {
        json!({"kind": "statistic", "query": {"indicatorId": self.indicator, "areaIds": ["0127"], "periods": ["2023"]}})
    }

    /// An open round with a ballot.
    fn round(&self) -> String {
        let new = json!({"forumId": self.forum, "question": "Vad först?", "horizon": "short", "candidates": self.interventions,
            "criteria": [{"key": "effect", "name": "Effekt", "weight": 1, "scale": 5}]});
        let path = format!("/rounds/{}", id(&self.admin.post("/rounds", &new).is(201).json));
        self.admin.call("POST", &format!("{path}/open"), None).is(200);
        self.people.put(&format!("{path}/ballots/{}", self.party), &json!({"abstains": true})).is(201);
        path
    }

    fn decision(&self, round: &str) -> Answer {
        let chosen = [&self.interventions[1]];
        let new = json!({"roundId": round.strip_prefix("/rounds/"), "chosen": chosen, "decidedOn": "2026-11-20", "reason": "Bråttom."});
        self.admin.post("/decisions", &new)
    }

    fn put_again(&self, path: &str, body: &Value) -> Answer {
        let body = serde_json::to_vec(body).unwrap();
        self.people.with("If-Match", "*").call("PUT", path, Some(("application/json", &body)))
    }
}

struct Written {
    path: String,
    finding: String,
    evidence: String,
    cause: String,
    word: String,
}

fn table(name: &str) -> Table {
    samsyn::states::all().into_iter().find(|table| table.name == name).unwrap()
}

/// Tries every call of a table in every state. `attempt` makes a record in the state, makes the call, and returns the answer with
/// the state after it; `None` when the record is gone.
pub fn try_all(name: &str, attempt: impl Fn(&str, &str) -> (Answer, Option<String>)) {
    let table = table(name);
    for (number, state) in table.states.iter().enumerate() {
        for (calls, outcomes) in &table.operations {
            for call in *calls {
                let (answer, after) = attempt(state, call);
                let what = format!("{call} of {name} when {state}: {} {}", answer.status, answer.body);
                match &outcomes[number] {
                    Outcome::Refused(kind) => {
                        assert_eq!((answer.status, &answer.json["code"]), (kind.status(), &json!(kind.slug())), "{what}");
                        assert_eq!(after.as_deref().unwrap_or(state), state, "{what}");
                    }
                    Outcome::State(next) => {
                        assert!((200..300).contains(&answer.status), "{what}");
                        assert_eq!(after.as_deref(), Some(next.as_str()), "{what}");
                    }
                    Outcome::Removed => {
                        assert!((200..300).contains(&answer.status), "{what}");
                        assert_eq!(after, None, "{what}");
                    }
                }
            }
        }
    }
}

/// The status of a record; `None` when it is gone.
pub fn status(answer: &Answer) -> Option<String> {
    (answer.status != 404).then(|| answer.json["status"].as_str().unwrap().to_owned())
}

#[rstest]
fn each_operation_on_an_assessment_in_each_state(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::new(database) else { return };
    try_all("Assessment", |state, call| {
        let Written { path, finding, evidence, cause, word } = stage.assessment();
        stage.app.execute(&format!("UPDATE assessment SET status = '{state}' WHERE status = 'review'"));
        let admin = &stage.admin;
        let step = |step: &str| admin.call("POST", &format!("{path}/{step}"), None);
        let answer = match call {
            "updateAssessment" => admin.patch(&path, "*", &json!({"purpose": "Torget"})),
            "createFinding" => admin.post(&format!("{path}/findings"), &json!({"kind": "pattern", "statement": "Så är det"})),
            "updateFinding" => admin.patch(&finding, "*", &json!({"statement": "Det skiljer mycket"})),
            "deleteFinding" => admin.delete(&finding, "*"),
            "createEvidence" => admin.post(&format!("{finding}/evidence"), &stage.question()),
            "deleteEvidence" => admin.delete(&evidence, "*"),
            "createCause" => admin.post(&format!("{path}/causes"), &json!({"statement": "Därför", "level": "local"})),
            "updateCause" => admin.patch(&cause, "*", &json!({"confidence": "low"})),
            "deleteCause" => admin.delete(&cause, "*"),
            "endorseAssessment" => stage.put_again(&word, &json!({"position": "dissent", "reason": "Nej"})),
            "deleteEndorsement" => stage.people.delete(&word, "*"),
            "reviewAssessment" => step("review"),
            "agreeAssessment" => step("agree"),
            "publishAssessment" => step("publish"),
            "reviseAssessment" => step("revise"),
            "deleteAssessment" => admin.delete(&path, "*"),
            other => panic!("{other} is not tried"),
        };
        let after = status(&admin.get(&path));
        stage.app.execute("UPDATE assessment SET status = 'superseded'");
        (answer, after)
    });
}

#[rstest]
fn each_operation_on_an_endorsement_in_each_state(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::new(database) else { return };
    try_all("Endorsement", |state, call| {
        let Written { finding, word, .. } = stage.assessment();
        match state {
            "missing" => drop(stage.people.delete(&word, "*").is(204)),
            "outdated" => drop(stage.admin.patch(&finding, "*", &json!({"statement": "Något annat"})).is(200)),
            _ => {}
        }
        let answer = match call {
            "endorseAssessment" if state == "missing" => stage.people.put(&word, &json!({"position": "endorse"})),
            "endorseAssessment" => stage.put_again(&word, &json!({"position": "endorse"})),
            "updateFinding" => stage.admin.patch(&finding, "*", &json!({"statement": "Något helt annat"})),
            "deleteEndorsement" => stage.people.delete(&word, "*"),
            other => panic!("{other} is not tried"),
        };
        let now = stage.admin.get(&word);
        let after = match (now.status, call) {
            (404, "deleteEndorsement") => None,
            (404, _) => Some("missing"),
            _ if now.json["outdated"] == json!(true) => Some("outdated"),
            _ => Some("said"),
        };
        (answer, after.map(ToOwned::to_owned))
    });
}

#[rstest]
fn each_operation_on_a_round_in_each_state(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::new(database) else { return };
    try_all("Round", |state, call| {
        let path = stage.round();
        stage.app.execute(&format!("UPDATE round SET status = '{state}' WHERE status = 'open'"));
        let ballot = format!("{path}/ballots/{}", stage.party);
        let step = |step: &str| stage.admin.call("POST", &format!("{path}/{step}"), None);
        let answer = match call {
            "updateRound" => stage.admin.patch(&path, "*", &json!({"question": "Vad allra först?"})),
            "openRound" => step("open"),
            "castBallot" => stage.put_again(&ballot, &json!({"abstains": true, "conflictOfInterest": "Egen"})),
            "deleteBallot" => stage.people.delete(&ballot, "*"),
            "closeRound" => step("close"),
            "createDecision" => stage.decision(&path),
            "withdrawRound" => step("withdraw"),
            "deleteRound" => stage.admin.delete(&path, "*"),
            other => panic!("{other} is not tried"),
        };
        let after = status(&stage.admin.get(&path));
        stage.app.execute("UPDATE round SET status = 'withdrawn'");
        (answer, after)
    });
}

#[rstest]
fn each_operation_on_a_ballot_in_each_state(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::new(database) else { return };
    try_all("Ballot", |state, call| {
        let ballot = format!("{}/ballots/{}", stage.round(), stage.party);
        if state == "missing" {
            stage.people.delete(&ballot, "*").is(204);
        }
        let answer = match call {
            "castBallot" if state == "missing" => stage.people.put(&ballot, &json!({"abstains": true})),
            "castBallot" => stage.put_again(&ballot, &json!({"abstains": true, "conflictOfInterest": "Egen"})),
            "deleteBallot" => stage.people.delete(&ballot, "*"),
            other => panic!("{other} is not tried"),
        };
        let after = match (stage.people.get(&ballot).status, call) {
            (404, "deleteBallot") => None,
            (404, _) => Some("missing"),
            _ => Some("cast"),
        };
        (answer, after.map(ToOwned::to_owned))
    });
}

#[rstest]
fn each_operation_on_a_decision_in_each_state(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::new(database) else { return };
    try_all("Decision", |state, call| {
        let round = stage.round();
        stage.admin.call("POST", &format!("{round}/close"), None).is(200);
        let path = format!("/decisions/{}", id(&stage.decision(&round).is(201).json));
        if state == "corrected" {
            stage.admin.patch(&path, "*", &json!({"reason": "Mycket bråttom."})).is(200);
        }
        let answer = match call {
            "updateDecision" => stage.admin.patch(&path, "*", &json!({"decidedOn": "2026-11-21"})),
            other => panic!("{other} is not tried"),
        };
        (answer, status(&stage.admin.get(&path)))
    });
}
