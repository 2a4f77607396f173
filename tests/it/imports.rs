//! Files of organisations: read however they are written, each row in or told of, nothing twice, and never stuck.

use std::{fs::File, io::Write, sync::Arc, thread};

use chrono::TimeDelta;
use rstest::rstest;
use samsyn::{
    access::{Access, Caller, policy::Role},
    exchange::imports::{
        console::{self, Request},
        formats::Format,
        intake,
        mapping::{Chosen, Known},
        room::Bounds,
        store::{self, Order},
        worker::Worker,
    },
    kernel::{Db, clock::Clock, contract::Contract, id::Ids, request::Call},
    openapi,
    registry::actors::ActorKind,
};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::harness::{Answer, Client, Database, TestApp, config_of, empty, id, prepare, settings_of, today};

/// Waits for a job to end, without taking ids from the calls that a test makes.
#[track_caller]
pub fn wait(who: &Client, path: &str) -> Value {
    #[expect(clippy::disallowed_methods, reason = "a job that never ends must not be waited for")]
    let started = std::time::Instant::now();
    let who = who.with("X-Request-Id", "waiting-for-a-job");
    loop {
        let job = who.get(path).is(200).json;
        if !job["finishedAt"].is_null() {
            return job;
        }
        assert!(started.elapsed().as_secs() < 120, "the job does not end: {job}");
        thread::yield_now();
    }
}

#[track_caller]
pub fn import_as(who: &Client, query: &str, media_type: &str, file: &[u8]) -> (String, Value) {
    let accepted = who.call("POST", &format!("/imports{query}"), Some((media_type, file))).is(202);
    let path = format!("/imports/{}", id(&accepted.json));
    assert_eq!(accepted.header("location"), Some(format!("/samsyn/v1{path}").as_str()));
    let job = wait(who, &path);
    let sum: i64 = ["created", "updated", "unchanged", "held", "refused"].iter().map(|count| job[*count].as_i64().unwrap()).sum();
    if job["status"] == "completed" {
        assert_eq!((job["processed"].as_i64(), job["total"].as_i64()), (Some(sum), Some(sum)), "{job}");
    }
    (path, job)
}

#[track_caller]
pub fn import(who: &Client, query: &str, csv: &str) -> (String, Value) {
    import_as(who, query, "text/csv", csv.as_bytes())
}

/// All rows that are told of, as number, outcome and codes.
pub fn rows(who: &Client, path: &str) -> Vec<String> {
    let told = |row: &Value| {
        let codes = row["errors"].as_array().unwrap().iter();
        let codes: Vec<_> = codes
            .map(|fault| {
                format!(
                    "{} {}",
                    fault["column"].as_str().or(fault["pointer"].as_str()).unwrap_or_default(),
                    fault["code"].as_str().unwrap()
                )
            })
            .collect();
        format!("{} {} {}", row["row"], row["outcome"].as_str().unwrap(), codes.join(", ")).trim().to_owned()
    };
    who.get(&format!("{path}/rows?limit=200")).is(200).json["items"].as_array().unwrap().iter().map(told).collect()
}

pub fn source(who: &Client, name: &str) -> String {
    let owned = ["name", "website", "focus", "identifiers", "seatAreaId", "targetGroups", "parentId", "contactPoints"];
    id(&who.post("/sources", &json!({"actorId": null, "name": name, "idScheme": name, "ownedFields": owned})).is(201).json)
}

pub fn found(who: &Client, name: &str) -> Vec<Value> {
    let page = who.get(&format!("/actors?q={}&limit=200", crate::harness::escaped(name))).is(200);
    page.json["items"].as_array().unwrap().clone()
}

/// How many changes have been recorded, also those that have no place in the feed yet.
pub fn events(app: &TestApp) -> i64 {
    counted(app, "SELECT COUNT(*) AS rows_found FROM event")
}

pub fn counted(app: &TestApp, select: &'static str) -> i64 {
    let (settings, (send, receive)) = (settings_of(&app.url), std::sync::mpsc::channel());
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let db = Db::open(&settings, samsyn::records::ALL, false, Clock::Fixed(today()), Ids::counted_from(900_000)).await.unwrap();
            let count = Statement::from_string(db.backend(), select);
            let row = db.reader().query_one_raw(count).await.unwrap().unwrap();
            send.send(row.try_get("", "rows_found").unwrap()).unwrap();
            db.close().await;
        });
    });
    receive.recv().unwrap()
}

#[rstest]
fn a_file_is_read_however_it_is_written(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let latin = |text: &str| text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect::<Vec<u8>>();
    let files: [(&str, Vec<u8>); 6] = [
        ("text/csv", "Namn,Kommun,Webb,Målgrupper\nÅby A,Botkyrka,www.aby.se,unga|äldre\n".into()),
        ("text/csv", "\u{FEFF}Namn;Kommun;Webb;Målgrupper\r\nÅby A;0127;www.aby.se;unga | äldre\r\n".into()),
        (
            "text/csv; charset=windows-1252",
            latin("Namn\tKommun\tWebb\tM\u{E5}lgrupper\n\u{C5}by A\t127\thttps://www.aby.se\t\"unga|\u{E4}ldre\"\n"),
        ),
        (
            "application/json",
            json!([{"name": "Åby A", "municipality": "Botkyrka kommun", "website": "www.aby.se", "targetGroups": ["unga", "äldre"]}])
                .to_string()
                .into(),
        ),
        (
            "application/json",
            json!({"items": [{"Namn": "Åby A", "kommunkod": "0127", "hemsida": "www.aby.se", "målgrupp": "unga|äldre"}]})
                .to_string()
                .into(),
        ),
        (
            "application/x-ndjson",
            "{\"name\":\"Åby A\",\"kommun\":\"Botkyrka\",\"url\":\"www.aby.se\",\"målgrupper\":[\"unga\",\"äldre\"]}\n".into(),
        ),
    ];
    for (at, (media_type, file)) in files.iter().enumerate() {
        let source = source(&admin, &format!("Lista {at}"));
        let query = format!("?sourceId={source}&kind=association");
        let (path, job) = import_as(&admin, &query, media_type, file);
        assert_eq!(job["status"], "completed", "{job}");
        if at > 0 {
            // It may be the one that is there already.
            assert_eq!(job["held"], json!(1), "{job} {:?}", rows(&admin, &path));
            continue;
        }
        assert_eq!(job["created"], json!(1), "{job} {:?}", rows(&admin, &path));
        let actor = &found(&admin, "Åby A")[0];
        assert_eq!(actor["seatAreaId"], json!(app.area("0127")));
        assert_eq!((&actor["website"], &actor["targetGroups"]), (&json!("https://www.aby.se"), &json!(["unga", "äldre"])));
    }
    assert_eq!(found(&admin, "Åby A").len(), 1);
}

#[rstest]
fn a_dry_run_tells_of_every_row_and_changes_nothing(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let source = source(&admin, "Listan");
    let before = events(&app);
    let csv = "nr;Namn;Organisationsnummer;Kassör\n1;Alby IF;;Kim\n2;;;\n3;Botkyrka kommun;212000-2882;\n4;Kims firma;811228-9874;\n1;Alby IF igen;;\n";
    let csv = csv.replace("nr;", "Externt id;");
    let (path, job) = import(&admin, &format!("?sourceId={source}&kind=association&dryRun=true"), &csv);
    assert_eq!(job["leftOut"], json!([{"heading": "Kassör", "didYouMean": null, "reason": "unknown"}]));
    assert_eq!(
        rows(&admin, &path),
        ["2 created", "3 refused Namn required", "4 held", "5 refused Organisationsnummer personal-identity-number", "6 refused  repeated"]
    );
    let detail = |language: &str| {
        let answer = admin.with("Accept-Language", language).get(&format!("{path}/rows?outcome=refused&limit=1")).is(200);
        answer.json["items"][0]["errors"][0]["detail"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        (detail("sv").as_str(), detail("en").as_str()),
        ("Ange organisationens namn; uppgiften krävs.", "Give the organisation's name; it is required.")
    );
    assert!(!admin.get(&format!("{path}/rows")).body.contains("811228"));
    assert_eq!(events(&app), before);
    assert!(found(&admin, "Alby IF").is_empty());

    let (path, job) = import(&admin, &format!("?sourceId={source}&kind=association"), &csv);
    assert_eq!([&job["created"], &job["held"], &job["refused"]], [&json!(1), &json!(1), &json!(3)], "{:?}", rows(&admin, &path));
    let held = admin.get(&format!("{path}/rows?outcome=held")).is(200);
    let matched = held.json["items"][0]["matchId"].as_str().unwrap().to_owned();
    admin.get(&format!("/matches/{matched}")).is(200);
}

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

    // What the file no longer has is marked, once.
    let shorter = csv.replace("n17;Förening 17;mor;;0127\n", "");
    let (_, shorter_job) = import(&admin, &query, &shorter);
    assert_eq!(shorter_job["absent"], json!(1), "{shorter_job}");
    assert_eq!(import(&admin, &query, &shorter).1["absent"], json!(0));
    let (_, back) = import(&admin, &query, &csv.replace("Förening 3;", "Förening tre;"));
    // The one that has another name, and the one that is there again.
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
    // A row without a name or an id of its own may be any of those that are there.
    let (_, unknown) = import(&admin, &query, "Externt id;Namn;Webb\n1;Alby IF;\n;;www.fittja.se\n");
    assert_eq!((&unknown["absent"], unknown["reason"].as_str().is_some_and(|reason| reason.contains("känna igen"))), (&json!(0), true));
    assert_eq!(import(&admin, &query, "Externt id;Namn\n1;Alby IF\n").1["absent"], json!(1));
    // What is read and has no rows is told of, whether or not it is all that the source has.
    let (_, job) = import(&admin, "?kind=association", "Namn\n");
    assert_eq!([&job["status"], &job["reason"]], [&json!("completed"), &json!("Filen har inga rader att läsa in.")], "{job}");
    assert_eq!(import(&admin, "?kind=association", "Namn\nNorsborgs IF\n").1["reason"], Value::Null);
}

/// A text as Excel's "Unicode text" has it.
fn utf16(text: &str) -> Vec<u8> {
    format!("\u{FEFF}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A text in windows-1252; nothing when it has letters that are not there.
pub fn windows(text: &str) -> Option<Vec<u8>> {
    let byte = |letter| {
        if letter == '€' { Some(0x80) } else { u8::try_from(u32::from(letter)).ok().filter(|byte| !(0x80..0xA0).contains(byte)) }
    };
    text.chars().map(byte).collect()
}

#[rstest]
fn what_excel_saves_is_read_or_told_of(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let refused =
        |media_type: &str, file: &[u8]| admin.call("POST", "/imports?kind=association", Some((media_type, file))).is(422).faults();
    for media_type in ["text/csv", "application/json", "application/x-ndjson"] {
        assert_eq!(refused(media_type, b"PK\x03\x04\x14"), [" wrong-format"], "{media_type}");
        assert_eq!(refused(media_type, b"\xFF\xFEa"), [" unknown-encoding"], "{media_type}");
    }
    let xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    for media_type in ["text/csv", xlsx] {
        assert_eq!(refused(media_type, b"\xD0\xCF\x11\xE0\xA1\xB1"), [" wrong-format"], "{media_type}");
    }
    // What an old Mac and DOS wrote.
    assert_eq!(refused("text/csv", b"Namn;M\x8Clgrupper\nF\x9Areningen;unga\n"), [" unknown-encoding"]);
    assert_eq!(refused("text/csv", b"Namn\nF\x94reningen\n"), [" unknown-encoding"]);
    assert_eq!(refused("text/csv", "Namn;Ort\nA;x\n\"B;y\nC;z\n".as_bytes()), [" unclosed-quote"]);

    let text = "Namn\tMålgrupper\r\nFöreningen Å\tunga|äldre\r\n";
    assert_eq!(import_as(&admin, "?kind=association", "text/csv", &utf16(text)).1["created"], json!(1));
    assert_eq!(found(&admin, "Föreningen Å")[0]["targetGroups"], json!(["unga", "äldre"]));

    // Our own table for Excel, as it is after Excel has saved it.
    admin.post("/actors", &json!({"kind": "network", "name": "-nätet", "focus": "=1+1", "targetGroups": ["@alla", "'citat"]})).is(201);
    let ours = String::from_utf8(crate::exports::take(&app, &admin, "/actors?kind=network&format=excel-sv").is(200).body).unwrap();
    let ours = ours.trim_start_matches('\u{FEFF}');
    assert!(ours.contains("'-nätet") && ours.contains("'=1+1"), "{ours}");
    let before = events(&app);
    for file in [windows(ours).unwrap(), ours.into(), utf16(&ours.replace(';', "\t")), format!("sep=;\r\n{ours}").into_bytes()] {
        let (path, job) = import_as(&admin, "", "text/csv", &file);
        assert_eq!([&job["unchanged"], &job["total"]], [&json!(1), &json!(1)], "{job} {:?}", rows(&admin, &path));
    }
    assert_eq!(events(&app), before);
}

/// Cells as an export writes them: lists with `|` between, objects as JSON.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let items = items.iter().map(|item| item.as_str().unwrap().replace('\\', "\\\\").replace('|', "\\|"));
            items.collect::<Vec<_>>().join("|")
        }
        other => other.to_string(),
    }
}

/// Actors as a table.
fn table(actors: &[Value], excel: bool) -> String {
    let separator = if excel { ";" } else { "," };
    let quoted = |text: String| {
        let formula = excel && text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r']);
        let text = if formula { format!("'{text}") } else { text };
        if text.contains([';', ',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
    };
    let columns: Vec<_> = actors[0].as_object().unwrap().keys().filter(|name| *name != "expanded").cloned().collect();
    let mut lines = vec![columns.join(separator)];
    for actor in actors {
        lines.push(columns.iter().map(|name| quoted(cell(&actor[name]))).collect::<Vec<_>>().join(separator));
    }
    format!("{}{}\r\n", if excel { "\u{FEFF}" } else { "" }, lines.join("\r\n"))
}

#[rstest]
fn what_is_exported_is_imported_without_a_change(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let awkward =
        ["=1+1", "'=1+1", "''+46", "-5 grader", "@hem", "a;b,c", "sa \"hej\"", "två\nrader", "a|b\\c", "\\|", "'s-Gravenhage", "Å\u{e4}ö"];
    for (at, text) in awkward.iter().enumerate() {
        let new = json!({"kind": "association", "name": format!("{text} {at}"), "focus": text, "otherNames": [text, format!("{text}|x")], "targetGroups": [text],
            "languages": ["sv", "ar"], "founded": "1975-03-31", "seatAreaId": app.area("0127"), "areasServed": [app.area("0127")],
            "contactPoints": [{"function": text, "email": "kansli@example.se"}], "visibility": "members"});
        admin.post("/actors", &new).is(201);
    }
    let all = admin.get("/actors?limit=200&kind=association").is(200).json["items"].as_array().unwrap().clone();
    let before = events(&app);
    for excel in [false, true] {
        let (path, job) = import(&admin, "", &table(&all, excel));
        assert_eq!(job["unchanged"], json!(awkward.len()), "{job} {:?}", rows(&admin, &path));
        assert_eq!(job["leftOut"], json!([]));
    }
    let (_, job) = import_as(&admin, "", "application/json", json!({"items": all}).to_string().as_bytes());
    assert_eq!(job["unchanged"], json!(awkward.len()), "{job}");
    assert_eq!(events(&app), before);

    // A change in the file changes the actor, unless it has moved on.
    let mut edited = all.clone();
    edited[0]["focus"] = json!("Ny inriktning");
    edited[1]["focus"] = json!("För sent");
    let moved = format!("/actors/{}", id(&edited[1]));
    admin.patch(&moved, &admin.get(&moved).etag(), &json!({"focus": "Någon annan var först"})).is(200);
    let mut csv = table(&edited, true);
    let rest = ";".repeat(csv.lines().next().unwrap().matches(';').count());
    csv.extend(["01890a5d-ac96-774b-bcce-b302099a8057", &rest, "\r\n"]);
    let (path, job) = import(&admin, "", &csv);
    assert_eq!([&job["updated"], &job["refused"]], [&json!(1), &json!(2)], "{:?}", rows(&admin, &path));
    let told = rows(&admin, &path);
    assert!(told.iter().any(|row| row.ends_with("refused version stale")), "{told:?}");
    assert!(told.iter().any(|row| row.ends_with("refused id not-found")), "{told:?}");
    assert_eq!(admin.get(&format!("/actors/{}", id(&edited[0]))).json["focus"], json!("Ny inriktning"));
}

#[rstest]
fn a_new_row_whose_number_is_taken_is_told_by_whom(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let coordinator = app.user(Role::Coordinator, Some(("area", &app.area("0127"))));
    let owner = app.public_actor("municipality_code:0127");
    let csv =
        "Namn,Typ,Kommun,Orgnr\nLokalavdelningen,förening,Botkyrka,212000-2882\nUtanför,förening,0180,\nInnanför,Ideell förening,0127,\n";
    let (path, job) = import(&coordinator, "", csv);
    assert_eq!(rows(&coordinator, &path), ["2 refused Orgnr taken", "3 refused  forbidden", "4 created"], "{job}");
    let page = coordinator.get(&format!("{path}/rows?outcome=refused&limit=1"));
    assert_eq!(
        page.json["items"][0]["errors"][0]["detail"],
        json!(format!(
            "Organisationsnumret tillhör redan Botkyrka kommun (id {owner}). Är det samma aktör: skriv dess id i kolumnen Id. Är raden en lokal del av den: registrera den som del av aktören."
        ))
    );
    let outside = coordinator.get(&format!("{path}/rows?outcome=refused&limit=2")).json["items"][1]["errors"][0]["detail"].clone();
    assert!(outside.as_str().unwrap().starts_with("Raden ligger utanför ditt område, eller saknar kommun."), "{outside}");
    // Whoever it was is in the record.
    let created = id(&found(&coordinator, "Innanför")[0]);
    let me = coordinator.get("/me").is(200).json["user"]["id"].clone();
    let (mut path, mut by) = ("/changes?limit=200".to_owned(), Value::Null);
    while by.is_null() {
        let page = coordinator.get(&path).is(200);
        let change = page.json["items"].as_array().unwrap().iter().find(|item| item["id"] == json!(created)).cloned();
        by = change.map_or(Value::Null, |change| change["changedBy"].clone());
        assert!(!by.is_null() || page.json["hasMore"] == json!(true), "{}", page.body);
        path = format!("/changes?limit=200&cursor={}", page.json["nextCursor"].as_str().unwrap());
    }
    assert_eq!(by, me);
}

/// The sentences of all faults that are told of.
fn details(who: &Client, path: &str) -> Vec<String> {
    let page = who.get(&format!("{path}/rows?limit=200")).is(200).json;
    let faults = page["items"].as_array().unwrap().iter().flat_map(|row| row["errors"].as_array().unwrap());
    faults.map(|fault| fault["detail"].as_str().unwrap().to_owned()).collect()
}

fn mark(who: &Client, actor: &str, member: Option<&str>) {
    let mark = json!({"recordKind": "actor", "recordId": actor, "member": member, "chapter": 26, "paragraph": "1",
        "motive": "Platsen måste skyddas.", "reviewOn": "2027-11-22"});
    who.post("/secrecy-marks", &mark).is(201);
}

#[rstest]
fn what_was_hidden_in_an_export_is_not_lost_when_it_comes_back(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, reader) = (app.user(Role::Admin, None), app.user(Role::Reader, None));
    let new = |name: &str| {
        json!({"kind": "association", "name": name, "focus": "Skyddat boende", "otherNames": ["Jouren"], "seatAreaId": app.area("0127"),
            "areasServed": [app.area("0127")], "targetGroups": ["kvinnor"], "website": "https://www.jouren.se", "founded": "1980-01-01",
            "formerNames": [{"name": "Huset", "validTo": "1999-01-01"}], "status": "dormant",
            "contactPoints": [{"function": "Jouren", "phone": "08-530 610 00"}],
            "identifiers": [{"scheme": "kolada_id", "value": if name == "Kvinnojouren" { "8001" } else { "8002" }}]})
    };
    let ids = ["Kvinnojouren", "Tjejjouren"].map(|name| id(&admin.post("/actors", &new(name)).is(201).json));
    mark(&admin, &ids[0], None);
    mark(&admin, &ids[1], Some("contactPoints"));
    let before = (events(&app), ids.clone().map(|id| admin.get(&format!("/actors/{id}")).is(200).json));
    let xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    for (form, media_type) in
        [("csv", "text/csv"), ("excel-sv", "text/csv"), ("xlsx", xlsx), ("ndjson", "application/x-ndjson"), ("json", "application/json")]
    {
        let list = "/actors?kind=association";
        let file = match form {
            "json" => reader.get(list).is(200).body.into_bytes(),
            form => crate::exports::take(&app, &reader, &format!("{list}&format={form}")).is(200).body,
        };
        let (path, job) = import_as(&admin, "", media_type, &file);
        assert_eq!((&job["unchanged"], &job["leftOut"]), (&json!(2), &json!([])), "{form}: {job} {:?}", details(&admin, &path));
        let told = admin.get(&format!("{path}/rows")).is(200).json["items"].clone();
        let left = |row: usize| -> Vec<String> {
            let left = told[row]["leftAlone"].as_array().unwrap().iter();
            left.map(|left| format!("{} {}", left["member"].as_str().unwrap(), left["reason"].as_str().unwrap())).collect()
        };
        assert_eq!(told.as_array().unwrap().len(), 2, "{form}");
        assert!((0..2).any(|row| left(row) == ["contactPoints under_secrecy"]), "{form}: {told}");
        assert!((0..2).any(|row| left(row).contains(&"name under_secrecy".to_owned())), "{form}: {told}");
    }
    assert_eq!((events(&app), ids.clone().map(|id| admin.get(&format!("/actors/{id}")).is(200).json)), before);

    // Without the column that says what is hidden nobody knows, and the sign for it is no name.
    let csv = format!("id;namn;inriktning\n{};[sekretess];\n", ids[0]);
    let (path, _) = import(&admin, "", &csv);
    assert_eq!(rows(&admin, &path), ["2 refused namn under-secrecy"]);
    let csv = format!("id;namn;dolt\n{};[sekretess];så gott som allt\n", ids[0]);
    let (path, _) = import(&admin, "", &csv);
    assert_eq!(rows(&admin, &path), ["2 refused dolt wrong-form"]);
}

#[rstest]
fn a_file_changes_only_what_it_speaks_of(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let points = json!([{"function": "Kansli", "email": "kansli@example.se", "phone": null}, {"function": "Press", "email": "press@example.se", "phone": null}]);
    let new = json!({"kind": "association", "name": "Alby IF", "status": "dormant", "seatAreaId": app.area("0127"), "focus": "Fotboll",
        "contactPoints": points, "identifiers": [{"scheme": "SE-ON", "value": "802002-1237"}]});
    let actor = id(&admin.post("/actors", &new).is(201).json);
    let now = || admin.get(&format!("/actors/{actor}")).is(200).json;
    let before = now();
    let heading = "id;namn;epost;telefon;slut;kommun;län;orgnr;kategorier";
    let (path, job) = import(&admin, "", &format!("{heading}\n{actor};Alby IF;;;;;01;;idrott\n"));
    assert_eq!(job["unchanged"], json!(1), "{job} {:?}", details(&admin, &path));
    assert_eq!(now(), before);

    let file = |email: &str, ended: &str| format!("{heading}\n{actor};Alby IF;{email};;{ended};;;;\n");
    assert_eq!(import(&admin, "", &file("ny@example.se", "2031-01-01")).1["updated"], json!(1));
    let mut with_one_more = points.as_array().unwrap().clone();
    with_one_more.push(json!({"function": "Kontakt", "email": "ny@example.se", "phone": null}));
    assert_eq!((&now()["contactPoints"], &now()["status"]), (&json!(with_one_more), &json!("dormant")));
    assert_eq!(import(&admin, "", &file("nyare@example.se", "2020-01-01")).1["updated"], json!(1));
    assert_eq!(
        (&now()["contactPoints"][2]["email"], &now()["contactPoints"][0], &now()["status"]),
        (&json!("nyare@example.se"), &points[0], &json!("dissolved"))
    );
}

#[rstest]
fn a_parent_is_found_by_a_number_only_by_who_sees_it(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let coordinator = app.user(Role::Coordinator, Some(("area", &app.area("0127"))));
    let numbers = ["802001-0008", "802002-5550", "802003-1111"];
    for (at, number) in numbers.iter().enumerate() {
        let visibility = if at == 0 { "actor" } else { "public" };
        let new = json!({"kind": "association", "name": format!("Förbundet {at}"), "visibility": visibility,
            "identifiers": [{"scheme": "SE-ON", "value": number}]});
        let made = id(&admin.post("/actors", &new).is(201).json);
        if at == 1 {
            mark(&admin, &made, Some("identifiers"));
        }
    }
    let mut csv = "namn;kommun;förälder\n".to_owned();
    for (at, number) in numbers.iter().chain(&["802004-6663"]).enumerate() {
        csv.extend(["Lokal ", &at.to_string(), ";0127;", number, "\n"]);
    }
    let (path, _) = import(&coordinator, "?kind=association", &csv);
    assert_eq!(
        rows(&coordinator, &path),
        ["2 refused förälder not-found", "3 refused förälder not-found", "4 created", "5 refused förälder not-found"]
    );
    let told = details(&coordinator, &path);
    assert!(told.iter().all(|detail| *detail == told[0]), "{told:?}");
    // Nor is it told that somebody has a number that is hidden.
    let csv = format!("namn;kommun;orgnr\nEn annan;0127;{}\nEn till;0127;{}\n", numbers[0], numbers[1]);
    let (path, _) = import(&coordinator, "?kind=association", &csv);
    assert_eq!(rows(&coordinator, &path), ["2 created", "3 created"]);
}

#[rstest]
fn a_row_is_told_all_that_is_wrong_with_it_in_words_for_a_spreadsheet(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let csv = "namn;typ;kommun;orgnr;webb;kolada\nA;klubb;Atlantis;802001-0009;https://www.a.se;1\nB;förening;0127;8,02002E+09;;\n\
        C;förening;0127;802001-0008;;8001\nD;förening;0127;802001-0008;;8001\nE;förening;0127;802002-5550;;8001\n";
    let (path, _) = import(&admin, "?dryRun=true", csv);
    assert_eq!(
        rows(&admin, &path),
        [
            "2 refused typ not-in-list, kommun not-found, orgnr bad-check-digit",
            "3 refused orgnr rounded-number",
            "4 created",
            "5 refused orgnr taken",
            "6 refused kolada taken"
        ]
    );
    let told = details(&admin, &path);
    assert!(told[0].contains("kommun, region, länsstyrelse"), "{told:?}");
    assert_eq!(told[3], "Excel har gjort om numret. Formatera kolumnen som text och skriv numret på nytt.");
    assert_eq!(told[4], "Numret tillhör redan en annan aktör, eller står på en tidigare rad i filen.", "a dry run makes none");
    assert!(!told.iter().any(|detail| detail.contains("/samsyn/")));

    // Headings: two of one kind, and none that is a name.
    let (_, job) = import(&admin, "?kind=association&dryRun=true", "Föreningens namn;Namn;Adress;Hemort\nX;Y;Z;Botkyrka\n");
    assert_eq!(
        job["leftOut"],
        json!([{"heading": "Föreningens namn", "didYouMean": null, "reason": "repeated"},
            {"heading": "Adress", "didYouMean": null, "reason": "unknown"}])
    );
    let refused =
        admin.call("POST", "/imports?kind=association", Some(("text/csv", "Föreningar i Botkyrka 2026;;\nNamn;Ort;\nA;B;\n".as_bytes())));
    assert_eq!(refused.is(422).faults(), [" no-known-heading"]);
    let actor = app.public_actor("municipality_code:0127");
    assert_eq!(import(&admin, "", &format!("id;webb\n{actor};https://www.botkyrka.se\n")).1["refused"], json!(0), "an id is enough");
    // A town of no such municipality says nothing.
    let (_, job) = import(&admin, "?kind=association", "Föreningens namn;Postort\nTumba IF;Tumba\nBotkyrka IF;Botkyrka\n");
    assert_eq!(job["created"], json!(2), "{job}");
    let seat = |name: &str| found(&admin, name)[0]["seatAreaId"].clone();
    assert_eq!((seat("Tumba IF"), seat("Botkyrka IF")), (Value::Null, json!(app.area("0127"))));
}

#[rstest]
fn the_same_list_twice_without_a_source_makes_nothing_twice(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let coordinator = app.user(Role::Coordinator, Some(("area", &app.area("0127"))));
    let csv = "namn;kommun;orgnr;epost;webb;slut\nAlby IF;0127;802001-0008;info@example.se;www.alby.se;\nFittja IF;Botkyrka;;;;\n";
    assert_eq!(import(&coordinator, "?kind=association", csv).1["created"], json!(2));
    let before = events(&app);
    let (path, again) = import(&coordinator, "?kind=association", csv);
    assert_eq!([&again["unchanged"], &again["refused"]], [&json!(1), &json!(1)], "{again} {:?}", details(&coordinator, &path));
    assert_eq!(rows(&coordinator, &path), ["3 refused namn likely-duplicate"]);
    let there = id(&found(&coordinator, "Fittja IF")[0]);
    assert_eq!(
        details(&coordinator, &path),
        [format!(
            "Fittja IF finns redan (id {there}). Är det samma aktör: skriv dess id i kolumnen Id. Är det en annan: registrera den för sig."
        )]
    );
    let (path, _) = import(&coordinator, "?kind=association", &csv.replace("www.alby.se", "www.albyif.se"));
    assert_eq!(rows(&coordinator, &path)[0], "2 refused orgnr taken", "what is there is changed by its id alone");
    assert_eq!(events(&app), before);
    // At another place it is another.
    let admin = app.user(Role::Admin, None);
    assert_eq!(import(&admin, "?kind=association", "namn;kommun\nFittja IF;0180\n").1["created"], json!(1));
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
fn an_export_from_here_is_no_source_s_file(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let source = source(&admin, "Listan");
    let actors = admin.get("/actors?limit=2").is(200).json["items"].as_array().unwrap().clone();
    let file = table(&actors, true);
    let path = format!("/imports?sourceId={source}");
    assert_eq!(admin.call("POST", &path, Some(("text/csv", file.as_bytes()))).is(422).faults(), [" own-export"]);
    assert_eq!(import(&admin, "", &file).1["unchanged"], json!(2));
    // Another system has ids and versions too.
    let (_, job) = import(&admin, &format!("?sourceId={source}&kind=association"), "id;version;namn\n17;3;Alby IF\n");
    assert_eq!(job["created"], json!(1), "{job}");
}

/// A file with this in it.
pub fn file(text: &str) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// A database of its own with two admins, and nobody serving.
pub fn alone(database: Database) -> Option<(String, String)> {
    let url = empty(database)?;
    prepare(&url);
    let app = TestApp::on(&url, 1_000_000);
    let admin = app.user(Role::Admin, None);
    app.user(Role::Admin, None);
    let user = admin.get("/me").is(200).json["user"]["id"].as_str().unwrap().to_owned();
    Some((url, user))
}

/// Does something with a database while nobody serves.
pub fn with_db(url: &str, now: TimeDelta, first_id: u64, work: impl AsyncFnOnce(&Db, &Access, Worker) + Send + 'static) {
    let settings = settings_of(url);
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let db =
                Db::open(&settings, samsyn::records::ALL, false, Clock::Fixed(today() + now), Ids::counted_from(first_id)).await.unwrap();
            let access = Access::load(config_of("").tokens(), &db).await.unwrap();
            let contract = Arc::new(Contract::new(&openapi::document(openapi::CANONICAL_URL)).unwrap());
            work(&db, &access, Worker::new(contract, Bounds::of(&config_of("import_rows = 2000")))).await;
            db.close().await;
        });
    })
    .join()
    .unwrap();
}

/// Puts a job with so many rows in the queue, works off one piece of it, and dies.
pub fn die_in_the_middle(url: &str, user: &str, total: usize) {
    let user = user.parse().unwrap();
    with_db(url, TimeDelta::zero(), 700_000, async move |db, access, worker| {
        let csv = (0..total).fold("namn;typ\n".to_owned(), |csv, number| csv + &format!("Förening {number};förening\n"));
        let known = Known { kind: None, from_source: false, today: today().date_naive(), columns: Chosen::default() };
        let read = intake(Format::Csv, Arc::new(file(&csv)), known, &worker.room().bounds).await.unwrap();
        let caller = Caller { user: Some(user), ..Caller::default() };
        let order = Order { source: None, kind: Some(ActorKind::Association), full: false, dry_run: false };
        let id = store::stage(&read, db).await.unwrap();
        let job = db.transaction(&Call::of_installation(), async |w| store::insert(id, order, &read, &caller, w).await).await.unwrap();
        assert!(worker.step(&job, access, db).await.unwrap());
    });
}

#[rstest]
fn a_job_whose_worker_died_is_taken_up_where_it_was(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some((url, user)) = alone(database) else { return };
    die_in_the_middle(&url, &user, 1200);
    // As long as the dead one's time lasts nobody takes it.
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
fn abuse_54_files_that_swell_or_never_end_are_refused(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start_with(database, "import_mebibytes = 1") else { return };
    let admin = app.user(Role::Admin, None);
    let send =
        |who: &Client, media_type: &str, file: &[u8]| -> Answer { who.call("POST", "/imports?kind=association", Some((media_type, file))) };
    let large = vec![b'a'; (1 << 20) + 1];
    assert_eq!(send(&admin, "text/csv", &large).status, 413);
    // Others are refused before their file is read.
    assert_eq!(send(&app.anybody(), "text/csv", b"namn\nx\n").status, 401);
    assert_eq!(send(&app.user(Role::Reader, None), "text/csv", b"namn\nx\n").status, 403);
    let xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    assert_eq!(send(&admin, xlsx, b"PK\x03\x04 no workbook").is(422).faults(), [" no-workbook"]);
    assert_eq!(send(&admin, "text/csv", "a;".repeat(1000).as_bytes()).is(422).faults(), [" too-many-columns"]);
    assert_eq!(send(&admin, "text/csv", b"").is(422).faults(), [" no-heading"]);
    assert_eq!(send(&admin, "application/json", b"{}").is(422).faults(), [" no-list"]);
    assert_eq!(send(&admin, "text/html", b"<table>").status, 415);
    assert_eq!(admin.call("POST", "/imports?full=true", Some(("text/csv", b"namn\n"))).is(400).faults(), ["full needs-source"]);
    // A body of another operation keeps its own limit.
    assert_eq!(admin.call("POST", "/actors", Some(("application/json", &large))).status, 413);
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
    // A source that is not theirs is none to import for.
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

/// The real files, where they are to be had: every row is in or told of, and the same again changes nothing.
#[rstest]
fn real_files_of_organisations_are_imported(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let folders = ["../shared/data", "../../shared/data"].map(crate::contract::file);
    let Some(folder) = folders.into_iter().find(|folder| folder.is_dir()) else { return };
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    for (file, kind, total) in [
        ("myndigheter_scb.csv", "agency", 427),
        ("foreningar_sample.csv", "association", 1703),
        ("regioner.csv", "region", 21),
        ("kommuner.csv", "municipality", 290),
    ] {
        let source = source(&admin, file);
        let csv = std::fs::read(folder.join(file)).unwrap();
        let query = format!("?sourceId={source}&kind={kind}&full=true");
        let (path, job) = import_as(&admin, &query, "text/csv", &csv);
        assert_eq!((&job["status"], &job["total"]), (&json!("completed"), &json!(total)), "{file} {job}");
        let refused = admin.get(&format!("{path}/rows?outcome=refused&limit=200")).is(200).json["items"].as_array().unwrap().clone();
        assert!(refused.iter().all(|row| row["errors"][0]["detail"].as_str().is_some_and(|detail| detail.len() > 10)), "{refused:?}");
        let before = events(&app);
        let (_, again) = import_as(&admin, &query, "text/csv", &csv);
        assert_eq!([&again["created"], &again["updated"], &again["absent"]], [&json!(0), &json!(0), &json!(0)], "{file} {again}");
        assert_eq!((&again["held"], &again["refused"]), (&job["held"], &job["refused"]), "{file}");
        assert_eq!(events(&app), before, "{file}");
        // Under another name it makes nothing new, and what has a number is known by it.
        let other = crate::imports::source(&admin, &format!("{file} (1)"));
        let (_, other) = import_as(&admin, &format!("?sourceId={other}&kind={kind}"), "text/csv", &csv);
        assert_eq!(other["created"], json!(0), "{file} {other}");
        assert!(other["unchanged"].as_i64() > other["held"].as_i64(), "{file} {other}");
        eprintln!("{file}: {} created, {} held, {} refused, then {} held", job["created"], job["held"], job["refused"], other["held"]);
    }
}

#[rstest]
fn a_personal_number_that_is_a_number_in_json_is_refused_and_kept_nowhere(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let query = format!("?sourceId={}&kind=association", source(&admin, "Siffror"));
    let file = "{\"name\":198112289874,\"externalId\":\"1\"}\n{\"name\":\"Alby IF\",\"externalId\":198112289874}\n\
        {\"name\":\"Fittja IF\",\"externalId\":\"3\",\"contactPoints\":[{\"function\":\"Kontakt\",\"phone\":198112289874}]}\n";
    let (path, job) = import_as(&admin, &query, "application/x-ndjson", file.as_bytes());
    assert_eq!((&job["refused"], &job["created"]), (&json!(3), &json!(0)), "{job}");
    assert_eq!(
        rows(&admin, &path),
        [
            "1 refused name personal-identity-number",
            "2 refused externalId personal-identity-number",
            "3 refused contactPoints personal-identity-number"
        ]
    );
    let kept =
        "SELECT COUNT(*) AS rows_found FROM import_row WHERE external_id LIKE '%81122898%' OR CAST(errors AS TEXT) LIKE '%81122898%'";
    assert_eq!(counted(&app, kept), 0);
    assert_eq!(counted(&app, "SELECT COUNT(*) AS rows_found FROM actor WHERE name LIKE '%81122898%'"), 0);
}
