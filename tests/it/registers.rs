//! Imports of registers: stored values are completed and never emptied, an organisation's own number is its key, and a file is read
//! as a person sees it.

use chrono::TimeDelta;
use rstest::rstest;
use samsyn::{
    access::policy::Role,
    exchange::imports::console::{self, Request},
    intake::formats::Format,
    kernel::request::Call,
    registry::actors::ActorKind,
};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::{
    harness::{Client, Database, TestApp, id},
    imports::{alone, events, file, found, import, import_as, rows, with_db},
};

/// Creates a source that owns every member that can be owned.
fn source(who: &Client, name: &str) -> String {
    let owned = [
        "kind",
        "sector",
        "name",
        "otherNames",
        "formerNames",
        "parentId",
        "seatAreaId",
        "areasServed",
        "identifiers",
        "policyDomains",
        "targetGroups",
        "focus",
        "workingMethods",
        "languages",
        "website",
        "contactPoints",
        "founded",
        "dissolved",
        "status",
    ];
    id(&who.post("/sources", &json!({"actorId": null, "name": name, "idScheme": name, "ownedFields": owned})).is(201).json)
}

fn actor(who: &Client, id: &str) -> Value {
    who.get(&format!("/actors/{id}")).is(200).json
}

fn match_of(who: &Client, path: &str) -> Value {
    let held = who.get(&format!("{path}/rows?outcome=held")).is(200).json["items"][0].clone();
    who.get(&format!("/matches/{}", held["matchId"].as_str().unwrap())).is(200).json
}

fn schemes(actor: &Value) -> Vec<String> {
    actor["identifiers"].as_array().unwrap().iter().map(|one| one["scheme"].as_str().unwrap().to_owned()).collect()
}

#[rstest]
fn the_same_keeps_what_stands_there(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let ale = app.public_actor("municipality_code:1440");
    let before = actor(&admin, &ale);
    let source = source(&admin, "Listan");
    let csv = "Externt id;Namn;Organisationsnummer;Webb;Andra namn\n1;ALE KOMMUN;212000-1439;www.ale.se;Ahle|ALE KOMMUN\n";
    let query = format!("?sourceId={source}&kind=company");
    let (path, job) = import(&admin, &query, csv);
    assert_eq!(job["held"], json!(1), "{job}");
    let held = match_of(&admin, &path);
    let changes = held["candidates"][0]["changes"].as_array().unwrap();
    let written: Vec<_> = changes.iter().filter(|one| one["written"] == json!(true)).map(|one| one["member"].as_str().unwrap()).collect();
    assert_eq!(written, ["otherNames", "website"]);
    let decide = |body: &Value| admin.post(&format!("/matches/{}/decide", id(&held)), body);
    let unknown = json!({"decision": "same", "actorId": ale, "take": ["founded"]});
    assert_eq!(decide(&unknown).is(422).faults(), ["/take/0 not-in-list"]);
    assert_eq!(decide(&json!({"decision": "different", "take": ["name"]})).is(422).faults(), ["/take not-empty"]);
    decide(&json!({"decision": "same", "actorId": ale})).is(200);
    let after = actor(&admin, &ale);
    for member in ["kind", "sector", "name", "seatAreaId", "status", "identifiers"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_eq!((&after["website"], &after["otherNames"]), (&json!("https://www.ale.se"), &json!(["Ahle"])));
    assert!(["SE-ON", "municipality_code", "kolada_id"].iter().all(|scheme| schemes(&after).contains(&(*scheme).to_owned())));

    // The same file again, or one with empty cells, does not remove the values later.
    let events_before = events(&app);
    assert_eq!(import(&admin, &query, csv).1["unchanged"], json!(1));
    assert_eq!(events(&app), events_before);
    import(&admin, &format!("?sourceId={source}&kind=network"), &csv.replace("Ahle|ALE KOMMUN", ""));
    let later = actor(&admin, &ale);
    for member in ["kind", "name", "identifiers"] {
        assert_eq!(later[member], before[member], "{member}");
    }
}

#[rstest]
fn a_person_chooses_what_to_take_field_by_field(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let ale = app.public_actor("municipality_code:1440");
    admin.patch(&format!("/actors/{ale}"), "*", &json!({"website": "https://gammal.example.se", "focus": "Kurerad"})).is(200);
    let source = source(&admin, "Listan");
    let csv = "Externt id;Namn;Organisationsnummer;Webb;Syfte\n1;Ale Kommun;212000-1439;www.ale.se;Nytt\n";
    let (path, _) = import(&admin, &format!("?sourceId={source}&kind=municipality"), csv);
    let take = json!({"decision": "same", "actorId": ale, "take": ["website", "identifiers"]});
    admin.post(&format!("/matches/{}/decide", id(&match_of(&admin, &path))), &take).is(200);
    let after = actor(&admin, &ale);
    assert_eq!((&after["website"], &after["focus"]), (&json!("https://www.ale.se"), &json!("Kurerad")));
    assert!(["SE-ON", "municipality_code", "kolada_id"].iter().all(|scheme| schemes(&after).contains(&(*scheme).to_owned())), "{after}");
}

#[rstest]
fn the_own_number_is_the_key(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let one = source(&admin, "Listan");
    let query = |source: &str| format!("?sourceId={source}&kind=association");
    let csv = "Namn;Organisationsnummer;Kommun\nAlby IF;802001-0008;0127\nFittja IF;802002-5550;0127\nUtan nummer;;0127\n";
    assert_eq!(import(&admin, &query(&one), csv).1["created"], json!(3));
    let before = events(&app);
    let (_, again) = import(&admin, &query(&one), csv);
    assert_eq!([&again["unchanged"], &again["held"], &again["updated"]], [&json!(3), &json!(0), &json!(0)], "{again}");
    assert_eq!(events(&app), before, "importing twice writes nothing");

    // With another source, a record with the same number is the same actor. A record without a number waits for a decision.
    let other = source(&admin, "Listan igen");
    let (path, job) = import(&admin, &query(&other), csv);
    assert_eq!([&job["unchanged"], &job["held"], &job["created"]], [&json!(2), &json!(1), &json!(0)], "{job} {:?}", rows(&admin, &path));
    assert_eq!(found(&admin, "Alby IF").len(), 1);
    let before = events(&app);
    let (_, job) = import(&admin, &query(&other), csv);
    assert_eq!([&job["unchanged"], &job["held"]], [&json!(2), &json!(1)], "{job}");
    assert_eq!(events(&app), before, "nor here");

    // The same number with a new name updates the actor.
    let (_, job) = import(&admin, &query(&one), &csv.replace("Alby IF", "Alby Idrott"));
    assert_eq!([&job["updated"], &job["unchanged"]], [&json!(1), &json!(2)], "{job}");
    assert_eq!(found(&admin, "Alby IF")[0]["name"], json!("Alby Idrott"), "the old name finds it");

    // Two numbers are two organisations, even with the same name.
    let (path, job) = import(&admin, &query(&one), "Namn;Organisationsnummer;Kommun\nFittja IF;802003-1111;0127\n");
    assert_eq!(job["created"], json!(1), "{job} {:?}", rows(&admin, &path));
    assert_eq!(admin.get("/likenesses?include=total").is(200).json["total"], json!(0));
    // One number with two names in a file waits for a decision.
    let (_, job) = import(&admin, &query(&one), "Namn;Organisationsnummer;Kommun\nNorra;802004-6663;0127\nSödra;802004-6663;0127\n");
    assert_eq!([&job["created"], &job["held"]], [&json!(1), &json!(1)], "{job}");
}

#[rstest]
fn a_register_imported_under_another_name_holds_nothing(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some((url, _)) = alone(database) else { return };
    let request = |name: &str| Request {
        format: Format::Csv,
        source: None,
        file: name.to_owned(),
        kind: Some(ActorKind::Company),
        full: false,
        columns: Vec::new(),
        dry_run: false,
    };
    with_db(&url, TimeDelta::zero(), 700_000, async move |db, access, worker| {
        let counted = async |select: &str| {
            let row = db.reader().query_one_raw(Statement::from_string(db.backend(), select.to_owned())).await.unwrap().unwrap();
            row.try_get::<i64>("", "rows_found").unwrap()
        };
        let (codes, public) = (
            "SELECT COUNT(*) AS rows_found FROM actor_identifier WHERE scheme IN ('municipality_code', 'kolada_id')",
            "SELECT COUNT(*) AS rows_found FROM event",
        );
        let (before, municipalities) = (counted(codes).await, include_str!("../../api/guidance/src/packs/actors.csv"));
        let csv: String = municipalities
            .lines()
            .map(|line| line.split(',').collect::<Vec<_>>())
            .filter(|cells| cells[0] == "municipality" && cells[4] == "own" && !cells[3].is_empty())
            .fold("namn;orgnr\n".to_owned(), |csv, cells| format!("{csv}{};{}\n", cells[1].to_uppercase(), cells[3]));
        let rows = i64::try_from(csv.lines().count() - 1).unwrap();
        for name in ["kommuner", "kommuner (1)"] {
            let done = Box::pin(console::run(&request(name), file(&csv), &worker, access, db, |_| ())).await.unwrap();
            assert_eq!((done.job.unchanged, done.job.held, done.job.created), (rows, 0, 0), "{name}");
            assert_eq!(counted(codes).await, before);
        }
        let named = "SELECT COUNT(*) AS rows_found FROM actor WHERE name = 'ALE KOMMUN' OR kind = 'company'";
        assert_eq!(counted(named).await, 0);
        // A file without any usable row records no change in the feed.
        let before = counted(public).await;
        let (request, csv) = (request("fel"), "namn;orgnr\n;802001-0008\nB;802001-0009\n");
        let wrong = Box::pin(console::run(&request, file(csv), &worker, access, db, |_| ())).await.unwrap();
        assert_eq!((wrong.job.refused, wrong.job.total, wrong.source.is_none()), (2, 2, true));
        assert_eq!(counted(public).await, before);
    });
}

#[rstest]
fn a_refused_row_does_not_make_the_next_repeated(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let one = source(&admin, "Listan");
    let csv = "Externt id;Namn;Kommun\n1;Alby IF;Atlantis\n1;Alby IF;0127\n1;Alby IF;0127\n";
    let (path, job) = import(&admin, &format!("?sourceId={one}&kind=association"), csv);
    assert_eq!(rows(&admin, &path), ["2 refused Kommun not-found", "3 created", "4 refused  repeated"], "{job}");
    // The same without a source, where rows are compared by name only.
    let csv = "Namn;Kommun\nBygg och Bo AB;Atlantis\nBygg och Bo AB;0127\nBygg och Bo;0127\n";
    let (path, job) = import(&admin, "?kind=company", csv);
    assert_eq!(rows(&admin, &path), ["2 refused Kommun not-found", "3 created", "4 refused Namn likely-duplicate"], "{job}");
}

#[rstest]
fn two_alike_in_one_file_meet_as_two_files_would(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let csv = "Namn;Kommun\nBygg och Bo AB;0127\nBygg och Bo;0127\n";
    let (path, _) = import(&admin, "?kind=company", csv);
    assert_eq!(rows(&admin, &path), ["2 created", "3 refused Namn likely-duplicate"]);
    let one = source(&admin, "Listan");
    let (path, _) = import(&admin, &format!("?sourceId={one}&kind=company"), &csv.replace("Bygg", "Riv"));
    assert_eq!(rows(&admin, &path), ["2 created", "3 held"]);
}

#[rstest]
fn a_near_miss_of_a_heading_is_named_and_can_be_mapped(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let one = source(&admin, "Listan");
    let query = format!("?sourceId={one}&kind=association");
    let csv = "Namn;orgNumber;Hemkommun kod\nAlby IF;802001-0008;0127\n";
    let (_, job) = import(&admin, &format!("{query}&dryRun=true"), csv);
    assert_eq!(job["leftOut"][0]["didYouMean"], json!("Organisationsnummer"), "{job}");
    let warning = &job["warnings"][0];
    assert_eq!(warning["code"], json!("no-number-column"));
    let detail = warning["detail"].as_str().unwrap();
    assert!(detail.contains("orgNumber") && detail.contains("columns=orgNumber:organisationNumber"), "{detail}");
    // Following the advice of the warning gives the right result.
    let (_, job) =
        import(&admin, &format!("{query}&columns=orgNumber:organisationNumber,Hemkommun kod:municipality").replace(' ', "%20"), csv);
    assert_eq!((&job["created"], &job["warnings"]), (&json!(1), &json!([])), "{job}");
    let alby = &found(&admin, "Alby IF")[0];
    assert_eq!((&alby["identifiers"][0]["value"], &alby["seatAreaId"]), (&json!("8020010008"), &json!(app.area("0127"))));
    let (_, job) = import(&admin, &query, &csv.replace("orgNumber", "Organisationsnummer").replace("Hemkommun kod", "Kommun"));
    assert_eq!(job["unchanged"], json!(1), "{job}");

    let refused = |columns: &str| {
        admin.call("POST", &format!("/imports{query}&columns={columns}"), Some(("text/csv", csv.as_bytes()))).is(400).faults()
    };
    assert_eq!(
        [refused("orgNumber"), refused("orgNumber:nummer"), refused("finnsinte:name")],
        [["columns wrong-form"], ["columns not-in-list"], ["columns not-found"]]
    );
    assert_eq!(found(&admin, "Alby IF").len(), 1);
}

#[rstest]
fn one_bad_cell_keeps_no_organisation_out(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let one = source(&admin, "Listan");
    let csv = "Externt id;Namn;Säte;Kommun;Webb;E-post;Telefon\n1;Alby IF;;0127;finns ej;info at example;ring Kim\n2;Fittja IF;;Botkyrka;www.fittja.se;info@example.se;08-530 610 00\n";
    for query in [format!("?sourceId={one}&kind=association"), "?kind=network".to_owned()] {
        let csv = if query.contains("network") { csv.replace("IF", "nät") } else { csv.to_owned() };
        let csv = if query.contains("network") { csv.replace("Externt id", "Nr") } else { csv };
        let (path, job) = import(&admin, &query, &csv);
        assert_eq!(job["created"], json!(2), "{job} {:?}", rows(&admin, &path));
        assert_eq!(rows(&admin, &path), ["2 created Webb wrong-form, E-post wrong-form, Telefon wrong-form", "3 created"]);
        let row = admin.get(&format!("{path}/rows?limit=1")).is(200);
        let left = row.json["items"][0]["leftAlone"].as_array().unwrap();
        assert!(left.iter().any(|left| *left == json!({"member": "website", "reason": "unreadable"})), "{left:?}");
        assert!(!row.body.contains("^https"), "no pattern reaches a person");
    }
    for name in ["Alby IF", "Fittja IF"] {
        assert_eq!(found(&admin, name)[0]["seatAreaId"], json!(app.area("0127")), "an empty seat hides nothing");
    }
    assert_eq!(found(&admin, "Fittja IF")[0]["contactPoints"][0]["phone"], json!("08-530 610 00"));
    // A cell that cannot be read does not empty the stored value.
    let (path, _) = import(&admin, &format!("?sourceId={one}&kind=association"), "Externt id;Namn;Webb\n2;Fittja IF;#SAKNAS!\n");
    assert_eq!(rows(&admin, &path), ["2 updated Webb formula-error"]);
    assert_eq!(found(&admin, "Fittja IF")[0]["website"], json!("https://www.fittja.se"));
}

#[rstest]
fn bytes_that_are_no_text_are_told_of(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let one = source(&admin, "Listan");
    let send = |media_type: &str, bytes: &[u8]| {
        admin.call("POST", &format!("/imports?sourceId={one}&kind=association"), Some((media_type, bytes)))
    };
    let stray = send("text/csv", b"\xEF\xBB\xBFNamn\nF\xC3\xB6reningen A\nF\xF6reningen B\n").is(422);
    assert_eq!(stray.faults(), [" stray-byte"]);
    assert!(stray.body.contains("tecken 2 på rad 3"), "{}", stray.body);
    for bytes in [&b"Namn\0;Ort\0\nA;x\n"[..], b"Externt id;Namn;Egen\nn\0;A\0;z\0\n", b"PK\x03\x04\0\0;\0\n\0"] {
        let answer = send("text/csv", bytes);
        assert!(matches!(answer.status, 202 | 422), "{} {}", answer.status, answer.body);
    }
    let (path, job) = import_as(&admin, &format!("?sourceId={one}&kind=association"), "text/csv", b"Externt id;Namn;Egen\nn\0;A\0;z\0\n");
    assert_eq!(job["status"], json!("completed"), "{job}");
    assert_eq!(rows(&admin, &path), ["2 refused Externt id forbidden-character, Namn forbidden-character"]);
    // Invisible characters are refused by their Unicode properties, not by a list of our own.
    for sign in ["\u{AD}", "\u{34F}", "\u{115F}", "\u{180F}", "\u{2064}", "\u{3164}", "\u{FFA0}", "\u{1BCA0}", "\u{E0100}"] {
        let (path, _) = import(&admin, "?kind=association", &format!("Namn\nMjuk{sign}bindestrecksföreningen\n"));
        assert_eq!(rows(&admin, &path), ["2 refused Namn forbidden-character"], "{:x}", u32::from(sign.chars().next().unwrap()));
    }
    // Rows are numbered as a person counts them: empty rows count too.
    let (path, _) = import(&admin, "?kind=association", "Namn;Kommun\n\nNorra IF;0127\n;;\n\nSödra IF;Atlantis\n");
    assert_eq!(rows(&admin, &path), ["3 created", "6 refused Kommun not-found"]);
    let (path, _) = import_as(&admin, "?kind=association", "application/x-ndjson", b"\n\n\n{\"name\":\"Rad fyra\"}\n{\"name\":\"\"}\n");
    assert_eq!(rows(&admin, &path), ["4 created", "5 refused name required"]);
}

/// A workbook as XLSX bytes. Each sheet is given as (kind, state, rows as XML); `formats` are the number formats.
fn workbook(sheets: &[(&str, &str, &str)], formats: &[&str]) -> Vec<u8> {
    use std::{
        fmt::Write as _,
        io::{Cursor, Write as _},
    };
    let mut parts = vec![(
        "_rels/.rels".to_owned(),
        "<Relationships><Relationship Id=\"r\" Type=\"x/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>".to_owned(),
    )];
    let (mut listed, mut related) = (String::new(), String::new());
    for (at, (kind, state, rows)) in sheets.iter().enumerate() {
        write!(listed, "<sheet name=\"s{at}\" state=\"{state}\" r:id=\"r{at}\"/>").unwrap();
        write!(related, "<Relationship Id=\"r{at}\" Type=\"x/{kind}\" Target=\"s{at}.xml\"/>").unwrap();
        parts.push((format!("xl/s{at}.xml"), format!("<worksheet>{rows}</worksheet>")));
    }
    let codes = formats.iter().enumerate().map(|(at, code)| format!("<numFmt numFmtId=\"{}\" formatCode=\"{code}\"/>", 164 + at));
    let used = (0..formats.len()).map(|at| format!("<xf numFmtId=\"{}\"/>", 164 + at));
    let (codes, used): (String, String) = (codes.collect(), used.collect());
    parts.push(("xl/workbook.xml".to_owned(), format!("<workbook xmlns:r=\"r\"><sheets>{listed}</sheets></workbook>")));
    parts.push(("xl/_rels/workbook.xml.rels".to_owned(), format!("<Relationships>{related}</Relationships>")));
    parts.push(("xl/styles.xml".to_owned(), format!("<styleSheet><numFmts>{codes}</numFmts><cellXfs><xf/>{used}</cellXfs></styleSheet>")));
    let mut file = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        file.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }
    file.finish().unwrap().into_inner()
}

/// A row as XML. Each cell is given as (format, content): `t` for text, `f` for a formula, else the number of a style.
fn row(number: usize, cells: &[(&str, &str)]) -> String {
    let cell = |(at, (kind, content)): (usize, &(&str, &str))| {
        let place = format!("{}{number}", char::from(b'A' + u8::try_from(at).unwrap()));
        match *kind {
            "t" => format!("<c r=\"{place}\" t=\"str\"><v>{content}</v></c>"),
            "f" => format!("<c r=\"{place}\"><f>{content}</f></c>"),
            format => format!("<c r=\"{place}\" s=\"{format}\"><v>{content}</v></c>"),
        }
    };
    format!("<row r=\"{number}\">{}</row>", cells.iter().enumerate().map(cell).collect::<String>())
}

#[rstest]
fn a_workbook_is_read_as_a_person_sees_it(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let one = source(&admin, "Listan");
    let hidden = format!("<sheetData>{}</sheetData>", row(1, &[("t", "Gömt")]));
    let heading = row(1, &["Externt id", "Namn", "Telefon", "Kommun", "Orgnr", "Webb", "Kontakt"].map(|name| ("t", name)));
    let first = [
        ("2", "42"),
        ("t", "Nollornas Förening"),
        ("1", "81234567"),
        ("3", "127"),
        ("4", "8020010008"),
        ("t", "www.noll.se"),
        ("t", "info@kontakt.example"),
        ("t", "anteckning"),
    ];
    let second = row(3, &[("2", "43"), ("t", "Ettornas Förening")]);
    let seen = format!("<sheetData>{heading}{}{second}</sheetData><mergeCells><mergeCell ref=\"D2:D3\"/></mergeCells>", row(2, &first));
    let formats = ["000000000", "00000", "0000", "000000&quot;-&quot;0000"];
    let xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let query = format!("?sourceId={one}&kind=association");
    let book = workbook(&[("chartsheet", "visible", ""), ("worksheet", "hidden", &hidden), ("worksheet", "visible", &seen)], &formats);
    let (path, job) = import_as(&admin, &query, xlsx, &book);
    assert_eq!(job["created"], json!(2), "{job} {:?}", rows(&admin, &path));
    assert_eq!(job["leftOut"], json!([{"heading": "H", "didYouMean": null, "reason": "no_heading"}]));
    let noll = &found(&admin, "Nollornas Förening")[0];
    assert_eq!((&noll["identifiers"][0]["value"], &noll["website"]), (&json!("8020010008"), &json!("https://www.noll.se")));
    assert_eq!(
        (&noll["contactPoints"][0]["phone"], &noll["contactPoints"][0]["email"]),
        (&json!("081234567"), &json!("info@kontakt.example"))
    );
    assert_eq!(found(&admin, "Ettornas Förening")[0]["seatAreaId"], json!(app.area("0127")), "a merged cell is seen in each row");
    let ids = admin.get(&format!("/sources/{one}/actors")).is(200).json["items"].clone();
    assert_eq!((&ids[0]["externalId"], &ids[1]["externalId"]), (&json!("00042"), &json!("00043")));
    // A formula without a computed value does not empty the stored value.
    let formula = format!(
        "<sheetData>{heading}{}</sheetData>",
        row(
            2,
            &[
                ("2", "42"),
                ("t", "Nollornas Förening"),
                ("1", "81234567"),
                ("3", "127"),
                ("4", "8020010008"),
                ("f", "A1"),
                ("t", "info@kontakt.example")
            ]
        )
    );
    let (path, _) = import_as(&admin, &query, xlsx, &workbook(&[("worksheet", "visible", &formula)], &formats));
    assert_eq!(rows(&admin, &path), ["2 updated Webb formula-error"]);
    assert_eq!(found(&admin, "Nollornas Förening")[0]["website"], json!("https://www.noll.se"));
    // Error texts in a CSV file are no values either, and organisation numbers are read in every usual form.
    let csv = "Namn;Syfte;Orgnr\n#N/A;y;\nFelsyfte;#SAKNAS!;\nStreck;;802002\u{2013}5550\nTal;;8020031111.0\nText;;'8020046663\n";
    let (path, _) = import(&admin, &query, csv);
    assert_eq!(
        rows(&admin, &path),
        ["2 refused Namn formula-error", "3 refused Syfte formula-error", "4 created", "5 created", "6 created"]
    );
    assert_eq!(found(&admin, "Streck")[0]["identifiers"][0]["value"], json!("8020025550"));
}

#[rstest]
fn who_registers_without_a_seat_is_told_what_to_give(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let coordinator = app.user(Role::Coordinator, Some(("area", &app.area("0127"))));
    let refused = coordinator.post("/actors", &json!({"kind": "association", "name": "Utan säte"})).is(403);
    assert!(refused.json["detail"].as_str().unwrap().contains("seatAreaId"), "{}", refused.body);
}

#[rstest]
fn municipalities_of_the_pack_are_spelt_right(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let names = [("0880", "Kalmar"), ("1421", "Orust"), ("2513", "Överkalix"), ("2514", "Kalix")];
    {
        let Some(app) = TestApp::start(database) else { return };
        let admin = app.user(Role::Admin, None);
        for (code, name) in names {
            assert_eq!(actor(&admin, &app.public_actor(&format!("municipality_code:{code}")))["name"], json!(format!("{name} kommun")));
        }
    }
    let Some((url, _)) = alone(database) else { return };
    with_db(&url, TimeDelta::zero(), 700_000, async move |db, _, _| {
        // The state of an older installation: misspelt names, one of them changed by somebody since.
        db.transaction(&Call::of_installation(), async |w| {
            for (code, name) in names {
                let sql = format!("UPDATE actor SET name = '{name}s kommun' WHERE municipality_code = '{code}' AND kind = 'municipality'");
                w.tx.execute_unprepared(&sql).await?;
            }
            w.tx.execute_unprepared("UPDATE actor SET pack_version = 0 WHERE name = 'Kalixs kommun'").await?;
            w.tx.execute_unprepared("DELETE FROM pack").await?;
            Ok(())
        })
        .await
        .unwrap();
        samsyn::guidance::packs::load(db).await.unwrap();
    });
    let app = TestApp::on(&url, 2_000_000);
    let admin = app.user(Role::Coordinator, Some(("area", &app.area("0880"))));
    let kalmar = &actor(&admin, &app.public_actor("municipality_code:0880"));
    assert_eq!(found(&admin, "Kalmars kommun")[0]["id"], kalmar["id"], "the old name finds it");
    assert_eq!((&kalmar["name"], &kalmar["formerNames"][0]["name"]), (&json!("Kalmar kommun"), &json!("Kalmars kommun")));
    let kalix = actor(&admin, &app.public_actor("municipality_code:2514"));
    assert_eq!(kalix["name"], json!("Kalixs kommun"), "what somebody has changed stays");
}

/// Records of an older installation are found by their numbers after the migration.
#[rstest]
fn records_of_before_are_known_by_their_numbers(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let one = source(&admin, "Listan");
    let csv = "Namn;Organisationsnummer\nAlby IF;802001-0008\nFittja IF;802002-5550\nUtan nummer;\n";
    let query = format!("?sourceId={one}&kind=association");
    assert_eq!(import(&admin, &query, csv).1["created"], json!(3));
    let url = app.url.clone();
    with_db(&url, TimeDelta::zero(), 800_000, async move |db, _, _| {
        db.transaction(&Call::of_installation(), async |w| {
            let before = "UPDATE source_actor SET external_id = external_id || '/namn' WHERE length(external_id) = 10";
            w.tx.execute_unprepared(before).await?;
            w.tx.execute_unprepared("DELETE FROM seaql_migrations WHERE version = 'm0040_numbers'").await?;
            Ok(())
        })
        .await
        .unwrap();
    });
    crate::harness::prepare(&url);
    let (path, again) = import(&admin, &query, csv);
    assert_eq!([&again["unchanged"], &again["held"]], [&json!(3), &json!(0)], "{again} {:?}", rows(&admin, &path));
}

#[rstest]
fn what_has_the_wrong_form_is_told_with_an_example(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let website = admin.post("/actors", &json!({"kind": "association", "name": "A", "website": "finns ej"})).is(422);
    assert!(website.body.contains("https://www.example.se"), "{}", website.body);
    let code = admin.get("/actors?municipality=127").is(400);
    let sort = admin.get("/actors?sort=namn").is(400);
    let format = admin.get("/actors?format=pdf").is(400);
    for answer in [&website, &code, &sort, &format] {
        let told: Vec<_> = answer.json["errors"].as_array().unwrap().iter().map(|one| one["detail"].as_str().unwrap()).collect();
        assert!(!told.iter().any(|detail| detail.contains(['^', '$', '[', '{', '\\'])), "{told:?}");
    }
    assert!(code.body.contains("0127") && sort.body.contains("createdAt"), "{} {}", code.body, sort.body);
    let criteria = json!([{"key": "effect", "name": "Effekt", "weight": 0, "scale": 5}]);
    let weight = admin.post("/rounds", &json!({"criteria": criteria}));
    assert!(weight.body.contains("större än 0."), "{}", weight.body);
}
