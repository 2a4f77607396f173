//! Abuse of webhooks: as a way in, as a way around permissions, and as a way to exhaust the service.

use std::process::Command;

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::{
    harness::{
        Client, Database, TestApp, id,
        receiver::{Message, Receiver, Says},
        waited,
    },
    webhooks::{association, hook},
};

/// The error of the last attempt to deliver a webhook's first message.
#[track_caller]
fn error_of(who: &Client, path: &str) -> Value {
    let log = || who.get(&format!("{path}/deliveries")).is(200).json["items"][0].clone();
    waited("a try", || log()["lastTriedAt"].is_string());
    log()["lastError"].clone()
}

#[rstest]
fn abuse_50_a_webhook_tells_of_nothing_that_its_owner_may_not_see(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let mine = association(&admin, &app, "Min förening", "0127", "public");
    let mine = mine.rsplit('/').next().unwrap();
    let theirs = association(&admin, &app, "Deras förening", "0127", "actor");
    let robin = app.user(Role::ActorAdmin, Some(("actor", mine)));
    let (outside, inside) = (Receiver::start(), Receiver::start());
    let (path, _) = hook(&robin, &outside.url(), &json!({}));
    hook(&admin, &inside.url(), &json!({"types": ["actor"]}));
    // A record that only its owner may see is sent only to webhooks whose owner may see it. Once it is public, it is sent
    // to all.
    admin.patch(&theirs, "*", &json!({"focus": "Hemligt"})).is(200);
    admin.patch(&theirs, "*", &json!({"visibility": "public"})).is(200);
    inside.wait(2);
    let first = outside.wait(1).remove(0);
    assert_eq!((&first.json["type"], &first.json["data"]["version"]), (&json!("actor.upsert"), &json!(3)));
    // When it is hidden again, it is sent as removed, and then no more.
    admin.patch(&theirs, "*", &json!({"visibility": "actor"})).is(200);
    admin.patch(&theirs, "*", &json!({"focus": "Hemligare"})).is(200);
    inside.wait(4);
    assert_eq!(outside.wait(2)[1].json["type"], json!("actor.delete"));
    // Messages that wait when the owner loses its role are not sent, and the webhook is closed.
    let me = robin.get("/me").json["user"]["id"].clone();
    let grant = admin.get(&format!("/grants?userId={}", me.as_str().unwrap())).json["items"][0].clone();
    admin.delete(&format!("/grants/{}", id(&grant)), "*").is(204);
    association(&admin, &app, "Öppen för alla", "0127", "public");
    inside.wait(5);
    waited("the end", || admin.get(&path).json["reason"] == json!("owner_lost_access"));
    assert_eq!(outside.received().len(), 2);

    // The same when the owner's account is closed.
    let kim = app.user(Role::Coordinator, Some(("area", &app.area("0127"))));
    let (path, _) = hook(&kim, &outside.url(), &json!({}));
    admin.call("POST", &format!("/users/{}/deactivate", id(&kim.get("/me").json["user"])), None).is(200);
    association(&admin, &app, "Också öppen", "0127", "public");
    waited("the end", || admin.get(&path).json["reason"] == json!("owner_lost_access"));
    assert_eq!(outside.received().len(), 2);
    let bodies: String = outside.received().into_iter().map(|message| message.body).collect();
    assert!(!bodies.contains("Hemlig") && !bodies.contains("förening"), "{bodies}");
}

#[rstest]
fn abuse_50_what_waited_is_judged_again_when_it_is_sent(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let actor = association(&admin, &app, "Vår förening", "0127", "actor");
    let area = app.area("0127");
    let own = actor.rsplit('/').next().unwrap().to_owned();
    app.register("robin@example.se", "Robin", Role::Coordinator, Some(("area", &area)));
    let robin = app.sign_in("robin@example.se");
    let me = id(&robin.get("/me").json["user"]);
    let grant = json!({"userId": me, "role": "reader", "scope": {"kind": "actor", "id": own}});
    let grant = admin.post("/grants", &grant).is(201);
    let receiver = Receiver::answering(|number| Says::from(if number == 0 { 500 } else { 200 }));
    let (path, _) = hook(&robin, &receiver.url(), &json!({"types": ["actor"]}));
    admin.patch(&actor, "*", &json!({"focus": "Bara för oss"})).is(200);
    assert_eq!(error_of(&admin, &path), json!("refused"));
    admin.delete(&format!("/grants/{}", id(&grant.json)), "*").is(204);
    let log = admin.get(&format!("{path}/deliveries")).json["items"][0].clone();
    admin.call("POST", &format!("{path}/deliveries/{}/retry", id(&log)), None).is(201);
    waited("the judgement", || admin.get(&format!("{path}/deliveries")).json["items"][0]["state"] == json!("discarded"));
    let log = admin.get(&format!("{path}/deliveries")).json["items"][0].clone();
    assert_eq!((&log["lastError"], receiver.received().len()), (&json!("not_visible"), 1));
}

#[rstest]
fn abuse_87_no_inner_address_is_registered_however_it_is_written(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start_with(database, "webhook_networks = []") else { return };
    let admin = app.user(Role::Admin, None);
    let refused = |url: &str| {
        let answer = admin.post("/webhooks", &json!({"url": url, "areaId": null})).is(422);
        assert!(answer.json["errors"][0]["detail"].as_str().unwrap().len() > 20);
        answer.faults().remove(0)
    };
    for host in [
        "127.0.0.1",
        "localhost",
        "0",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "[fc00::1]",
        "[fe80::1]",
        "[ff02::1]",
        "224.0.0.1",
        "[2002:7f00:1::]",
        "db.internal",
        "printer.local",
    ] {
        assert_eq!(refused(&format!("https://{host}/x")), "/url address-not-allowed", "{host}");
    }
    assert_eq!(refused("http://partner.example.com/x"), "/url not-https");
    let own = samsyn::openapi::CANONICAL_URL;
    assert_eq!(refused(&format!("{own}/samsyn/v1/actors")), "/url own-address");
    // Nor by a change.
    let (path, _) = hook(&admin, "https://partner.example.com/x", &json!({"enabled": false}));
    assert_eq!(admin.patch(&path, "*", &json!({"url": "https://127.0.0.1/x"})).is(422).faults(), ["/url address-not-allowed"]);
}

#[rstest]
fn abuse_87_what_was_registered_is_judged_again_before_it_is_called(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    // As if the address had been allowed by a setting that the operator has narrowed since.
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let receiver = Receiver::start();
    let (path, _) = hook(&admin, &receiver.url(), &json!({"types": ["actor"]}));
    let narrow = TestApp::on_with(&app.url, 2_000_000, "webhook_networks = []");
    let admin = admin.at(narrow.address);
    let _ended = app.into_template();
    admin.call("POST", &format!("{path}/test"), None).is(201);
    assert_eq!(error_of(&admin, &path), json!("address_not_allowed"));
    assert!(receiver.received().is_empty());
}

#[rstest]
fn abuse_89_nobody_is_sent_on_by_a_receiver(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    for status in [301, 302, 303, 307, 308] {
        let inner = Receiver::start();
        let to = inner.url();
        let receiver = Receiver::answering(move |_| Says::Status(status, vec![("Location", to.clone())]));
        let (path, _) = hook(&admin, &receiver.url(), &json!({"types": ["actor"]}));
        admin.call("POST", &format!("{path}/test"), None).is(201);
        assert_eq!(error_of(&admin, &path), json!("redirect"));
        assert_eq!((receiver.received().len(), inner.received().len()), (1, 0));
        admin.delete(&path, "*").is(204);
    }
}

#[rstest]
fn abuse_90_only_web_services_are_called(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    for (url, wanted) in [
        ("https://user:password@partner.example.com/", "/url has-user"),
        ("https://partner.example.com:25/", "/url port-not-allowed"),
        ("https://partner.example.com:5432/", "/url port-not-allowed"),
        ("https://partner.example.com:6379/", "/url port-not-allowed"),
        ("http://127.0.0.1:6379/", "/url port-not-allowed"),
        ("https://partner.example.com/#part", "/url has-fragment"),
        ("file:///etc/passwd", "/url not-https"),
        ("gopher://partner.example.com/", "/url not-https"),
    ] {
        let answer = admin.post("/webhooks", &json!({"url": url, "areaId": null})).is(422);
        assert_eq!(answer.faults(), [wanted], "{url}");
    }
}

#[rstest]
fn abuse_91_a_receiver_without_end_is_cut_off(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let endless = Receiver::answering(|_| Says::Endless);
    let drops = Receiver::answering(|_| Says::Drops);
    let (endless_path, _) = hook(&admin, &endless.url(), &json!({"types": ["actor"]}));
    let (drops_path, _) = hook(&admin, &drops.url(), &json!({"types": ["actor"]}));
    for path in [&endless_path, &drops_path] {
        admin.call("POST", &format!("{path}/test"), None).is(201);
    }
    // A long response body is not read, and never shown.
    assert_eq!(error_of(&admin, &endless_path), Value::Null);
    let log = admin.get(&format!("{endless_path}/deliveries"));
    assert!(!log.body.contains("xxx") && log.json["items"][0]["lastDurationMs"].as_i64().unwrap() < 10_000, "{}", log.body);
    let mut before = 0;
    waited("the end of it", || {
        let taken = *endless.taken.lock().unwrap();
        std::mem::replace(&mut before, taken) == taken && taken > 0
    });
    assert!(before < 16_000_000, "what fits between the two ends, and no more: {before}");
    // A response that arrives byte by byte is read for 15 seconds at most.
    assert_eq!(error_of(&admin, &drops_path), json!("timeout"));
    let took = admin.get(&format!("{drops_path}/deliveries")).json["items"][0]["lastDurationMs"].as_i64().unwrap();
    assert!((14_000..20_000).contains(&took), "{took}");
}

/// Runs in a process of its own, with its own environment, started by the next test.
#[test]
#[ignore = "run by the next one"]
fn a_message_goes_straight_to_its_receiver() {
    let app = TestApp::start(Database::Sqlite).unwrap();
    let admin = app.user(Role::Admin, None);
    let receiver = Receiver::start();
    let (path, _) = hook(&admin, &receiver.url(), &json!({"types": ["actor"]}));
    admin.call("POST", &format!("{path}/test"), None).is(201);
    receiver.wait(1);
}

#[test]
fn abuse_92_a_proxy_of_the_environment_is_not_heeded() {
    let proxy = Receiver::start();
    let address = format!("http://{}", proxy.address);
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "abuse_webhooks::a_message_goes_straight_to_its_receiver", "--ignored"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        child.env(name, &address);
    }
    let outcome = child.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
    let said = String::from_utf8_lossy(&outcome.stdout);
    assert!(outcome.status.success() && said.contains("1 passed"), "{said}");
    assert!(proxy.received().is_empty());
}

#[rstest]
fn abuse_93_a_secret_is_shown_once_and_names_cannot_be_mistaken(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let receiver = Receiver::start();
    let new = json!({"url": receiver.url(), "areaId": null, "types": ["actor"]});
    let made = admin.with("Idempotency-Key", "once").post("/webhooks", &new).is(201);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let secret = made.json["secret"].as_str().unwrap().to_owned();
    assert_eq!(secret.len(), "whsec_".len() + 44, "256 bits in base64");
    let path = format!("/webhooks/{}", id(&made.json["webhook"]));
    admin.call("POST", &format!("{path}/test"), None).is(201);
    association(&admin, &app, "Odlarna", "0127", "public");
    receiver.wait(2);
    for address in [
        "/webhooks".to_owned(),
        path.clone(),
        format!("{path}/deliveries"),
        "/audit-entries?limit=200".to_owned(),
        "/changes?limit=200".to_owned(),
    ] {
        assert!(!admin.get(&address).is(200).body.contains(&secret[6..]), "{address}");
    }
    // The parts of the signed text are separated by dots, so no id contains a dot.
    assert!(receiver.received().iter().all(|message: &Message| message.is_signed_by(&secret) && !message.id().contains('.')));
    let first = receiver.received().remove(0);
    let forged = Message { body: first.body.replace('p', "q"), ..first };
    assert!(!forged.is_signed_by(&secret));
}
