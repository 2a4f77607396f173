//! Permissions: every operation with every role, and the ways to sign in.

use rstest::rstest;
use samsyn::access::policy::{Permission, Role, Standing, holds, standings};
use serde_json::json;

use crate::{
    contract::operations,
    harness::{Client, Database, PASSWORD, TestApp, id},
};

#[rstest]
fn every_operation_answers_every_role_as_the_table_says(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let mut callers: Vec<(String, Standing, Client)> = vec![("everyone".to_owned(), Standing::Everyone, app.anybody())];
    for (name, standing) in standings() {
        if let Standing::Role(role) = standing {
            callers.push((name, standing, app.user(role, None)));
        }
    }
    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
    let mut wrong = Vec::new();
    let mut tried = 0;
    for (method, path, operation) in operations() {
        let name = operation["operationId"].as_str().unwrap();
        let key = operation["x-permission"].as_str().unwrap();
        let permission = *Permission::ALL
            .iter()
            .find(|permission| permission.key() == key)
            .unwrap_or_else(|| panic!("{name} needs {key}, which is none"));
        let path: String = path.split('/').map(|part| if part.starts_with('{') { unknown } else { part }).collect::<Vec<_>>().join("/");
        let body = operation.get("requestBody").map(|_| ("application/json", &b"{}"[..]));
        for (role, standing, caller) in &callers {
            // Signing out would end the session that the next operation needs.
            let caller = if name == "deleteCurrentSession" && *standing != Standing::Everyone {
                app.user(Role::Reader, None)
            } else {
                caller.clone()
            };
            let answer = caller.call(&method, &path, body);
            let may = holds(*standing, permission);
            // Wrong credentials (`invalid-credentials`) are refused too, but not because a permission is missing.
            let refused = ["unauthenticated", "forbidden"].iter().any(|code| answer.json["code"] == json!(code));
            if may == refused
                || answer.status >= 500
                || (refused && answer.status != if *standing == Standing::Everyone { 401 } else { 403 })
            {
                wrong.push(format!("{name} by {role}: {} {}", answer.status, answer.body));
            }
            if answer.status == 403 {
                assert_eq!(answer.json["requiredPermission"], json!(key), "{name}");
            }
            tried += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(tried > 700, "{tried}");
}

#[rstest]
fn an_unknown_user_and_a_wrong_password_look_the_same(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    app.register("kim@example.se", "Kim", Role::Reader, None);
    let wrong = app.anybody().post("/sessions", &json!({"email": "kim@example.se", "password": "något helt annat än det rätta"})).is(401);
    let unknown = app.anybody().post("/sessions", &json!({"email": "ingen@example.se", "password": PASSWORD})).is(401);
    let told = |answer: &crate::harness::Answer| (answer.json["code"].clone(), answer.json["detail"].clone(), answer.json["type"].clone());
    assert_eq!(told(&wrong), told(&unknown));
    app.sign_in("KIM@example.se").get("/me").is(200);
}

#[rstest]
fn a_refresh_token_used_twice_ends_the_session(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    app.register("kim@example.se", "Kim", Role::Reader, None);
    let first = app.anybody().post("/sessions", &json!({"email": "kim@example.se", "password": PASSWORD})).is(201);
    let refresh = json!({"refreshToken": first.json["refreshToken"]});
    let second = app.anybody().post("/sessions/refresh", &refresh).is(201);
    let holder = app.anybody().with_token(second.json["accessToken"].as_str().unwrap());
    holder.get("/me").is(200);
    app.anybody().post("/sessions/refresh", &refresh).is(401);
    holder.get("/me").is(401);
    app.anybody().post("/sessions/refresh", &json!({"refreshToken": second.json["refreshToken"]})).is(401);
}

#[rstest]
fn tokens_that_are_not_ours_are_refused(#[values(Database::Sqlite)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    app.register("kim@example.se", "Kim", Role::Admin, None);
    let session = app.anybody().post("/sessions", &json!({"email": "kim@example.se", "password": PASSWORD})).is(201);
    let token = session.json["accessToken"].as_str().unwrap();
    let parts: Vec<_> = token.split('.').collect();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";
    let hmac = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6Ii4uLy4uL2Rldi9udWxsIn0";
    let forged = [
        format!("{none}.{}.", parts[1]),
        format!("{hmac}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], parts[1], parts[2].chars().rev().collect::<String>()),
        format!("{token}.x"),
        "x".repeat(5000),
        String::new(),
    ];
    for forged in forged {
        let answer = app.anybody().with_token(&forged).get("/actors").is(401);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    }
    app.anybody().with("Authorization", "Basic YTpi").get("/me").is(401);
    // The keys for verifying tokens are public, and the set contains only their public parts.
    let keys = app.anybody().get("/.well-known/jwks.json").is(200);
    assert_eq!(keys.json["keys"][0]["crv"], json!("Ed25519"));
    assert!(keys.json["keys"][0].get("d").is_none());
}

#[rstest]
fn nobody_grants_more_than_they_hold(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let coordinator = app.user(Role::Coordinator, Some(("area", &app.area("01"))));
    let user = id(&coordinator.post("/users", &json!({"email": "ny@example.se", "name": "Ny"})).is(201).json);
    let grant = |role: &str, kind: &str, scope: Option<String>| json!({"userId": user, "role": role, "scope": {"kind": kind, "id": scope}});
    let botkyrka = app.public_actor("municipality_code:0127");
    let gothenburg = app.public_actor("municipality_code:1480");
    coordinator.post("/grants", &grant("admin", "everywhere", None)).is(403);
    coordinator.post("/grants", &grant("admin", "area", Some(app.area("01")))).is(403);
    coordinator.post("/grants", &grant("coordinator", "area", Some(app.area("00")))).is(403);
    coordinator.post("/grants", &grant("coordinator", "area", Some(app.area("14")))).is(403);
    coordinator.post("/grants", &grant("actor_admin", "actor", Some(gothenburg.clone()))).is(403);
    coordinator.post("/grants", &grant("coordinator", "area", Some(app.area("0127")))).is(201);
    // A role that gives more than the coordinator holds is refused: the actor's audit log, and records that only the
    // actor sees.
    coordinator.post("/grants", &grant("actor_admin", "actor", Some(botkyrka.clone()))).is(403);
    coordinator.post("/grants", &grant("reader", "actor", Some(botkyrka.clone()))).is(403);
    let admin = app.user(Role::Admin, None);
    admin.post("/grants", &grant("contributor", "actor", Some(botkyrka.clone()))).is(201);
    let for_botkyrka = app.user(Role::ActorAdmin, Some(("actor", &botkyrka)));
    for_botkyrka.post("/grants", &grant("reader", "actor", Some(botkyrka))).is(201);
    for_botkyrka.post("/grants", &grant("reader", "actor", Some(gothenburg))).is(403);
    // Grants outside the scope can be neither seen nor removed.
    let foreign = admin.post("/grants", &grant("admin", "everywhere", None)).is(201);
    for_botkyrka.delete(&format!("/grants/{}", id(&foreign.json)), &foreign.etag()).is(404);
    assert!(!for_botkyrka.get("/grants?limit=200").is(200).body.contains(&id(&foreign.json)));
}

#[rstest]
fn what_is_taken_back_is_gone_at_once_on_every_instance(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let other = TestApp::on(&app.url, 2_000_000);
    let admin = app.user(Role::Admin, None);
    let email = "kim@example.se";
    app.register(email, "Kim", Role::Analyst, None);
    let here = app.sign_in(email);
    let there = here.at(other.address);
    let indicator = |code: &str| json!({"code": code, "nameSv": "A", "nameEn": "A", "statisticalArea": "health", "valueKind": "share", "polarity": "neutral"});
    here.post("/indicators", &indicator("first")).is(201);
    there.post("/indicators", &indicator("second")).is(201);
    let me = here.get("/me").is(200);
    let grant = &me.json["grants"][0];
    admin.delete(&format!("/grants/{}", id(grant)), &format!("\"v{}\"", grant["version"])).is(204);
    here.post("/indicators", &indicator("third")).is(403);
    // Another instance notices the change within a second.
    #[expect(clippy::disallowed_methods, reason = "the other instance reads the real clock")]
    let started = std::time::Instant::now();
    while there.post("/indicators", &indicator("fourth")).status != 403 {
        assert!(started.elapsed().as_millis() < 1000, "the other instance has not heard");
    }
}
