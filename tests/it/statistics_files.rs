//! Files of statistics: many spellings are read, an ambiguous file is refused as a whole, and a large one becomes a job.

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::{
    harness::{Answer, Client, Database, TestApp, id},
    imports::{counted, events, windows},
    statistics::{import_table, row_faults, values},
};

const CSV: &str = "text/csv";
const NDJSON: &str = "application/x-ndjson";
const JSON: &str = "application/json";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

fn send(who: &Client, indicator: &str, media_type: &str, file: &[u8]) -> Answer {
    who.call("POST", &format!("/observation-imports?indicator={indicator}&source=SCB"), Some((media_type, file)))
}

/// A workbook with these cells, each a text or a number. A number with a percent sign gets the percent format.
fn workbook(rows: &[&[&str]]) -> Vec<u8> {
    use std::io::Write;
    let mut book = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut part = |name: &str, text: &str| {
        book.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        book.write_all(text.as_bytes()).unwrap();
    };
    let relation =
        |id: &str, kind: &str, target: &str| format!("<Relationship Id=\"{id}\" Type=\"x/relationships/{kind}\" Target=\"{target}\"/>");
    part("_rels/.rels", &format!("<Relationships>{}</Relationships>", relation("a", "officeDocument", "xl/workbook.xml")));
    part("xl/workbook.xml", "<workbook><sheets><sheet name=\"A\" r:id=\"a\"/></sheets></workbook>");
    let both = relation("a", "worksheet", "sheet.xml") + &relation("b", "styles", "styles.xml");
    part("xl/_rels/workbook.xml.rels", &format!("<Relationships>{both}</Relationships>"));
    part("xl/styles.xml", "<styleSheet><cellXfs count=\"2\"><xf numFmtId=\"0\"/><xf numFmtId=\"10\"/></cellXfs></styleSheet>");
    let cell = |text: &&str| match text.strip_suffix('%') {
        _ if text.is_empty() => "<c/>".to_owned(),
        Some(number) => format!("<c s=\"1\"><v>{number}</v></c>"),
        None if text.parse::<f64>().is_ok() && !text.starts_with('0') => format!("<c><v>{text}</v></c>"),
        None => format!("<c t=\"str\"><v>{text}</v></c>"),
    };
    let row = |row: &&[&str]| format!("<row>{}</row>", row.iter().map(cell).collect::<String>());
    let rows: String = rows.iter().map(row).collect();
    part("xl/sheet.xml", &format!("<worksheet><sheetData>{rows}</sheetData></worksheet>"));
    book.finish().unwrap().into_inner()
}

fn utf16(text: &str) -> Vec<u8> {
    format!("\u{FEFF}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[rstest]
fn a_file_of_values_is_read_however_it_is_written(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let table = "områdeskod;år;värde\n0127;2023;12,5\n";
    let rows = |member: &str| json!({member: [{"areaCode": "0127", "period": "2023", "value": 12.5}]}).to_string().into_bytes();
    let files: [(&str, Vec<u8>); 14] = [
        (CSV, table.into()),
        (CSV, format!("\u{FEFF}{}", table.replace('\n', "\r\n")).into_bytes()),
        (CSV, windows(table).unwrap()),
        (CSV, utf16(&table.replace(';', "\t"))),
        // Decomposed letters, and a line that declares the separator.
        (CSV, "omra\u{30A}deskod;a\u{30A}r;va\u{308}rde\n0127;2023;12,5\n".into()),
        (CSV, format!("sep=;\r\n{table}").into_bytes()),
        (CSV, "sep=|\nkod|år|värde\n0127|2023|12,5".into()),
        // Old line ends, blank lines before the heading, and empty columns and rows.
        (CSV, "kod;period;värde\r0127;2023;12,5\r".into()),
        (CSV, "\n;;;;\nkod;period;;värde;\n;;;;\n0127;2023;;12,5;\n;;;;\n \n".into()),
        (XLSX, workbook(&[&["Kod", "År", "", "Värde"], &["0127", "2023", "", "0.125%"], &["", "", "", ""]])),
        (NDJSON, "{\"kod\":\"0127\",\"år\":2023,\"värde\":12.5}\n".into()),
        (NDJSON, "{\"areaCode\":\"0127\",\"period\":\"2023\",\"breakdown\":{},\"value\":\"12,5\",\"status\":null}".into()),
        (JSON, rows("rows")),
        (CSV, "Kommun,Kommunkod,År,Värde\nBotkyrka,0127,2023,\"12,5\"\n".into()),
    ];
    for (at, (media_type, file)) in files.iter().enumerate() {
        let report = send(&admin, "neet", media_type, file).is(201).json;
        let expected = if at == 0 { ("rowsCreated", "rowsUnchanged") } else { ("rowsUnchanged", "rowsCreated") };
        assert_eq!((&report[expected.0], &report[expected.1]), (&json!(1), &json!(0)), "{at}: {report}");
        assert_eq!(
            (&report["rowsRead"], &report["rowsTotal"], &report["rowsRefused"]),
            (&json!(1), &json!(1), &json!(0)),
            "{at}: {report}"
        );
        assert_eq!(report["status"], "completed");
    }
    let [value] = values(&app, "neet", "").try_into().expect("one value");
    assert_eq!((&value["value"], &value["areaId"]), (&json!(12.5), &json!(app.area("0127"))));
    assert_eq!(send(&admin, "neet", "text/html", b"<table>").status, 415);
}

#[rstest]
fn unusable_rows_are_reported_by_their_number_in_a_spreadsheet(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    for (table, read, created, errors) in [
        // A decimal comma in a table separated by commas, also when the cells after it are empty.
        ("kod,period,värde\n0127,2001,12,5\n0127,2002,\"12,5\"\n", 2, 1, vec!["2  too-many-cells"]),
        ("kod,period,värde,täljare,nämnare\n0127,2003,12,5,,\n0127,2004,12,,\n", 2, 1, vec!["2  too-many-cells"]),
        ("kod;period;värde\n\n0127;2006;1\n\n9999;2006;2\n", 2, 1, vec!["5 areaCode unknown-area"]),
        ("kod;period;värde\n0127;2007;5\n;;\n;;\n9999;2007;1\n", 2, 1, vec!["5 areaCode unknown-area"]),
        ("sep=;\r\nkod;år;värde\r\n0127;2008;5\r\n9999;2008;5\r\n", 2, 1, vec!["4 areaCode unknown-area"]),
        ("kod;period;variant;värde\n0127;2009;\"två\nrader\";1\n0127;2009;;1\n", 2, 1, vec!["2 variant not-in-list"]),
        ("kod;period\n0127;2013\n", 1, 0, vec!["2 value required"]),
        ("kod;period;värde\n0127;2014;#SAKNAS!\n", 1, 0, vec!["2 value formula-error"]),
        ("kod;period;värde\n01\u{0}27;2015;1\n0127;2015;2\n", 2, 1, vec!["2 areaCode forbidden-character"]),
        (
            "kod;period;värde\n0127;2016;1\n0127;2016;2\n9999;2016;1\n9999;2016;1\n",
            4,
            1,
            vec!["3 areaCode repeated", "4 areaCode unknown-area", "5 areaCode unknown-area"],
        ),
    ] {
        let report = import_table(&admin, "merit_value", table);
        assert_eq!(row_faults(&report, "errors"), errors, "{table}");
        assert_eq!((&report["rowsRead"], &report["rowsCreated"]), (&json!(read), &json!(created)), "{table}");
        assert_eq!(report["rowsRefused"], json!(read - created), "{table}");
    }
    assert_eq!(values(&app, "merit_value", "&period=2004")[0]["value"], json!(12.0));
    // Cells without a heading are a note beside the table: the rest is stored, and the warning says where they are.
    let noted = import_table(&admin, "merit_value", "kod;period;värde;\n0127;2017;1;\n0127;2018;1;Källa: SCB\n0127;2019;1;osäkert\n");
    assert_eq!((&noted["rowsCreated"], row_faults(&noted, "warnings")), (&json!(3), vec!["3 D no-heading".to_owned()]));
    // Objects are reported by line or place, with all their faults.
    let lines = "{\"kod\":\"0127\",\"år\":\"2020\",\"värde\":1,\"färg\":2}\n\n{\"kod\":\"0127\",\"kommunkod\":\"0114\",\"år\":\"2020\",\"värde\":1}\n\
        {\"kod\":\"0127\",\"år\":\"2020\",\"värde\":[1]}\n{\"kod\":\n{\"kod\":\"0127\",\"år\":\"2020\",\"värde\":1}";
    let report = send(&admin, "merit_value", NDJSON, lines.as_bytes()).is(201).json;
    assert_eq!(
        row_faults(&report, "errors"),
        ["1 färg unknown-column", "3 areaCode repeated-column", "4 value wrong-type", "5  malformed-json"]
    );
    assert_eq!(report["rowsCreated"], json!(1));
}

#[rstest]
fn an_ambiguous_table_is_refused_as_a_whole(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let before = events(&app);
    let refused = |file: &[u8], faults: &[&str]| {
        let answer = send(&admin, "merit_value", CSV, file).is(422);
        assert_eq!(answer.faults(), faults, "{}", answer.body);
        answer.body
    };
    let both = refused("kod;period;värde;Andel\n0127;2018;1;2\n".as_bytes(), &["/value repeated-column"]);
    assert!(both.contains("värde, Andel"), "both are named: {both}");
    refused("kod;period;värde;värde\n0127;2018;1;2\n".as_bytes(), &["/value repeated-column"]);
    refused("kod;kommunkod;år;tid\n".as_bytes(), &["/areaCode repeated-column", "/period repeated-column"]);
    refused("kod;värde\n0127;1\n".as_bytes(), &["/period missing-column"]);
    refused("kod;färg;år\n0127;röd;2018\n".as_bytes(), &[" unknown-column"]);
    assert!(!refused("kod;år;811228-9874\n0127;2018;1\n".as_bytes(), &[" unknown-column"]).contains("9874"));
    let unclosed = refused("kod;period;värde;variant\n0127;2030;1;\n0127;2031;1;\"x\n0114;2030;2;\n".as_bytes(), &[" unclosed-quote"]);
    assert!(unclosed.contains("rad 3"), "{unclosed}");
    refused(b"", &[" no-heading"]);
    refused(b"PK\x03\x04\x14\0\x06\0", &[" wrong-format"]);
    refused(b"k\0o\0d\0", &[" unknown-encoding"]);
    let mut mixed = "områdeskod;period;värde\n0127;2023;12\n".as_bytes().to_vec();
    mixed.extend(b"0128;20\xE523;12\n");
    assert!(refused(&mixed, &[" stray-byte"]).contains("tecken 8 på rad 3"));
    assert_eq!(events(&app), before);
    assert_eq!(counted(&app, "SELECT COUNT(*) AS rows_found FROM observation_import"), 0);
    assert!(values(&app, "merit_value", "").is_empty());
}

/// Waits until an import has ended.
#[track_caller]
fn wait(who: &Client, path: &str) -> Value {
    #[expect(clippy::disallowed_methods, reason = "a job that never ends must not be waited for")]
    let started = std::time::Instant::now();
    let who = who.with("X-Request-Id", "waiting-for-a-job");
    loop {
        let import = who.get(path).is(200).json;
        if !matches!(import["status"].as_str(), Some("queued" | "running")) {
            return import;
        }
        assert!(started.elapsed().as_secs() < 120, "the job does not end: {import}");
        std::thread::yield_now();
    }
}

#[track_caller]
fn import_as_job(who: &Client, query: &str, media_type: &str, file: &[u8]) -> Value {
    let accepted =
        who.call("POST", &format!("/observation-imports?indicator=merit_value&source=SCB{query}"), Some((media_type, file))).is(202);
    let path = format!("/observation-imports/{}", id(&accepted.json));
    assert_eq!(accepted.header("location"), Some(format!("/samsyn/v1{path}").as_str()));
    wait(who, &path)
}

/// A table with so many months, each with a value for every municipality. Returns the number of rows, and the table.
fn months(app: &TestApp, months: usize, value: u32) -> (usize, String) {
    let codes: Vec<_> = [1, 2]
        .map(|page| format!("/areas?level=municipality&limit=180&offset={}", (page - 1) * 180))
        .iter()
        .flat_map(|path| {
            app.anybody().get(path).is(200).json["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|area| area["code"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    let rows = (0..months).flat_map(|at| {
        let period = format!("{}M{:02}", 1990 + at / 12, at % 12 + 1);
        codes.iter().map(move |code| format!("{code};{period};{value};\"\"\n")).collect::<Vec<_>>()
    });
    let table = rows.fold("kod;period;värde;variant\n".to_owned(), |table, row| table + &row);
    (codes.len() * months, table)
}

#[rstest]
fn a_file_larger_than_any_body_becomes_a_job(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let (rows, table) = months(&app, 72, 5);
    assert!(rows > 20_000 && table.len() > 300_000, "{rows} {}", table.len());
    let table = format!("{table}9999;2020;1;\n");
    let tried = import_as_job(&admin, "&dryRun=true", CSV, table.as_bytes());
    assert_eq!((&tried["rowsCreated"], &tried["rowsRefused"], &tried["dryRun"]), (&json!(rows), &json!(1), &json!(true)), "{tried}");
    assert_eq!(row_faults(&tried, "errors"), [format!("{} areaCode unknown-area", rows + 2)]);
    assert!(values(&app, "merit_value", "").is_empty());
    assert_eq!(counted(&app, "SELECT COUNT(*) AS rows_found FROM observation_import"), 0);

    let done = import_as_job(&admin, "", CSV, table.as_bytes());
    assert_eq!(
        (&done["status"], &done["rowsTotal"], &done["rowsRead"]),
        (&json!("completed"), &json!(rows + 1), &json!(rows + 1)),
        "{done}"
    );
    assert_eq!((&done["rowsCreated"], &done["rowsRefused"]), (&json!(rows), &json!(1)));
    assert_eq!(row_faults(&done, "errors"), [format!("{} areaCode unknown-area", rows + 2)]);
    assert_eq!(counted(&app, "SELECT COUNT(*) AS rows_found FROM observation"), i64::try_from(rows).unwrap());
    assert_eq!(counted(&app, "SELECT COUNT(*) AS rows_found FROM import_piece"), 0);
    let value = &values(&app, "merit_value", "&period=1990M01")[0];
    assert_eq!((&value["importId"], &value["value"]), (&done["id"], &json!(5.0)));

    // The same file again reports and stores nothing; a changed value is imported as usual.
    let same = table.replace("9999;2020;1;\n", "");
    let before = events(&app);
    let again = import_as_job(&admin, "", CSV, same.as_bytes());
    assert_eq!((&again["rowsUnchanged"], &again["status"]), (&json!(rows), &json!("completed")), "{again}");
    assert_eq!((events(&app), counted(&app, "SELECT COUNT(*) AS rows_found FROM observation_import")), (before, 1));
    let changed = import_as_job(&admin, "", CSV, same.replacen(";5;", ";6;", 1).as_bytes());
    assert_eq!((&changed["rowsChanged"], &changed["rowsUnchanged"]), (&json!(1), &json!(rows - 1)), "{changed}");
    // It is not listed among the imports of organisations.
    assert_eq!(admin.get("/imports").is(200).json["items"], json!([]));
    admin.get(&format!("/imports/{}", id(&changed))).is(404);
}

#[rstest]
fn a_small_file_becomes_a_job_when_the_caller_prefers_that(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let analyst = app.user(Role::Analyst, Some(("area", &app.area("0127")))).with("Prefer", "wait=1, respond-async");
    let table = "kod;period;värde\n0127;2023;..\n0114;2023;2\n0127;2022;x\n";
    let done = import_as_job(&analyst, "&licence=CC0", CSV, table.as_bytes());
    assert_eq!(row_faults(&done, "errors"), ["3 areaCode forbidden", "4 value not-a-number"]);
    assert_eq!((&done["rowsCreated"], &done["licence"], &done["reason"]), (&json!(1), &json!("CC0"), &Value::Null), "{done}");
    assert_eq!(analyst.get(&format!("/observation-imports/{}", id(&done))).is(200).json, done);
    // NDJSON, as a dry run.
    let tried =
        import_as_job(&analyst, "&dryRun=true", NDJSON, b"{\"kod\":\"0127\",\"period\":\"2021\",\"value\":1}\n{\"kod\":\"0127\"}\n");
    assert_eq!((row_faults(&tried, "errors"), &tried["rowsCreated"]), (vec!["2 period required".to_owned()], &json!(1)), "{tried}");

    assert_eq!(counted(&app, "SELECT COUNT(*) AS rows_found FROM import_piece"), 0);
    // A repeated call gives one import.
    let keyed = analyst.with("Idempotency-Key", "varden-i-mars");
    let path = "/observation-imports?indicator=merit_value&source=SCB";
    let first = keyed.call("POST", path, Some((CSV, b"kod;period;value\n0127;2019;1\n"))).is(202).json;
    assert_eq!(keyed.call("POST", path, Some((CSV, b"kod;period;value\n0127;2019;1\n"))).is(202).json["id"], first["id"]);
    wait(&analyst, &format!("/observation-imports/{}", id(&first)));
    // A caller who may not import leaves no rows in the queue.
    let reader = app.user(Role::Reader, None).with("Prefer", "respond-async");
    reader.call("POST", path, Some((CSV, b"kod;period;value\n0127;2018;1\n"))).is(403);
}

/// Files that were once stored wrongly or refused without help, if they are available.
#[rstest]
fn files_that_were_once_read_wrongly_are_read_right(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let folders = ["../shared/data/cases", "../../shared/data/cases"].map(crate::contract::file);
    let Some(folder) = folders.into_iter().find(|folder| folder.is_dir()) else { return };
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let file = |name: &str| std::fs::read(folder.join(name)).unwrap();
    for (name, created, errors) in [
        ("s01-decimal-comma.csv", 0, vec!["2  too-many-cells"]),
        ("s05-nfd-heading.csv", 1, vec![]),
        ("s08-blank-line-row-number.csv", 1, vec!["5 areaCode unknown-area"]),
        ("s09-empty-rows.csv", 1, vec![]),
        ("s11-sep.csv", 1, vec![]),
        ("s13-name-before-code.csv", 1, vec![]),
    ] {
        let report = send(&admin, "merit_value", CSV, &file(name)).is(201).json;
        assert_eq!(
            (&report["rowsCreated"], row_faults(&report, "errors")),
            (&json!(created), errors.iter().map(|error| (*error).to_owned()).collect()),
            "{name}"
        );
    }
    for (name, fault) in [("s02-unclosed-quote.csv", " unclosed-quote"), ("s04-heading-twice.csv", "/value repeated-column")] {
        assert_eq!(send(&admin, "merit_value", CSV, &file(name)).is(422).faults(), [fault], "{name}");
    }
    // The files of organisations.
    let sent = |name: &str, media_type: &str| {
        let (path, _) = crate::imports::import_as(&admin, "?kind=association&dryRun=true", media_type, &file(name));
        (crate::imports::rows(&admin, &path), crate::imports::details(&admin, &path))
    };
    for (name, media_type, rows) in [
        ("o01-formula-error-in-csv.csv", CSV, &["2 refused Namn formula-error", "3 refused Syfte formula-error"][..]),
        ("o03-soft-hyphen.csv", CSV, &["2 refused Namn forbidden-character"]),
        ("o04-likes-in-one-file.csv", CSV, &["2 created", "3 refused Namn likely-duplicate"]),
        ("o05-kontakt.csv", CSV, &["2 created"]),
        ("o09-number-formats.xlsx", XLSX, &["2 created"]),
        ("o10a-formula-with-value.xlsx", XLSX, &["2 created"]),
        ("o10b-formula-without-value.xlsx", XLSX, &["2 created Webb formula-error"]),
        ("o12-line-number.ndjson", NDJSON, &["1 created", "2 refused  malformed-json"]),
    ] {
        assert_eq!(sent(name, media_type).0, rows, "{name}");
    }
    let (_, told) = sent("o12-line-number.ndjson", NDJSON);
    assert_eq!(told, ["Objektet är inte giltig JSON: felet upptäcktes vid tecken 17."]);
}
