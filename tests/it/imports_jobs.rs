//! Import jobs: nothing is done twice, no job gets stuck, and only the users who started them see them.

use chrono::TimeDelta;
use rstest::rstest;
use samsyn::{
    access::policy::Role,
    exchange::imports::console::{self, Request},
    intake::formats::Format,
    registry::actors::ActorKind,
};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::{
    harness::{Database, TestApp, id, today},
    imports::{alone, die_in_the_middle, events, file, found, import, import_as, rows, source, wait, with_db},
};

#[rstest]
fn the_same_file_again_changes_nothing(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let source = source(&admin, "Listan");
    let mut csv = "id;namn;förälder;epost;kommun\nmor;Moderföreningen;;info@example.se;Botkyrka\n".to_owned();
    for number in 0..600 {
        csv.extend(["n", &number.to_string(), ";Förening ", &number.to_string(), ";mor;;0127\n"]);
    }
    let query = format!("?sourceId={source}&kind=association&full=true");
    let (path, job) = import(&admin, &query, &csv);
    assert_eq!(job["created"], json!(601), "{job} {:?}", rows(&admin, &path));
    let before = events(&app);
    let (_, again) = import(&admin, &query, &csv);
    assert_eq!((&again["unchanged"], &again["absent"]), (&json!(601), &json!(0)), "{again}");
    assert_eq!(events(&app), before);

    // Records that the file no longer has are marked, once.
    let shorter = csv.replace("n17;Förening 17;mor;;0127\n", "");
    let (_, shorter_job) = import(&admin, &query, &shorter);
    assert_eq!(shorter_job["absent"], json!(1), "{shorter_job}");
    assert_eq!(import(&admin, &query, &shorter).1["absent"], json!(0));
    let (_, back) = import(&admin, &query, &csv.replace("Förening 3;", "Förening tre;"));
    // The record with another name, and the one that is present again.
    assert_eq!([&back["updated"], &back["refused"]], [&json!(2), &json!(0)], "{back}");
    let parent = found(&admin, "Moderföreningen")[0]["id"].clone();
    assert_eq!(found(&admin, "Förening tre")[0]["parentId"], parent);
}

#[rstest]
fn a_file_without_a_row_that_can_be_used_marks_nothing_absent(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let source = source(&admin, "Listan");
    let query = format!("?sourceId={source}&kind=association&full=true");
    let csv = "Externt id;Namn\n1;Alby IF\n2;Fittja IF\n";
    assert_eq!(import(&admin, &query, csv).1["created"], json!(2));
    let empty: [(&str, &str); 5] = [
        ("application/json", "[]"),
        ("application/x-ndjson", ""),
        ("text/csv", "Externt id;Namn\n"),
        ("text/csv", "Externt id;Namn\n3;\n"),
        ("application/x-ndjson", "{\"name\": \n"),
    ];
    for (media_type, file) in empty {
        for dry_run in ["", "&dryRun=true"] {
            let (path, job) = import_as(&admin, &format!("{query}{dry_run}"), media_type, file.as_bytes());
            assert_eq!([&job["status"], &job["absent"]], [&json!("completed"), &json!(0)], "{file} {job} {:?}", rows(&admin, &path));
            assert_eq!(job["reason"], json!("Filen har inga rader som går att läsa, så ingenting har markerats som saknat."), "{file}");
        }
    }
    // A row without a name or an id of its own may be any of the known records.
    let (_, unknown) = import(&admin, &query, "Externt id;Namn;Webb\n1;Alby IF;\n;;www.fittja.se\n");
    assert_eq!((&unknown["absent"], unknown["reason"].as_str().is_some_and(|reason| reason.contains("känna igen"))), (&json!(0), true));
    assert_eq!(import(&admin, &query, "Externt id;Namn\n1;Alby IF\n").1["absent"], json!(1));
    // A file without rows is reported, whether or not it is a full file.
    let (_, job) = import(&admin, "?kind=association", "Namn\n");
    assert_eq!([&job["status"], &job["reason"]], [&json!("completed"), &json!("Filen har inga rader att läsa in.")], "{job}");
    assert_eq!(import(&admin, "?kind=association", "Namn\nNorsborgs IF\n").1["reason"], Value::Null);
}

#[rstest]
fn a_dry_run_at_the_console_leaves_nothing_behind(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some((url, _)) = alone(database) else { return };
    let request = Request {
        format: Format::Csv,
        source: None,
        file: "föreningar".to_owned(),
        kind: Some(ActorKind::Association),
        full: true,
        columns: Vec::new(),
        dry_run: true,
    };
    let csv = "namn;kommun\nAlby IF;0127\n;0127\n";
    with_db(&url, TimeDelta::zero(), 700_000, async move |db, access, worker| {
        let try_out = Box::pin(console::run(&request, file(csv), &worker, access, db, |_| ())).await.unwrap();
        assert_eq!((try_out.job.created, try_out.job.refused, try_out.problems.len()), (1, 1, 1));
        assert_eq!((try_out.new_source.as_deref(), try_out.source.is_none()), (Some("föreningar"), true));
        let left = |table: &str| Statement::from_string(db.backend(), format!("SELECT COUNT(*) AS rows_found FROM {table}"));
        for table in ["source", "import_job", "import_row"] {
            let row = db.reader().query_one_raw(left(table)).await.unwrap().unwrap();
            assert_eq!(row.try_get::<i64>("", "rows_found").unwrap(), 0, "{table}");
        }
        let earnest = Request { dry_run: false, ..request };
        let done = Box::pin(console::run(&earnest, file(csv), &worker, access, db, |_| ())).await.unwrap();
        assert_eq!((done.job.created, done.source.is_some(), done.new_source), (1, true, None));
    });
}

#[rstest]
fn a_job_whose_worker_died_is_taken_up_where_it_was(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some((url, user)) = alone(database) else { return };
    die_in_the_middle(&url, &user, 1200);
    // Until the lease of the crashed worker expires, no other worker takes the job.
    let app = TestApp::on(&url, 2_000_000);
    let admin = app.sign_in("admin0@example.se");
    let path = format!("/imports/{}", id(&admin.get("/imports").is(200).json["items"][0]));
    import(&admin, "?kind=association", "namn\nEn annan\n");
    let waiting = admin.get(&path).is(200).json;
    assert_eq!((&waiting["status"], &waiting["processed"]), (&json!("running"), &json!(500)));

    let other = TestApp::at(today() + TimeDelta::minutes(3), &url, 3_000_000);
    let done = wait(&admin.at(other.address), &path);
    assert_eq!([&done["status"], &done["processed"], &done["created"]], [&json!("completed"), &json!(1200), &json!(1200)], "{done}");
    let total = admin.get("/actors?kind=association&include=total&limit=1").is(200).json["total"].clone();
    assert_eq!(total, json!(1201));
}

#[rstest]
fn a_job_goes_on_only_as_long_as_its_owner_may(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some((url, user)) = alone(database) else { return };
    die_in_the_middle(&url, &user, 600);
    {
        let app = TestApp::on(&url, 2_000_000);
        let second = app.sign_in("admin2@example.se");
        second.call("POST", &format!("/users/{user}/deactivate"), None).is(200);
    }
    let app = TestApp::at(today() + TimeDelta::minutes(3), &url, 3_000_000);
    let admin = app.sign_in("admin2@example.se");
    let path = format!("/imports/{}", id(&admin.get("/imports").is(200).json["items"][0]));
    let job = wait(&admin, &path);
    assert_eq!([&job["status"], &job["processed"]], [&json!("failed"), &json!(500)], "{job}");
    assert!(job["reason"].as_str().unwrap().contains("får inte längre"), "{job}");
}

#[rstest]
fn a_job_can_be_cancelled_and_what_is_in_stays(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some((url, user)) = alone(database) else { return };
    die_in_the_middle(&url, &user, 1200);
    let app = TestApp::on(&url, 2_000_000);
    let admin = app.sign_in("admin0@example.se");
    let path = format!("/imports/{}", id(&admin.get("/imports").is(200).json["items"][0]));
    let job = admin.call("POST", &format!("{path}/cancel"), None).is(200).json;
    assert_eq!([&job["status"], &job["processed"], &job["created"]], [&json!("cancelled"), &json!(500), &json!(500)], "{job}");
    let again = admin.call("POST", &format!("{path}/cancel"), None).is(200).json;
    assert_eq!(again, job);
    let other = TestApp::at(today() + TimeDelta::minutes(3), &url, 3_000_000);
    let admin = admin.at(other.address);
    import(&admin, "?kind=association", "namn\nEn annan\n");
    assert_eq!(admin.get(&path).is(200).json, job);
}

#[rstest]
fn another_s_job_is_not_there(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let area = app.area("0127");
    let (own, other) = (app.user(Role::Coordinator, Some(("area", &area))), app.user(Role::Coordinator, Some(("area", &area))));
    let (path, job) = import(&own, "?kind=association&dryRun=true", "namn;kommun\nAlby IF;0127\n");
    for (method, path) in [("GET", path.clone()), ("GET", format!("{path}/rows")), ("POST", format!("{path}/cancel"))] {
        assert_eq!(other.call(method, &path, None).status, 404, "{method} {path}");
    }
    assert_eq!(other.get("/imports").is(200).json["items"], json!([]));
    assert_eq!(own.get("/imports").is(200).json["items"][0]["id"], job["id"]);
    app.user(Role::Admin, None).get(&path).is(200);
    // A source of others cannot be imported for.
    let source = source(&app.user(Role::Admin, None), "Installationens");
    let refused = other.call("POST", &format!("/imports?sourceId={source}"), Some(("text/csv", b"namn\nx\n")));
    assert_eq!(refused.status, 403, "{}", refused.body);
}

#[rstest]
fn a_repeated_call_is_one_job(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None).with("Idempotency-Key", "listan-i-mars");
    let send = |file: &[u8]| admin.call("POST", "/imports?kind=association&dryRun=true", Some(("text/csv", file)));
    let first = send(b"namn\nAlby IF\n").is(202);
    assert_eq!(send(b"namn\nAlby IF\n").is(202).json["id"], first.json["id"]);
    assert_eq!(send(b"namn\nHallunda IF\n").is(422).json["code"], "key-reused");
}

#[rstest]
fn jobs_of_before_are_told_of_as_they_were(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let source = source(&admin, "Listan");
    let csv = "Externt id;Namn\n1;Alby IF\n";
    let (full, _) = import(&admin, &format!("?sourceId={source}&kind=association&full=true"), csv);
    let (plain, _) = import(&admin, "?kind=association", "Namn\nFittja IF\n");
    let (full_before, plain_before) = (admin.get(&full).is(200).json, admin.get(&plain).is(200).json);
    let (uuid, id) = match database {
        Database::Sqlite => ("uuid_text", format!("x'{}'", source.replace('-', ""))),
        Database::Postgres => ("uuid", format!("'{source}'::uuid")),
    };
    // The state that an earlier version of the program left, before its migration.
    for statement in [
        "ALTER TABLE import_job RENAME COLUMN keeps_rows TO is_full",
        &format!("ALTER TABLE import_job ADD COLUMN source_id {uuid}"),
        "ALTER TABLE import_job ADD COLUMN kind text",
        &format!("UPDATE import_job SET kind = 'association', source_id = CASE WHEN is_full THEN {id} END"),
        "ALTER TABLE import_job DROP COLUMN target",
        "ALTER TABLE import_job DROP COLUMN options",
        "DELETE FROM seaql_migrations WHERE version = 'm0041_targets'",
    ] {
        app.execute(statement);
    }
    crate::harness::prepare(&app.url);
    assert_eq!(admin.get(&full).is(200).json, full_before);
    assert_eq!(admin.get(&plain).is(200).json, plain_before);
    assert_eq!(
        (&full_before["sourceId"], &full_before["full"], &full_before["kind"]),
        (&json!(source), &json!(true), &json!("association"))
    );
}
