//! Abuse of records that belong to others, by the numbers of the quality plan. Rules that hold for every operation are
//! tested on every operation of the contract: no list here is written by hand.

use rstest::rstest;
use samsyn::access::policy::{Permission, Role, Standing, holds};
use serde_json::{Value, json};

use crate::{
    contract::operations,
    fixtures::Set,
    harness::{Answer, Client, Database, TestApp, id},
    policy::{Prepared, attempt, in_order, prepared},
};

const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// A service on a copy of the prepared database, with a client for each tester.
struct Stage {
    app: TestApp,
    prepared: &'static Prepared,
}

impl Stage {
    fn set(database: Database) -> Option<Self> {
        let prepared = prepared(database)?;
        Some(Self { app: TestApp::start_from(&prepared.template), prepared })
    }

    fn by(&self, name: &str) -> Client {
        self.prepared.testers.iter().find(|tester| tester.name == name).unwrap().client.at(self.app.address)
    }

    fn own(&self) -> &Set {
        &self.prepared.sets[0]
    }

    fn others(&self) -> &Set {
        &self.prepared.sets[1]
    }

    fn shared(&self) -> &Set {
        &self.prepared.sets[2]
    }
}

/// A response without the members that differ between any two calls.
pub fn comparable(answer: &Answer) -> (u16, Vec<(String, String)>, Value) {
    let mut body = answer.json.clone();
    if body.get("instance").is_some() {
        body["instance"] = Value::Null;
    }
    if let Some(members) = body.as_object_mut() {
        // The end of the feed is the same for everybody, and so are the gaps between its positions.
        members.remove("changeCursor");
        if members.contains_key("hasMore") {
            members.remove("nextCursor");
        }
    }
    let of_the_call = ["x-request-id", "traceparent", "date", "change-cursor"];
    let mut headers = answer.headers.clone();
    let by_the_place = if body.get("hasMore").is_some() { "etag" } else { "" };
    headers.retain(|(name, _)| {
        let name = name.to_lowercase();
        name != by_the_place && !of_the_call.contains(&name.as_str())
    });
    headers.sort();
    (answer.status, headers, body)
}

fn parameters(pattern: &str) -> Vec<&str> {
    pattern.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
}

#[rstest]
fn abuse_33_what_is_anothers_own_looks_like_what_is_not_there(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::set(database) else { return };
    let mut tried = 0;
    for (method, pattern, operation) in in_order() {
        let name = operation["operationId"].as_str().unwrap();
        let (hidden, mut unknown) = (stage.others(), stage.others().clone());
        let [Some(first), ..] = [parameters(&pattern).first().copied()] else { continue };
        // Public records belong to nobody.
        if ["areaId", "indicatorId", "observationId", "codelist", "entryId"].contains(&first) {
            continue;
        }
        let last = if first == "kind" { "recordId" } else { first };
        unknown.ids.insert(last.to_owned(), vec![NOBODY.to_owned()]);
        let body = operation.get("requestBody").map(|_| stage.others().body(name));
        for who in ["nobody", "reader actor", "actor_admin actor", "contributor actor", "forum chair"] {
            let call = |set: &Set| attempt(&stage.by(who), &method, &set.path(&pattern, name), body.as_ref());
            let (hidden, unknown) = (comparable(&call(hidden)), comparable(&call(&unknown)));
            assert_eq!(hidden, unknown, "{name} by {who}");
            assert!(matches!(hidden.0, 401 | 403 | 404), "{name} by {who}: {hidden:?}");
            tried += 1;
        }
    }
    assert!(tried > 200, "{tried}");
}

#[rstest]
fn abuse_34_what_lies_below_another_parent_is_not_there(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::set(database) else { return };
    let admin = stage.by("admin everywhere");
    let mut tried = 0;
    for (method, pattern, operation) in in_order() {
        let name = operation["operationId"].as_str().unwrap();
        let names = parameters(&pattern);
        // A party gives its own statement below any parent, and answers its own invitation. The trace takes a kind, not a
        // parent.
        let own = names.last() == Some(&"actorId") || operation["x-permission"] == "forums.answer";
        if names.len() < 2 || method == "PUT" || own || names[0] == "kind" {
            continue;
        }
        for below in &names[1..] {
            let mut mixed = stage.own().clone();
            mixed.ids.insert((*below).to_owned(), vec![stage.shared().one(below).to_owned()]);
            let body = operation.get("requestBody").map(|_| mixed.body(name));
            let answer = attempt(&admin, &method, &mixed.path(&pattern, name), body.as_ref());
            assert_eq!(answer.status, 404, "{name} with another's {below}: {}", answer.body);
            tried += 1;
        }
    }
    assert!(tried >= 12, "{tried}");
}

#[rstest]
fn abuse_36_nothing_is_asked_by_what_may_not_be_read(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::set(database) else { return };
    let admin = stage.by("admin everywhere");
    for (method, pattern, operation) in in_order() {
        let name = operation["operationId"].as_str().unwrap();
        if method != "GET" {
            continue;
        }
        let path = stage.own().path(&pattern, name);
        for query in
            ["sort=contact.phone", "sort=passwordHash", "filter=password", "passwordHash=a", "fields=passwordHash", "deletedAt=null"]
        {
            let answer = admin.get(&format!("{path}?{query}"));
            assert_eq!((answer.status, answer.json["code"].as_str()), (400, Some("invalid-parameter")), "{path}?{query}: {}", answer.body);
        }
    }
}

#[rstest]
fn abuse_37_a_cursor_is_of_use_to_nobody_else(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::set(database) else { return };
    let mut tried = 0;
    for (_, pattern, operation) in in_order() {
        let name = operation["operationId"].as_str().unwrap();
        if !name.starts_with("list") {
            continue;
        }
        let path = stage.own().path(&pattern, name);
        let Some(cursor) = stage.by("admin everywhere").get(&format!("{path}?limit=1")).json["nextCursor"].as_str().map(ToOwned::to_owned)
        else {
            continue;
        };
        let by_another = stage.by("reader actor").get(&format!("{path}?limit=1&cursor={cursor}"));
        if name == "listChanges" {
            // The position in the feed is the same for all, but the items are not.
            let hidden: Vec<_> = stage.others().ids.values().flatten().cloned().collect();
            assert!(!by_another.json["items"].as_array().unwrap().iter().any(|item| hidden.contains(&id(item))), "{}", by_another.body);
            continue;
        }
        assert!(matches!(by_another.status, 400 | 403), "{name}: {}", by_another.body);
        tried += 1;
    }
    assert!(tried > 8, "{tried}");
}

#[rstest]
fn abuse_38_nobody_writes_what_the_service_keeps(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::set(database) else { return };
    let kept = [
        ("id", json!(NOBODY)),
        ("createdAt", json!("2020-01-01T00:00:00Z")),
        ("updatedAt", json!("2020-01-01T00:00:00Z")),
        ("deletedAt", json!("2020-01-01T00:00:00Z")),
        ("version", json!(77)),
        ("isAdmin", json!(true)),
        ("createdBy", json!(NOBODY)),
    ];
    let mut tried = 0;
    for (method, pattern, operation) in in_order() {
        let name = operation["operationId"].as_str().unwrap();
        // An import leaves unknown columns out and reports them. A search writes nothing.
        if operation.get("requestBody").is_none() || name == "createImport" || name.starts_with("search") {
            continue;
        }
        let mut body = stage.own().body(name);
        for (member, value) in &kept {
            body[*member] = value.clone();
        }
        let path = stage.own().path(&pattern, name);
        let answers = ["admin everywhere", "actor_admin actor"].map(|who| attempt(&stage.by(who), &method, &path, Some(&body)));
        let answer = answers.iter().find(|answer| answer.status != 403).unwrap();
        // A closed round cannot be changed at all.
        if answer.status == 409 && method == "PATCH" {
            continue;
        }
        assert_eq!(answer.status, 422, "{name}: {}", answer.body);
        for (member, _) in &kept {
            assert!(answer.faults().contains(&format!("/{member} unknown")), "{name}: {member}: {}", answer.body);
        }
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
}

#[rstest]
fn abuse_39_nobody_moves_what_is_theirs_to_another(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::set(database) else { return };
    let own = stage.own();
    for who in ["actor_admin actor", "forum chair"] {
        let client = stage.by(who);
        for to in [stage.others(), stage.shared()] {
            for (path, member, value) in [
                (format!("/actors/{}", own.one("actorId")), "parentId", to.one("actorId")),
                (format!("/mandates/{}", own.one("mandateId")), "actorId", to.one("actorId")),
                (format!("/forums/{}/members/{}", own.one("forumId"), own.one("memberId")), "actorId", to.one("actorId")),
                (format!("/assessments/{}", own.one("assessmentId")), "forumId", to.one("forumId")),
                (format!("/interventions/{}", own.one("interventionId")), "ownerActorId", to.one("actorId")),
            ] {
                let before = stage.by("admin everywhere").get(&path);
                let answer = client.patch(&path, "*", &json!({member: value}));
                assert!(matches!(answer.status, 403 | 404 | 422), "{path} {member} by {who}: {} {}", answer.status, answer.body);
                assert_eq!(stage.by("admin everywhere").get(&path).json, before.json);
            }
        }
    }
    // The response does not reveal whether a hidden actor exists.
    let joining = |parent: &str| {
        let path = format!("/actors/{}", own.one("actorId"));
        comparable(&stage.by("actor_admin actor").patch(&path, "*", &json!({"parentId": parent})))
    };
    assert_eq!(joining(stage.others().one("actorId")), joining(NOBODY));
}

/// Calls every changing operation that needs a permission which the role lacks, on the caller's own records and on those
/// of others. Returns the number of calls.
fn refused(stage: &Stage, who: &str, role: Role) -> usize {
    let mut tried = 0;
    for (method, pattern, operation) in in_order() {
        let (name, key) = (operation["operationId"].as_str().unwrap(), operation["x-permission"].as_str().unwrap());
        if method == "GET" || holds(Standing::Role(role), Permission::from_key(key).unwrap()) {
            continue;
        }
        for (set, whose) in [(stage.own(), "own"), (stage.others(), "other's")] {
            let body = operation.get("requestBody").map(|_| set.body(name));
            let answer = attempt(&stage.by(who), &method, &set.path(&pattern, name), body.as_ref());
            // A user with a function in the forum may hold the permission there.
            assert!(answer.status == 403 || (whose == "other's" && answer.status == 404), "{name} on {whose} by {who}: {}", answer.body);
            if answer.status == 403 {
                assert_eq!(answer.json["requiredPermission"], json!(key), "{name}");
            }
            tried += 1;
        }
    }
    tried
}

#[rstest]
fn abuse_40_a_reader_changes_nothing(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::set(database) else { return };
    assert!(refused(&stage, "reader actor", Role::Reader) > 60);
    assert!(refused(&stage, "evaluator actor", Role::Evaluator) > 60);
}

#[rstest]
fn abuse_41_a_contributor_does_nothing_that_is_for_others(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::set(database) else { return };
    assert!(refused(&stage, "contributor actor", Role::Contributor) > 40);
    // Nor can they read the users and grants.
    for path in ["/users", "/grants"] {
        stage.by("contributor actor").get(path).is(403);
    }
}

#[rstest]
fn abuse_46_an_idempotency_key_is_each_callers_own(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::set(database) else { return };
    let key = "8e03978e-40d5-43e8-bc93-6894a57f9324";
    let body = json!({"email": "nyckel@example.se", "name": "Nyckel"});
    let first = stage.by("admin everywhere").with("Idempotency-Key", key).post("/users", &body).is(201);
    // The same key and body from another user are carried out separately, and give another account.
    let second = stage.by("coordinator area").with("Idempotency-Key", key).post("/users", &body).is(201);
    assert_eq!(second.header("idempotency-replayed"), None);
    assert_ne!(id(&second.json), id(&first.json));
    // A user without the permission is refused, and does not get the stored response.
    stage.by("reader actor").with("Idempotency-Key", key).post("/users", &body).is(403);
    stage.by("nobody").with("Idempotency-Key", key).post("/users", &body).is(401);
    let again = stage.by("admin everywhere").with("Idempotency-Key", key).post("/users", &body).is(201);
    assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &first.body));
}

#[rstest]
fn abuse_110_expansions_go_one_step_and_once(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::set(database) else { return };
    let admin = stage.by("admin everywhere");
    let mut tried = 0;
    for (method, pattern, operation) in operations() {
        let Some(expand) = operation["parameters"].as_array().unwrap().iter().find(|parameter| parameter["name"] == "expand") else {
            continue;
        };
        assert_eq!(method, "GET");
        let path = stage.shared().path(&pattern, operation["operationId"].as_str().unwrap());
        for known in expand["schema"]["items"]["enum"].as_array().expect("what can be expanded is a closed list") {
            let known = known.as_str().unwrap();
            assert!(!known.contains(['.', '/', '(']), "{known} goes more than one step");
            for nested in [
                format!("{known}.{known}"),
                format!("{known}.actor.{known}"),
                format!("{known}({known})"),
                "*".to_owned(),
                "all".to_owned(),
            ] {
                admin.get(&format!("{path}?expand={nested}")).is(400);
            }
            let once = admin.get(&format!("{path}?expand={known}")).is(200);
            let often = admin.get(&format!("{path}?expand={}", vec![known; 200].join(",")));
            // If the same thing is asked for many times, the call is refused or answered once. The response does not
            // grow.
            assert!(often.status == 400 || often.json["items"] == once.json["items"] && often.json["expanded"] == once.json["expanded"]);
            tried += 1;
        }
    }
    assert!(tried >= 2, "{tried}");
}

#[rstest]
fn a_number_that_a_hidden_actor_has_is_as_free_as_any(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(stage) = Stage::set(database) else { return };
    let numbered = |name: &str, visibility: &str| {
        json!({"kind": "association", "name": name, "seatAreaId": stage.own().one("areaId"), "visibility": visibility,
            "identifiers": [{"scheme": "SE-ON", "value": "802001-0008"}]})
    };
    let hidden = id(&stage.by("admin everywhere").post("/actors", &numbered("Dold", "actor")).is(201).json);
    stage.by("coordinator area").post("/actors", &numbered("Ny", "public")).is(201);
    let told = stage.by("admin everywhere").post("/actors", &numbered("Ny", "public")).is(409);
    assert_eq!(told.json["conflictsWith"], json!(format!("/samsyn/v1/actors/{hidden}")));
}
