//! How every resource behaves: versions, repeated calls, pages, languages, the standard addresses.

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::harness::{Client, Database, TestApp, id};

#[rstest]
fn nobody_overwrites_anothers_change(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let actor = admin.post("/actors", &json!({"kind": "association", "name": "Hoppet", "focus": "Läxhjälp"})).is(201);
    let path = format!("/actors/{}", id(&actor.json));
    assert_eq!(actor.header("location"), Some(format!("/samsyn/v1{path}").as_str()));
    admin.call("PATCH", &path, Some(("application/json", b"{}"))).is(428);
    let changed = admin.patch(&path, &actor.etag(), &json!({"focus": null, "otherNames": ["H"]})).is(200);
    assert_eq!(
        (&changed.json["focus"], &changed.json["otherNames"], &changed.json["name"]),
        (&Value::Null, &json!(["H"]), &json!("Hoppet"))
    );
    let stale = admin.patch(&path, &actor.etag(), &json!({"name": "Annat"})).is(412);
    assert_eq!(stale.header("etag"), Some(changed.etag().as_str()));
    // What changes nothing writes nothing.
    let same = admin.patch(&path, &changed.etag(), &json!({"name": "Hoppet"})).is(200);
    assert_eq!(same.etag(), changed.etag());
    admin.patch(&path, &changed.etag(), &json!({"name": null})).is(422);
    admin.delete(&path, &actor.etag()).is(412);
    admin.delete(&path, &changed.etag()).is(204);
    admin.get(&path).is(404);
    assert_eq!(admin.get("/actors?q=hoppet").json["items"], json!([]));
}

#[rstest]
fn what_is_known_is_not_sent_again(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let actor = app.public_actor("municipality_code:0127");
    for path in
        [format!("/actors/{actor}"), "/actors?limit=3".to_owned(), format!("/actors/{actor}?fields=name"), "/codelists/Sector".to_owned()]
    {
        let answer = app.anybody().get(&path).is(200);
        let known = app.anybody().with("If-None-Match", &answer.etag()).get(&path).is(304);
        assert_eq!((known.body.as_str(), known.etag()), ("", answer.etag()));
        let head = app.anybody().call("HEAD", &path, None).is(200);
        assert_eq!((head.body.as_str(), head.header("content-length")), ("", answer.header("content-length")), "{path}");
    }
    let options = app.anybody().call("OPTIONS", &format!("/actors/{actor}"), None).is(204);
    assert_eq!(options.header("allow"), Some("DELETE, GET, HEAD, OPTIONS, PATCH"));
}

#[rstest]
fn a_repeated_call_is_carried_out_once(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let keyed = admin.with("Idempotency-Key", "8e03978e-40d5-43e8-bc93-6894a57f9324");
    let new = json!({"kind": "association", "name": "En gång"});
    let first = keyed.post("/actors", &new).is(201);
    let again = keyed.post("/actors", &new).is(201);
    assert_eq!(
        (again.header("idempotency-replayed"), &again.body, again.header("location")),
        (Some("true"), &first.body, first.header("location"))
    );
    let other = keyed.post("/actors", &json!({"kind": "association", "name": "Något annat"})).is(422);
    assert_eq!(other.json["code"], json!("key-reused"));
    // Another's key of the same text is another key, and a refused call keeps none.
    app.user(Role::Admin, None).with("Idempotency-Key", "8e03978e-40d5-43e8-bc93-6894a57f9324").post("/actors", &new).is(201);
    let refused = admin.with("Idempotency-Key", "k2");
    refused.post("/actors", &json!({"kind": "association"})).is(422);
    refused.post("/actors", &new).is(201);
    admin.with("Idempotency-Key", "å ä").post("/actors", &new).is(400);
    let minimal = admin.with("Prefer", "return=minimal").post("/actors", &new).is(201);
    assert_eq!((minimal.body.as_str(), minimal.header("preference-applied")), ("", Some("return=minimal")));
    assert!(minimal.header("location").is_some());
}

#[rstest]
fn pages_follow_each_other_without_gap_or_repetition(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let anybody = app.anybody();
    for sort in ["name", "-name", "createdAt", "-createdAt", "updatedAt", "-updatedAt"] {
        let mut names: Vec<String> = Vec::new();
        let mut address = format!("/samsyn/v1/actors?sort={sort}&limit=100&include=total&fields=name");
        loop {
            let page = anybody.get(&address).is(200);
            assert_eq!(page.json["total"], json!(311));
            names.extend(page.json["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()));
            let Some(next) = page.header("link").and_then(|link| link.split(", ").find(|link| link.ends_with("rel=\"next\""))) else {
                break;
            };
            assert!(page.json["nextCursor"].is_string());
            address = next.trim_start_matches('<').split('>').next().unwrap().to_owned();
        }
        assert_eq!(names.len(), 311, "{sort}");
        let mut unique = names.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), 311, "{sort}");
        if sort == "name" {
            assert_eq!((names[0].as_str(), names[310].as_str()), ("Ale kommun", "Övertorneå kommun"));
            let at = |name: &str| names.iter().position(|known| known == name).unwrap();
            assert!(
                at("Åre kommun") < at("Älmhults kommun")
                    && at("Älmhults kommun") < at("Örebro kommun")
                    && at("Vännäs kommun") < at("Åre kommun")
            );
        }
    }
    // A cursor belongs to its list, its filter and its caller.
    let cursor = anybody.get("/actors?limit=2").json["nextCursor"].as_str().unwrap().to_owned();
    anybody.get(&format!("/actors?limit=5&cursor={cursor}")).is(200);
    anybody.get(&format!("/actors?kind=region&cursor={cursor}")).is(400);
    anybody.get(&format!("/areas?cursor={cursor}")).is(400);
    app.user(Role::Reader, None).get(&format!("/actors?cursor={cursor}")).is(400);
    let altered = format!("{}{}", &cursor[..cursor.len() - 2], if cursor.ends_with("AA") { "BB" } else { "AA" });
    assert_eq!(anybody.get(&format!("/actors?cursor={altered}")).is(400).json["code"], json!("invalid-cursor"));
}

#[rstest]
fn filters_and_search_find_what_they_should(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let botkyrka = app.area("0127");
    for name in ["Idé och Rörelse", "Ide Café", "Önskan", "Onskan", "Tullinge Botkyrkavänner"] {
        admin.post("/actors", &json!({"kind": "association", "name": name, "seatAreaId": botkyrka, "areasServed": [botkyrka]})).is(201);
    }
    let names = |query: &str| -> Vec<String> {
        let items = app.anybody().get(&format!("/actors?{query}")).is(200).json["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    // é is e, but ö is a letter of its own; a word's beginning is enough; the name that begins so comes first.
    assert_eq!(names("q=ide"), ["Ide Café", "Idé och Rörelse"]);
    assert_eq!(names("q=ÖNSK"), ["Önskan"]);
    assert_eq!(names("q=botkyrka"), ["Botkyrka kommun", "Tullinge Botkyrkavänner"]);
    assert_eq!(names("q=212000-2882"), Vec::<String>::new());
    assert_eq!(names("q=2120002882"), ["Botkyrka kommun"]);
    assert_eq!(names("identifier=SE-ON:212000-2882"), ["Botkyrka kommun"]);
    assert_eq!(names("municipality=0127&kind=municipality"), ["Botkyrka kommun"]);
    assert_eq!(names("municipality=0127&kind=association").len(), 5);
    assert_eq!(names(&format!("serves={botkyrka}&sector=public")), ["Botkyrka kommun"]);
    assert_eq!(names("municipality=9999"), Vec::<String>::new());
    let below = |area: &str| app.anybody().get(&format!("/areas?below={area}&include=total&limit=1")).json["total"].clone();
    assert_eq!(below(&botkyrka), json!(20));
    assert_eq!(below(&app.area("00")), json!(21 + 290 + 3363));
}

#[rstest]
fn a_taken_number_names_who_has_it(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let number = |scope: &str| json!({"kind": "association", "name": "Lokalavdelningen", "identifiers": [{"scheme": "SE-ON", "value": "212000-2882", "scope": scope}]});
    let taken = admin.post("/actors", &number("own")).is(409);
    assert_eq!(taken.json["conflictsWith"], json!(format!("/samsyn/v1/actors/{}", app.public_actor("municipality_code:0127"))));
    admin.post("/actors", &number("parent")).is(201);
    // Gotland's municipality and region are one legal person with one number.
    assert_eq!(app.anybody().get("/actors?identifier=SE-ON:2120000803&fields=name").json["items"].as_array().unwrap().len(), 2);
}

#[rstest]
fn the_standard_addresses_answer(#[values(Database::Sqlite)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let anybody = app.anybody();
    for (path, media_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/problems", "text/html; charset=utf-8"),
        ("/problems/not-found", "text/html; charset=utf-8"),
        ("/openapi.json", "application/json"),
        ("/openapi-3.0.json", "application/json"),
        ("/openapi.yaml", "application/yaml"),
        ("/health/live", "application/json"),
        ("/health/ready", "application/json"),
        ("/.well-known/security.txt", "text/plain; charset=utf-8"),
        ("/.well-known/jwks.json", "application/json"),
        ("/docs/", "text/html"),
    ] {
        let answer = anybody.get(path).is(200);
        assert_eq!(answer.header("content-type"), Some(media_type), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
    assert!(anybody.get("/.well-known/api-catalog").is(200).header("content-type").unwrap().starts_with("application/linkset+json"));
    // The documentation page asks nobody else for anything.
    let docs = anybody.get("/docs/").body;
    assert!(!docs.contains("http://") && !docs.contains("https://"), "{docs}");
    let traced = anybody
        .with("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .with("X-Request-Id", "my-own-request-1")
        .get("/actors?limit=1");
    assert!(traced.header("traceparent").unwrap().starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
    assert_eq!(traced.header("x-request-id"), Some("my-own-request-1"));
    for name in ["server", "x-powered-by"] {
        assert!(traced.header(name).is_none());
    }
}

#[rstest]
fn a_pack_loaded_again_changes_nothing_and_leaves_local_changes(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let path = format!("/actors/{}", app.public_actor("municipality_code:0127"));
    let changed = admin.patch(&path, &admin.get(&path).etag(), &json!({"focus": "Egen text"})).is(200);
    let url = app.url.clone();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async {
            let settings = samsyn::config::Config::load(&[("database_url", &url)], None, std::iter::empty(), &[]).unwrap().database();
            let open = samsyn::kernel::Db::open(
                &settings,
                samsyn::records::ALL,
                true,
                samsyn::kernel::clock::Clock::System,
                samsyn::kernel::id::Ids::Random,
            );
            let db = open.await.unwrap();
            // As a newer pack would: the note that it is loaded is gone.
            sea_orm::ConnectionTrait::execute_unprepared(&db_writer(&settings).await, "DELETE FROM pack").await.unwrap();
            samsyn::guidance::packs::load(&db).await.unwrap();
            db.close().await;
        });
    })
    .join()
    .unwrap();
    assert_eq!(admin.get(&path).etag(), changed.etag());
    assert_eq!(admin.get("/actors?include=total&limit=1").json["total"], json!(311));
}

async fn db_writer(settings: &samsyn::kernel::db::Settings) -> sea_orm::DatabaseConnection {
    let url = if settings.url.starts_with("sqlite:") { settings.url.replace("sqlite:", "sqlite://") } else { settings.url.clone() };
    sea_orm::Database::connect(url).await.unwrap()
}

#[rstest]
fn several_instances_may_start_at_once_on_an_empty_database(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(url) = crate::harness::empty(database) else { return };
    let starts: Vec<_> = (0..4)
        .map(|_| {
            let url = url.clone();
            std::thread::spawn(move || {
                let settings = samsyn::config::Config::load(&[("database_url", &url)], None, std::iter::empty(), &[]).unwrap().database();
                actix_web::rt::System::new().block_on(async {
                    let (clock, ids) = (samsyn::kernel::clock::Clock::System, samsyn::kernel::id::Ids::Random);
                    let db = samsyn::kernel::Db::open(&settings, samsyn::records::ALL, true, clock, ids)
                        .await
                        .map_err(|error| error.to_string())?;
                    db.close().await;
                    Ok::<(), String>(())
                })
            })
        })
        .collect();
    for start in starts {
        assert_eq!(start.join().unwrap(), Ok(()));
    }
}

#[rstest]
fn a_database_newer_than_the_program_is_refused(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let url = app.url.clone();
    let told = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async {
            let settings = samsyn::config::Config::load(&[("database_url", &url)], None, std::iter::empty(), &[]).unwrap().database();
            let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_tomorrow', 1)";
            sea_orm::ConnectionTrait::execute_unprepared(&db_writer(&settings).await, newer).await.unwrap();
            let open = samsyn::kernel::Db::open(
                &settings,
                samsyn::records::ALL,
                true,
                samsyn::kernel::clock::Clock::System,
                samsyn::kernel::id::Ids::Random,
            );
            open.await.err().map(|error| error.to_string()).unwrap_or_default()
        })
    })
    .join()
    .unwrap();
    assert!(told.contains("newer than this program") && told.contains("m9999_tomorrow"), "{told}");
}

#[rstest]
fn what_has_grown_old_is_told_to_be_so(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let tomorrow = TestApp::at(crate::harness::today() + chrono::TimeDelta::hours(26), &app.url, 2_000_000);
    let cursor = app.anybody().get("/actors?limit=2").json["nextCursor"].as_str().unwrap().to_owned();
    let page = format!("/actors?limit=2&cursor={cursor}");
    app.anybody().get(&page).is(200);
    assert_eq!(tomorrow.anybody().get(&page).is(410).json["code"], json!("expired"));
    let kim = app.user(Role::Reader, None);
    kim.get("/me").is(200);
    kim.at(tomorrow.address).get("/me").is(401);
    // A kept answer is kept for a day, and then the key is free again, for the same caller too.
    app.register("sen@example.se", "Sen", Role::Admin, None);
    let keyed = |at: &TestApp| at.sign_in("sen@example.se").with("Idempotency-Key", "a-day");
    let first = keyed(&app).post("/actors", &json!({"kind": "other", "name": "I dag"})).is(201);
    let second = keyed(&tomorrow).post("/actors", &json!({"kind": "other", "name": "I morgon"})).is(201);
    assert_ne!(id(&first.json), id(&second.json));
}

#[rstest]
fn fields_of_the_head_are_read_as_the_standard_says(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let actor = format!("/actors/{}", id(&admin.post("/actors", &json!({"kind": "association", "name": "Alby IF"})).is(201).json));

    // Lists may stand on several lines, weights are heeded in any case, and the closest range counts.
    let title = |languages: &[&str]| {
        let client = languages.iter().fold(admin.clone(), |client, languages| client.with_line("Accept-Language", languages));
        client.get("/actors/1").header("content-language").unwrap().to_owned()
    };
    assert_eq!(title(&["en;Q=0.2, SV-fi"]), "sv");
    assert_eq!(title(&["fi", "en"]), "en");
    assert_eq!(title(&["sv;q=0, *"]), "en");
    let form = |accept: &str| admin.with("Accept", accept).get("/actors?limit=1");
    assert_eq!(form("Text/CSV;q=0.5, application/json;q=0.4").header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    assert_eq!(form("application/json;q=0, application/x-ndjson").header("content-type"), Some("application/x-ndjson"));
    form("application/json;q=0, application/problem+json;q=0, text/html").is(406);
    let changes = |accept: &str| admin.with("Accept", accept).get("/changes?limit=1").is(200).header("content-type").unwrap().to_owned();
    assert_eq!(changes("text/event-stream;q=0, */*"), "application/json");

    // A preference is not found in the quoted value of another, and a tag is not found in a weak one.
    let rename = |client: &Client, name: &str| {
        client.call("PATCH", &actor, Some(("application/json", format!("{{\"name\":\"{name}\"}}").as_bytes())))
    };
    let quoted = rename(&admin.with("If-Match", "\"v1\"").with("Prefer", "foo=\"return=minimal\""), "Alby IF 2").is(200);
    assert!(quoted.header("preference-applied").is_none() && quoted.json["name"] == "Alby IF 2");
    rename(&admin.with("If-Match", "W/\"v2\""), "Alby IF 3").is(412);
    let lines =
        admin.with("If-Match", "\"v7\"").with_line("If-Match", "\"v2\"").with("Prefer", "wait=1").with_line("Prefer", "Return=minimal");
    assert_eq!(rename(&lines, "Alby IF 3").is(204).header("preference-applied"), Some("return=minimal"));
    admin.with("If-None-Match", "\"x\"").with_line("If-None-Match", "W/\"v3\"").get(&actor).is(304);
}
