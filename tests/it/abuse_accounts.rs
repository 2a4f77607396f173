//! Abuse of accounts: guessing passwords, taking accounts over, raising one's own rights, locking everybody out.

use chrono::TimeDelta;
use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::harness::{Database, PASSWORD, TestApp, id, today, totp_of};

fn plain(problem: &Value) -> Value {
    let mut problem = problem.clone();
    problem["instance"] = Value::Null;
    problem
}

#[rstest]
fn abuse_23_an_unknown_user_and_a_wrong_password_cannot_be_told_apart(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    app.register("kim@example.se", "Kim", Role::Reader, None);
    let wrong = app.anybody().post("/sessions", &json!({"email": "kim@example.se", "password": "något helt annat än det rätta"})).is(401);
    let unknown = app.anybody().post("/sessions", &json!({"email": "ingen@example.se", "password": PASSWORD})).is(401);
    assert_eq!(plain(&wrong.json), plain(&unknown.json));
    let names =
        |headers: &[(String, String)]| headers.iter().map(|(name, _)| name.to_lowercase()).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(names(&wrong.headers), names(&unknown.headers));
    // Response times are not compared. Instead, the count of hash computations shows that both cases cost one.
    app.sign_in("KIM@example.se").get("/me").is(200);
}

#[rstest]
fn abuse_24_asking_for_a_new_password_tells_nobody_who_has_an_account(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    app.register("kim@example.se", "Kim", Role::Reader, None);
    let known = app.anybody().post("/password-resets", &json!({"email": "kim@example.se"})).is(202);
    let unknown = app.anybody().post("/password-resets", &json!({"email": "ingen@example.se"})).is(202);
    assert_eq!(known.body, unknown.body);
    app.letter("kim@example.se", "password");
    assert!(app.letters("ingen@example.se").is_empty());
    // The same holds for an invitation: only the link in the letter lets the person in.
    let admin = app.user(Role::Admin, None);
    admin.post("/users", &json!({"email": "ny@example.se", "name": "Ny"})).is(201);
    let letter = app.letters("ny@example.se");
    assert!(letter.iter().all(|letter| !letter.contains("password:")));
}

#[rstest]
fn abuse_26_a_link_works_once_for_an_hour_and_for_the_password_it_was_made_under(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(app) = TestApp::start(database) else { return };
    app.register("kim@example.se", "Kim", Role::Reader, None);
    let ask = || {
        app.anybody().post("/password-resets", &json!({"email": "kim@example.se"})).is(202);
        app.letter("kim@example.se", "password")
    };
    let choose = |app: &TestApp, token: &str, password: &str| {
        app.anybody().post("/password-resets/complete", &json!({"token": token, "password": password}))
    };
    let before = app.sign_in("kim@example.se");
    let first = ask();
    let second = ask();
    assert_eq!(choose(&app, &first, "tre lila hattar på en hylla").is(422).faults(), ["/token no-longer-valid"], "a newer one replaces it");
    choose(&app, &second, "tre lila hattar på en hylla").is(204);
    choose(&app, &second, "fem röda paraplyer i regnet").is(422);
    before.get("/me").is(401);
    // When the password changes in another way, the link becomes invalid with the old password.
    let third = ask();
    let kim = app.anybody().post("/sessions", &json!({"email": "kim@example.se", "password": "tre lila hattar på en hylla"})).is(201);
    let kim = app.anybody().with_token(kim.json["accessToken"].as_str().unwrap());
    kim.post("/me/password", &json!({"currentPassword": "tre lila hattar på en hylla", "newPassword": PASSWORD})).is(204);
    choose(&app, &third, "fem röda paraplyer i regnet").is(422);
    // After an hour the link has expired. A link for one purpose does not work for another.
    let fourth = ask();
    app.anybody().post("/account-activations", &json!({"token": fourth, "password": "fem röda paraplyer i regnet"})).is(422);
    let later = TestApp::at(today() + TimeDelta::minutes(61), &app.url, 2_000_000);
    choose(&later, &fourth, "fem röda paraplyer i regnet").is(422);
}

#[test]
fn the_pages_of_links_keep_their_secret_and_ask_nobody_else() {
    let app = TestApp::start(Database::Sqlite).unwrap();
    for page in ["invitation", "password", "email"] {
        let answer = app.anybody().get(&format!("/account/{page}")).is(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
        assert!(!answer.body.contains("http://") && !answer.body.contains("https://"), "{}", answer.body);
        for operation in answer.body.split("data-operation=\"/samsyn/v1").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            app.anybody().post(operation, &json!({"token": "x", "password": PASSWORD})).is(422);
        }
    }
    app.anybody().get("/account.js").is(200);
    app.anybody().get("/account/other").is(404);
}

#[test]
fn abuse_27_long_passwords_count_to_the_last_byte() {
    let app = TestApp::start(Database::Sqlite).unwrap();
    let admin = app.user(Role::Admin, None);
    let chosen = |email: &str, password: &str| {
        admin.post("/users", &json!({"email": email, "name": "Kim"})).is(201);
        let token = app.letter(email, "invitation");
        app.anybody().post("/account-activations", &json!({"token": token, "password": password}))
    };
    let long = |end: &str| format!("{}{end}", "fyra blå cyklar vid ån ".repeat(44).chars().take(1024 - 44 * 2 - 1).collect::<String>());
    let password = long("x");
    assert!(password.len() > 900 && password.len() <= 1024);
    chosen("lang@example.se", &password).is(204);
    let sign_in = |password: &str| app.anybody().post("/sessions", &json!({"email": "lang@example.se", "password": password})).status;
    assert_eq!(sign_in(&password), 201);
    assert_eq!(sign_in(&long("y")), 401);
    assert_eq!(chosen("for@example.se", &"å".repeat(513)).is(422).faults(), ["/password too-long"]);
    // Composed and decomposed letters give the same password.
    chosen("sammansatt@example.se", "a\u{30A}tta gula la\u{308}mm i en hage").is(204);
    let composed = json!({"email": "sammansatt@example.se", "password": "åtta gula lämm i en hage"});
    app.anybody().post("/sessions", &composed).is(201);
}

#[rstest]
fn abuse_28_passwords_that_are_guessed_first_are_refused(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    admin.post("/users", &json!({"email": "ny@example.se", "name": "Ny"})).is(201);
    let token = app.letter("ny@example.se", "invitation");
    for password in ["Sommar2026!", "Sommar2026!Sommar", "password123456", "qwertyuiop[]", "iloveyou1234", "111111111111", "Lösenord12345"]
    {
        let answer = app.anybody().post("/account-activations", &json!({"token": token, "password": password})).is(422);
        assert!(["/password too-short", "/password too-common"].contains(&answer.faults()[0].as_str()), "{password}: {}", answer.body);
    }
    // The name of the user's own organisation is refused.
    let botkyrka = app.public_actor("municipality_code:0127");
    app.register("kim@example.se", "Kim", Role::Contributor, Some(("actor", &botkyrka)));
    let kim = app.sign_in("kim@example.se");
    let change = |password: &str| kim.post("/me/password", &json!({"currentPassword": PASSWORD, "newPassword": password}));
    assert_eq!(change("Botkyrkakommun1").is(422).faults(), ["/newPassword too-common"]);
    change("sju gröna båtar på ett torg").is(204);
}

#[rstest]
fn abuse_30_stored_passwords_are_hard_to_try_and_grow_harder(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    app.register("kim@example.se", "Kim", Role::Reader, None);
    let stored = || -> String {
        app.rows("SELECT password_hash FROM user_account WHERE email = 'kim@example.se'")[0].try_get("", "password_hash").unwrap()
    };
    assert!(stored().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", stored());
    // A hash as it was stored with weaker parameters.
    let weak = crate::harness::weak_hash();
    app.execute(&format!("UPDATE user_account SET password_hash = '{weak}' WHERE email = 'kim@example.se'"));
    app.sign_in("kim@example.se");
    assert!(stored().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", stored());
    app.sign_in("kim@example.se");
}

#[rstest]
fn abuse_31_a_change_of_password_or_address_needs_the_password_and_ends_other_sessions(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(app) = TestApp::start(database) else { return };
    app.register("kim@example.se", "Kim", Role::Reader, None);
    let (here, there) = (app.sign_in("kim@example.se"), app.sign_in("kim@example.se"));
    let new = "sju gröna båtar på ett torg";
    let wrong = here.post("/me/password", &json!({"currentPassword": "något annat än det rätta", "newPassword": new})).is(422);
    assert_eq!(wrong.faults(), ["/currentPassword wrong"]);
    here.post("/me/email", &json!({"currentPassword": "något annat än det rätta", "email": "ny@example.se"})).is(422);
    here.post("/me/second-factor", &json!({"currentPassword": "något annat än det rätta"})).is(422);
    here.post("/me/password", &json!({"currentPassword": PASSWORD, "newPassword": new})).is(204);
    here.get("/me").is(200);
    there.get("/me").is(401);
    // The address changes only when the link sent to the new address is followed. The old address gets a notice.
    here.post("/me/email", &json!({"currentPassword": new, "email": "ny@example.se"})).is(202);
    let link = app.letter("ny@example.se", "email");
    assert_eq!(here.get("/me").json["user"]["email"], json!("kim@example.se"));
    app.anybody().post("/email-changes/confirm", &json!({"token": link})).is(204);
    here.get("/me").is(401);
    app.anybody().post("/sessions", &json!({"email": "ny@example.se", "password": new})).is(201);
    // A personal token cannot change the account.
    let kim = app.anybody().post("/sessions", &json!({"email": "ny@example.se", "password": new})).is(201);
    let kim = app.anybody().with_token(kim.json["accessToken"].as_str().unwrap());
    let expires = today() + TimeDelta::days(1);
    let refused = kim.post("/me/tokens", &json!({"name": "x", "scopes": ["account.write"], "expiresAt": expires})).is(422);
    assert_eq!(refused.faults(), ["/scopes/0 not-in-list"]);
}

#[rstest]
fn abuse_32_a_new_installation_has_no_account_at_all(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    assert!(app.rows("SELECT id FROM user_account").is_empty());
    for (email, password) in [("admin", "admin"), ("admin@example.se", "admin"), ("admin@localhost", "password")] {
        app.anybody().post("/sessions", &json!({"email": email, "password": password})).is(401);
    }
}

#[rstest]
fn abuse_42_nobody_gives_a_role_beyond_their_own(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let botkyrka = app.public_actor("municipality_code:0127");
    let admin = app.user(Role::Admin, None);
    let coordinator = app.user(Role::Coordinator, Some(("area", &app.area("01"))));
    let for_actor = app.user(Role::ActorAdmin, Some(("actor", &botkyrka)));
    for who in [&coordinator, &for_actor] {
        let me = id(&who.get("/me").json["user"]);
        for (role, kind, scope) in
            [("admin", "everywhere", None), ("coordinator", "area", Some(app.area("00"))), ("admin", "actor", Some(botkyrka.clone()))]
        {
            let answer = who.post("/grants", &json!({"userId": me, "role": role, "scope": {"kind": kind, "id": scope}}));
            assert_eq!(answer.status, 403, "{role} {kind}: {}", answer.body);
        }
        // Nor a role that they may give to others.
        let scope = json!({"kind": "actor", "id": botkyrka});
        who.post("/grants", &json!({"userId": me, "role": "actor_admin", "scope": scope})).is(403);
        // Nor through an account that they do not manage.
        let other = id(&admin.get("/me").json["user"]);
        who.call("POST", &format!("/users/{other}/deactivate"), None).is(404);
        who.patch(&format!("/users/{other}"), "*", &json!({"name": "Någon annan"})).is(404);
    }
    // An account with more rights than the caller's cannot be changed, even with reach everywhere. The same holds for a
    // system.
    let everywhere = app.user(Role::Coordinator, None);
    let other = id(&admin.get("/me").json["user"]);
    everywhere.get(&format!("/users/{other}")).is(200);
    everywhere.patch(&format!("/users/{other}"), "*", &json!({"email": "taget@example.se"})).is(403);
    for act in ["deactivate", "second-factor/remove"] {
        everywhere.call("POST", &format!("/users/{other}/{act}"), None).is(403);
    }
    let new = json!({"name": "Register", "authMethod": "client_secret_post", "scopes": ["registry.read"]});
    let system = id(&admin.post("/service-accounts", &new).is(201).json);
    let scope = json!({"kind": "area", "id": app.area("0127")});
    admin.post("/grants", &json!({"userId": system, "role": "admin", "scope": scope})).is(201);
    coordinator.call("POST", &format!("/service-accounts/{system}/secrets"), None).is(403);
    // A narrowed token cannot widen its own scopes.
    let expires = today() + TimeDelta::days(1);
    let token = admin
        .post("/me/tokens", &json!({"name": "x", "scopes": ["users.read", "users.write", "service_accounts.write"], "expiresAt": expires}));
    let token = app.anybody().with_token(token.is(201).json["token"].as_str().unwrap());
    assert!(matches!(token.patch(&format!("/users/{other}"), "*", &json!({"email": "ut@example.se"})).status, 403 | 422));
    token.call("POST", &format!("/users/{other}/second-factor/remove"), None).is(403);
    token.post("/service-accounts", &new).is(403);
    // A user with grants elsewhere too is managed only by the home, which closes the account when the person leaves.
    // Others can only see it.
    let user = id(&for_actor.post("/users", &json!({"email": "delad@example.se", "name": "Delad"})).is(201).json);
    let grant = |who: &crate::harness::Client, actor: &str| {
        who.post("/grants", &json!({"userId": user, "role": "reader", "scope": {"kind": "actor", "id": actor}}))
    };
    grant(&for_actor, &botkyrka).is(201);
    for_actor.call("POST", &format!("/users/{user}/deactivate"), None).is(200);
    for_actor.call("POST", &format!("/users/{user}/activate"), None).is(200);
    grant(&admin, &app.public_actor("municipality_code:1480")).is(201);
    for_actor.get(&format!("/users/{user}")).is(200);
    let elsewhere = app.user(Role::ActorAdmin, Some(("actor", &app.public_actor("municipality_code:1480"))));
    elsewhere.get(&format!("/users/{user}")).is(200);
    elsewhere.call("POST", &format!("/users/{user}/deactivate"), None).is(403);
    elsewhere.patch(&format!("/users/{user}"), "*", &json!({"name": "Taget"})).is(403);
    for_actor.call("POST", &format!("/users/{user}/second-factor/remove"), None).is(409);
    for_actor.call("POST", &format!("/users/{user}/deactivate"), None).is(200);
}

#[rstest]
fn abuse_43_the_last_admin_cannot_leave(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    app.register("ett@example.se", "Ett", Role::Admin, None);
    let one = app.sign_in("ett@example.se");
    let me = one.get("/me").is(200).json;
    let grant = format!("/grants/{}", id(&me["grants"][0]));
    one.delete(&grant, "*").is(409);
    one.call("POST", &format!("/users/{}/deactivate", id(&me["user"])), None).is(409);
    // With a second admin, one may be removed. When two remove each other at once, one remains.
    app.register("tva@example.se", "Två", Role::Admin, None);
    let two = app.sign_in("tva@example.se");
    let other = two.get("/me").is(200).json;
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let calls = [(&one, id(&other["user"])), (&two, id(&me["user"]))]
            .map(|(who, whom)| scope.spawn(move || who.call("POST", &format!("/users/{whom}/deactivate"), None).status));
        calls.map(|call| call.join().unwrap()).to_vec()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
}

#[rstest]
fn abuse_47_people_of_an_actor_that_is_gone_reach_nothing_by_it(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let actor = admin.post("/actors", &json!({"kind": "association", "name": "Föreningen Slut", "seatAreaId": app.area("0127")})).is(201);
    let path = format!("/actors/{}", id(&actor.json));
    let person = app.user(Role::ActorAdmin, Some(("actor", &id(&actor.json))));
    let changed = person.patch(&path, &actor.etag(), &json!({"focus": "Allt"})).is(200);
    admin.delete(&path, &changed.etag()).is(204);
    assert!(matches!(person.patch(&path, "*", &json!({"focus": "Inget"})).status, 403 | 404));
    let new = json!({"actorId": id(&actor.json), "policyDomain": "housing", "areaId": app.area("0127"), "powers": ["inform"], "basis": "voluntary"});
    assert_eq!(person.post("/mandates", &new).is(422).faults(), ["/actorId not-found"]);
}

#[rstest]
fn a_role_that_demands_two_steps_does_not_count_without(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start_with(database, "second_factor_roles = [\"admin\"]") else { return };
    app.register("kim@example.se", "Kim", Role::Admin, None);
    let kim = app.sign_in("kim@example.se");
    assert_eq!(kim.get("/me").is(200).json["withheldRoles"], json!(["admin"]));
    let refused = kim.get("/users").is(403);
    assert!(refused.json["detail"].as_str().unwrap().contains("tvåstegsinloggning"), "{}", refused.body);
    let setup = kim.post("/me/second-factor", &json!({"currentPassword": PASSWORD})).is(201);
    let secret = setup.json["secret"].as_str().unwrap();
    let wrong = kim.post("/me/second-factor/confirm", &json!({"code": "000000"}));
    assert_eq!(wrong.is(422).faults(), ["/code wrong"]);
    let codes = kim.post("/me/second-factor/confirm", &json!({"code": totp_of(secret, today())})).is(201);
    kim.get("/users").is(200);
    // From now on the password alone is not enough, and no code works twice.
    let sign_in = |app: &TestApp, code: Option<&str>| {
        app.anybody().post("/sessions", &json!({"email": "kim@example.se", "password": PASSWORD, "code": code}))
    };
    assert_eq!(sign_in(&app, None).is(401).json["code"], json!("second-factor-required"));
    sign_in(&app, Some(&totp_of(secret, today()))).is(401);
    let recovery = codes.json["codes"][0].as_str().unwrap();
    sign_in(&app, Some(recovery)).is(201);
    sign_in(&app, Some(recovery)).is(401);
    let later = today() + TimeDelta::minutes(5);
    let other = TestApp::at_with(later, &app.url, 2_000_000, "second_factor_roles = [\"admin\"]");
    let session = sign_in(&other, Some(&totp_of(secret, later))).is(201);
    other.anybody().with_token(session.json["accessToken"].as_str().unwrap()).get("/users").is(200);
    // Guessing codes is stopped.
    let statuses: Vec<_> = (0..12).map(|at| sign_in(&other, Some(&format!("{at:06}"))).status).collect();
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
}
