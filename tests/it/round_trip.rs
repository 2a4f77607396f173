//! An exported file can be imported again without any change, whatever its texts contain, in every format.

use proptest::{
    collection::vec,
    option,
    test_runner::{Config, TestRunner},
};
use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::{
    exports::take,
    harness::{Database, TestApp},
    imports::{events, import_as, windows},
};

/// The formats, each with the media type with which it is sent back.
const FORMS: [(&str, &str); 4] = [
    ("csv", "text/csv"),
    ("excel-sv", "text/csv"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("ndjson", "application/x-ndjson"),
];

/// Characters with a special meaning to a spreadsheet, to CSV, to a list in a cell, or to JSON.
const LETTERS: &str = "[-=+@'\";,|\\\\\n\r\t {}\\[\\]:.%0-3a-cåäöÅÄÖé\u{A0}\u{2003}€😀]{1,12}";

/// Returns a valid name, which needs a letter or a digit.
fn named(text: &str) -> String {
    format!("{text}å")
}

/// Returns a table for Excel as other programs save it: without its byte order mark, and in windows-1252 when that has all
/// its letters.
fn saved_by_excel(file: &[u8]) -> Vec<Vec<u8>> {
    let text = std::str::from_utf8(file).unwrap().trim_start_matches('\u{FEFF}');
    std::iter::once(text.as_bytes().to_vec()).chain(windows(text)).collect()
}

#[rstest]
fn whatever_is_exported_is_imported_without_a_change(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start_with(database, "body_bytes = 2000000") else { return };
    let admin = app.user(Role::Admin, None);
    let area = app.area("0127");
    let texts = (LETTERS, option::of(LETTERS), vec(LETTERS, 0..3), vec(LETTERS, 0..3));
    let mut runner = TestRunner::new(Config { cases: 16, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&vec(texts, 4..8), |actors| {
        let operations: Vec<Value> = actors
            .iter()
            .map(|(name, focus, others, groups)| {
                json!({"op": "create", "actor": {"kind": "network", "name": named(name), "focus": focus, "otherNames": others, "targetGroups": groups,
                    "seatAreaId": area, "areasServed": [area], "languages": ["sv", "so"], "founded": "1975-03-31",
                    "contactPoints": [{"function": name, "email": "kansli@example.se"}],
                    "formerNames": groups.iter().map(|name| json!({"name": named(name), "validTo": "1999-01-01"})).collect::<Vec<_>>()}})
            })
            .collect();
        // A list item of blanks only is refused, and so is a text that looks like a personal identity number.
        let _ = admin.post("/actors/batch", &json!({"operations": operations}));
        let before = (events(&app), admin.get("/actors?kind=network&include=total&limit=1").is(200).json["total"].clone());
        for (form, media_type) in FORMS {
            let file = take(&app, &admin, &format!("/actors?kind=network&format={form}")).is(200);
            let mut files = vec![file.body];
            if form == "excel-sv" {
                files.extend(saved_by_excel(&files[0]));
            }
            for file in files {
                let (path, job) = import_as(&admin, "", media_type, &file);
                assert_eq!(job["unchanged"], before.1, "{form}: {job} {}", admin.get(&format!("{path}/rows")).body);
                assert_eq!((&job["leftOut"], &job["refused"]), (&json!([]), &json!(0)), "{form}");
            }
        }
        assert_eq!(events(&app), before.0, "nothing is told to have changed");
        Ok(())
    });
    outcome.unwrap();
    assert_ne!(admin.get("/actors?kind=network&include=total&limit=1").is(200).json["total"], 0);
}
