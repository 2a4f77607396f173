//! Requests on one connection, and their number, do not disturb other connections.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::{
    abuse_durability::feed_end,
    exports::begin,
    harness::{Answer, Client, Database, TestApp, id, raw, waited},
    policy::{attempt, in_order, prepared},
};

const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// Sends several requests at once, and reads until the service closes the connection.
fn at_once(address: SocketAddr, calls: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    stream.write_all(calls.as_bytes()).unwrap();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).unwrap();
    String::from_utf8_lossy(&received).into_owned()
}

/// Splits off the first response, like a client that knows whether its request asked for a body.
fn first_answer<'a>(received: &'a str, method: &str) -> (&'a str, &'a str, &'a str) {
    let (head, rest) = received.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer but {received:?}"));
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    let length = if method == "HEAD" { 0 } else { header("content-length").unwrap_or("0").parse().unwrap() };
    (head, &rest[..length], &rest[length..])
}

#[rstest]
fn abuse_122_calls_sent_at_once_get_each_its_own_answer(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let settings = "sign_in_failures_per_account = 0\nsign_in_failures_per_address = 0\n";
    let Some(app) = TestApp::start_with(database, settings) else { return };
    let body = r#"{"email":"ingen@example.se","password":"något helt annat"}"#;
    let length = body.len();
    let calls = [
        ("HEAD", "200", "HEAD /samsyn/v1/actors?limit=1 HTTP/1.1\r\nHost: x\r\n", String::new()),
        ("GET", "200", "GET /samsyn/v1/actors?limit=2 HTTP/1.1\r\nHost: x\r\n", String::new()),
        ("GET", "404", "GET /nowhere HTTP/1.1\r\nHost: x\r\n", String::new()),
        (
            "POST",
            "401",
            "POST /samsyn/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n",
            format!("Content-Length: {length}\r\n\r\n{body}"),
        ),
        (
            "POST",
            "401",
            "POST /samsyn/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n",
            format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"),
        ),
    ];
    for first in &calls {
        for second in &calls {
            let mut sent = String::new();
            let three = [first, second, first];
            for (at, (_, _, call, rest)) in three.iter().enumerate() {
                let last = if at == 2 { "Connection: close\r\n" } else { "" };
                let rest = if rest.is_empty() { "\r\n" } else { rest };
                sent.extend([call, "X-Request-Id: pipelined-", &at.to_string(), "\r\n", last, rest]);
            }
            let received = at_once(app.address, &sent);
            let mut rest = received.as_str();
            for (at, (method, status, ..)) in three.iter().enumerate() {
                let (head, body, after) = first_answer(rest, method);
                assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{at} of {sent}\n{received}");
                assert!(head.contains(&format!("x-request-id: pipelined-{at}")), "{at} of {sent}\n{received}");
                assert_eq!(head.contains("connection: close"), at == 2, "{at} of {sent}\n{received}");
                assert!(*method == "HEAD" || serde_json::from_str::<Value>(body).is_ok(), "{at} of {sent}\n{received}");
                rest = after;
            }
            assert_eq!(rest, "", "{sent}\n{received}");
        }
    }
}

#[rstest]
fn abuse_122_a_body_that_nobody_reads_does_not_let_the_next_call_in(#[values(Database::Sqlite)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let unread = "GET /samsyn/v1/me HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let sent =
        format!("{unread}HEAD /health/live HTTP/1.1\r\nHost: x\r\n\r\nGET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    for _ in 0..20 {
        let received = at_once(app.address, &sent);
        let mut rest = received.as_str();
        for (method, status) in [("GET", "401"), ("HEAD", "200"), ("GET", "200")] {
            let (head, _, after) = first_answer(rest, method);
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{received}");
            rest = after;
        }
        assert_eq!(rest, "", "{received}");
    }
}

#[rstest]
fn abuse_122_ends_of_lines_before_a_call_are_nothing(#[values(Database::Sqlite)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let call = "GET /health/live HTTP/1.1\r\nHost: x\r\n";
    for ends in ["\n".repeat(90_000), "\r\n".repeat(40_000), "\r\n\n\r\n".to_owned()] {
        let received = at_once(app.address, &format!("{call}\r\n{ends}{call}Connection: close\r\n\r\n"));
        assert_eq!(received.matches("HTTP/1.1 200 OK").count(), 2, "{received}");
    }
}

#[rstest]
fn abuse_127_who_asks_for_another_protocol_is_told_that_the_connection_ends(#[values(Database::Sqlite)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n";
    let received = at_once(app.address, &format!("GET /health/live HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n"));
    assert!(received.starts_with("HTTP/1.1 200 ") && received.contains("connection: close"), "{received}");
}

#[rstest]
fn abuse_144_who_hangs_up_is_noticed_whatever_was_sent_before(#[values(Database::Sqlite)] database: Database) {
    let Some(app) = TestApp::start_with(database, "followers_per_caller = 1\n") else { return };
    let admin = app.user(Role::Admin, None);
    let latest = feed_end(&admin);
    let wait = format!("/changes?wait=30&cursor={latest}");
    let is_followed = || admin.get(&format!("/changes?wait=1&cursor={latest}")).status == 429;
    let mut left = 0;
    // If this were not noticed, each request would wait for half a minute, which is longer than the test may take.
    waited("that those who hung up are noticed", || {
        let mut streams = Vec::new();
        waited("one who waits for a change", || {
            // A request that only checks may have had the place at this moment.
            streams.push(begin(app.address, &admin, "GET", &wait, &[], None));
            is_followed()
        });
        for mut stream in streams {
            let _ = stream.write_all(b"G");
        }
        waited("that it is noticed", || !is_followed());
        left += 1;
        left == 4
    });
}

#[rstest]
fn abuse_113_many_numbers_in_one_word_hold_nobody_up(#[values(Database::Sqlite)] database: Database) {
    let Some(app) = TestApp::start_with(database, "body_bytes = 2097152\n") else { return };
    let long = 1_900_000;
    for word in ["8112289874a", "https://8112289874/", "8112289874", "8 1 1 2 ", "8112289874\u{200b}", "a-8112289874.", "http://"] {
        // If these texts were scanned once for each number in them, this would take hours.
        let body = json!({"email": word.repeat(long / word.len()), "password": "x"});
        app.anybody().post("/sessions", &body).is(422);
    }
}

#[rstest]
fn abuse_70_a_later_call_that_comes_too_slowly_is_broken_off_too(#[values(Database::Sqlite)] database: Database) {
    let Some(app) = TestApp::start_with(database, "header_seconds = 1\n") else { return };
    for begun in ["G", "\r\n", "GET /health/live HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let mut stream = TcpStream::connect(app.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let first = format!("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n{begun}");
        stream.write_all(first.as_bytes()).unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).unwrap();
        let received = String::from_utf8_lossy(&received);
        assert!(received.starts_with("HTTP/1.1 200 "), "{begun:?} {received}");
        assert_eq!(received.matches("HTTP/1.1 ").count(), 1, "{begun:?} {received}");
    }
}

#[rstest]
fn what_can_be_sent_in_no_form_is_told_as_a_problem(#[values(Database::Sqlite)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    for encoding in ["identity;q=0", "*;q=0"] {
        for path in ["/openapi.json", "/samsyn/v1/me"] {
            let answer = app.anybody().with("Accept-Encoding", encoding).get(path).is(406);
            assert_eq!(answer.json["code"], json!("not-acceptable"), "{path} {encoding}");
        }
    }
    app.anybody().with("If-None-Match", "*").get("/openapi.json").is(304);
}

#[rstest]
fn abuse_123_what_was_answered_is_not_told_again_to_who_may_no_longer_ask(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(prepared) = prepared(database) else { return };
    let app = TestApp::start_from(&prepared.template);
    let admin = prepared.testers.iter().find(|tester| tester.name == "admin everywhere").unwrap().client.at(app.address);
    let user = app.invite(&admin, "forna@example.se");
    let grant = |role: &str, scope: Value| admin.post("/grants", &json!({"userId": user, "role": role, "scope": scope})).is(201).json;
    let everywhere = grant("admin", json!({"kind": "everywhere", "id": null}));
    // What remains when that grant is gone: every role that an actor's people can have, but for another actor.
    for role in ["actor_admin", "contributor", "coordinator"] {
        grant(role, json!({"kind": "actor", "id": prepared.sets[1].one("actorId")}));
    }
    let caller = app.sign_in("forna@example.se");
    let set = &prepared.sets[0];
    let mut made = Vec::new();
    for (method, pattern, operation) in in_order() {
        let name = operation["operationId"].as_str().unwrap().to_owned();
        if method != "POST" || pattern.starts_with("/me") {
            continue;
        }
        let body = operation.get("requestBody").map(|_| set.body(&name));
        let path = set.path(&pattern, &name);
        let keyed = |caller: &Client, key: &str| attempt(&caller.with("Idempotency-Key", key), &method, &path, body.as_ref());
        let first = keyed(&caller, &name);
        let again = keyed(&caller, &name);
        if again.header("idempotency-replayed").is_some() {
            assert_eq!((again.status, &again.body), (first.status, &first.body), "{name}");
            made.push((name, path.clone(), body.clone()));
        } else {
            // A refusal, or a response that is not stored, is not marked as a replay.
            assert!(first.status >= 400 || operation["x-search-of"].is_string() || first.status == again.status, "{name} {}", again.body);
        }
    }
    assert!(made.len() > 25, "{made:?}");
    admin.delete(&format!("/grants/{}", id(&everywhere)), &admin.get(&format!("/grants/{}", id(&everywhere))).etag()).is(204);
    let mut refused = 0;
    for (name, path, body) in made {
        let keyed = |key: &str| attempt(&caller.with("Idempotency-Key", key), "POST", &path, body.as_ref());
        let (again, anew) = (keyed(&name), keyed(&format!("{name} anew").replace(' ', "-")));
        let names_what_is_hidden = anew.faults().iter().any(|fault| fault.ends_with(" not-found"));
        if matches!(anew.status, 401 | 403 | 404) || names_what_is_hidden {
            assert_eq!(again.status, anew.status, "{name}: {} but anew {}", again.body, anew.body);
            assert_eq!(again.header("idempotency-replayed"), None, "{name}");
            refused += 1;
        }
    }
    assert!(refused > 20, "{refused}");
}

#[rstest]
fn abuse_123_a_batch_is_not_told_again_to_who_may_no_longer_ask(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let user = app.invite(&admin, "b@example.se");
    let [own, other] = ["municipality_code:0127", "municipality_code:0180"].map(|code| app.public_actor(code));
    let grant = |actor: &str| {
        let scope = json!({"kind": "actor", "id": actor});
        admin.post("/grants", &json!({"userId": user, "role": "actor_admin", "scope": scope})).is(201).json
    };
    let (lost, _kept) = (grant(&own), grant(&other));
    let caller = app.sign_in("b@example.se").with("Idempotency-Key", "en-gang");
    let actor = admin.get(&format!("/actors/{own}"));
    let change = json!({"operations": [{"op": "update", "id": own, "version": actor.json["version"], "patch": {"website": "https://botkyrka.example.se/"}}]});
    let first = caller.post("/actors/batch", &change).is(201);
    assert_eq!(first.json["done"], json!(1), "{}", first.body);
    assert_eq!(caller.post("/actors/batch", &change).is(201).header("idempotency-replayed"), Some("true"));
    admin.delete(&format!("/grants/{}", id(&lost)), &admin.get(&format!("/grants/{}", id(&lost))).etag()).is(204);
    let refused = caller.post("/actors/batch", &change).is(403);
    assert!(refused.json["detail"].as_str().unwrap().contains("/operations/0"), "{}", refused.body);
}

#[rstest]
fn abuse_127_what_would_begin_another_protocol_is_answered_at_once(#[values(Database::Sqlite)] database: Database) {
    let Some(app) = TestApp::start_with(database, "body_seconds = 600\n") else { return };
    for target in ["example.com:443", "/samsyn/v1/actors"] {
        let answer = raw(app.address, format!("CONNECT {target} HTTP/1.1\r\nHost: example.com:443\r\n\r\n").as_bytes()).is(405);
        assert_eq!((answer.json["code"].as_str(), answer.header("connection")), (Some("method-not-allowed"), Some("close")), "{target}");
        assert!(answer.header("allow").unwrap().contains("GET"), "{target}");
    }
    raw(app.address, b"CONNECT /nowhere HTTP/1.1\r\nHost: x\r\n\r\n").is(405);
    let upgrade = "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let answer = raw(app.address, format!("GET /samsyn/v1/actors?limit=1 HTTP/1.1\r\n{upgrade}\r\n").as_bytes()).is(200);
    assert_eq!((answer.json["items"].as_array().map(Vec::len), answer.header("connection")), (Some(1), Some("close")));
    let posted = format!("POST /samsyn/v1/sessions HTTP/1.1\r\n{upgrade}Content-Type: application/json\r\n\r\n");
    assert_eq!(raw(app.address, posted.as_bytes()).is(400).json["code"], json!("malformed-json"));
    // A streamed response does not declare a transfer encoding that it does not have.
    let streamed = raw(app.address, format!("GET /samsyn/v1/actors?format=csv HTTP/1.1\r\n{upgrade}\r\n").as_bytes()).is(200);
    assert_eq!(streamed.header("transfer-encoding"), None);
    assert!(!streamed.body.starts_with(|first: char| first.is_ascii_hexdigit()), "{}", &streamed.body[..40]);
}

#[rstest]
fn abuse_128_every_address_outside_of_the_api_is_counted(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let settings = "trusted_proxies = [\"127.0.0.1\"]\nrate_address_per_minute = 2\n";
    let Some(app) = TestApp::start_with(database, settings) else { return };
    let outside = [
        "/",
        "/problems",
        "/problems/invalid",
        "/style.css",
        "/openapi.json",
        "/openapi.yaml",
        "/openapi-3.0.json",
        "/docs",
        "/docs/",
        "/docs/permissions",
        "/docs/swagger-ui.css",
        "/.well-known/jwks.json",
        "/.well-known/api-catalog",
        "/.well-known/security.txt",
        "/.well-known/oauth-authorization-server",
        "/account/password",
        "/account.js",
        "/oauth2/authorize",
        "/oauth2/callback?code=x&state=y",
        "/samsyn/v1x",
        "/samsyn/v1",
    ];
    for (at, path) in outside.iter().enumerate() {
        let from = app.anybody().with("X-Forwarded-For", &format!("192.0.2.{at}"));
        let told = [(); 4].map(|()| from.call("GET", path, None).status);
        assert!(told[0] != 429 && told[1] != 429 && told[2..] == [429, 429], "{path} {told:?}");
    }
    for (at, path) in ["/oauth2/token", "/oauth2/revoke", "/oauth2/introspect"].iter().enumerate() {
        let from = app.anybody().with("X-Forwarded-For", &format!("198.51.100.{at}"));
        let form = Some(("application/x-www-form-urlencoded", &b"token=x"[..]));
        let told = [(); 3].map(|()| from.call("POST", path, form).status);
        assert!(told[1] != 429 && told[2] == 429, "{path} {told:?}");
    }
    // Health checks are answered whatever else was asked from that address.
    for path in ["/health/live", "/health/ready"] {
        for _ in 0..5 {
            app.anybody().with("X-Forwarded-For", "192.0.2.1").get(path).is(200);
        }
    }
}

#[rstest]
fn abuse_128_the_contract_is_sent_as_it_was_compressed_and_not_to_who_has_it(#[values(Database::Sqlite)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let mut tags = Vec::new();
    for path in ["/openapi.json", "/openapi.yaml", "/openapi-3.0.json", "/docs/", "/docs/swagger-ui.css", "/docs/permissions", "/problems"]
    {
        for encoding in ["gzip", "br", "zstd", "identity"] {
            let client = app.anybody().with("Accept-Encoding", encoding);
            let [first, again] = [(); 2].map(|()| client.get(path).is(200));
            let shown = first.header("content-encoding").unwrap_or("identity");
            assert_eq!((shown, first.header("vary")), (encoding, Some("Accept-Encoding")), "{path}");
            assert_eq!((&first.body, first.etag()), (&again.body, again.etag()), "{path} {encoding}");
            assert!(first.header("content-length").is_some(), "{path} {encoding} is whole");
            let known = client.with("If-None-Match", &format!("\"x\", W/{}", first.etag())).get(path).is(304);
            assert_eq!(
                (known.body.as_str(), known.etag(), known.header("content-encoding")),
                ("", first.etag(), None),
                "{path} {encoding}"
            );
            let head = client.call("HEAD", path, None).is(200);
            assert_eq!((head.body.as_str(), head.header("content-length")), ("", first.header("content-length")), "{path} {encoding}");
            tags.push(first.etag());
        }
    }
    assert_eq!(app.anybody().get("/openapi.json").is(200).json["openapi"], json!("3.1.0"));
    // Each representation has its own tag, so that no cache confuses them.
    let all = tags.len();
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), all);
}

#[rstest]
fn abuse_135_what_is_no_text_is_not_read_as_another(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let anybody = app.anybody();
    let told = |path: &str, fault: &str| {
        let answer = anybody.get(path).is(400);
        assert_eq!((answer.json["code"].as_str(), answer.faults()), (Some("invalid-parameter"), vec![fault.to_owned()]), "{path}");
        let sentence = answer.json["errors"][0]["detail"].as_str().unwrap().to_owned();
        assert!(sentence.contains("UTF-8"), "{path} {sentence}");
    };
    for garbled in ["%ff", "sk%F6l", "%C3", "%ED%A0%80", "%C0%AE", "a+%FE"] {
        told(&format!("/actors?q={garbled}"), "q not-utf-8");
        told(&format!("/actors?limit=1&sort={garbled}"), "sort not-utf-8");
        told(&format!("/trace/actor/{NOBODY}?depth={garbled}"), "depth not-utf-8");
        told(&format!("/actors/{garbled}"), "actorId not-utf-8");
        told(&format!("/trace/{garbled}/{NOBODY}"), "kind not-utf-8");
        told(&format!("/docs/{garbled}"), "path not-utf-8");
        told(&format!("/oauth2/callback?state={garbled}"), "state not-utf-8");
        let form = format!("grant_type=client_credentials&client_id={garbled}");
        let refused = anybody.call("POST", "/oauth2/token", Some(("application/x-www-form-urlencoded", form.as_bytes()))).is(400);
        assert_eq!(refused.json["error"], json!("invalid_request"), "{}", refused.body);
        assert!(refused.json["error_description"].as_str().unwrap().contains("client_id"), "{}", refused.body);
    }
    told("/actors?%ff=1", "\u{fffd} not-utf-8");
    assert_eq!(anybody.get("/actors?q=%ff&sort=%ff").is(400).faults(), ["q not-utf-8", "sort not-utf-8"]);
    // A correctly encoded word is found.
    assert_eq!(anybody.get("/actors?q=%C3%96rebro+kommun").is(200).json["items"][0]["name"], json!("Örebro kommun"));
}

#[rstest]
fn abuse_136_a_time_that_no_database_knows_is_told_of(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let is_told = |answer: &Answer, place: &str, time: &str| {
        assert_eq!(answer.faults(), [format!("{place} wrong-form")], "{time}: {}", answer.body);
        let sentence = answer.json["errors"][0]["detail"].as_str().unwrap();
        assert!(sentence.contains("till exempel 2026-03-31T09:00:00Z"), "{sentence}");
    };
    for time in [
        "2016-12-31T23:59:60Z",
        "2017-01-01T00:59:60%2B01:00",
        "2026-06-30T23:59:60.5Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00%2B01:00",
        "9999-12-31T23:59:59-01:00",
        "%2B262142-12-31T23:59:59Z",
        "%2B294277-01-01T00:00:00Z",
        "-4714-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-03-31T25:00:00Z",
    ] {
        for (path, name) in [("/actors", "updatedAfter"), ("/audit-entries", "after"), ("/audit-entries", "before")] {
            is_told(&admin.get(&format!("{path}?{name}={time}")).is(400), name, time);
            let body = json!({name: time.replace("%2B", "+")});
            is_told(&admin.post(&format!("{path}/search"), &body).is(422), &format!("/{name}"), time);
        }
        let token = json!({"name": "X", "scopes": ["registry.read"], "expiresAt": time.replace("%2B", "+")});
        is_told(&admin.post("/me/tokens", &token).is(422), "/expiresAt", time);
    }
    // The first and last times that both databases know are accepted.
    let found = |path: &str| admin.get(&format!("{path}&limit=1")).is(200).json["items"].as_array().unwrap().len();
    assert_eq!(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"].map(|time| found(&format!("/actors?updatedAfter={time}"))), [1, 0]);
    assert_eq!(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"].map(|time| found(&format!("/audit-entries?before={time}"))), [0, 1]);
    // The same for days.
    for day in ["0000-12-31", "+026-03-31", "2026-%203-31", "10000-01-01", "2026-02-29"] {
        let told = admin.get(&format!("/actors?asOf={}", day.replace('+', "%2B"))).is(400);
        assert_eq!(told.faults(), ["asOf wrong-form"], "{day}");
    }
    for day in ["0001-01-01", "9999-12-31"] {
        admin.get(&format!("/actors?asOf={day}&limit=1")).is(200);
        admin.get(&format!("/mandates?validOn={day}&limit=1")).is(200);
        admin.get(&format!("/legal-holds?validOn={day}&limit=1")).is(200);
        admin.get(&format!("/secrecy-marks?reviewBefore={day}&limit=1")).is(200);
    }
}
