//! One of everything, for tests that walk over all operations: a set of records that hang together, owned by one actor and
//! one forum. Path parameters and the ids in bodies are filled in by name; a new parameter needs one line in `settle`.

use std::{collections::BTreeMap, fs, sync::LazyLock};

use samsyn::access::policy::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    chapters::webhooks::NOBODY,
    contract::file,
    harness::{Answer, Client, PASSWORD, TestApp, id, waited},
};

/// What the story sent and was answered, by operation.
pub static EXAMPLES: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&fs::read_to_string(file("openapi/examples.json")).unwrap()).unwrap());

/// Names in bodies that mean the same as the parameter of a path.
const ALSO: [(&str, &str); 11] = [
    ("seatAreaId", "areaId"),
    ("areas", "areaId"),
    ("areasServed", "areaId"),
    ("areaIds", "areaId"),
    ("ownerActorId", "actorId"),
    // An actor is merged with itself: who may is told that it cannot be, and it stays.
    ("into", "actorId"),
    ("id", "actorId"),
    ("candidates", "interventionId"),
    ("chosen", "interventionId"),
    ("causes", "causeId"),
    ("findings", "findingId"),
];

/// What an operation needs in its address beyond what the contract calls required.
const QUERIES: [(&str, &str); 3] = [
    ("createObservationImport", "?indicator=neet&source=SCB"),
    ("previewMerge", "?into={actorId}"),
    ("createImport", "?kind=association&dryRun=true"),
];

/// Records that hang together, by the name of the path parameter that they are known by.
#[derive(Clone, Debug, Default)]
pub struct Set {
    pub ids: BTreeMap<String, Vec<String>>,
}

impl Set {
    pub fn put(&mut self, name: &str, value: impl Into<String>) {
        self.ids.entry(name.to_owned()).or_default().push(value.into());
    }

    /// The first of a name.
    #[track_caller]
    pub fn one(&self, name: &str) -> &str {
        self.ids
            .get(name)
            .map_or_else(|| panic!("no fixture is called {name}: add a line to `settle` in tests/it/fixtures.rs"), |ids| &ids[0])
    }

    /// A path of the contract with its parameters filled in, and what the operation needs besides.
    #[track_caller]
    pub fn path(&self, pattern: &str, operation: &str) -> String {
        let filled = pattern.split('/').map(|part| match part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => self.one(name),
            None => part,
        });
        let query = QUERIES.iter().find(|(known, _)| *known == operation).map_or("", |(_, query)| query);
        // Whatever would be merged with itself, so that who may is told that it cannot be, and it stays.
        filled.collect::<Vec<_>>().join("/") + &query.replace("{actorId}", self.ids.get("actorId").map_or("", |ids| &ids[0]))
    }

    /// The body that the story sent, with the ids of this set.
    #[track_caller]
    pub fn body(&self, operation: &str) -> Value {
        let mut body = EXAMPLES[operation]["request"]["value"].clone();
        assert!(!body.is_null(), "the story does not call {operation}, so there is no body to send: tell it and run openapi/golden.sh");
        let mut met = BTreeMap::new();
        self.fill(operation, "", &mut body, &mut met);
        body
    }

    fn fill(&self, operation: &str, name: &str, value: &mut Value, met: &mut BTreeMap<String, String>) {
        match value {
            // What the story knew and the examples do not tell.
            Value::String(text) if matches!(name, "currentPassword" | "newPassword") => PASSWORD.clone_into(text),
            Value::String(text) if Uuid::parse_str(text).is_ok() => {
                let name = ALSO.iter().find(|(also, _)| *also == name).map_or(name, |(_, name)| name);
                let of_this_name = met.keys().filter(|known| known.starts_with(&format!("{name} "))).count();
                let all = self.ids.get(name).unwrap_or_else(|| panic!("{operation} sends {name}, and no fixture is called so"));
                text.clone_from(met.entry(format!("{name} {text}")).or_insert_with(|| all[of_this_name % all.len()].clone()));
            }
            Value::Array(items) => {
                for item in items.iter_mut() {
                    self.fill(operation, name, item, met);
                }
                let mut seen = Vec::new();
                items.retain(|item| {
                    !item.is_string()
                        || (!seen.contains(item) && {
                            seen.push(item.clone());
                            true
                        })
                });
            }
            Value::Object(members) => {
                // A record of any kind is meant as the kind beside it says.
                let record = members.get("recordKind").and_then(Value::as_str).map(|kind| format!("{kind}Id"));
                for (name, member) in members.iter_mut() {
                    let name = record.as_deref().filter(|_| name == "recordId").unwrap_or(name);
                    self.fill(operation, name, member, met);
                }
            }
            _ => {}
        }
    }
}

/// What is everybody's to see, of whatever municipality, or the installation's own.
pub fn found(admin: &Client, code: &str) -> Set {
    let mut set = Set::default();
    let rows = json!({"rows": [{"areaCode": code, "period": "2023", "value": 12.5}]});
    set.put("importId", id(&admin.post("/observation-imports?indicator=neet&source=SCB", &rows).is(201).json));
    let entry = json!({"direction": "incoming", "receivedOn": "2026-11-22", "title": word("Brevet", code)});
    set.put("entryId", id(&admin.post("/journal-entries", &entry).is(201).json));
    set.put("retentionRunId", id(&admin.post("/retention-runs", &set.body("createRetentionRun")).is(201).json));
    set
}

/// What is somebody's own: a second session, and a token.
pub fn owned(app: &TestApp, client: &Client) -> Set {
    let mut set = Set::default();
    let email = client.get("/me").is(200).json["user"]["email"].clone();
    let session = app.anybody().post("/sessions", &json!({"email": email, "password": PASSWORD})).is(201);
    set.put("sessionId", id(&session.json));
    let token = json!({"name": "Excel", "scopes": ["registry.read"], "expiresAt": "2027-02-20T09:00:00Z"});
    set.put("personalTokenId", id(&client.post("/me/tokens", &token).is(201).json["personalToken"]));
    // Nobody is there, and it is shut before anything else happens.
    let webhook = client.post("/webhooks", &json!({"url": NOBODY, "areaId": null}));
    if webhook.status == 201 {
        set.put("webhookId", id(&webhook.json["webhook"]));
        let path = format!("/webhooks/{}", set.one("webhookId"));
        set.put("deliveryId", id(&client.call("POST", &format!("{path}/test"), None).is(201).json));
        // Meanwhile it may be noted that nobody is there, which is another version.
        waited("the webhook to be shut", || client.patch(&path, "*", &json!({"enabled": false})).status == 200);
    }
    // A file with one row, from those who may import.
    let import = client.post("/imports?dryRun=true&kind=association", &json!({"items": [{"name": "Ingen alls"}]}));
    if import.status == 202 {
        set.put("importJobId", id(&import.json));
        crate::imports::wait(client, &format!("/imports/{}", id(&import.json)));
    }
    set
}

/// Makes one of everything in a municipality: for everybody to see, or only for the actor and the forum that own it.
#[expect(clippy::too_many_lines, reason = "one of everything is a long list")]
pub fn settle(app: &TestApp, admin: &Client, code: &str, hidden: bool, found: &Set) -> Set {
    let (of_actor, of_forum) = if hidden { ("actor", "forum") } else { ("public", "public") };
    let mut set = found.clone();
    set.put("areaId", app.area(code));
    set.put("indicatorId", id(&admin.get("/indicators?code=neet").json["items"][0]));
    let values = admin.get(&format!("/observations?areaId={}", set.one("areaId")));
    set.put("observationId", id(&values.json["items"][0]));
    set.put("codelist", "Sector");
    set.put("kind", "decision");

    let actor = make(
        admin,
        &mut set,
        "createActor",
        "/actors",
        "actorId",
        &json!({"name": word("Granngården", code), "focus": word("Odling", code), "identifiers": [], "visibility": of_actor}),
    );
    let worker = {
        let email = format!("fixtur{code}@example.se");
        app.register(&email, "Robin Fixtur", Role::ActorAdmin, Some(("actor", &actor)));
        app.sign_in(&email)
    };
    let part = admin.post(
        "/actors",
        &json!({"kind": "administration", "name": word("Odlarna", code), "seatAreaId": set.one("areaId"), "parentId": actor, "visibility": of_actor}),
    );
    let part = id(&part.is(201).json);
    set.put("otherActorId", part.clone());
    make(admin, &mut set, "createActorRelation", "/actor-relations", "relationId", &json!({}));
    make(
        admin,
        &mut set,
        "createMandate",
        "/mandates",
        "mandateId",
        &json!({"legalBasis": word("Stadgarna", code), "visibility": of_actor}),
    );

    make(admin, &mut set, "createStatement", "/statements", "statementId", &json!({"text": word("Jorden", code), "visibility": of_actor}));

    let forum =
        make(admin, &mut set, "createForum", "/forums", "forumId", &json!({"name": word("Torgrådet", code), "visibility": of_forum}));
    let members = format!("/forums/{forum}/members");
    let own = admin.post(&members, &json!({"actorId": actor, "function": "member"})).is(201);
    let own = format!("{members}/{}", id(&own.json));
    worker.call("POST", &format!("{own}/accept"), None).is(200);
    make(admin, &mut set, "createMember", &members, "memberId", &json!({"actorId": part, "function": "observer"}));

    let assessment = make(
        admin,
        &mut set,
        "createAssessment",
        "/assessments",
        "assessmentId",
        &json!({"title": word("Lekplatserna", code), "visibility": of_forum}),
    );
    let path = format!("/assessments/{assessment}");
    let finding =
        make(admin, &mut set, "createFinding", &format!("{path}/findings"), "findingId", &json!({"statement": word("Gungorna", code)}));
    make(
        admin,
        &mut set,
        "createEvidence",
        &format!("{path}/findings/{finding}/evidence"),
        "evidenceId",
        &json!({"note": word("Räknade", code)}),
    );
    make(admin, &mut set, "createCause", &format!("{path}/causes"), "causeId", &json!({"statement": word("Underhållet", code)}));
    admin.call("POST", &format!("{path}/review"), None).is(200);
    worker.put(&format!("{path}/endorsements/{actor}"), &set.body("endorseAssessment")).is(201);
    admin.call("POST", &format!("{path}/agree"), None).is(200);
    admin.call("POST", &format!("{path}/publish"), None).is(200);
    set.put("revisionId", id(&admin.get(&format!("{path}/revisions")).json["items"][0]));
    admin.call("POST", &format!("{path}/revise"), None).is(200);

    for title in ["Nya gungor", "Nya bänkar", "Nya lampor"] {
        make(
            admin,
            &mut set,
            "createIntervention",
            "/interventions",
            "interventionId",
            &json!({"title": word(title, code), "visibility": of_forum}),
        );
    }
    let round = make(
        admin,
        &mut set,
        "createRound",
        "/rounds",
        "roundId",
        &json!({"question": word("Gungor eller bänkar", code), "visibility": of_forum}),
    );
    admin.call("POST", &format!("/rounds/{round}/open"), None).is(200);
    worker.put(&format!("/rounds/{round}/ballots/{actor}"), &set.body("castBallot")).is(201);
    admin.call("POST", &format!("/rounds/{round}/close"), None).is(200);
    let decision = make(
        admin,
        &mut set,
        "createDecision",
        "/decisions",
        "decisionId",
        &json!({"reason": word("Gungorna först", code), "visibility": of_forum}),
    );
    set.put("recordId", decision);
    // From now on the actor looks on, so that what its people may do comes from their roles and not from the forum.
    let tag = admin.get(&own).etag();
    admin.patch(&own, &tag, &json!({"function": "observer"})).is(200);

    let user = make(
        admin,
        &mut set,
        "createUser",
        "/users",
        "userId",
        &json!({"email": format!("nagon{code}@example.se"), "name": word("Någon", code)}),
    );
    let grant = admin.post("/grants", &json!({"userId": user, "role": "reader", "scope": {"kind": "actor", "id": actor}})).is(201);
    set.put("grantId", id(&grant.json));
    let twin = json!({"kind": "association", "name": word("Dubbletten", code), "seatAreaId": set.one("areaId"), "visibility": of_actor});
    let twin = id(&admin.post("/actors", &twin).is(201).json);
    let merge = admin.post(&format!("/actors/{twin}/merge"), &json!({"into": actor})).is(201);
    set.put("mergeId", id(&merge.json));
    let source = make(admin, &mut set, "createSource", "/sources", "sourceId", &json!({"name": word("Register", code)}));
    let record = json!({"kind": "association", "name": word("Sändaren", code), "seatAreaId": set.one("areaId"), "visibility": of_actor});
    admin.put(&format!("/sources/{source}/actors/{code}"), &record).is(201);
    set.put("externalId", code);
    let alike = json!({"kind": "association", "name": word("Granngården", code), "seatAreaId": set.one("areaId")});
    let held = admin.put(&format!("/sources/{source}/actors/{code}-2"), &alike).is(202);
    set.put("matchId", held.json["matchId"].as_str().unwrap());
    let twin = json!({"kind": "association", "name": word("Granngården", code), "seatAreaId": set.one("areaId"), "visibility": of_actor});
    let twin = admin.post("/actors", &twin).is(201).json["id"].clone();
    let alike = admin.get("/likenesses?limit=200").is(200).json["items"].clone();
    let alike = alike.as_array().unwrap().iter().find(|alike| alike["otherActor"]["id"] == twin && alike["actor"]["id"] == json!(actor));
    set.put("likenessId", id(alike.unwrap()));
    let system = json!({"name": word("Systemet", code)});
    let system = make(admin, &mut set, "createServiceAccount", "/service-accounts", "serviceAccountId", &system);
    let grant = json!({"userId": system, "role": "service", "scope": {"kind": "source", "id": source}});
    admin.post("/grants", &grant).is(201);
    // So that nobody is erased while others still try.
    make(admin, &mut set, "createLegalHold", "/legal-holds", "legalHoldId", &json!({}));
    set.ids.extend(owned(app, &worker).ids);

    // The last intervention, so that nothing is hidden of those that are tried.
    let about = json!({"recordId": set.ids["interventionId"].last()});
    make(admin, &mut set, "createSecrecyMark", "/secrecy-marks", "markId", &about);
    make(admin, &mut set, "createDisclosure", "/disclosures", "disclosureId", &about);
    // What the actor's own people did is theirs to see in the log.
    set.put("auditEntryId", id(&worker.get("/audit-entries?limit=1").is(200).json["items"][0]));
    set
}

/// A word that stands nowhere but in this set.
fn word(word: &str, code: &str) -> String {
    format!("{word} nr{code}")
}

#[track_caller]
fn make(who: &Client, set: &mut Set, operation: &str, path: &str, name: &str, other: &Value) -> String {
    let mut body = set.body(operation);
    for (member, value) in other.as_object().unwrap() {
        body[member] = value.clone();
    }
    let made: Answer = who.post(path, &body).is(201);
    set.put(name, id(&made.json));
    id(&made.json)
}
