//! Files of organisations are read in all usual formats, and an exported file can be imported again unchanged.

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::{
    harness::{Answer, Client, Database, TestApp, id},
    imports::{events, found, import, import_as, rows, source, windows},
};

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
            // The number may be that of an existing actor.
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

/// Encodes a text as Excel's "Unicode text".
fn utf16(text: &str) -> Vec<u8> {
    format!("\u{FEFF}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
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
    // Files from an old Mac and from DOS.
    assert_eq!(refused("text/csv", b"Namn;M\x8Clgrupper\nF\x9Areningen;unga\n"), [" unknown-encoding"]);
    assert_eq!(refused("text/csv", b"Namn\nF\x94reningen\n"), [" unknown-encoding"]);
    assert_eq!(refused("text/csv", "Namn;Ort\nA;x\n\"B;y\nC;z\n".as_bytes()), [" unclosed-quote"]);

    let text = "Namn\tMålgrupper\r\nFöreningen Å\tunga|äldre\r\n";
    assert_eq!(import_as(&admin, "?kind=association", "text/csv", &utf16(text)).1["created"], json!(1));
    assert_eq!(found(&admin, "Föreningen Å")[0]["targetGroups"], json!(["unga", "äldre"]));

    // Our own table for Excel, as Excel saves it again.
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

/// Formats cells as an export does: lists with `|` between items, objects as JSON.
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

/// Formats actors as a table.
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

    // A change in the file changes the actor, unless the actor has changed since the export.
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
fn an_export_from_here_is_no_source_s_file(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let source = source(&admin, "Listan");
    let actors = admin.get("/actors?limit=2").is(200).json["items"].as_array().unwrap().clone();
    let file = table(&actors, true);
    let path = format!("/imports?sourceId={source}");
    assert_eq!(admin.call("POST", &path, Some(("text/csv", file.as_bytes()))).is(422).faults(), [" own-export"]);
    assert_eq!(import(&admin, "", &file).1["unchanged"], json!(2));
    // Other systems may have ids and versions too.
    let (_, job) = import(&admin, &format!("?sourceId={source}&kind=association"), "id;version;namn\n17;3;Alby IF\n");
    assert_eq!(job["created"], json!(1), "{job}");
}

#[rstest]
fn abuse_54_files_that_swell_or_never_end_are_refused(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start_with(database, "import_mebibytes = 1") else { return };
    let admin = app.user(Role::Admin, None);
    let send =
        |who: &Client, media_type: &str, file: &[u8]| -> Answer { who.call("POST", "/imports?kind=association", Some((media_type, file))) };
    let large = vec![b'a'; (1 << 20) + 1];
    assert_eq!(send(&admin, "text/csv", &large).status, 413);
    // Callers without the permission are refused before their file is read.
    assert_eq!(send(&app.anybody(), "text/csv", b"namn\nx\n").status, 401);
    assert_eq!(send(&app.user(Role::Reader, None), "text/csv", b"namn\nx\n").status, 403);
    let xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    assert_eq!(send(&admin, xlsx, b"PK\x03\x04 no workbook").is(422).faults(), [" no-workbook"]);
    assert_eq!(send(&admin, "text/csv", "a;".repeat(1000).as_bytes()).is(422).faults(), [" too-many-columns"]);
    assert_eq!(send(&admin, "text/csv", b"").is(422).faults(), [" no-heading"]);
    assert_eq!(send(&admin, "application/json", b"{}").is(422).faults(), [" no-list"]);
    assert_eq!(send(&admin, "text/html", b"<table>").status, 415);
    assert_eq!(admin.call("POST", "/imports?full=true", Some(("text/csv", b"namn\n"))).is(400).faults(), ["full needs-source"]);
    // The body of another operation keeps its own limit.
    assert_eq!(admin.call("POST", "/actors", Some(("application/json", &large))).status, 413);
}

/// Imports the real files, when they are available: every row is stored or reported, and importing them again changes
/// nothing.
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
        // Under another source name the import creates nothing new, and records with a number are identified by it.
        let other = crate::imports::source(&admin, &format!("{file} (1)"));
        let (_, other) = import_as(&admin, &format!("?sourceId={other}&kind={kind}"), "text/csv", &csv);
        assert_eq!(other["created"], json!(0), "{file} {other}");
        assert!(other["unchanged"].as_i64() > other["held"].as_i64(), "{file} {other}");
        eprintln!("{file}: {} created, {} held, {} refused, then {} held", job["created"], job["held"], job["refused"], other["held"]);
    }
}
