//! No imported file can exhaust the service.

use std::{
    fs,
    io::Write,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use rstest::rstest;
use samsyn::{
    access::policy::Role,
    exchange::imports::{
        console,
        mapping::{FileContext, Mapping},
    },
    intake::{formats::Format, headings::ChosenMeanings, spool::intake, store},
    kernel::problem::Kind,
    registry::actors::ActorKind,
};
use serde_json::{Value, json};

use crate::{
    harness::{
        Client, Database, PASSWORD, TestApp,
        child::{self, Child},
        id, today, waited,
    },
    imports::{alone, counted, die_in_the_middle, file, import_as, source, with_db},
};

const CSV: &str = "text/csv";
const NDJSON: &str = "application/x-ndjson";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// A workbook with this many of the smallest possible rows, and this many shared strings without references.
fn workbook(rows: usize, strings: usize) -> Vec<u8> {
    workbook_of(("<row><c t=\"str\"><v>a</v></c></row>", rows), ("<si><t/></si>", strings))
}

/// A workbook with a row and a shared string, each repeated a number of times.
fn workbook_of(row: (&str, usize), string: (&str, usize)) -> Vec<u8> {
    let mut book = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut part = |name: &str, texts: &[(&str, usize)]| {
        book.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        for (text, times) in texts {
            let many = text.repeat(1000);
            (0..times / 1000).for_each(|_| book.write_all(many.as_bytes()).unwrap());
            (0..times % 1000).for_each(|_| book.write_all(text.as_bytes()).unwrap());
        }
    };
    let relations = |kind: &str, target: &str| {
        format!("<Relationships><Relationship Id=\"a\" Type=\"x/relationships/{kind}\" Target=\"{target}\"/></Relationships>")
    };
    part("_rels/.rels", &[(&relations("officeDocument", "xl/workbook.xml"), 1)]);
    part("xl/workbook.xml", &[("<workbook><sheets><sheet name=\"A\" r:id=\"a\"/></sheets></workbook>", 1)]);
    part("xl/_rels/workbook.xml.rels", &[(&relations("worksheet", "sheet.xml"), 1)]);
    // The stated number of strings would make a careless reader allocate all memory.
    let head = "<sst uniqueCount=\"9000000000000000000\">";
    part("xl/sharedStrings.xml", &[(head, 1), string, ("</sst>", 1)]);
    let head = "<worksheet><dimension ref=\"A1:XFD1048576\"/><sheetData><row><c t=\"str\"><v>namn</v></c></row>";
    part("xl/sheet.xml", &[(head, 1), row, ("</sheetData></worksheet>", 1)]);
    book.finish().unwrap().into_inner()
}

/// A file of each form with this many rows.
fn files(rows: usize) -> [(&'static str, Vec<u8>); 4] {
    [
        (CSV, format!("namn\n{}", "a\n".repeat(rows)).into_bytes()),
        (NDJSON, "{}\n".repeat(rows).into_bytes()),
        ("application/json", format!("[{}{{}}]", "{},".repeat(rows - 1)).into_bytes()),
        (XLSX, workbook(rows, 0)),
    ]
}

#[rstest]
fn abuse_113_a_file_with_too_many_rows_is_refused_before_anything_is_stored(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(app) = TestApp::start_with(database, "import_rows = 50") else { return };
    let admin = app.user(Role::Admin, None);
    assert_eq!(admin.get("/config").is(200).json["importRows"], 50);
    let of_source = format!("&sourceId={}", source(&admin, "Listan"));
    for (media_type, file) in files(51) {
        for query in ["", "&dryRun=true", &of_source] {
            let refused = admin.call("POST", &format!("/imports?kind=association{query}"), Some((media_type, &file))).is(413);
            assert_eq!(refused.faults(), [" too-many-rows"], "{media_type} {query}");
            let detail = refused.json["detail"].as_str().unwrap();
            assert!(detail.contains("fler än 50 rader") && detail.contains("Dela den"), "{detail}");
        }
    }
    for table in [
        "SELECT COUNT(*) AS rows_found FROM import_job",
        "SELECT COUNT(*) AS rows_found FROM import_piece",
        "SELECT COUNT(*) AS rows_found FROM import_row",
    ] {
        assert_eq!(counted(&app, table), 0, "{table}");
    }
    for (media_type, file) in files(50) {
        let (_, job) = import_as(&admin, "?kind=association&dryRun=true", media_type, &file);
        assert_eq!((&job["status"], &job["total"]), (&json!("completed"), &json!(50)), "{media_type} {job}");
    }
}

#[rstest]
fn abuse_113_a_workbook_that_refers_to_one_long_text_often_is_refused(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let long = format!("<si><t>{}</t></si>", "x".repeat(30_000));
    // The large text is in a column without a heading, of which only the presence is noted.
    let beside = "<row><c t=\"str\"><v>a</v></c><c t=\"s\"><v>0</v></c></row>";
    let swelling = workbook_of((beside, 10_000), (&long, 1));
    assert!(swelling.len() < 64 << 10, "{}", swelling.len());
    for query in ["", "&dryRun=true"] {
        let refused = admin.call("POST", &format!("/imports?kind=association{query}"), Some((XLSX, &swelling))).is(413);
        assert!(refused.json["detail"].as_str().unwrap().contains("för stor när den packas upp"), "{}", refused.body);
    }
    for table in ["SELECT COUNT(*) AS rows_found FROM import_job", "SELECT COUNT(*) AS rows_found FROM import_piece"] {
        assert_eq!(counted(&app, table), 0, "{table}");
    }
    let (_, job) = import_as(
        &admin,
        "?kind=association&dryRun=true",
        XLSX,
        &workbook_of(("<row><c t=\"s\"><v>0</v></c></row>", 2), ("<si><t>Alby IF</t></si>", 1)),
    );
    assert_eq!(job["total"], 2, "{job}");
}

#[rstest]
fn abuse_113_references_to_long_texts_are_counted_before_a_row_is_read(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start_with(database, "import_rows = 50") else { return };
    let admin = app.user(Role::Admin, None);
    let long = format!("<si><t>{}</t></si>", "x".repeat(30_000));
    let swelling = workbook_of(("<row><c t=\"s\"><v>0</v></c></row>", 10_000), (&long, 1));
    // If its rows had been read first, there would have been too many of them.
    let refused = admin.call("POST", "/imports?kind=association&dryRun=true", Some((XLSX, &swelling))).is(413);
    assert!(refused.json["detail"].as_str().unwrap().contains("för stor när den packas upp"), "{}", refused.body);
    let few = workbook_of(("<row><c t=\"s\"><v>0</v></c></row>", 51), (&long, 1));
    let refused = admin.call("POST", "/imports?kind=association&dryRun=true", Some((XLSX, &few))).is(413);
    assert_eq!(refused.faults(), [" too-many-rows"]);
}

#[rstest]
fn abuse_113_turns_to_be_read_go_round_among_callers(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (busy, other) = (app.user(Role::Admin, None), app.user(Role::Admin, None));
    let file = format!("namn;typ;kommun\n{}", "Föreningen;förening;Botkyrka\n".repeat(8000));
    #[expect(clippy::disallowed_methods, reason = "which of the files was read first")]
    let send = |who: &Client, file: &str| {
        who.call("POST", "/imports?dryRun=true", Some((CSV, file.as_bytes()))).is(202);
        Instant::now()
    };
    thread::scope(|scope| {
        let many: Vec<_> = (0..4).map(|_| scope.spawn(|| send(&busy, &file))).collect();
        thread::sleep(Duration::from_millis(300));
        // It waits for the file that is being read, and not for the three that arrived before it.
        let one = send(&other, "namn;typ;kommun\nAlby IF;förening;Botkyrka\n");
        let later = many.into_iter().map(|file| file.join().unwrap()).filter(|ended| *ended > one).count();
        assert!(later >= 2, "only {later} of the other's four files were read later");
    });
}

#[rstest]
fn abuse_113_long_names_and_values_are_not_told_back_at_length(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start_with(database, "body_bytes = 2097152") else { return };
    let admin = app.user(Role::Admin, None);
    let long = "associatio".repeat(190_000);
    let new = |member: &str, value: Value| {
        let mut new = json!({"kind": "association", "name": "Alby IF"});
        new[member] = value;
        new
    };
    for (path, body, code) in [
        ("/actors", new(&long, json!(1)), "unknown"),
        ("/actors", new("kind", json!(long)), "not-in-list"),
        ("/actors/search", json!({ long.clone(): 1 }), "unknown"),
        ("/actors/search", json!({"fields": [&long]}), "too-long"),
    ] {
        let refused = admin.post(path, &body);
        assert!(matches!(refused.status, 400 | 422), "{}", refused.status);
        assert!(refused.body.len() < 10_000, "{path} {code}: {}", refused.body.len());
        assert!(refused.faults()[0].ends_with(code), "{:?}", refused.faults());
    }
    // A misspelt name is repeated as it was written.
    let refused = admin.post("/actors", &new("fokus", json!("x"))).is(422);
    assert!(refused.json["errors"][0]["detail"].as_str().unwrap().contains("fokus"), "{}", refused.body);
}

#[rstest]
fn abuse_113_nor_does_the_console_take_more_rows(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some((url, _)) = alone(database) else { return };
    with_db(&url, TimeDelta::zero(), 700_000, async |db, access, worker| {
        let request = console::Request {
            format: Format::Csv,
            source: None,
            file: "lista".to_owned(),
            kind: Some(ActorKind::Association),
            full: false,
            columns: Vec::new(),
            dry_run: false,
        };
        let csv = format!("namn\n{}", "a\n".repeat(2001));
        let refused = Box::pin(console::run(&request, file(&csv), &worker, access, db, |_| ())).await.err().unwrap();
        assert_eq!((refused.kind, refused.faults[0].code), (Kind::TooLarge, "too-many-rows"));
    });
    let app = TestApp::on(&url, 2_000_000);
    let admin = app.sign_in("admin0@example.se");
    assert_eq!(
        [admin.get("/imports").is(200).json, admin.get("/sources").is(200).json].map(|page| page["items"].clone()),
        [json!([]), json!([])]
    );
}

#[rstest]
fn abuse_113_of_rows_that_are_refused_the_first_are_told_of_and_the_rest_counted(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    // Half of the rows cannot be read, and half cannot be written because their area does not exist.
    let wrong: String = (0..1300)
        .map(|row| if row % 2 == 0 { "{}\n".to_owned() } else { format!("{{\"name\":\"A{row}\",\"kommun\":\"9999\"}}\n") })
        .collect();
    let file = format!("{wrong}{{\"name\":\"Alby IF\"}}\n");
    for query in ["?kind=association&dryRun=true", "?kind=association"] {
        let (path, job) = import_as(&admin, query, NDJSON, file.as_bytes());
        assert_eq!([&job["refused"], &job["untold"], &job["created"]], [&json!(1300), &json!(300), &json!(1)], "{job}");
        let page = admin.get(&format!("{path}/rows?outcome=refused&limit=1&include=total")).is(200).json;
        assert_eq!(page["total"], 1000, "{page}");
        let last = admin.get(&format!("{path}/rows?limit=200&offset=900")).is(200).json["items"].as_array().unwrap().clone();
        assert_eq!(last.iter().map(|row| row["row"].as_i64().unwrap()).skip(98).collect::<Vec<_>>(), [999, 1000, 1301]);
        assert!(last[..100].iter().all(|row| row["errors"][0]["detail"].as_str().is_some_and(|detail| !detail.is_empty())));
    }
    assert_eq!(counted(&app, "SELECT COUNT(*) AS rows_found FROM import_piece"), 0, "what waited is gone");
}

#[rstest]
fn abuse_113_one_row_never_takes_much_room(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let long = "x".repeat(200_000);
    let rows = [
        format!("{{\"name\":\"{long}\"}}"),
        format!("{{\"name\":\"Fittja IF\",\"contactPoints\":[{}1]}}", "{},".repeat(30_000)),
        "{\"name\":\"Alby IF\"}".to_owned(),
    ];
    for (media_type, file) in [
        (NDJSON, rows.join("\n")),
        ("application/json", format!("[{}]", rows.join(","))),
        (CSV, format!("namn\n{long}\n\"{long}\"\nAlby IF\n")),
    ] {
        let (path, job) = import_as(&admin, "?kind=association&dryRun=true", media_type, file.as_bytes());
        assert_eq!([&job["refused"], &job["created"]], [&json!(2), &json!(1)], "{media_type} {job}");
        let told = admin.get(&format!("{path}/rows?outcome=refused")).is(200).json["items"].clone();
        assert_eq!(told[0]["errors"][0]["code"], "row-too-long", "{media_type}");
        assert!(told[1]["errors"].as_array().is_some_and(|errors| (1..=20).contains(&errors.len())), "{media_type}");
    }
}

#[rstest]
fn abuse_113_only_so_many_imports_are_under_way(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some((url, user)) = alone(database) else { return };
    // The instance that worked on the job has died, and its lease has not expired yet.
    die_in_the_middle(&url, &user, 600);
    let send = |who: &Client| who.call("POST", "/imports?kind=association", Some((CSV, b"namn\nAlby IF\n")));
    let app = TestApp::on_with(&url, 2_000_000, "imports_per_caller = 1");
    let owner = app.sign_in("admin0@example.se");
    let refused = send(&owner).is(429);
    assert_eq!(refused.header("retry-after"), Some("10"));
    assert!(refused.json["detail"].as_str().unwrap().contains("redan 1 inläsningar som inte är klara"), "{}", refused.body);
    let other = app.sign_in("admin2@example.se");
    send(&other).is(202);
    let full = TestApp::on_with(&url, 3_000_000, "imports_at_once = 1");
    let refused = send(&other.at(full.address)).is(503);
    assert_eq!(refused.header("retry-after"), Some("10"));
    assert!(refused.json["detail"].as_str().unwrap().contains("så många inläsningar"), "{}", refused.body);
    // A job that has ended, in whatever way, makes room for another.
    let path = format!(
        "/imports/{}",
        id(&owner.get("/imports?limit=200").is(200).json["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|job| job["finishedAt"].is_null())
            .unwrap()
            .clone())
    );
    owner.call("POST", &format!("{path}/cancel"), None).is(200);
    send(&owner).is(202);
}

#[rstest]
fn abuse_113_an_import_that_the_disk_has_no_room_for_is_refused(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start_with(database, "disk_spare_mebibytes = 1000000000000") else { return };
    let admin = app.user(Role::Admin, None);
    let refused = admin.call("POST", "/imports?kind=association&dryRun=true", Some((CSV, b"namn\nAlby IF\n"))).is(507);
    assert_eq!(refused.header("retry-after"), Some("30"));
    assert!(refused.json["detail"].as_str().unwrap().contains("inte plats på disken"), "{}", refused.body);
    assert_eq!(admin.get("/imports").is(200).json["items"], json!([]));
}

#[rstest]
fn abuse_113_rows_whose_job_never_came_are_removed(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some((url, _)) = alone(database) else { return };
    with_db(&url, TimeDelta::zero(), 700_000, async |db, _, worker| {
        let csv = (0..1200).fold("namn\n".to_owned(), |csv, number| csv + &format!("Förening {number}\n"));
        let known = FileContext {
            kind: Some(ActorKind::Association),
            from_source: false,
            today: today().date_naive(),
            columns: ChosenMeanings::default(),
        };
        let read = intake(Format::Csv, Arc::new(file(&csv)), Mapping::new(known), &worker.room().bounds).await.unwrap();
        store::stage(&read, db).await.unwrap();
    });
    let left = |app: &TestApp| counted(app, "SELECT COUNT(*) AS rows_found FROM import_piece");
    let app = TestApp::on(&url, 2_000_000);
    assert_eq!(left(&app), 3);
    let later = TestApp::at(today() + TimeDelta::days(2), &url, 3_000_000);
    waited("the end of what nobody waits for", || left(&later) == 0);
}

#[rstest]
fn abuse_113_a_full_file_of_many_pieces_marks_only_what_it_lacks(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let query = format!("?sourceId={}&kind=association&full=true", source(&admin, "Registret"));
    let file = |rows: usize| (0..rows).fold("externalId;namn\n".to_owned(), |csv, number| csv + &format!("{number};Förening {number}\n"));
    let (_, job) = import_as(&admin, &query, CSV, file(1101).as_bytes());
    assert_eq!([&job["created"], &job["absent"]], [&json!(1101), &json!(0)], "{job}");
    let (_, job) = import_as(&admin, &query, CSV, file(1100).as_bytes());
    assert_eq!([&job["unchanged"], &job["absent"]], [&json!(1100), &json!(1)], "{job}");
    assert_eq!(counted(&app, "SELECT COUNT(*) AS rows_found FROM import_piece"), 0);
}

#[rstest]
fn abuse_113_an_import_of_statistics_has_only_so_many_rows(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start_with(database, "body_bytes = 2097152\nimport_rows = 20000") else { return };
    let admin = app.user(Role::Admin, None);
    let path = "/observation-imports?indicator=disposable_income&source=SCB&dryRun=true";
    let table = |rows: usize| format!("kod;period\n{}", "0;\n".repeat(rows));
    let refused = admin.call("POST", path, Some((CSV, table(20_001).as_bytes()))).is(413);
    assert_eq!(refused.faults(), [" too-many-rows"]);
    let most = admin.call("POST", path, Some((CSV, table(20_000).as_bytes()))).is(201).json;
    assert_eq!((&most["rowsRead"], &most["rowsRefused"]), (&json!(20_000), &json!(20_000)));
    assert_eq!(most["errors"].as_array().map(Vec::len), Some(1000));
    let wide = format!("{}\n", "kod;".repeat(501));
    assert_eq!(admin.call("POST", path, Some((CSV, wide.as_bytes()))).is(422).faults(), [" too-many-columns"]);
    // As JSON, each row has two faults. Only a limited number of them is returned.
    let rows = format!("{{\"rows\":[{}{{}}]}}", "{},".repeat(250_000));
    let refused = admin.call("POST", path, Some(("application/json", rows.as_bytes()))).is(422);
    assert!(refused.faults().len() <= 200, "{}", refused.faults().len());
}

/// The largest amount of memory that a process has used, in mebibytes.
fn peak(child: &Child) -> i64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.process_id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<i64>().unwrap() / 1024
}

#[test]
fn abuse_113_files_and_bodies_that_swell_take_no_more_memory_than_others() {
    let url = crate::harness::empty(Database::Sqlite).unwrap();
    crate::harness::prepare(&url);
    child::admin(&url);
    let service = Child::start(&url, "body_bytes = 2097152\nimport_rows = 10000\n");
    let anybody = Client::new(service.address);
    let session = anybody.post("/sessions", &json!({"email": "admin@example.se", "password": PASSWORD})).is(201);
    let admin = anybody.with_token(session.json["accessToken"].as_str().unwrap());
    let path = "/imports?kind=association&dryRun=true";
    let (_, job) = import_as(&admin, "?kind=association&dryRun=true", CSV, b"namn\nAlby IF\n");
    assert_eq!(job["created"], 1);
    let before = peak(&service);
    let shared = format!("<si><t>{}</t></si>", "å".repeat(16_000));
    let swelling: [(&str, Vec<u8>, u16); 6] = [
        (XLSX, workbook_of(("<row><c t=\"s\"><v>0</v></c></row>", 9_000), (&shared, 1)), 413),
        (XLSX, workbook(200_000, 0), 413),
        (XLSX, workbook(1, 300_000), 202),
        ("application/json", format!("[{}{{}}]", "{},".repeat(970_000)).into_bytes(), 413),
        ("application/json", format!("[[{}0]]", "[],".repeat(970_000)).into_bytes(), 202),
        (CSV, format!("namn\n{}", "a\n".repeat(2_000_000)).into_bytes(), 413),
    ];
    for (media_type, file, status) in swelling {
        admin.call("POST", path, Some((media_type, &file))).is(status);
        assert!(peak(&service) - before <= 64, "{media_type}: {before} MiB became {}", peak(&service));
    }
    let statistics = "/observation-imports?indicator=disposable_income&source=SCB&dryRun=true";
    for (media_type, body) in [
        ("application/json", format!("{{\"rows\":[{}{{}}]}}", "{},".repeat(690_000))),
        ("application/json", format!("{{\"rows\":[{}{{}}]}}", "{},".repeat(250_000))),
        (CSV, format!("kod;period\n{}", "0;\n".repeat(690_000))),
    ] {
        let refused = admin.call("POST", statistics, Some((media_type, body.as_bytes())));
        assert!(matches!(refused.status, 413 | 422), "{}", refused.body);
        assert!(peak(&service) - before <= 64, "{media_type}: {before} MiB became {}", peak(&service));
    }
    let _: Value = admin.get("/me").is(200).json;
}
