//! Machines: service accounts, their tokens, personal tokens, keys; and browsers with a cookie.

use chrono::TimeDelta;
use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::harness::{Answer, Client, Database, PASSWORD, TestApp, forge, id, today};

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// A service account with a secret, and that secret.
fn with_secret(admin: &Client, scopes: &Value) -> (String, String) {
    let account =
        admin.post("/service-accounts", &json!({"name": "Register", "authMethod": "client_secret_post", "scopes": scopes})).is(201);
    let secret = admin.call("POST", &format!("/service-accounts/{}/secrets", id(&account.json)), None).is(201);
    (id(&account.json), text(&secret.json["clientSecret"]).to_owned())
}

fn credentials(app: &TestApp, client: &str, secret: &str, more: &[(&str, &str)]) -> Answer {
    let mut form = vec![("grant_type", "client_credentials"), ("client_id", client), ("client_secret", secret)];
    form.extend_from_slice(more);
    app.token(&form)
}

#[rstest]
fn abuse_15_a_client_learns_only_of_its_own_tokens(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let (one, one_secret) = with_secret(&admin, &json!(["registry.read"]));
    let (two, two_secret) = with_secret(&admin, &json!(["registry.read"]));
    let token = credentials(&app, &one, &one_secret, &[]).is(200);
    let token = text(&token.json["access_token"]);
    let ask = |client: &str, secret: &str, token: &str| {
        app.form("/oauth2/introspect", &[("client_id", client), ("client_secret", secret), ("token", token)])
    };
    let own = ask(&one, &one_secret, token).is(200);
    assert_eq!((&own.json["active"], &own.json["client_id"], &own.json["scope"]), (&json!(true), &json!(one), &json!("registry.read")));
    assert_eq!(ask(&two, &two_secret, token).is(200).json, json!({"active": false}));
    assert_eq!(ask(&one, &one_secret, "nothing").is(200).json, json!({"active": false}));
    assert_eq!(ask(&one, "wrong", token).is(401).json["error"], json!("invalid_client"));
    app.form("/oauth2/revoke", &[("client_id", &one), ("client_secret", &one_secret), ("token", token)]).is(200);
    assert_eq!(ask(&one, &one_secret, token).is(200).json, json!({"active": false}));
    app.anybody().with_token(token).get("/actors?limit=1").is(401);
}

#[rstest]
fn abuse_16_a_client_gets_no_scope_beyond_its_own(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let (client, secret) = with_secret(&admin, &json!(["registry.read", "actors.write"]));
    for scope in ["registry.read users.write", "nothing", "account.write"] {
        let answer = credentials(&app, &client, &secret, &[("scope", scope)]).is(400);
        assert_eq!(answer.json["error"], json!("invalid_scope"), "{scope}");
    }
    // The account may ask for fewer scopes, and its rights still depend on its grants.
    let token = credentials(&app, &client, &secret, &[("scope", "registry.read")]).is(200);
    assert_eq!((&token.json["scope"], &token.json["token_type"]), (&json!("registry.read"), &json!("Bearer")));
    let machine = app.anybody().with_token(text(&token.json["access_token"]));
    machine.get("/actors?limit=1").is(200);
    let new = json!({"kind": "association", "name": "Ny", "seatAreaId": app.area("0127")});
    let narrowed = machine.post("/actors", &new).is(403);
    assert_eq!(narrowed.header("www-authenticate"), Some("Bearer error=\"insufficient_scope\", scope=\"actors.write\""));
    let whole = credentials(&app, &client, &secret, &[]).is(200);
    let machine = app.anybody().with_token(text(&whole.json["access_token"]));
    machine.post("/actors", &new).is(403);
    let scope = json!({"kind": "area", "id": app.area("0127")});
    admin.post("/grants", &json!({"userId": client, "role": "coordinator", "scope": scope})).is(201);
    machine.post("/actors", &new).is(201);
    // The claims are those of RFC 9068.
    let claims = forge::claims(text(&whole.json["access_token"]));
    for claim in ["iss", "aud", "sub", "client_id", "iat", "exp", "jti", "scope", "auth_time"] {
        assert!(!claims[claim].is_null(), "{claim} is missing: {claims}");
    }
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!(client), &json!(client)));
}

#[test]
fn abuse_17_passwords_are_not_taken_at_the_token_endpoint() {
    let app = TestApp::start(Database::Sqlite).unwrap();
    app.register("kim@example.se", "Kim", Role::Reader, None);
    for kind in ["password", "implicit", "urn:ietf:params:oauth:grant-type:device_code"] {
        let answer = app.token(&[("grant_type", kind), ("username", "kim@example.se"), ("password", PASSWORD)]).is(400);
        assert_eq!(answer.json["error"], json!("unsupported_grant_type"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    app.anybody().call("POST", "/oauth2/token", Some(("application/json", b"{\"grant_type\":\"password\"}"))).is(400);
    app.anybody().call("POST", "/oauth2/token", Some(("application/x-www-form-urlencoded", b"grant_type=a&grant_type=b"))).is(400);
    app.anybody().call("POST", "/oauth2/token", Some(("application/x-www-form-urlencoded", b"%ff%fe=&"))).is(400);
}

#[rstest]
fn a_client_signs_with_its_own_key_and_no_statement_works_twice(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let new =
        json!({"name": "Register", "authMethod": "private_key_jwt", "jwks": {"keys": [forge::public_key()]}, "scopes": ["registry.read"]});
    let client = id(&admin.post("/service-accounts", &new).is(201).json);
    let statement = |jti: &str, change: &[(&str, Value)]| {
        let mut claims = json!({"iss": client, "sub": client, "aud": format!("{}/oauth2/token", samsyn::openapi::CANONICAL_URL),
            "jti": jti, "exp": (today() + TimeDelta::minutes(2)).timestamp()});
        for (name, value) in change {
            claims[*name] = value.clone();
        }
        forge::ed25519(&json!({"alg": "EdDSA", "typ": "JWT"}), &claims)
    };
    let ask = |statement: &str| {
        app.token(&[
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", statement),
        ])
    };
    let first = statement("1", &[]);
    let token = ask(&first).is(200);
    app.anybody().with_token(text(&token.json["access_token"])).get("/actors?limit=1").is(200);
    assert_eq!(ask(&first).is(401).json["error"], json!("invalid_client"));
    for (at, change) in [
        ("aud", json!("https://other.example.se")),
        ("iss", json!("other")),
        ("exp", json!((today() - TimeDelta::minutes(2)).timestamp())),
        ("exp", json!((today() + TimeDelta::days(2)).timestamp())),
        ("nbf", json!((today() + TimeDelta::minutes(5)).timestamp())),
        ("jti", json!("")),
    ] {
        ask(&statement("2", &[(at, change)])).is(401);
    }
    // A closed account cannot sign in, with any credential.
    let other = statement("3", &[]);
    admin.call("POST", &format!("/service-accounts/{client}/deactivate"), None).is(200);
    ask(&other).is(401);
    app.anybody().with_token(text(&token.json["access_token"])).get("/actors?limit=1").is(401);
}

#[test]
fn a_new_secret_leaves_the_old_one_a_day() {
    let app = TestApp::start(Database::Sqlite).unwrap();
    let admin = app.user(Role::Admin, None);
    let (client, old) = with_secret(&admin, &json!(["registry.read"]));
    let new = admin.call("POST", &format!("/service-accounts/{client}/secrets"), None).is(201);
    let new = text(&new.json["clientSecret"]);
    credentials(&app, &client, &old, &[]).is(200);
    credentials(&app, &client, new, &[]).is(200);
    let later = TestApp::at(today() + TimeDelta::hours(25), &app.url, 2_000_000);
    credentials(&later, &client, &old, &[]).is(401);
    credentials(&later, &client, new, &[]).is(200);
}

#[rstest]
fn abuse_49_a_personal_token_carries_what_both_it_and_its_user_hold(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    app.register("kim@example.se", "Kim", Role::Coordinator, Some(("area", &app.area("01"))));
    let kim = app.sign_in("kim@example.se");
    let expires = today() + TimeDelta::days(30);
    let make = |scopes: &Value| kim.post("/me/tokens", &json!({"name": "Excel", "scopes": scopes, "expiresAt": expires}));
    assert_eq!(make(&json!(["privacy.read"])).is(422).faults(), ["/scopes/0 not-held"]);
    assert_eq!(make(&json!(["registry.raed"])).is(422).faults(), ["/scopes/0 not-in-list"]);
    let token = make(&json!(["registry.read", "actors.write"])).is(201);
    let program = app.anybody().with_token(text(&token.json["token"]));
    let new = |name: &str, area: &str| json!({"kind": "association", "name": name, "seatAreaId": app.area(area)});
    program.post("/actors", &new("I Botkyrka", "0127")).is(201);
    program.post("/actors", &new("I Göteborg", "1480")).is(403);
    let refused = program.get("/forums").is(403);
    assert_eq!(refused.json["requiredPermission"], json!("forums.read"));
    program.post("/me/tokens", &json!({"name": "x", "scopes": ["registry.read"], "expiresAt": expires})).is(403);
    // The list shows the time of last use, and never the token.
    let listed = kim.get("/me/tokens").is(200);
    assert!(!listed.body.contains(text(&token.json["token"])));
    assert_eq!(listed.json["items"][0]["lastUsedAt"], json!("2026-11-22T09:00:00Z"));
    // When the user loses the role, so does the token. An expired token has no rights.
    let admin = app.user(Role::Admin, None);
    let grant = kim.get("/me").json["grants"][0].clone();
    admin.delete(&format!("/grants/{}", id(&grant)), "*").is(204);
    program.post("/actors", &new("Efter", "0127")).is(403);
    let later = TestApp::at(expires, &app.url, 2_000_000);
    later.anybody().with_token(text(&token.json["token"])).get("/actors?limit=1").is(401);
}

#[rstest]
fn keys_change_under_load_and_no_call_fails(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let other = TestApp::on(&app.url, 2_000_000);
    app.register("kim@example.se", "Kim", Role::Reader, None);
    let session = app.anybody().post("/sessions", &json!({"email": "kim@example.se", "password": PASSWORD})).is(201);
    let stop = std::sync::atomic::AtomicBool::new(false);
    let made = std::thread::scope(|scope| {
        let renewing = scope.spawn(|| {
            let (mut token, mut here, mut made) = (session.json["refreshToken"].clone(), true, 0);
            while !stop.load(std::sync::atomic::Ordering::Relaxed) || made < 20 {
                // A token that was signed by one instance is used at the other, and the other way round.
                let (signs, checks) = if here { (app.address, other.address) } else { (other.address, app.address) };
                let renewed = app.anybody().at(signs).post("/sessions/refresh", &json!({"refreshToken": token})).is(201);
                app.anybody().at(checks).with_token(text(&renewed.json["accessToken"])).get("/me").is(200);
                token = renewed.json["refreshToken"].clone();
                (here, made) = (!here, made + 1);
            }
            made
        });
        for _ in 0..5 {
            app.rotate_keys();
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        renewing.join().unwrap()
    });
    assert!(made >= 20);
    assert_eq!(app.anybody().get("/.well-known/jwks.json").json["keys"].as_array().unwrap().len(), 6);
}

#[rstest]
fn abuse_85_the_cookie_serves_no_other_site(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start_with(database, "cors_origins = [\"https://app.example.se\"]") else { return };
    app.register("kim@example.se", "Kim", Role::Reader, None);
    let session = app.anybody().post("/sessions", &json!({"email": "kim@example.se", "password": PASSWORD, "cookie": true})).is(201);
    assert_eq!(session.json["refreshToken"], Value::Null);
    let cookie = session.header("set-cookie").unwrap().to_owned();
    for word in ["__Host-samsyn-refresh=", "Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let browser = app.anybody().with("Cookie", cookie.split(';').next().unwrap());
    let renew = |client: &Client| client.post("/sessions/refresh", &json!({}));
    renew(&browser).is(403);
    renew(&browser.with("Origin", "https://evil.example.se")).is(403);
    renew(&browser.with("Origin", "null")).is(403);
    renew(&browser.with("Origin", "https://app.example.se").with("Sec-Fetch-Site", "cross-site")).is(403);
    renew(&browser.with("Origin", "https://app.example.se.evil.com")).is(403);
    let renewed = renew(&browser.with("Origin", "https://app.example.se").with("Sec-Fetch-Site", "same-site")).is(201);
    assert_eq!(renewed.json["refreshToken"], Value::Null);
    assert!(renewed.header("set-cookie").unwrap().contains("__Host-samsyn-refresh="));
    // Without the cookie there is nothing to renew. Signing out removes the cookie.
    renew(&app.anybody().with("Origin", "https://app.example.se")).is(401);
    let kim = app.anybody().with_token(text(&renewed.json["accessToken"]));
    let out = kim
        .with("Cookie", renewed.header("set-cookie").unwrap().split(';').next().unwrap())
        .call("DELETE", "/sessions/current", None)
        .is(204);
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    // The cookie alone gives access to nothing else.
    browser.with("Origin", "https://app.example.se").get("/me").is(401);
}
