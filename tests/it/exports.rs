//! Exports: every list in every format, the same on both databases, whatever the cells contain.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use calamine::{Data, Reader, Xlsx};
use rstest::rstest;
use samsyn::{access::policy::Role, kernel::hash::sha256_hex};
use serde_json::{Value, json};

use crate::{
    abuse_audit::{entries, execute_directly, summaries},
    contract::{DOCUMENT, operations},
    fixtures::{Set, found, settle},
    harness::{Client, Database, TestApp, id, waited},
};

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// A response with all its bytes.
pub struct Taken {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    /// Whether the response was complete.
    pub whole: bool,
}

impl Taken {
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn parse(received: &[u8]) -> Self {
        let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n").map_or(received.len(), |at| at + 4);
        let head = String::from_utf8_lossy(&received[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        let headers: BTreeMap<_, _> =
            head.lines().filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let rest = &received[end..];
        let (body, whole) = if headers.get("transfer-encoding").is_some_and(|how| how == "chunked") {
            joined(rest)
        } else {
            (rest.to_vec(), headers.get("content-length").is_some_and(|length| *length == rest.len().to_string()))
        };
        Self { status, headers, body, whole }
    }
}

/// Joins the chunks of a body, and returns whether the last chunk arrived.
fn joined(mut chunks: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Some(end) = chunks.windows(2).position(|bytes| bytes == b"\r\n") else { return (body, false) };
        let Ok(length) = usize::from_str_radix(&String::from_utf8_lossy(&chunks[..end]), 16) else { return (body, false) };
        let Some(chunk) = chunks.get(end + 2..end + 2 + length) else { return (body, false) };
        if length == 0 {
            return (body, true);
        }
        body.extend_from_slice(chunk);
        chunks = chunks.get(end + 4 + length..).unwrap_or_default();
    }
}

/// Sends a request and returns the connection, so that the response can be read later.
pub fn begin(address: SocketAddr, who: &Client, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> TcpStream {
    let mut call = format!("{method} /samsyn/v1{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    let own = who.header("Authorization").map(|token| ("Authorization", token));
    for (name, value) in own.iter().chain(headers) {
        call.extend([name, ": ", value, "\r\n"]);
    }
    let body = body.map(Value::to_string);
    if let Some(body) = &body {
        let length = body.len().to_string();
        call.extend(["Content-Type: application/json\r\nContent-Length: ", &length, "\r\n"]);
    }
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(5))).unwrap();
    stream.write_all(format!("{call}\r\n{}", body.unwrap_or_default()).as_bytes()).unwrap();
    stream
}

/// Makes a call and returns its whole response.
pub fn call(app: &TestApp, who: &Client, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Taken {
    let mut received = Vec::new();
    let _ = begin(app.address, who, method, path, headers, body).read_to_end(&mut received);
    Taken::parse(&received)
}

pub fn take(app: &TestApp, who: &Client, path: &str) -> Taken {
    call(app, who, "GET", path, &[], None)
}

/// Returns a path with one more parameter.
fn with_parameter(path: &str, parameter: &str) -> String {
    format!("{path}{}{parameter}", if path.contains('?') { '&' } else { '?' })
}

/// Returns all items of a list, page by page.
fn items(who: &Client, path: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let page = who.get(&match cursor {
            Some(cursor) => with_parameter(&with_parameter(path, "limit=3"), &format!("cursor={cursor}")),
            None => with_parameter(path, "limit=3"),
        });
        let page = page.is(200).json;
        all.extend(page["items"].as_array().unwrap().clone());
        match page["nextCursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return all,
        }
    }
}

/// Formats a member as it should be in a table, independently of the service's own code.
fn cell(value: &Value) -> String {
    let escaped = |value: &Value| value.as_str().map_or_else(|| value.to_string(), |text| text.replace('\\', "\\\\").replace('|', "\\|"));
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array() && !item.is_null()) => {
            items.iter().map(escaped).collect::<Vec<_>>().join("|")
        }
        other => other.to_string(),
    }
}

fn table(text: &str, separator: u8) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(text.as_bytes());
    reader.records().map(|line| line.unwrap().iter().map(ToOwned::to_owned).collect()).collect()
}

fn sheet(bytes: &[u8]) -> Vec<Vec<Data>> {
    let mut book = Xlsx::new(Cursor::new(bytes.to_vec())).unwrap();
    let name = book.sheet_names()[0].clone();
    book.worksheet_range(&name).unwrap().rows().map(<[Data]>::to_vec).collect()
}

/// Returns the members of a list's items, in the order of the contract.
fn members(operation: &Value) -> Vec<String> {
    let named = |schema: &Value| DOCUMENT["components"]["schemas"][schema["$ref"].as_str().unwrap().rsplit('/').next().unwrap()].clone();
    let page = named(&operation["responses"]["200"]["content"]["application/json"]["schema"]);
    let entry = named(&page["properties"]["items"]["items"]);
    let members = entry["properties"].as_object().unwrap().keys();
    members.filter(|name| *name != "redacted" && *name != "allowedActions").cloned().collect()
}

/// Returns every list of the contract that can be exported, with a path. The audit log grows with each read, so only
/// entries that reading does not add are listed.
fn lists(set: &Set) -> Vec<(String, String, Value)> {
    let all = operations()
        .into_iter()
        .filter(|(method, _, operation)| method == "GET" && operation["responses"]["200"]["content"].get("application/x-ndjson").is_some());
    let path = |pattern: &str, name: &str| set.path(pattern, name) + if name == "listAuditEntries" { "?outcome=done" } else { "" };
    all.map(|(_, pattern, operation)| {
        let name = operation["operationId"].as_str().unwrap().to_owned();
        (name.clone(), path(&pattern, &name), operation)
    })
    .collect()
}

/// Exports every list in every format, and returns the digest of each export.
fn walk(database: Database) -> Option<BTreeMap<String, String>> {
    let app = TestApp::start(database)?;
    let admin = app.user(Role::Admin, None);
    let shared = found(&admin, "0127");
    let set = settle(&app, &admin, "0127", false, &shared);
    let worker = app.sign_in("fixtur0127@example.se");
    let mut digests = BTreeMap::new();
    let all = lists(&set);
    let paged = operations().into_iter().filter(|(method, _, operation)| {
        let members = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].as_str().unwrap_or_default();
        method == "GET" && members.ends_with("Page") && !members.ends_with("ChangePage")
    });
    assert_eq!(all.len(), paged.count(), "every page is also a table");
    for (name, path, operation) in all {
        let who = if path.starts_with("/me/") { &worker } else { &admin };
        let items = items(who, &path);
        assert!(!items.is_empty(), "{name} shows nothing");
        let columns = members(&operation);

        let lines = take(&app, who, &with_parameter(&path, "format=ndjson")).is(200);
        assert!(lines.whole && lines.header("content-type") == "application/x-ndjson", "{name}");
        assert_eq!(lines.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>(), items, "{name}");

        let comma = take(&app, who, &with_parameter(&path, "format=csv")).is(200);
        assert!(comma.whole && comma.header("content-type") == "text/csv; charset=utf-8; header=present", "{name}");
        let rows = table(comma.text(), b',');
        assert_eq!(rows[0], columns, "{name}");
        let expected: Vec<Vec<_>> = items.iter().map(|item| columns.iter().map(|column| cell(&item[column])).collect()).collect();
        assert_eq!(rows[1..], expected, "{name}");

        let semicolon = take(&app, who, &with_parameter(&path, "format=excel-sv")).is(200);
        assert!(semicolon.whole && semicolon.header("content-type").ends_with("; dialect=excel-sv"), "{name}");
        let rows = table(semicolon.text().strip_prefix('\u{feff}').unwrap(), b';');
        assert_eq!((rows.len(), rows[0].len()), (items.len() + 1, columns.len()), "{name}");

        let book = take(&app, who, &with_parameter(&path, "format=xlsx")).is(200);
        assert!(book.whole && book.header("content-type") == XLSX, "{name}");
        let rows = sheet(&book.body);
        assert_eq!(rows.len(), items.len() + 1, "{name}");
        for (row, item) in rows[1..].iter().zip(&items) {
            for (place, column) in columns.iter().enumerate() {
                match (row.get(place).unwrap_or(&Data::Empty), &item[column]) {
                    (Data::Empty, value) => assert_eq!(cell(value), "", "{name} {column}"),
                    (Data::String(text), value) => assert_eq!(*text, cell(value), "{name} {column}"),
                    (Data::Float(number), value) => assert_eq!(Some(*number), value.as_f64(), "{name} {column}"),
                    (Data::Bool(is), value) => assert_eq!(Some(*is), value.as_bool(), "{name} {column}"),
                    (other, value) => panic!("{name} {column}: {other:?} for {value}"),
                }
            }
        }
        // The time at which no receiver could be reached differs each time.
        let alike = !name.starts_with("listWebhook");
        for (form, taken) in [("ndjson", lines), ("csv", comma), ("excel-sv", semicolon), ("xlsx", book)] {
            digests.insert(format!("{name} {form}"), if alike { sha256_hex(&taken.body) } else { String::new() });
        }
    }
    Some(digests)
}

#[test]
fn every_list_is_a_table_in_every_form_and_alike_on_both_databases() {
    let first = walk(Database::Sqlite).unwrap();
    assert!(first.len() >= 4 * 29, "{}", first.len());
    if let Some(second) = walk(Database::Postgres) {
        assert_eq!(first, second);
    }
}

/// Names that break badly written tables.
const AWKWARD: [&str; 14] = [
    "=1+1",
    "'=x",
    "''=x",
    "+46 8",
    "-minus",
    "@SUM(A1)",
    "00123",
    "a|b\\c",
    "\"citat\"; a,b",
    "'plain",
    "🦊 räv 👩‍🚒",
    "a\u{00A0}b",
    "1e5",
    "=HYPERLINK(\"http://evil.example\",\"klicka\")",
];

/// Creates actors with awkward names, all with a seat that no other actor has.
fn awkward(admin: &Client) -> Vec<Value> {
    // A joiner between letters is invisible, and must not be stored.
    let names = AWKWARD.map(|name| name.replace('\u{200D}', ""));
    let all = names.iter().map(|name| {
        let actor = json!({
            "kind": "network", "name": name, "otherNames": [name, "b|\\"], "focus": format!("rad 1\r\nrad 2\n{}", "x".repeat(1900)),
            "identifiers": [{"scheme": "external:prov", "value": format!("v{}", sha256_hex(name.as_bytes()))}]
        });
        admin.post("/actors", &actor).is(201).json
    });
    all.collect()
}

#[rstest]
fn abuse_79_what_a_cell_says_is_kept_and_never_run(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let made = awkward(&admin);
    let path = "/actors?kind=network&sort=createdAt&fields=name,otherNames,focus";
    let names: Vec<_> = made.iter().map(|actor| actor["name"].as_str().unwrap().to_owned()).collect();

    let rows = table(take(&app, &admin, &with_parameter(path, "format=csv")).is(200).text(), b',');
    assert_eq!(rows[0], ["name", "otherNames", "focus"]);
    assert_eq!(rows[1..].iter().map(|row| row[0].clone()).collect::<Vec<_>>(), names, "as they are");
    assert!(rows[1..].iter().zip(&made).all(|(row, actor)| row[2] == actor["focus"].as_str().unwrap()));

    let excel = take(&app, &admin, &with_parameter(path, "format=excel-sv")).is(200);
    let rows = table(excel.text().trim_start_matches('\u{feff}'), b';');
    assert_eq!(rows[0], ["Namn", "Andra namn", "Inriktning"]);
    for (row, name) in rows[1..].iter().zip(&names) {
        let bare = name.trim_start_matches('\'');
        let dangerous = bare.starts_with(['=', '+', '-', '@', '\t', '\r']);
        assert_eq!(row[0], if dangerous { format!("'{name}") } else { name.clone() });
        assert!(!row.iter().any(|cell| cell.starts_with(['=', '+', '-', '@', '\t', '\r'])), "{row:?}");
        // The list of other names begins with the same name, with its special characters escaped.
        assert_eq!(row[1].starts_with('\''), dangerous || bare.len() < name.len(), "{row:?}");
    }

    let book = take(&app, &admin, &with_parameter(path, "format=xlsx")).is(200);
    let rows = sheet(&book.body);
    assert_eq!(rows[0], ["Namn", "Andra namn", "Inriktning"].map(|heading| Data::String(heading.to_owned())));
    let english = call(&app, &admin, "GET", &with_parameter(path, "format=xlsx"), &[("Accept-Language", "en")], None).is(200);
    assert_eq!(sheet(&english.body)[0][0], Data::String("name".to_owned()));
    assert_eq!(rows[1..].iter().map(|row| row[0].clone()).collect::<Vec<_>>(), names.into_iter().map(Data::String).collect::<Vec<_>>());
    let mut formulas = Xlsx::new(Cursor::new(book.body)).unwrap();
    assert!(formulas.worksheet_formula("actors").unwrap().is_empty(), "no cell is a formula");
}

#[rstest]
fn abuse_80_a_table_says_what_it_is_and_is_kept_by_nobody(#[values(Database::Sqlite)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    for (form, accept, kind, ending) in [
        ("csv", "text/csv", "text/csv; charset=utf-8; header=present", "csv"),
        ("excel-sv", "text/csv; dialect=excel-sv", "text/csv; charset=utf-8; header=present; dialect=excel-sv", "csv"),
        ("xlsx", XLSX, XLSX, "xlsx"),
        ("ndjson", "application/x-ndjson", "application/x-ndjson", "ndjson"),
    ] {
        let asked = take(&app, &admin, &format!("/mandates?format={form}")).is(200);
        let accepted = call(&app, &admin, "GET", "/mandates", &[("Accept", accept)], None).is(200);
        for answer in [&asked, &accepted] {
            assert!(answer.whole);
            assert_eq!(answer.header("content-type"), kind);
            assert_eq!(answer.header("content-disposition"), format!("attachment; filename*=UTF-8''mandates.{ending}"));
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("cache-control"), "private, no-cache");
            assert!(answer.header("vary").contains("Accept,"), "{:?}", answer.headers);
            assert!(!answer.header("change-cursor").is_empty());
            assert!(!answer.headers.contains_key("etag") && !answer.headers.contains_key("link"));
        }
        assert_eq!(asked.body, accepted.body);
        let private = take(&app, &admin, &format!("/users?format={form}")).is(200);
        assert_eq!(private.header("cache-control"), "no-store");
        // `HEAD` answers the same headers only.
        let head = call(&app, &admin, "HEAD", &format!("/mandates?format={form}"), &[], None);
        assert_eq!((head.status, head.header("content-type"), head.body.len()), (200, kind, 0));
    }
    // The parameter takes precedence, and an unknown format is refused.
    let json = call(&app, &admin, "GET", "/mandates?format=json", &[("Accept", "text/csv")], None).is(200);
    assert_eq!(json.header("content-type"), "application/json");
    assert!(json.header("vary").contains("Accept,") && json.headers.contains_key("etag"));
    assert_eq!(call(&app, &admin, "GET", "/mandates", &[("Accept", "text/csv; dialect=tabs")], None).status, 406);
    assert_eq!(admin.get("/mandates?format=xml").is(400).faults(), ["format wrong-form"]);
    assert_eq!(admin.get("/mandates?format=csv&cursor=x").is(400).json["code"], json!("invalid-cursor"));
    assert_eq!(admin.get("/mandates?format=csv&offset=20000").is(400).faults(), ["offset too-large"]);
    // Reading is logged before the response is sent.
    let seen = summaries(&entries(&admin, "operation=listUsers"));
    assert_eq!(seen, ["listUsers seen 200 null"; 4]);
    let zipped = call(&app, &admin, "GET", "/actors?format=csv", &[("Accept-Encoding", "gzip")], None).is(200);
    assert!(zipped.whole && zipped.header("content-encoding") == "gzip" && zipped.body.starts_with(&[0x1f, 0x8b]));
}

#[rstest]
fn a_table_is_the_whole_list_in_its_order(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let names = |path: &str| -> Vec<String> {
        table(take(&app, &admin, path).is(200).text(), b',').into_iter().skip(1).map(|row| row[0].clone()).collect()
    };
    let all: Vec<_> = items(&admin, "/actors?kind=municipality").iter().map(|actor| actor["name"].as_str().unwrap().to_owned()).collect();
    assert!(all.len() > 250, "{}", all.len());
    assert_eq!(names("/actors?kind=municipality&fields=name&format=csv&limit=1&include=total"), all);
    assert_eq!(names("/actors?kind=municipality&fields=name&format=csv&offset=210"), all[210..]);
    let page = admin.get("/actors?kind=municipality&fields=name&limit=5").is(200);
    let cursor = page.json["nextCursor"].as_str().unwrap();
    assert_eq!(names(&format!("/actors?kind=municipality&fields=name&format=csv&cursor={cursor}")), all[5..]);
    let expanded = take(&app, &admin, "/actors?kind=municipality&format=ndjson&expand=mandates").is(200);
    assert!(expanded.text().lines().all(|line| serde_json::from_str::<Value>(line).unwrap()["expanded"]["mandates"].is_array()));
}

#[rstest]
fn what_is_hidden_is_hidden_in_every_form(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let actor = json!({"kind": "network", "name": "Öppet nätverk", "focus": "Hemligt boende för utsatta"});
    let actor = id(&admin.post("/actors", &actor).is(201).json);
    let mark = json!({"recordKind": "actor", "recordId": actor, "member": "focus", "chapter": 26, "paragraph": "1", "motive": "Skyddat boende", "reviewOn": "2027-11-22"});
    admin.post("/secrecy-marks", &mark).is(201);
    let reader = app.user(Role::Reader, None);
    for form in ["csv", "excel-sv", "ndjson"] {
        let table = take(&app, &reader, &format!("/actors?kind=network&format={form}")).is(200);
        assert!(!table.text().contains("Hemligt boende") && table.text().contains("OSL 26:1"), "{form}: {}", table.text());
        let cleared = take(&app, &admin, &format!("/actors?kind=network&format={form}")).is(200);
        assert!(cleared.text().contains("Hemligt boende"), "{form}: {}", cleared.text());
    }
    let rows = sheet(&take(&app, &reader, "/actors?kind=network&format=xlsx").is(200).body);
    assert!(!format!("{rows:?}").contains("Hemligt boende") && format!("{rows:?}").contains("OSL 26:1"), "{rows:?}");
    let chosen = take(&app, &reader, "/actors?kind=network&format=csv&fields=name,focus").is(200);
    assert!(chosen.text().starts_with("name,focus,redacted\r\nÖppet nätverk,,"), "{}", chosen.text());
}

/// Adds `count` copies of an actor, each with a long text.
fn crowd(app: &TestApp, admin: &Client, count: u32, focus: usize) {
    let one = json!({"kind": "network", "name": "Mängd", "focus": "x".repeat(focus)});
    let one = id(&admin.post("/actors", &one).is(201).json).replace('-', "");
    let columns = "version, created_at, updated_at, kind, sector, name, parent_id, seat_area_id, municipality_code, areas_served, \
                   details, status, visibility, pack, pack_version, deleted_at";
    // Each with a place of its own in the order of names.
    let (new_id, sort, old_id) = if app.url.starts_with("sqlite") {
        let sort = "unhex(hex(actor.name_sort) || printf('%08x', n.i))";
        ("unhex(printf('%032x', n.i))", sort, format!("unhex('{one}')"))
    } else {
        let sort = "actor.name_sort || decode(lpad(to_hex(n.i), 8, '0'), 'hex')";
        ("lpad(to_hex(n.i), 32, '0')::uuid", sort, format!("'{one}'::uuid"))
    };
    let statement = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
         INSERT INTO actor (id, name_sort, {columns}) SELECT {new_id}, {sort}, {columns} FROM actor, n WHERE actor.id = {old_id}"
    );
    execute_directly(&app.url, &[&statement]).unwrap();
}

#[rstest]
fn abuse_77_a_caller_has_only_so_many_exports_under_way(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    crowd(&app, &admin, 6000, 2000);
    let path = "/actors?kind=network&format=ndjson";
    let mut first = [0_u8; 12];
    let mut streams: Vec<_> = (0..50).map(|_| begin(app.address, &admin, "GET", path, &[], None)).collect();
    let statuses: Vec<_> = streams
        .iter_mut()
        .map(|stream| {
            stream.read_exact(&mut first).unwrap();
            String::from_utf8_lossy(&first[9..]).parse::<u16>().unwrap()
        })
        .collect();
    let admitted = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!((admitted, statuses.iter().filter(|status| **status == 429).count()), (4, 46), "{statuses:?}");
    // Other callers are served, and so are other calls of the same caller.
    let other = app.user(Role::Reader, None);
    assert_eq!(take(&app, &other, "/mandates?format=csv").status, 200);
    assert_eq!(take(&app, &app.anybody(), "/mandates?format=csv").status, 200);
    admin.get("/actors").is(200);
    let refused = take(&app, &admin, path).is(429);
    let problem: Value = serde_json::from_slice(&refused.body).unwrap();
    assert!(!refused.header("retry-after").is_empty() && problem["code"] == json!("too-many-requests"), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("redan 4 uttag av listor igång"), "{problem}");
    // Disconnecting frees what the export held.
    drop(streams);
    waited("what was hung up on to let go of its place", || take(&app, &admin, path).status == 200);
    let whole = take(&app, &admin, path);
    assert_eq!(whole.text().lines().count(), 6001);
    assert!(whole.whole);
}

#[rstest]
fn what_breaks_off_is_never_taken_for_the_whole(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    crowd(&app, &admin, 6000, 2000);
    let mut stream = begin(app.address, &admin, "GET", "/actors?kind=network&format=csv", &[], None);
    let mut received = vec![0; 4096];
    stream.read_exact(&mut received).unwrap();
    // No database connection is held between pages; otherwise this call would have to wait.
    execute_directly(&app.url, &["ALTER TABLE actor RENAME TO actor_gone"]).unwrap();
    let _ = stream.read_to_end(&mut received);
    let taken = Taken::parse(&received);
    assert_eq!(taken.status, 200);
    assert!(!taken.whole, "it ended as if it were whole");
    assert!(taken.body.len() < 12_000_000);
    // An error before the response begins is answered as a problem.
    assert_eq!(take(&app, &admin, "/actors?kind=network&format=csv").status, 500);
    assert_eq!(take(&app, &admin, "/actors?kind=network&format=xlsx").status, 500);
    execute_directly(&app.url, &["ALTER TABLE actor_gone RENAME TO actor"]).unwrap();
    assert!(take(&app, &admin, "/actors?kind=network&format=csv").is(200).whole);
}

/// Returns the peak memory of the process in kB. With `anew`, the peak is counted again from now on.
fn most_memory(anew: bool) -> u64 {
    if anew {
        let _ = std::fs::write("/proc/self/clear_refs", "5");
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim().trim_end_matches(" kB").parse().unwrap()
}

#[rstest]
#[ignore = "takes its time; run it alone to read how much memory an export takes"]
fn an_export_of_100_000_actors_is_flat_in_memory(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    // Each SQLite connection caches what it has read, up to its own limit. Use a small limit that is soon reached.
    let Some(app) = TestApp::start_with(database, "database_connections = 1") else { return };
    let admin = app.user(Role::Admin, None);
    crowd(&app, &admin, 100_000, 300);
    // Fill the cache first, so that it is not counted.
    take(&app, &admin, "/actors?format=ndjson").is(200);
    for form in ["ndjson", "csv", "excel-sv", "xlsx"] {
        let before = most_memory(true);
        #[expect(clippy::disallowed_methods, reason = "it measures")]
        let started = Instant::now();
        let mut stream = begin(app.address, &admin, "GET", &format!("/actors?format={form}"), &[], None);
        let (mut bytes, mut piece) = (0, vec![0_u8; 65536]);
        loop {
            match stream.read(&mut piece).unwrap() {
                0 => break,
                length => bytes += length,
            }
        }
        let grown = most_memory(false).saturating_sub(before);
        println!("{database:?} {form}: {bytes} bytes in {:?}, VmHWM + {grown} kB over {before} kB", started.elapsed());
        assert!(grown < 64 * 1024, "{form} took {grown} kB more");
    }
}
