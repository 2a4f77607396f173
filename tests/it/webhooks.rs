//! Webhooks: which messages are sent to which receivers, how they are signed, and what happens when they are not accepted.

use chrono::TimeDelta;
use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::harness::{
    Client, Database, TestApp, id,
    receiver::{Message, Receiver, Says},
    today, waited,
};

/// Registers a webhook. Returns its path and its secret.
pub fn hook(who: &Client, url: &str, more: &Value) -> (String, String) {
    let mut new = json!({"url": url, "areaId": null});
    for (name, value) in more.as_object().unwrap() {
        new[name] = value.clone();
    }
    let made = who.post("/webhooks", &new).is(201);
    (format!("/webhooks/{}", id(&made.json["webhook"])), made.json["secret"].as_str().unwrap().to_owned())
}

/// Registers an association. Returns its path.
pub fn association(who: &Client, app: &TestApp, name: &str, area: &str, visibility: &str) -> String {
    let new = json!({"kind": "association", "name": name, "seatAreaId": app.area(area), "visibility": visibility});
    format!("/actors/{}", id(&who.post("/actors", &new).is(201).json))
}

/// Waits until all deliveries of a webhook have ended. Returns its log, oldest first.
#[track_caller]
fn settled(who: &Client, path: &str, state: &str, count: usize) -> Vec<Value> {
    let mut items = Vec::new();
    waited(&format!("{count} {state}"), || {
        let log = who.get(&format!("{path}/deliveries?limit=200&state={state}")).is(200);
        items.clone_from(log.json["items"].as_array().unwrap());
        items.len() >= count && items.iter().all(|item| !item["lastTriedAt"].is_null())
    });
    items.reverse();
    items
}

/// Returns the whole feed and its last cursor.
fn feed(who: &Client) -> (Vec<Value>, Value) {
    let (mut items, mut page) = (Vec::new(), who.get("/changes?limit=200").is(200).json);
    loop {
        items.extend(page["items"].as_array().unwrap().clone());
        if page["hasMore"] == json!(false) {
            return (items, page["nextCursor"].clone());
        }
        page = who.get(&format!("/changes?limit=200&cursor={}", page["nextCursor"].as_str().unwrap())).is(200).json;
    }
}

#[rstest]
fn a_change_is_told_signed_and_in_a_few_words(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let receiver = Receiver::start();
    let (path, secret) = hook(&admin, &receiver.url(), &json!({"types": ["actor"]}));
    let actor = association(&admin, &app, "Odlarna i norr", "0127", "public");

    let message = receiver.wait(1).remove(0);
    assert!(message.is_signed_by(&secret));
    assert_eq!(message.headers["content-type"], "application/json");
    assert!(message.headers["user-agent"].starts_with("Samsyn-Webhooks/"), "{:?}", message.headers);
    assert_eq!(message.headers["webhook-timestamp"], today().timestamp().to_string());
    let change = feed(&admin).0.into_iter().rfind(|change| change["type"] == json!("actor")).unwrap();
    let wanted = json!({"type": "actor.upsert", "timestamp": change["changedAt"], "data": {"position": change["position"], "type": "actor",
        "id": actor.rsplit('/').next().unwrap(), "op": "upsert", "version": 1, "changedAt": change["changedAt"], "mergedInto": null}});
    assert_eq!(message.json, wanted, "no name, no content, nobody who did it");

    let log = settled(&admin, &path, "delivered", 1).remove(0);
    assert_eq!(
        (&log["messageId"], &log["type"], &log["position"], &log["attempts"], &log["lastStatus"], &log["lastError"], &log["nextTryAt"]),
        (&json!(message.id()), &json!("actor.upsert"), &change["position"], &json!(1), &json!(200), &Value::Null, &Value::Null)
    );
    // A removal is sent as a message too.
    admin.delete(&actor, "*").is(204);
    assert_eq!(receiver.wait(2)[1].json["type"], json!("actor.delete"));
    // Kinds that the webhook does not want are not sent.
    assert_eq!(receiver.received().len(), 2);
}

#[rstest]
fn types_and_area_choose_and_a_patch_holds_from_then_on(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let receiver = Receiver::start();
    let (path, _) = hook(&admin, &receiver.url(), &json!({"types": ["actor"], "areaId": app.area("01")}));
    association(&admin, &app, "I Göteborg", "1480", "public");
    let here = association(&admin, &app, "I Botkyrka", "0127", "public");
    assert_eq!(receiver.wait(1)[0].json["data"]["id"], json!(here.rsplit('/').next().unwrap()), "a municipality lies in its county");
    // An actor that moves away is sent too, because it was in the area before.
    admin.patch(&here, "*", &json!({"seatAreaId": app.area("1480")})).is(200);
    receiver.wait(2);
    admin.patch(&here, "*", &json!({"focus": "Segling"})).is(200);
    association(&admin, &app, "I Södertälje", "0181", "public");
    receiver.wait(3);
    admin.patch(&path, "*", &json!({"areaId": null, "types": []})).is(200);
    let there = association(&admin, &app, "Också i Göteborg", "1480", "public");
    let of = |message: &Message| message.json["data"]["id"].as_str().unwrap().to_owned();
    waited("the last", || receiver.received().iter().any(|message| of(message) == there.rsplit('/').next().unwrap()));
    let twice = receiver.received().iter().filter(|message| of(message) == here.rsplit('/').next().unwrap()).count();
    assert_eq!(twice, 2, "what it did elsewhere concerned nobody here");
}

#[rstest]
fn a_new_secret_signs_beside_the_old_one_for_a_day(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let receiver = Receiver::start();
    let (path, first) = hook(&admin, &receiver.url(), &json!({"types": ["actor"]}));
    let made = admin.call("POST", &format!("{path}/secrets"), None).is(201);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    assert_eq!(made.json["earlierEndAt"], json!("2026-11-23T09:00:00Z"));
    let second = made.json["secret"].as_str().unwrap().to_owned();
    admin.call("POST", &format!("{path}/test"), None).is(201);
    let ping = receiver.wait(1).remove(0);
    assert_eq!(ping.json["type"], json!("ping"));
    assert_eq!(ping.headers["webhook-signature"].split(' ').count(), 2);
    assert!(ping.is_signed_by(&first) && ping.is_signed_by(&second));
    // A day later only the new secret signs.
    let url = app.url.clone();
    let _ended = app.into_template();
    let later = TestApp::at(today() + TimeDelta::hours(25), &url, 2_000_000);
    let admin = later.sign_in("admin0@example.se");
    admin.call("POST", &format!("{path}/test"), None).is(201);
    let ping = receiver.wait(2).remove(1);
    assert!(!ping.is_signed_by(&first) && ping.is_signed_by(&second));
}

#[rstest]
fn what_is_not_taken_is_tried_again_by_the_same_name(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let receiver = Receiver::answering(|number| match number {
        0 => Says::from(500),
        1 => Says::Status(503, vec![("Retry-After", "600".to_owned())]),
        _ => Says::from(204),
    });
    let (path, _) = hook(&admin, &receiver.url(), &json!({"types": ["actor"]}));
    association(&admin, &app, "Odlarna", "0127", "public");
    let waiting = settled(&admin, &path, "pending", 1).remove(0);
    assert_eq!((&waiting["attempts"], &waiting["lastStatus"], &waiting["lastError"]), (&json!(1), &json!(500), &json!("refused")));
    assert_eq!(admin.get(&path).json["failingSince"], json!("2026-11-22T09:00:00Z"));

    // Ten seconds later the message is due; the receiver asks for ten minutes.
    let soon = TestApp::at(today() + TimeDelta::seconds(10), &app.url, 2_000_000);
    let second = receiver.wait(2).remove(1);
    waited("the second try", || settled(&admin, &path, "pending", 1)[0]["attempts"] == json!(2));
    let next = settled(&admin, &path, "pending", 1)[0]["nextTryAt"].clone();
    assert_eq!(next, json!("2026-11-22T09:10:10Z"), "later than the minute that it would have been");
    drop(soon);
    let later = TestApp::at(today() + TimeDelta::minutes(11), &app.url, 3_000_000);
    let third = receiver.wait(3).remove(2);
    let log = settled(&admin, &path, "delivered", 1).remove(0);
    assert_eq!((&log["attempts"], &log["lastStatus"]), (&json!(3), &json!(204)));
    assert_eq!(admin.get(&path).json["failingSince"], Value::Null);
    let first = receiver.received().remove(0);
    assert_eq!((first.id(), second.id()), (third.id(), third.id()));
    assert_ne!(first.headers["webhook-timestamp"], third.headers["webhook-timestamp"], "each try says when it is made");
    drop(later);
}

#[rstest]
fn a_receiver_that_is_gone_or_takes_nothing_is_left_alone(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let gone = Receiver::answering(|_| Says::from(410));
    let (gone_path, _) = hook(&admin, &gone.url(), &json!({"types": ["actor"]}));
    let deaf = Receiver::answering(|_| Says::from(404));
    let (deaf_path, _) = hook(&admin, &deaf.url(), &json!({"types": ["actor"]}));
    association(&admin, &app, "Odlarna", "0127", "public");
    waited("the end", || admin.get(&gone_path).json["status"] == json!("disabled"));
    let shut = admin.get(&gone_path).json;
    assert_eq!((&shut["reason"], &shut["enabled"], &shut["since"]), (&json!("gone"), &json!(false), &json!("2026-11-22T09:00:00Z")));
    settled(&admin, &deaf_path, "pending", 1);
    admin.call("POST", &format!("{gone_path}/test"), None).is(409);

    // After five days without an accepted message the other webhook is disabled too.
    let later = TestApp::at(today() + TimeDelta::days(5), &app.url, 2_000_000);
    waited("the end", || admin.get(&deaf_path).json["reason"] == json!("failing"));
    drop(later);

    // After they are enabled again, each webhook continues where it stopped.
    association(&admin, &app, "Seglarna", "0127", "public");
    let opened = admin.call("POST", &format!("{gone_path}/enable"), None).is(200);
    assert_eq!((&opened.json["status"], &opened.json["reason"]), (&json!("active"), &Value::Null));
    waited("what waited", || gone.received().len() >= 2);
}

#[rstest]
fn after_a_day_of_tries_a_message_is_given_up_and_can_be_sent_by_hand(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let receiver = Receiver::answering(|number| Says::from(if number < 11 { 500 } else { 200 }));
    let (path, _) = hook(&admin, &receiver.url(), &json!({"types": ["actor"]}));
    association(&admin, &app, "Odlarna", "0127", "public");
    let (mut now, mut ended) = (today(), Vec::new());
    for tries in 1..11 {
        let mut waiting = Value::Null;
        waited(&format!("the end of try {tries}"), || {
            waiting = settled(&admin, &path, "pending", 1).remove(0);
            waiting["attempts"] == json!(tries) && waiting["lastTriedAt"] == json!(now)
        });
        now = waiting["nextTryAt"].as_str().unwrap().parse().unwrap();
        ended.push(TestApp::at(now, &app.url, 1_000_000 + 1_000_000 * tries));
        receiver.wait(usize::try_from(tries).unwrap() + 1);
    }
    assert!(now > today() + TimeDelta::hours(24) && now < today() + TimeDelta::hours(36), "{now}");
    let failed = settled(&admin, &path, "failed", 1).remove(0);
    drop(ended);
    assert_eq!((&failed["attempts"], &failed["nextTryAt"]), (&json!(11), &Value::Null));
    let again = admin.call("POST", &format!("{path}/deliveries/{}/retry", id(&failed)), None).is(201);
    assert_eq!((&again.json["state"], &again.json["attempts"]), (&json!("pending"), &json!(0)));
    settled(&admin, &path, "delivered", 1);
    // A month later the delivery has been removed from the log.
    let later = TestApp::at(today() + TimeDelta::days(31), &app.url, 90_000_000);
    waited("the end of the log", || admin.get(&format!("{path}/deliveries")).json["items"] == json!([]));
    drop(later);
}

#[rstest]
fn instances_share_the_work_and_send_each_event_once(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let other = TestApp::on(&app.url, 2_000_000);
    let admin = app.user(Role::Admin, None);
    let receiver = Receiver::start();
    let (path, _) = hook(&admin, &receiver.url(), &json!({"types": ["actor"]}));
    for number in 0..40 {
        let at = if number % 2 == 0 { app.address } else { other.address };
        association(&admin.at(at), &app, &format!("Förening {number}"), "0127", "public");
    }
    settled(&admin, &path, "delivered", 40);
    let positions: Vec<_> = receiver.wait(40).iter().map(Message::position).collect();
    let mut each = positions.clone();
    each.sort_unstable();
    each.dedup();
    assert_eq!((each.len(), positions.len()), (40, 40));

    // In a replay each message is sent again with its `webhook-id`.
    let mut names: Vec<_> = receiver.received().iter().map(|message| message.id().to_owned()).collect();
    admin.post(&format!("{path}/replay"), &json!({"fromPosition": each[20]})).is(200);
    receiver.wait(60);
    let again: Vec<_> = receiver.received()[40..].iter().map(|message| message.id().to_owned()).collect();
    names.retain(|name| !again.contains(name));
    assert_eq!((again.len(), names.len()), (20, 20));
    let cursor = feed(&admin).1;
    admin.post(&format!("{path}/replay"), &json!({"cursor": cursor})).is(200);
    admin.post(&format!("{path}/replay"), &json!({"cursor": "x"})).is(400);
    admin.post(&format!("{path}/replay"), &json!({"cursor": cursor, "fromPosition": 1})).is(422);
    assert_eq!(settled(&admin, &path, "delivered", 40).len(), 40, "one event is one delivery");
}

#[rstest]
fn what_an_instance_had_in_hand_when_it_ended_is_sent_by_another(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let receiver = Receiver::answering(|number| if number < 2 { Says::Nothing } else { Says::from(200) });
    let (path, _) = hook(&admin, &receiver.url(), &json!({"types": ["actor"]}));
    association(&admin, &app, "Odlarna", "0127", "public");
    receiver.wait(1);
    // An instance that is asked to stop releases its delivery: the attempt does not count, and another instance need not
    // wait.
    let second = TestApp::on(&app.url, 2_000_000);
    let admin = admin.at(second.address);
    let stopped = app.into_template();
    receiver.wait(2);
    assert_eq!(admin.get(&format!("{path}/deliveries")).json["items"][0]["attempts"], json!(1));
    // An instance that hangs holds its delivery for a minute, then another instance takes over.
    let third = TestApp::at(today() + TimeDelta::minutes(2), &second.url, 3_000_000);
    receiver.wait(3);
    let log = settled(&admin, &path, "delivered", 1).remove(0);
    assert_eq!(log["attempts"], json!(2));
    drop((third, stopped));
}

/// Returns the 95th percentile of the time from ten changes until the receivers get them.
fn p95(admin: &Client, app: &TestApp, receivers: &[Receiver]) -> std::time::Duration {
    let before = receivers[0].received().len();
    let mut written = Vec::new();
    for number in 0..10 {
        association(admin, app, &format!("Förening {before} {number}"), "0127", "public");
        written.push(receivers.iter().map(|receiver| receiver.started.elapsed()).collect::<Vec<_>>());
    }
    let mut late = Vec::new();
    for (at, receiver) in receivers.iter().enumerate() {
        let mut messages = receiver.wait(before + 10).split_off(before);
        messages.sort_by_key(Message::position);
        late.extend(messages.iter().zip(&written).map(|(message, written)| message.after.saturating_sub(written[at])));
    }
    late.sort_unstable();
    late[late.len() * 95 / 100]
}

/// R20: one of ten receivers hangs. The others get changes within two seconds, or on a busy machine as soon as they do
/// without it.
#[rstest]
fn one_that_hangs_delays_nobody_else(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let others: Vec<_> = (0..9).map(|_| Receiver::start()).collect();
    for other in &others {
        hook(&admin, &other.url(), &json!({"types": ["actor"]}));
    }
    let without = p95(&admin, &app, &others);
    let hanging = Receiver::answering(|_| Says::Nothing);
    hook(&admin, &hanging.url(), &json!({"types": ["actor"]}));
    let with = p95(&admin, &app, &others);
    println!("{database:?}: p95 {with:?}, {without:?} when none hangs");
    let most = std::time::Duration::from_secs(2).max(without * 2);
    assert!(with < most, "{with:?}, and {without:?} when none hangs");
    assert!((1..=4).contains(&hanging.received().len()), "a few places and no more: {}", hanging.received().len());
}

#[rstest]
fn an_owner_has_its_own_webhooks_and_no_more_than_twenty(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let scope = app.area("0127");
    let kim = app.user(Role::Coordinator, Some(("area", &scope)));
    let other = app.user(Role::Coordinator, Some(("area", &scope)));
    let shut = json!({"enabled": false});
    let (path, _) = hook(&kim, "https://partner.example.com:8443/samsyn", &shut);
    other.get(&path).is(404);
    other.patch(&path, "*", &json!({"enabled": true})).is(404);
    other.call("POST", &format!("{path}/secrets"), None).is(404);
    assert_eq!(other.get("/webhooks").json["items"], json!([]));
    assert_eq!(admin.get("/webhooks").json["items"][0]["ownerId"], kim.get("/me").json["user"]["id"]);
    let refused = kim.post(
        "/webhooks",
        &json!({"url": "https://partner.example.com:5432/", "areaId": id(&admin.get("/me").json["user"]), "types": ["actors"]}),
    );
    assert_eq!(refused.is(422).faults(), ["/url port-not-allowed", "/types/0 not-in-list", "/areaId not-found"]);
    for _ in 0..19 {
        hook(&kim, "https://partner.example.com/samsyn", &shut);
    }
    kim.post("/webhooks", &json!({"url": "https://partner.example.com/samsyn", "areaId": null})).is(409);
    kim.delete(&path, "*").is(204);
    kim.get(&path).is(404);
    hook(&kim, "https://partner.example.com/samsyn", &shut);
    // A service account may have webhooks as users may; a reader may not.
    let reader = app.user(Role::Reader, Some(("area", &scope)));
    reader.get("/webhooks").is(403);
}
