//! The main job from beginning to end: a coordinator takes a case from actors to a decided priority. Every operation of the API
//! is called at least once, and the requests and answers become the examples of the contract.

use std::collections::BTreeMap;

use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    chapters::{self, assessment, closing, forum, interventions, numbers, parties, priorities},
    contract::{checker, fits, golden, operations},
    harness::{Answer, Client, Database, TestApp},
    pretty::pretty,
    records,
};

/// Calls on behalf of users, and keeps the first exchange of each operation.
pub struct Teller<'a> {
    pub app: &'a TestApp,
    operations: Vec<(String, String, Value)>,
    pub exchanges: BTreeMap<String, Value>,
    /// Every path that was read.
    pub read: Vec<String>,
    /// Every call, by its operation and its id.
    pub calls: Vec<(String, String)>,
}

impl<'a> Teller<'a> {
    pub fn new(app: &'a TestApp) -> Self {
        Self { app, operations: operations(), exchanges: BTreeMap::new(), read: Vec::new(), calls: Vec::new() }
    }

    /// Makes one call, which must succeed as the contract says.
    #[track_caller]
    pub fn call(&mut self, who: &Client, method: &str, path: &str, body: Option<Value>) -> Answer {
        let media_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let bytes = body.as_ref().map(|body| body.to_string().into_bytes());
        let answer = who.call(method, path, bytes.as_deref().map(|bytes| (media_type, bytes)));
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        let (_, _, operation) = self
            .operations
            .iter()
            .filter(|(known, pattern, _)| known == method && fits(pattern, path))
            // A path with more fixed parts is more specific.
            .min_by_key(|(_, pattern, _)| pattern.matches('{').count())
            .unwrap_or_else(|| panic!("{method} {path} is not in the contract"));
        let described = &operation["responses"][answer.status.to_string()];
        assert!(described.is_object(), "{method} {path} answers {}, which the contract does not say", answer.status);
        // A streamed table has no tag, though the list has one.
        for header in ["ETag", "Location", "Link"].into_iter().filter(|_| !path.contains("format=")) {
            let (said, sent) = (described["headers"][header].is_object(), answer.header(header).is_some());
            assert!(said == sent, "{method} {path} answers {} with {header}: {sent}; the contract says {said}", answer.status);
        }
        let schema = &described["content"]["application/json"]["schema"];
        if schema.is_object() && !path.contains("fields=") {
            let errors: Vec<_> =
                checker(schema).iter_errors(&answer.json).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(errors.is_empty(), "{method} {path} answers what its schema does not: {errors:?}\n{}", answer.body);
        }
        if method == "GET" {
            self.read.push(path.to_owned());
        }
        let name = operation["operationId"].as_str().unwrap().to_owned();
        self.calls.push((name.clone(), answer.header("x-request-id").unwrap_or_default().to_owned()));
        if let std::collections::btree_map::Entry::Vacant(e) = self.exchanges.entry(name) {
            let mut exchange = json!({});
            if let Some(body) = &body {
                exchange["request"] = json!({"value": without_secrets(body)});
            }
            if !answer.json.is_null() {
                exchange["response"] = json!({"value": without_secrets(&answer.json)});
            }
            e.insert(exchange);
        }
        answer
    }

    #[track_caller]
    pub fn get(&mut self, who: &Client, path: &str) -> Answer {
        self.call(who, "GET", path, None)
    }

    #[track_caller]
    pub fn post(&mut self, who: &Client, path: &str, body: Value) -> Answer {
        self.call(who, "POST", path, Some(body))
    }
}

/// The same with examples in place of tokens and passwords.
fn without_secrets(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(items) = value.as_array_mut() {
        for item in items {
            *item = without_secrets(item);
        }
    }
    if let Some(members) = value.as_object_mut() {
        for (name, member) in members {
            match name.as_str() {
                "accessToken" => *member = json!("eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSIsImtpZCI6IjEifQ.e30.c2lnbmF0dXJl"),
                "password" | "currentPassword" | "newPassword" => *member = json!("en mening med några ord"),
                "token" if member.as_str().is_some_and(|token| token.starts_with("smsn_pat_")) => {
                    *member = json!("smsn_pat_q2wUuR0nJr7b3oY2kV0m8sE1tH5xZ4aC6dF9gL7pN3cQ2x9aB");
                }
                "refreshToken" | "token" => *member = json!("q2wUuR0nJr7b3oY2kV0m8sE1tH5xZ4aC6dF9gL7pN3c"),
                "clientSecret" => *member = json!("smsn_cs_q2wUuR0nJr7b3oY2kV0m8sE1tH5xZ4aC6dF9gL7pN3c"),
                "secret" if member.as_str().is_some_and(|secret| secret.starts_with("whsec_")) => {
                    *member = json!("whsec_q2wUuR0nJr7b3oY2kV0m8sE1tH5xZ4aC6dF9gL7pN3c=");
                }
                // The real address is one of this machine, where nothing listens.
                "url" if member.as_str().is_some_and(|url| url.starts_with("https://127.")) => {
                    *member = json!("https://partner.example.com/samsyn");
                }
                "lastDurationMs" if member.is_number() => *member = json!(3),
                "webhook" => *member = without_secrets(member),
                "items" if member[0]["url"].is_string() || !member[0]["webhookId"].is_null() => *member = without_secrets(member),
                "secret" => *member = json!("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"),
                "uri" => *member = json!("otpauth://totp/Samsyn:ali%40example.se?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Samsyn"),
                // The code of a second step, or a recovery code. The code of an area or an indicator is no secret.
                "code"
                    if member
                        .as_str()
                        .is_some_and(|code| code.contains('-') || code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit())) =>
                {
                    *member = json!("287082");
                }
                "codes" if member.is_array() => *member = json!(["4f6b29c-01d77ae-305b8c4-1f0a2d9"]),
                // A cursor is sealed with the secret of the installation, which differs each time.
                "nextCursor" | "changeCursor" if member.is_string() => *member = json!("q2wUuR0nJr7b3oY2kV0m8sE1tH5xZ4aC6dF9gL7pN3c"),
                _ => {}
            }
        }
    }
    value
}

/// The clients and ids of the story, for the chapters after it.
pub struct StoryRecords {
    pub coordinator: Client,
    pub municipality: Client,
    pub association: Client,
    pub forum: String,
    pub assessment: String,
    pub finding: String,
    pub cause: String,
    pub interventions: Vec<String>,
    pub round: String,
    pub decision: String,
}

/// Plays the case until it is decided.
pub fn tell(t: &mut Teller<'_>) -> StoryRecords {
    let parties = parties::tell(t);
    let forum = forum::tell(t, &parties);
    let numbers = numbers::tell(t, &parties);
    let assessment = assessment::tell(t, &parties, &forum, &numbers);
    let interventions = interventions::tell(t, &parties, &forum, &assessment.cause);
    let (round, decision) = priorities::tell(t, &parties, &forum, &interventions);
    assessment::publish(t, &parties, &forum, &assessment.id);
    closing::tell(t, &parties, &numbers, &decision);
    StoryRecords {
        coordinator: parties.kim,
        municipality: parties.for_municipality,
        association: parties.for_association,
        forum,
        assessment: assessment.id,
        finding: assessment.finding,
        cause: assessment.cause,
        interventions,
        round,
        decision,
    }
}

#[rstest]
fn a_case_goes_from_actors_to_a_decided_priority(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let mut teller = Teller::new(&app);
    let told = tell(&mut teller);
    chapters::tell(&mut teller, &told);
    let all: Vec<_> = teller.operations.iter().map(|(_, _, operation)| operation["operationId"].as_str().unwrap()).collect();
    let uncalled: Vec<_> = all.iter().filter(|name| !teller.exchanges.contains_key(**name)).collect();
    assert!(uncalled.is_empty(), "the story does not tell of {uncalled:?}");
    // Every kind of record that changes can be requested by its kind.
    for row in app.rows("SELECT DISTINCT entity_kind AS kind FROM event") {
        let kind: String = row.try_get("", "kind").unwrap();
        assert!(records::kinds().any(|record| record.kind == kind), "{kind} is no declared kind of record");
    }
    // Both databases give the same answers, byte for byte, because both are compared with the same file.
    golden("openapi/examples.json", &pretty(&serde_json::to_value(&teller.exchanges).unwrap()));
}
