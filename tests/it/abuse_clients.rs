//! Mistakes of clients and operators do not open the service to others.

use chrono::TimeDelta;
use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::{
    abuse_audit::{entries, summaries},
    harness::{Answer, Client, Database, PASSWORD, TestApp, forge, id, today, totp_of, try_config},
};

/// Lets a test client use many addresses.
const BEHIND_A_PROXY: &str = "trusted_proxies = [\"127.0.0.1\"]\n";

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// A service account with a secret, and that secret.
fn with_secret(admin: &Client) -> (String, String) {
    let new = json!({"name": "Register", "authMethod": "client_secret_post", "scopes": ["registry.read"]});
    let account = admin.post("/service-accounts", &new).is(201);
    let secret = admin.call("POST", &format!("/service-accounts/{}/secrets", id(&account.json)), None).is(201);
    (id(&account.json), text(&secret.json["clientSecret"]).to_owned())
}

/// Sends a form from an address.
fn form(app: &TestApp, address: &str, path: &str, form: &[(&str, &str)]) -> Answer {
    let form: Vec<_> = form.iter().map(|(name, value)| format!("{name}={}", crate::harness::escaped(value))).collect();
    let client = app.anybody().with("X-Forwarded-For", address);
    client.call("POST", path, Some(("application/x-www-form-urlencoded", form.join("&").as_bytes())))
}

fn token(app: &TestApp, address: &str, client: &str, secret: &str) -> Answer {
    let asked = [("grant_type", "client_credentials"), ("client_id", client), ("client_secret", secret)];
    form(app, address, "/oauth2/token", &asked)
}

/// The signed statement with which a client asks for a token.
fn statement(client: &str, number: usize, header: &Value) -> String {
    let claims = json!({"iss": client, "sub": client, "aud": format!("{}/oauth2/token", samsyn::openapi::CANONICAL_URL),
        "jti": number.to_string(), "exp": (today() + TimeDelta::minutes(2)).timestamp()});
    forge::ed25519(header, &claims)
}

#[rstest]
fn abuse_120_wrong_secrets_of_others_shut_no_client_out(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let settings = format!("{BEHIND_A_PROXY}sign_in_failures_per_address = 1000\n");
    let Some(app) = TestApp::start_with(database, &settings) else { return };
    let admin = app.user(Role::Admin, None);
    let (client, secret) = with_secret(&admin);
    token(&app, "192.0.2.1", &client, &secret).is(200);

    // Twelve wrong secrets from one address: that address must wait, but the client must not, from any other address.
    let guessed: Vec<u16> = (0..12).map(|_| token(&app, "198.51.100.1", &client, "a wrong secret").status).collect();
    assert_eq!(guessed, [vec![401; 10], vec![429; 2]].concat());
    token(&app, "192.0.2.1", &client, &secret).is(200);
    token(&app, "192.0.2.77", &client, &secret).is(200);

    // A hundred wrong secrets from as many addresses: a new address must wait, but the client's usual addresses must not.
    let guessed: Vec<u16> = (0..100).map(|at| token(&app, &format!("203.0.113.{at}"), &client, "a wrong secret").status).collect();
    assert_eq!(guessed.iter().filter(|status| **status == 401).count(), 90, "{guessed:?}");
    token(&app, "192.0.2.200", &client, &secret).is(429);
    token(&app, "192.0.2.1", &client, &secret).is(200);
    token(&app, "192.0.2.77", &client, &secret).is(200);

    // A client with a key is not affected by secrets that somebody sends in its name.
    let new =
        json!({"name": "Nyckel", "authMethod": "private_key_jwt", "jwks": {"keys": [forge::public_key()]}, "scopes": ["registry.read"]});
    let keyed = id(&admin.post("/service-accounts", &new).is(201).json);
    for address in 0..120 {
        token(&app, &format!("203.0.113.{address}"), &keyed, "a secret that it has not");
    }
    let signed = statement(&keyed, 1, &json!({"alg": "EdDSA", "typ": "JWT"}));
    let asked = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &*signed),
    ];
    form(&app, "203.0.113.1", "/oauth2/token", &asked).is(200);
}

#[rstest]
fn abuse_120_only_the_canonical_form_of_an_id_is_a_client(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start_with(database, BEHIND_A_PROXY) else { return };
    let (client, secret) = with_secret(&app.user(Role::Admin, None));
    for other in
        [client.replace('-', ""), format!("{{{client}}}"), format!("urn:uuid:{client}"), client.to_uppercase(), format!(" {client}")]
    {
        let told = token(&app, "192.0.2.1", &other, &secret).is(401);
        assert_eq!(told.json["error"], "invalid_client", "{other}");
    }
    token(&app, "192.0.2.1", &client, &secret).is(200);
}

#[rstest]
fn abuse_120_nobody_locks_an_owner_out_from_where_the_owner_is(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start_with(database, BEHIND_A_PROXY) else { return };
    app.register("kim@example.se", "Kim", Role::Reader, None);
    let from = |address: &str| app.anybody().with("X-Forwarded-For", address);
    let sign_in = |address: &str, password: &str, code: Option<&str>| {
        from(address).post("/sessions", &json!({"email": "kim@example.se", "password": password, "code": code}))
    };
    sign_in("192.0.2.1", PASSWORD, None).is(201);
    // Guessing from many addresses is slowed down, except at the owner's usual address.
    let guessed: Vec<u16> = (0..20).map(|at| sign_in(&format!("198.51.100.{at}"), "något annat än det rätta", None).status).collect();
    assert_eq!(guessed, [[401; 10], [429; 10]].concat());
    sign_in("192.0.2.2", PASSWORD, None).is(429);
    let session = sign_in("192.0.2.1", PASSWORD, None).is(201);
    // There, changes can be confirmed and a new password can be requested, no matter how often others have done so.
    let kim = from("192.0.2.1").with_token(text(&session.json["accessToken"]));
    let secret = kim.post("/me/second-factor", &json!({"currentPassword": PASSWORD})).is(201).json["secret"].clone();
    for at in 0..12 {
        from(&format!("198.51.100.{at}")).post("/password-resets", &json!({"email": "kim@example.se"}));
    }
    from("192.0.2.2").post("/password-resets", &json!({"email": "kim@example.se"})).is(429);
    from("192.0.2.1").post("/password-resets", &json!({"email": "kim@example.se"})).is(202);
    // Even from the usual address, the number of guesses is limited.
    let guessed: Vec<u16> = (0..12).map(|_| sign_in("192.0.2.1", "något annat än det rätta", None).status).collect();
    assert_eq!(guessed, [vec![401; 10], vec![429; 2]].concat());

    // The same holds for codes of the second factor, guessed by somebody who knows the password.
    kim.post("/me/second-factor/confirm", &json!({"code": totp_of(text(&secret), today())})).is(201);
    let at = today() + TimeDelta::minutes(20);
    let later = TestApp::at_with(at, &app.url, 2_000_000, BEHIND_A_PROXY);
    let sign_in = |address: &str, code: &str| {
        let client = later.anybody().with("X-Forwarded-For", address);
        client.post("/sessions", &json!({"email": "kim@example.se", "password": PASSWORD, "code": code}))
    };
    sign_in("192.0.2.1", &totp_of(text(&secret), at)).is(201);
    let guessed: Vec<u16> = (0..12).map(|at| sign_in(&format!("203.0.113.{at}"), "000000").status).collect();
    assert_eq!(guessed, [vec![401; 10], vec![429; 2]].concat());
    let recovery = at + TimeDelta::minutes(2);
    let later = TestApp::at_with(recovery, &app.url, 3_000_000, BEHIND_A_PROXY);
    let owner = later.anybody().with("X-Forwarded-For", "192.0.2.1");
    owner.post("/sessions", &json!({"email": "kim@example.se", "password": PASSWORD, "code": totp_of(text(&secret), recovery)})).is(201);
}

#[rstest]
fn abuse_130_a_token_is_ended_only_by_the_client_that_shows_that_it_is_its_own(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let ((one, one_secret), (two, two_secret)) = (with_secret(&admin), with_secret(&admin));
    let given = app.token(&[("grant_type", "client_credentials"), ("client_id", &one), ("client_secret", &one_secret)]).is(200);
    let given = text(&given.json["access_token"]).to_owned();
    let holds = || app.anybody().with_token(&given).get("/actors?limit=1").status;
    for path in ["/oauth2/revoke", "/oauth2/introspect"] {
        for wrong in [
            vec![("client_id", one.as_str())],
            vec![("client_id", one.as_str()), ("client_secret", "")],
            vec![("client_id", one.as_str()), ("client_secret", "wrong")],
            vec![("client_id", one.as_str()), ("client_assertion", "a.b.c")],
            vec![("client_id", "nobody")],
            vec![],
        ] {
            let refused = app.form(path, &[wrong.as_slice(), &[("token", given.as_str())]].concat()).is(401);
            assert_eq!(refused.json["error"], json!("invalid_client"), "{path} {wrong:?}");
            assert_eq!(holds(), 200, "{path} {wrong:?}");
        }
    }
    // Another client learns nothing about the token and cannot end it.
    app.form("/oauth2/revoke", &[("client_id", &two), ("client_secret", &two_secret), ("token", &given)]).is(200);
    assert_eq!(holds(), 200);
    app.form("/oauth2/revoke", &[("client_id", &one), ("client_secret", &one_secret), ("token", &given)]).is(200);
    assert_eq!(holds(), 401);
    // The attempts are in the audit log.
    let denied = entries(&admin, "outcome=denied&operation=revoke_token");
    assert!(denied.len() >= 3, "{denied:?}");
}

#[test]
fn abuse_131_passwords_of_guides_and_mail_in_the_clear_are_not_passed_over() {
    for placeholder in ["change-me", "password", "samsyn", "secret", "…", "<password>", "postgres", "Password123", "kommun"] {
        for (setting, address) in [
            ("database_url", format!("postgres://kommun:{placeholder}@db.invalid/samsyn")),
            ("database_url", format!("postgres://kommun@db.invalid/samsyn?password={placeholder}")),
            ("mail_url", format!("smtps://kommun:{placeholder}@mail.invalid")),
        ] {
            let refused = try_config(&format!("{setting} = \"{address}\"")).unwrap_err();
            assert!(refused.starts_with(&format!("{setting}: the password is a placeholder")), "{address}: {refused}");
            assert!(!refused.contains(&address), "{refused}");
        }
    }
    let environment = |password: &str| {
        let pairs = [("SAMSYN_DATABASE_URL", "postgres://samsyn@db.invalid/samsyn"), ("PGPASSWORD", password)];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        samsyn::config::Config::load(&[], None, pairs.into_iter(), &[]).map(|_| ()).map_err(|error| error.setting)
    };
    assert_eq!((environment("change-me"), environment("hemligtlosen")), (Err("PGPASSWORD".to_owned()), Ok(())));
    // On the same machine there is a warning, but the service starts, so that it can be tried out.
    let near = try_config("database_url = \"postgres://samsyn:samsyn@localhost/samsyn\"").unwrap();
    assert_eq!(near.warnings().iter().map(|warning| warning.setting.as_str()).collect::<Vec<_>>(), ["database_url"]);

    for (url, more, warned, serves) in [
        ("smtp://mail.example.se", "", true, false),
        ("smtp://mail.example.se?tls=opportunistic", "", true, false),
        ("smtp://mail.example.se", "mail_in_clear = true", true, true),
        ("smtp://mail.example.se?tls=required", "", false, true),
        ("smtps://mail.example.se", "", false, true),
        ("smtp://127.0.0.1:2525", "", false, true),
        ("smtp://localhost", "", false, true),
        ("file:samsyn-data/mail", "", false, true),
    ] {
        let config = try_config(&format!("mail_url = \"{url}\"\n{more}")).unwrap();
        let told = config.warnings().iter().any(|warning| warning.setting == "mail_url");
        assert_eq!((told, config.may_serve().is_ok()), (warned, serves), "{url} {more}");
    }
}

#[rstest]
fn abuse_132_who_is_nobody_leaves_a_trace_and_no_flood(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start_with(database, BEHIND_A_PROXY) else { return };
    let admin = app.user(Role::Admin, None);
    let from = |address: &str| app.anybody().with("X-Forwarded-For", address);
    for number in 0..25 {
        from("198.51.100.7").get("/users").is(401);
        from("198.51.100.7").get(&format!("/actors/01890a5d-ac96-774b-bcce-b3020{number:07}")).is(404);
        from("198.51.100.7").get(&format!("/admin{number}.php")).is(404);
        from("198.51.100.7").get("/docs/../.env").is(404);
    }
    from("198.51.100.8").post("/actors", &json!({})).is(401);
    let of = |address: &str| {
        let all: Vec<Value> = entries(&admin, "").into_iter().filter(|entry| entry["address"] == json!(address)).collect();
        summaries(&all)
    };
    assert_eq!(of("198.51.100.7"), ["listUsers denied 401 unauthenticated", "getActor failed 404 not-found"]);
    assert_eq!(of("198.51.100.8"), ["createActor denied 401 unauthenticated"]);
    // A call that needs no permission is not noted.
    from("198.51.100.9").get("/actors?limit=1").is(200);
    assert!(of("198.51.100.9").is_empty());
    // When the minute is over, or the service stops, the number of further refusals is noted.
    let url = app.url.clone();
    let other = TestApp::on_with(&url, 2_000_000, BEHIND_A_PROXY);
    for _ in 0..10 {
        other.anybody().with("X-Forwarded-For", "198.51.100.10").get("/users").is(401);
    }
    drop(other);
    assert_eq!(of("198.51.100.10"), ["listUsers denied 401 unauthenticated", "anonymousCalls denied 401 unauthenticated, 9 more"]);
}

#[rstest]
fn abuse_132_an_employer_sees_the_sign_ins_of_its_own_people(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (botkyrka, goteborg) = (app.public_actor("municipality_code:0127"), app.public_actor("municipality_code:1480"));
    app.register("kim@example.se", "Kim", Role::Contributor, Some(("actor", &botkyrka)));
    app.register("lo@example.se", "Lo", Role::Contributor, Some(("actor", &goteborg)));
    let sign_in = |email: &str, password: &str| app.anybody().post("/sessions", &json!({"email": email, "password": password}));
    for email in ["kim@example.se", "lo@example.se"] {
        sign_in(email, "något helt annat än det rätta").is(401);
        let session = sign_in(email, PASSWORD).is(201);
        app.anybody().post("/sessions/refresh", &json!({"refreshToken": session.json["refreshToken"]})).is(201);
    }
    let of_names = |admin: &Client| {
        let sessions: Vec<Value> = entries(admin, "").into_iter().filter(|entry| text(&entry["operation"]).ends_with("Session")).collect();
        let one = |entry: &Value| {
            format!("{} {} {}", entry["user"]["name"].as_str().unwrap_or_default(), text(&entry["operation"]), text(&entry["outcome"]))
        };
        let mut told: Vec<String> = sessions.iter().rev().map(one).collect();
        told.retain(|told| !told.starts_with("Test "));
        told
    };
    let for_botkyrka = app.user(Role::ActorAdmin, Some(("actor", &botkyrka)));
    assert_eq!(of_names(&for_botkyrka), ["Kim createSession denied", "Kim createSession done", "Kim renewSession done"]);
    let for_goteborg = app.user(Role::ActorAdmin, Some(("actor", &goteborg)));
    assert_eq!(of_names(&for_goteborg), ["Lo createSession denied", "Lo createSession done", "Lo renewSession done"]);
}
