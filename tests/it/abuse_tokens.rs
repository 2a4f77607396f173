//! Abuse of tokens: forged, expired or reused tokens give no access.

use chrono::TimeDelta;
use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::harness::{Answer, Database, PASSWORD, TestApp, forge, id, today};

/// Checks that a call is refused as RFC 6750 says, without a reason.
#[track_caller]
fn refused(answer: &Answer) {
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer error=\"invalid_token\"")), "{}", answer.body);
    assert_eq!(answer.json["code"], json!("unauthenticated"));
}

fn signed_in(app: &TestApp) -> Answer {
    app.register("kim@example.se", "Kim", Role::Admin, None);
    app.anybody().post("/sessions", &json!({"email": "kim@example.se", "password": PASSWORD})).is(201)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn abuse_01_without_a_token_the_answer_says_how_to_sign_in_and_no_more() {
    let app = TestApp::start(Database::Sqlite).unwrap();
    let answer = app.anybody().get("/users").is(401);
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    assert_eq!(answer.json["requiredPermission"], Value::Null);
}

#[test]
fn abuse_02_a_token_without_a_signature_algorithm_is_refused() {
    let app = TestApp::start(Database::Sqlite).unwrap();
    let token = signed_in(&app);
    let claims = text(&token.json["accessToken"]).split('.').nth(1).unwrap().to_owned();
    let header = forge::part(&json!({"alg": "none", "typ": "at+jwt"}));
    refused(&app.anybody().with_token(&format!("{header}.{claims}.")).get("/me"));
}

#[test]
fn abuse_03_a_token_signed_with_our_public_key_as_a_secret_is_refused() {
    let app = TestApp::start(Database::Sqlite).unwrap();
    let token = signed_in(&app);
    let parts: Vec<_> = text(&token.json["accessToken"]).split('.').map(ToOwned::to_owned).collect();
    let key = app.anybody().get("/.well-known/jwks.json").is(200).json["keys"][0].clone();
    let header = forge::part(&json!({"alg": "HS256", "typ": "at+jwt", "kid": key["kid"]}));
    let forged = forge::hmac(text(&key["x"]).as_bytes(), &format!("{header}.{}", parts[1]));
    refused(&app.anybody().with_token(&forged).get("/me"));
}

#[test]
fn abuse_04_a_key_name_that_is_a_path_or_a_statement_opens_nothing() {
    let app = TestApp::start(Database::Sqlite).unwrap();
    let claims = claims_of(text(&signed_in(&app).json["accessToken"]));
    for kid in ["../../dev/null", "' OR 1=1 --", "x\"; DROP TABLE signing_key; --", ""] {
        let forged = forge::ed25519(&json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid}), &claims);
        refused(&app.anybody().with_token(&forged).get("/me"));
    }
    app.sign_in("kim@example.se").get("/me").is(200);
}

#[test]
fn abuse_05_a_key_that_the_token_brings_along_is_not_used() {
    let app = TestApp::start(Database::Sqlite).unwrap();
    let claims = claims_of(text(&signed_in(&app).json["accessToken"]));
    // The service must not fetch a key from an address in the token: the address is a port on which this test would see
    // the request.
    let trap = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let address = format!("http://{}/keys", trap.local_addr().unwrap());
    let key = app.anybody().get("/.well-known/jwks.json").json["keys"][0]["kid"].clone();
    for header in [
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": key, "jku": address}),
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": key, "x5u": address}),
        json!({"alg": "EdDSA", "typ": "at+jwt", "jwk": forge::public_key()}),
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": key, "jwk": forge::public_key()}),
    ] {
        refused(&app.anybody().with_token(&forge::ed25519(&header, &claims)).get("/me"));
    }
    assert!(trap.accept().is_err(), "the service asked for a key elsewhere");
}

#[test]
fn abuse_06_a_token_that_has_expired_or_does_not_hold_yet_is_refused() {
    let app = TestApp::start(Database::Sqlite).unwrap();
    let token = text(&signed_in(&app).json["accessToken"]).to_owned();
    app.anybody().with_token(&token).get("/me").is(200);
    let later = TestApp::at(today() + TimeDelta::minutes(10) + TimeDelta::seconds(61), &app.url, 2_000_000);
    refused(&later.anybody().with_token(&token).get("/me"));
    // A token that is valid only later. It is signed with the service's own key, which no caller can do.
    let mut claims = claims_of(&token);
    claims["nbf"] = json!((today() + TimeDelta::minutes(5)).timestamp());
    refused(&app.anybody().with_token(&app.signed(&claims)).get("/me"));
    claims["nbf"] = json!(today().timestamp());
    app.anybody().with_token(&app.signed(&claims)).get("/me").is(200);
}

#[test]
fn abuse_07_a_token_for_another_service_or_from_another_issuer_is_refused() {
    let app = TestApp::start(Database::Sqlite).unwrap();
    let claims = claims_of(text(&signed_in(&app).json["accessToken"]));
    for (name, value) in [("aud", "https://other.example.se"), ("iss", "https://other.example.se")] {
        let mut claims = claims.clone();
        claims[name] = json!(value);
        refused(&app.anybody().with_token(&app.signed(&claims)).get("/me"));
    }
}

#[test]
fn abuse_08_an_id_token_or_a_refresh_token_is_no_access_token() {
    let app = TestApp::start(Database::Sqlite).unwrap();
    let session = signed_in(&app);
    refused(&app.anybody().with_token(text(&session.json["refreshToken"])).get("/me"));
    let claims = claims_of(text(&session.json["accessToken"]));
    for kind in ["JWT", "id_token+jwt", "logout+jwt"] {
        refused(&app.anybody().with_token(&app.signed_as(kind, &claims)).get("/me"));
    }
}

#[test]
fn abuse_09_a_token_of_another_installation_is_refused() {
    let app = TestApp::start(Database::Sqlite).unwrap();
    // The databases of tests are copies with the same key, so the other installation gets a new one.
    let copy = TestApp::start(Database::Sqlite).unwrap();
    copy.execute("DELETE FROM signing_key");
    let other = TestApp::on(&copy.url, 2_000_000);
    let theirs = text(&signed_in(&other).json["accessToken"]).to_owned();
    signed_in(&app);
    refused(&app.anybody().with_token(&theirs).get("/me"));
    // The same for a token that names our key.
    let kid = app.anybody().get("/.well-known/jwks.json").json["keys"][0]["kid"].clone();
    refused(
        &app.anybody().with_token(&forge::ed25519(&json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid}), &claims_of(&theirs))).get("/me"),
    );
}

#[test]
fn abuse_10_a_token_that_is_cut_or_grown_is_refused() {
    let app = TestApp::start(Database::Sqlite).unwrap();
    let token = text(&signed_in(&app).json["accessToken"]).to_owned();
    let parts: Vec<_> = token.split('.').collect();
    for forged in [
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{token}.x"),
        format!("..{token}"),
        "x".repeat(20_000),
        "smsn_pat_".to_owned(),
        format!("smsn_pat_{}", "x".repeat(49)),
    ] {
        refused(&app.anybody().with_token(&forged).get("/me"));
    }
    assert_eq!(app.anybody().with_token(&"x".repeat(1_000_000)).get("/me").status, 431);
}

#[rstest]
fn abuse_11_a_refresh_token_used_twice_ends_the_whole_session(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let first = signed_in(&app);
    let renew = |token: &Value| app.token(&[("grant_type", "refresh_token"), ("client_id", "samsyn"), ("refresh_token", text(token))]);
    let second = renew(&first.json["refreshToken"]).is(200);
    let holder = app.anybody().with_token(text(&second.json["access_token"]));
    holder.get("/me").is(200);
    let again = renew(&first.json["refreshToken"]).is(400);
    assert_eq!(again.json["error"], json!("invalid_grant"));
    refused(&holder.get("/me"));
    renew(&second.json["refresh_token"]).is(400);
    let entries = app.sign_in("kim@example.se").get("/audit-entries?outcome=denied").is(200);
    assert!(entries.body.contains("refresh-token-reused"), "{}", entries.body);
}

#[rstest]
fn abuse_12_of_two_renewals_at_once_one_succeeds(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let token = signed_in(&app).json["refreshToken"].clone();
    let other = TestApp::on(&app.url, 2_000_000);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..8)
            .map(|at| {
                let client = if at % 2 == 0 { app.anybody() } else { app.anybody().at(other.address) };
                let token = token.clone();
                scope.spawn(move || client.post("/sessions/refresh", &json!({"refreshToken": token})).status)
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 201 | 401)), "{statuses:?}");
}

#[rstest]
fn abuse_13_a_token_ends_with_the_session_the_account_and_the_role(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let other = TestApp::on(&app.url, 2_000_000);
    let admin = app.user(Role::Admin, None);
    app.register("robin@example.se", "Robin", Role::Reader, None);
    let user = admin.get("/users?limit=200").json["items"].as_array().unwrap().clone();
    let user = user.iter().find(|user| user["email"] == json!("robin@example.se")).unwrap().clone();

    let leaving = app.sign_in("robin@example.se");
    leaving.delete("/sessions/current", "*").is(204);
    refused(&leaving.get("/me"));

    let (here, there) = (app.sign_in("robin@example.se"), app.sign_in("robin@example.se").at(other.address));
    there.get("/me").is(200);
    let expires = today() + TimeDelta::days(1);
    let token = here.post("/me/tokens", &json!({"name": "x", "scopes": ["account.read"], "expiresAt": expires})).is(201);
    let program = app.anybody().with_token(text(&token.json["token"]));
    program.get("/me").is(200);
    admin.call("POST", &format!("/users/{}/deactivate", id(&user)), None).is(200);
    refused(&here.get("/me"));
    refused(&program.get("/me"));
    app.anybody().post("/sessions", &json!({"email": "robin@example.se", "password": PASSWORD})).is(401);
    // The other instance notices the change within a second.
    #[expect(clippy::disallowed_methods, reason = "the other instance reads the real clock")]
    let started = std::time::Instant::now();
    while there.get("/me").status != 401 {
        assert!(started.elapsed().as_millis() < 1000, "the other instance has not heard");
    }
}

#[test]
fn abuse_14_revoking_an_unknown_token_is_no_error() {
    let app = TestApp::start(Database::Sqlite).unwrap();
    app.form("/oauth2/revoke", &[("client_id", "samsyn"), ("token", "nothing")]).is(200);
    let session = signed_in(&app);
    // An unknown client cannot end a token.
    app.form("/oauth2/revoke", &[("client_id", "other"), ("token", text(&session.json["refreshToken"]))]).is(401);
    let client = app.anybody().with_token(text(&session.json["accessToken"]));
    client.get("/me").is(200);
    app.form("/oauth2/revoke", &[("client_id", "samsyn"), ("token", text(&session.json["refreshToken"]))]).is(200);
    refused(&client.get("/me"));
}

/// The claims of a token.
fn claims_of(token: &str) -> Value {
    forge::claims(token)
}
