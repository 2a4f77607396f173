//! Abuse of errors: whatever breaks, responses reveal nothing internal, and the service goes on.

use std::{thread, time::Duration};

use actix_web::{App, HttpServer, middleware::from_fn, rt::System, web};
use rstest::rstest;
use samsyn::{
    access::policy::Role,
    kernel::{
        Reply,
        middleware::{Envelope, envelope},
    },
};
use serde_json::json;

use crate::{
    abuse_audit::{entries, execute_directly, summaries},
    harness::{Client, Database, TestApp, raw},
};

#[test]
fn abuse_98_a_panic_is_a_problem_and_the_service_goes_on() {
    let (ready, address) = std::sync::mpsc::channel();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let running = thread::spawn(move || {
        System::new().block_on(async move {
            let settings = Envelope {
                public_url: "https://samsyn.example.se".to_owned(),
                body_bytes: 1000,
                body_time: Duration::from_secs(5),
                call_time: Duration::from_secs(5),
                secure: false,
                trusted_proxies: Vec::new(),
                cors: samsyn::kernel::cors::Cors::default(),
            };
            let settings = web::Data::new(settings);
            // The panic bypasses the hook, which would write to the output of the tests.
            let panics = || async { std::panic::resume_unwind(Box::new("SELECT secret FROM /src/secret.rs")) as Reply<()> };
            let server = HttpServer::new(move || {
                App::new()
                    .app_data(settings.clone())
                    .wrap(from_fn(envelope))
                    .route("/samsyn/v1/panics", web::get().to(panics))
                    .route("/samsyn/v1/works", web::get().to(|| async { "works" }))
            })
            .workers(1)
            .bind("127.0.0.1:0")
            .unwrap();
            ready.send(server.addrs()[0]).unwrap();
            let server = server.run();
            let handle = server.handle();
            let server = actix_web::rt::spawn(server);
            let _ = tokio::task::spawn_blocking(move || stopped.recv()).await;
            handle.stop(false).await;
            let _ = server.await;
        });
    });
    let caller = Client::new(address.recv().unwrap());
    for turn in 0..3 {
        let request = format!("panics-{turn}-x");
        let answer = caller.with("X-Request-Id", &request).get("/panics").is(500);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!((answer.json["code"].as_str(), answer.header("x-request-id")), (Some("internal"), Some(request.as_str())));
        assert_eq!(answer.json["instance"], json!(format!("urn:samsyn:request:{request}")));
        assert!(!answer.body.contains("secret"));
        assert_eq!(caller.get("/works").is(200).body, "works");
    }
    drop(stop);
    running.join().unwrap();
}

#[rstest]
fn abuse_99_nothing_inner_is_told(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let actor = app.public_actor("municipality_code:0127");
    execute_directly(&app.url, &["ALTER TABLE mandate RENAME TO moved_away", "ALTER TABLE event RENAME TO gone_too"]).unwrap();
    let mandate =
        json!({"actorId": actor, "policyDomain": "housing", "areaId": app.area("0127"), "powers": ["decide"], "basis": "statutory"});
    let answers = [
        admin.get("/mandates"),
        admin.get(&format!("/mandates/{actor}")),
        admin.post("/mandates", &mandate),
        admin.post("/actors", &json!({"kind": "other", "name": "Ett"})),
        admin.get("/changes"),
        raw(app.address, b"GET /samsyn/v1/mandates HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
    ];
    for answer in answers {
        let answer = answer.is(500);
        assert_eq!((answer.json["code"].as_str(), answer.json["errors"].as_array().map(Vec::len)), (Some("internal"), Some(0)));
        assert!(answer.json["instance"].as_str().unwrap().ends_with(answer.header("x-request-id").unwrap()));
        assert_eq!(answer.header("server"), None);
        let all = format!("{:?}{}", answer.headers, answer.body).to_lowercase();
        let version = env!("CARGO_PKG_VERSION");
        for inner in ["sql", "moved_away", "gone_too", "no such", "relation", "/src/", "panicked", "dberr", "postgres", "actix", version] {
            assert!(!all.contains(inner), "{inner}: {all}");
        }
    }
    // Calls that do not need the broken table still work.
    app.anybody().get("/actors").is(200);
    let failed = execute_directly(&app.url, &["ALTER TABLE moved_away RENAME TO mandate", "ALTER TABLE gone_too RENAME TO event"]);
    failed.unwrap();
    assert_eq!(summaries(&entries(&admin, "outcome=failed")), ["createMandate failed 500 internal", "createActor failed 500 internal"]);
    admin.post("/mandates", &mandate).is(201);
}
