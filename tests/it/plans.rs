//! No statement of the service reads a whole large table. The story is told, its rows are multiplied until every table that grows
//! with use is large, every list is read, and the database is asked for its plan of each statement that the service has sent.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    sync::{Arc, Mutex},
    thread,
};

use rstest::rstest;
use samsyn::{
    access::policy::Role,
    kernel::db::{Observer, Sender},
};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, Statement};
use serde_json::Value;

use crate::{
    chapters,
    contract::{file, fits, golden, operations},
    harness::{Client, Database, TestApp, multiply::multiply},
    story::{self, Teller},
};

/// The number of rows of each large table.
const ROWS: u64 = 100_000;
/// The number of rows that may be sorted without an index.
const SORTED: f64 = 1_000.0;
/// How often one call for a page may send the same statement.
const TIMES: usize = 5;

/// Operations whose statements may read whole tables, with the reason.
const OPERATIONS: [(&str, &str); 7] = [
    ("createRetentionRun", "a run goes through all rows that are due, once a day"),
    ("eraseUser", "the texts of all records are searched for a name, for the few who have a right to be forgotten"),
    ("getMyPersonalData", PERSONAL),
    ("getPersonalData", PERSONAL),
    ("mergeActor", MERGING),
    ("previewMerge", MERGING),
    ("undoMerge", MERGING),
];
const PERSONAL: &str = "an extract is seldom, and indexes on who did what would make each write dearer";
const MERGING: &str = "a merge is seldom, and goes through all tables that name actors";

/// Parts of statements that may read whole tables, with the reason.
const STATEMENTS: [(&str, &str); 10] = [
    ("num_items", "a caller asks for the total: see page.rs"),
    ("search_words MATCH", FOUND),
    ("words @@", FOUND),
    ("\"actor\".\"updated_at\" > ", LATE),
    ("\"audit_entry\".\"at\" ", LATE),
    ("\"import_job\".\"finished_at\" < ", LATE),
    ("INSERT INTO \"indicator\"", "SQLite plans to look for rows that refer to a new row, but does so only for deferred keys"),
    ("FROM \"forum_area\" INNER JOIN \"area\"", "all forums of a caller's areas are read, once for each token"),
    ("WHERE lifted_at IS NULL", "all marks in force are kept in memory"),
    ("\"lifted_at\" IS NULL ORDER BY", "marks in force are few, and all of them are kept in memory"),
];

const FOUND: &str = "what is found of rare words is sorted, and common words are found by walking: see search.rs";
const LATE: &str = "what a time limits is mostly little: SQLite sorts that, where walking along the list would read all of it";

/// Operations that finish work which otherwise is done in the background, so that the number of their statements differs.
const FINISHING: [&str; 6] =
    ["exportAuditEntries", "getAuditEntry", "listAuditEntries", "listChanges", "searchAuditEntries", "searchChanges"];

/// All statements that were sent, with their senders.
#[derive(Default)]
struct Log(Mutex<Vec<(Option<Sender>, Statement)>>);

impl Log {
    fn observer(self: &Arc<Self>) -> Observer {
        let log = Arc::clone(self);
        Observer::new(move |sender, statement| log.0.lock().unwrap().push((sender.cloned(), statement.clone())))
    }

    fn take(&self) -> Vec<(Option<Sender>, Statement)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[rstest]
fn no_statement_reads_a_whole_table(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let log = Arc::new(Log::default());
    let Some(app) = TestApp::start_observed(database, &log.observer()) else { return };
    let mut teller = Teller::new(&app);
    let told = story::tell(&mut teller);
    chapters::tell(&mut teller, &told);
    let (calls, read) = (std::mem::take(&mut teller.calls), std::mem::take(&mut teller.read));
    let county = app.user(Role::Admin, Some(("area", &app.area("01"))));
    let callers = [app.user(Role::Admin, None), county, told.coordinator, told.municipality];
    let mut sent = log.take();
    count(database, &calls, &sent);

    let mut large = BTreeMap::new();
    let app = app.restart_after(|url| large = multiply(url, ROWS), 20_000_000, "", &log.observer());
    for caller in callers {
        read_lists(&caller.at(app.address), &read);
    }
    let lists = log.take();
    let mut failures = repeated(&lists);
    sent.extend(lists);
    failures.extend(judge(&app.url, &sent, &large));
    assert!(failures.is_empty(), "{} statements on {database:?}:\n{}", failures.len(), failures.join("\n"));
}

/// Reads every list: as the story did, and by each of its parameters alone.
fn read_lists(caller: &Client, read: &[String]) {
    for (method, pattern, operation) in operations() {
        let parameters = operation["parameters"].as_array().unwrap();
        let in_query = |name: &str| parameters.iter().any(|parameter| parameter["in"] == "query" && parameter["name"] == name);
        if method != "GET" || !in_query("limit") {
            continue;
        }
        let told: BTreeSet<&str> =
            read.iter().map(String::as_str).filter(|path| fits(&pattern, path) && !path.contains("format=")).collect();
        let Some(base) = told.first().map(|path| path.split('?').next().unwrap()) else { continue };
        let full = caller.get(&format!("{base}?limit=200"));
        if full.status == 200 && full.json["nextCursor"].is_string() && in_query("cursor") {
            caller.get(&format!("{base}?limit=20&cursor={}", full.json["nextCursor"].as_str().unwrap()));
        }
        for path in &told {
            caller.get(path);
        }
        let items = full.json["items"].as_array().cloned().unwrap_or_default();
        for parameter in parameters.iter().filter(|parameter| parameter["in"] == "query") {
            let name = parameter["name"].as_str().unwrap();
            if ["limit", "cursor", "fields", "format", "wait"].contains(&name) {
                continue;
            }
            for value in values_of(name, &parameter["schema"], &items) {
                let answer = caller.get(&format!("{base}?limit=20&{name}={value}"));
                assert!(answer.status < 500, "{base}?{name}={value}: {}", answer.body);
                if let Some(cursor) = answer.json["nextCursor"].as_str().filter(|_| name == "sort") {
                    caller.get(&format!("{base}?limit=20&{name}={value}&cursor={cursor}"));
                }
            }
        }
    }
}

/// Values of a parameter: all that are enumerated, or the one of an item, or one that fits its form.
fn values_of(name: &str, schema: &Value, items: &[Value]) -> Vec<String> {
    let schema = if schema["type"] == "array" || schema["items"].is_object() { &schema["items"] } else { schema };
    let schema = match schema["$ref"].as_str() {
        Some(reference) => crate::contract::DOCUMENT.pointer(&reference[1..]).unwrap(),
        None => schema,
    };
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned).or_else(|| value.is_number().then(|| value.to_string()));
    if name == "sort" || name == "expand" {
        return schema["enum"].as_array().into_iter().flatten().filter_map(text).collect();
    }
    if let Some(value) = items.iter().find_map(|item| text(&item[name])) {
        return vec![value];
    }
    if let Some(value) = schema["enum"].as_array().and_then(|values| values.first()).and_then(text) {
        return vec![value];
    }
    let value = match (name, schema["format"].as_str(), &schema["type"]) {
        _ if schema["x-code-of"] == "area" => "0127",
        _ if schema["x-code-of"] == "actor" => "municipality_code:0127",
        ("policyDomain", ..) => "housing",
        ("operation", ..) => "createActor",
        ("requestId", ..) => "a-request-of-nobody",
        ("types", ..) => "actor",
        ("year", ..) => "2026",
        ("q" | "name", ..) => "fitt",
        ("municipality", ..) => "0127",
        ("offset", ..) => "100",
        ("identifier", ..) => "municipality_code:0127",
        (_, Some("date"), _) => "2026-11-01",
        (_, Some("date-time"), _) => "2026-11-01T00:00:00Z",
        (_, _, kind) if kind == "boolean" => "true",
        (_, _, kind) if kind == "integer" => "1",
        (_, Some("uuid"), _) => return items.iter().find_map(|item| text(&item["id"])).into_iter().collect(),
        _ => panic!("say here which value a list is asked for with {name}: {schema}"),
    };
    vec![value.to_owned()]
}

/// A part of the statement that reads the public bodies. They are kept in memory, for all databases of a process.
const REMEMBERED: &str = r#""actor"."pack" IS NOT NULL AND "actor"."deleted_at" IS NULL"#;

/// Compares the number of statements of each operation with the golden table.
fn count(database: Database, calls: &[(String, String)], sent: &[(Option<Sender>, Statement)]) {
    static WRITING: Mutex<()> = Mutex::new(());
    let mut by_call: BTreeMap<(&str, &str), usize> =
        calls.iter().map(|(operation, call)| ((operation.as_str(), call.as_str()), 0)).collect();
    for (sender, statement) in sent {
        let Some(sender) = sender.as_ref().filter(|_| !statement.sql.contains(REMEMBERED)) else { continue };
        if let Some(count) = by_call.get_mut(&(sender.operation.as_str(), sender.request_id.as_str())) {
            *count += 1;
        }
    }
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for ((operation, _), number) in by_call {
        let (least, most) = counts.entry(operation).or_insert((number, number));
        (*least, *most) = ((*least).min(number), (*most).max(number));
    }
    let _writing = WRITING.lock().unwrap();
    let kept = fs::read_to_string(file("openapi/statements.md")).unwrap_or_default();
    let mut page = "# Statements of each operation\n\n\
        The number of SQL statements that one call of the story sends, the least and the most. Finding out who calls is not counted,\n\
        since that is remembered from call to call, nor are the reading of the public bodies, for the same reason, and the begin and\n\
        the end of transactions. It varies where a call finishes\n\
        work that otherwise is done in the background: linking audit entries, and giving changes their positions.\n\n\
        | operation | SQLite | PostgreSQL |\n|---|---|---|\n"
        .to_owned();
    for (_, _, operation) in operations() {
        let name = operation["operationId"].as_str().unwrap();
        let start = format!("| {name} |");
        let mut columns: Vec<_> =
            kept.lines().find(|line| line.starts_with(&start)).unwrap_or("| | | | |").split('|').map(str::trim).collect();
        columns.resize(5, "");
        let own = match counts.get(name) {
            Some(_) if FINISHING.contains(&name) => "varies".to_owned(),
            Some((least, most)) if least == most => least.to_string(),
            Some((least, most)) => format!("{least}–{most}"),
            None => String::new(),
        };
        columns[if database == Database::Sqlite { 2 } else { 3 }] = &own;
        writeln!(page, "| {name} | {} | {} |", columns[2], columns[3]).unwrap();
    }
    golden("openapi/statements.md", &page);
}

/// The statement with every list of parameters cut to one, so that statements for more or fewer ids are the same.
fn form(sql: &str) -> String {
    let mut form = String::new();
    let mut rest = sql;
    while let Some(at) = rest.find(['$', '?']) {
        let after = rest[at + 1..].trim_start_matches(|digit: char| digit.is_ascii_digit());
        form.push_str(&rest[..at]);
        form.push('?');
        rest = after;
    }
    form.push_str(rest);
    for (many, one) in [("?, ?", "?"), ("(?), (?)", "(?)"), ("?, ?", "?")] {
        while form.contains(many) {
            form = form.replace(many, one);
        }
    }
    form
}

/// Statements that a call for a page sends again and again.
fn repeated(sent: &[(Option<Sender>, Statement)]) -> Vec<String> {
    let mut times: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for (sender, statement) in sent {
        if let Some(sender) = sender {
            *times.entry((&sender.operation, &sender.request_id, &statement.sql)).or_default() += 1;
        }
    }
    let often = times.into_iter().filter(|(_, times)| *times > TIMES);
    often
        .map(|((operation, _, sql), times)| format!("{operation} sends {times} times: {}", short(sql)))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

/// The statement without the columns that it selects, and cut when it is long.
fn short(sql: &str) -> String {
    let sql = form(sql).replace('"', "");
    let selected = sql.strip_prefix("SELECT ").and_then(|rest| rest.find(" FROM ")).filter(|end| *end > 60);
    let sql = selected.map_or(sql.clone(), |end| format!("SELECT …{}", &sql["SELECT ".len() + end..]));
    if sql.chars().count() > 700 { format!("{}…", sql.chars().take(700).collect::<String>()) } else { sql }
}

/// Asks for the plans of all statements. Returns what is wrong with them.
fn judge(url: &str, sent: &[(Option<Sender>, Statement)], large: &BTreeMap<String, u64>) -> Vec<String> {
    let mut distinct: BTreeMap<(String, String), Statement> = BTreeMap::new();
    for (sender, statement) in sent {
        let operation = sender.as_ref().map_or("in the background", |sender| &sender.operation);
        let start = statement.sql.trim_start_matches('(').split_whitespace().next().unwrap_or_default().to_uppercase();
        if ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].contains(&start.as_str()) {
            distinct.entry((form(&statement.sql), operation.to_owned())).or_insert_with(|| statement.clone());
        }
    }
    let (url, large) = (url.to_owned(), large.keys().cloned().collect::<BTreeSet<_>>());
    let work = async move {
        let connect = async || sea_orm::Database::connect(ConnectOptions::new(&url).max_connections(1).to_owned()).await.unwrap();
        let fill = fill_of_indexes(connect().await).await;
        let db = connect().await;
        let mut found: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for ((_, operation), statement) in &distinct {
            let faults = faults_of_statement(statement, &large, &fill, &db).await;
            let is_excepted = finds_nothing(&statement.sql)
                || OPERATIONS.iter().any(|(name, _)| name == operation)
                || STATEMENTS.iter().any(|(part, _)| statement.sql.contains(part));
            for fault in faults.into_iter().filter(|_| !is_excepted) {
                found.entry((fault, short(&statement.sql))).or_default().insert(operation.clone());
            }
        }
        db.close().await.unwrap();
        found
    };
    let found =
        thread::spawn(|| tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)).join().unwrap();
    found
        .into_iter()
        .map(|((fault, sql), operations)| format!("{fault} — {} — {sql}", operations.into_iter().collect::<Vec<_>>().join(", ")))
        .collect()
}

/// Asks for the plan of a statement. Returns what is wrong with it.
async fn faults_of_statement(
    statement: &Statement,
    large: &BTreeSet<String>,
    fill: &BTreeMap<String, Vec<f64>>,
    db: &DatabaseConnection,
) -> Vec<String> {
    let mut faults = Vec::new();
    if db.get_database_backend() == DbBackend::Postgres {
        // The database plans with the values that are sent.
        let explain = Statement { sql: format!("EXPLAIN (FORMAT JSON) {}", statement.sql), ..statement.clone() };
        match db.query_one_raw(explain).await {
            Ok(row) => faults_of(&row.unwrap().try_get_by_index::<Value>(0).unwrap()[0]["Plan"], false, large, &mut faults),
            Err(error) => faults.push(format!("no plan: {error}")),
        }
        return faults;
    }
    let explain = Statement { sql: format!("EXPLAIN QUERY PLAN {}", statement.sql), ..statement.clone() };
    match db.query_all_raw(explain).await {
        Ok(rows) => {
            let line = |row: &QueryResult| {
                (row.try_get("", "id").unwrap(), row.try_get("", "parent").unwrap(), row.try_get("", "detail").unwrap())
            };
            faults_of_lines(&rows.iter().map(line).collect::<Vec<_>>(), &statement.sql, large, fill)
        }
        Err(error) => vec![format!("no plan: {error}")],
    }
}

/// What is wrong with a plan of `PostgreSQL`. `ends` says whether the reader of the node's rows stops early.
fn faults_of(node: &Value, ends: bool, large: &BTreeSet<String>, faults: &mut Vec<String>) {
    let kind = node["Node Type"].as_str().unwrap_or_default();
    let rows = node["Plan Rows"].as_f64().unwrap_or_default();
    let table = node["Relation Name"].as_str().unwrap_or_default();
    let mut ends = ends;
    match kind {
        "Seq Scan" if large.contains(table) => faults.push(format!("reads all rows of {table}")),
        "Index Scan" | "Index Only Scan" if large.contains(table) && node["Index Cond"].is_null() && !ends && rows > SORTED => {
            faults.push(format!("reads a whole index of {table}: {}", node["Index Name"]));
        }
        "Sort" if rows > SORTED => faults.push(format!("sorts {rows} rows")),
        "Limit" => ends = true,
        _ => {}
    }
    if ["Sort", "Hash", "Aggregate", "Materialize", "Memoize"].contains(&kind) {
        ends = false;
    }
    for part in node["Plans"].as_array().into_iter().flatten() {
        faults_of(part, ends, large, faults);
    }
}

/// How many rows of an index of `SQLite` have the same first column on average, the same first two columns, and so on.
async fn fill_of_indexes(db: DatabaseConnection) -> BTreeMap<String, Vec<f64>> {
    if db.get_database_backend() == DbBackend::Postgres {
        return BTreeMap::new();
    }
    db.execute_unprepared("ANALYZE").await.unwrap();
    let rows =
        db.query_all_raw(Statement::from_string(DbBackend::Sqlite, "SELECT idx, stat FROM sqlite_stat1 WHERE idx IS NOT NULL")).await;
    let fill = |row: &QueryResult| {
        let stat: String = row.try_get("", "stat").unwrap();
        (row.try_get("", "idx").unwrap(), stat.split(' ').skip(1).filter_map(|number| number.parse().ok()).collect())
    };
    let fill = rows.unwrap().iter().map(fill).collect();
    // The service keeps no statistics, so its statements are planned without them.
    db.execute_unprepared("DROP TABLE sqlite_stat1").await.unwrap();
    db.close().await.unwrap();
    fill
}

/// What is wrong with a plan of `SQLite`, given as lines with their numbers and those of their parents.
fn faults_of_lines(lines: &[(i64, i64, String)], sql: &str, large: &BTreeSet<String>, fill: &BTreeMap<String, Vec<f64>>) -> Vec<String> {
    let mut faults = Vec::new();
    let beside = |parent: i64| lines.iter().filter(move |(_, other, _)| *other == parent).map(|(_, _, line)| line.as_str());
    for (_, parent, line) in lines {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            ["SCAN", name, rest @ ..] => {
                let table = table_of(name, sql);
                let sorts = beside(*parent).any(|line| line.starts_with("USE TEMP B-TREE"));
                // The walk of an index ends with the page.
                let walks = rest.first() == Some(&"USING") && *parent == 0 && sql.contains(" LIMIT ") && !sorts;
                // A list of no values inside of another condition.
                let nothing = form(sql).replace('"', "").contains(&format!("FROM {table} WHERE ? = ?"));
                if large.contains(&table) && !rest.contains(&"VIRTUAL") && !walks && !nothing {
                    faults.push(format!("{line} ({table})"));
                }
            }
            ["USE", "TEMP", ..] => {
                let reads_large = beside(*parent).any(|line| {
                    let mut words = line.split_whitespace();
                    let reads = matches!(words.next(), Some("SEARCH" | "SCAN"))
                        && words.next().is_some_and(|name| large.contains(&table_of(name, sql)));
                    reads || line == "MULTI-INDEX OR"
                });
                let rows = found(*parent, lines, fill);
                if reads_large && rows > SORTED {
                    faults.push(format!("{line} of {rows} rows"));
                }
            }
            _ => {}
        }
    }
    faults
}

/// How many rows the lines below a line of a plan find together.
fn found(parent: i64, lines: &[(i64, i64, String)], fill: &BTreeMap<String, Vec<f64>>) -> f64 {
    let mut rows = 1.0;
    for (id, _, line) in lines.iter().filter(|(_, other, _)| *other == parent) {
        if line.starts_with("SEARCH") {
            rows *= found_by(line, fill);
        } else if line == "MULTI-INDEX OR" {
            rows *= lines.iter().filter(|(_, other, _)| other == id).map(|(id, _, _)| found(*id, lines, fill)).sum::<f64>();
        }
    }
    rows
}

/// How many rows a search in an index finds, as `SQLite` says it: `SEARCH t USING INDEX i (a=? AND b>?)`.
fn found_by(line: &str, fill: &BTreeMap<String, Vec<f64>>) -> f64 {
    let index = line.split("INDEX ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let Some(fill) = fill.get(index) else { return 1.0 };
    match line.matches("=?").count() {
        0 => f64::INFINITY,
        equal => fill.get(equal - 1).copied().unwrap_or(1.0),
    }
}

/// Whether a statement asks for one of no values, so that no database looks for any row.
fn finds_nothing(sql: &str) -> bool {
    let form = form(sql);
    let mut depth = 0;
    form.char_indices().any(|(at, letter)| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        let rest = &form[at..];
        depth == 0 && (rest.starts_with("WHERE ? = ?") || rest.starts_with("AND ? = ?"))
    })
}

/// The table that a statement calls by this name.
fn table_of(name: &str, sql: &str) -> String {
    let plain = sql.replace('"', "");
    let words: Vec<_> = plain.split(|letter: char| letter.is_whitespace() || letter == '(' || letter == ')' || letter == ',').collect();
    let alias = words.windows(3).find(|words| words[1].eq_ignore_ascii_case("AS") && words[2] == name);
    alias.map_or(name, |words| words[0]).to_owned()
}
