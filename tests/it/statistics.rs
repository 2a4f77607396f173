//! Statistics: values keep their meaning from the imported table to the published revision.

use std::{collections::BTreeMap, thread};

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::harness::{Answer, Client, Database, Lock, TestApp, id, waited};

const CSV: &str = "text/csv";
const HEADING: &str = "kod;period;kön;ålder;variant;värde;täljare;nämnare;status\n";

/// Imports a table of values of an indicator.
#[track_caller]
pub fn import_table(who: &Client, indicator: &str, table: &str) -> Value {
    who.call("POST", &format!("/observation-imports?indicator={indicator}&source=SCB&licence=CC0"), Some((CSV, table.as_bytes())))
        .is(201)
        .json
}

/// Imports rows under the usual heading.
#[track_caller]
pub fn import(who: &Client, indicator: &str, rows: &str) -> Value {
    import_table(who, indicator, &format!("{HEADING}{rows}"))
}

/// The rows, columns and codes of an import's errors or warnings.
pub fn row_faults(report: &Value, member: &str) -> Vec<String> {
    let rows = report[member].as_array().unwrap().iter();
    rows.map(|row| format!("{} {} {}", row["row"], row["column"].as_str().unwrap(), row["code"].as_str().unwrap())).collect()
}

/// The values of an indicator, as anybody sees them.
pub fn values(app: &TestApp, indicator: &str, filter: &str) -> Vec<Value> {
    let of = indicator_id(app, indicator);
    app.anybody().get(&format!("/observations?indicatorId={of}&limit=200{filter}")).is(200).json["items"].as_array().unwrap().clone()
}

fn indicator_id(app: &TestApp, code: &str) -> String {
    id(&app.anybody().get(&format!("/indicators?code={code}")).is(200).json["items"][0])
}

/// The only value of an indicator, with its earlier values.
#[track_caller]
fn only_value(app: &TestApp, indicator: &str) -> Answer {
    let [value] = values(app, indicator, "").try_into().expect("one value");
    app.anybody().get(&format!("/observations/{}", id(&value))).is(200)
}

fn numbers(value: &Value) -> [&Value; 3] {
    [&value["value"], &value["numerator"], &value["denominator"]]
}

const NOTHING: [&Value; 3] = [&Value::Null; 3];

#[rstest]
fn suppressed_and_missing_values_have_no_numbers(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let rows = "0127;2018;;;;6;3;50;suppressed\n0127;2019;;;;..;3;50;\n0127;2020;;;;.;3;50;\n0127;2021;;;;;3;50;not_available\n\
                0127;2022;;;;;..;50;\n0127;2023;;;;;;;suppressed\n0127;2024;;;;..;3;50;final\n";
    let report = import(&admin, "neet", rows);
    assert_eq!((&report["rowsCreated"], &report["rowsRefused"]), (&json!(7), &json!(0)), "{report}");
    let warned = ["2 value not-kept", "3 numerator not-kept", "4 numerator not-kept", "5 numerator not-kept", "6 denominator not-kept"];
    assert_eq!(row_faults(&report, "warnings"), [&warned[..], &["8 numerator not-kept"]].concat());
    let stored = values(&app, "neet", "");
    let statuses: Vec<_> = stored.iter().map(|value| value["status"].as_str().unwrap()).collect();
    let expected = ["suppressed", "not_available", "not_applicable", "not_available", "not_available", "suppressed", "not_available"];
    assert_eq!(statuses, expected);
    assert!(stored.iter().all(|value| numbers(value) == NOTHING), "{stored:?}");

    // The same as JSON.
    let row = json!({"areaCode": "0127", "period": "2025", "value": 6, "numerator": 3, "denominator": 50, "status": "suppressed"});
    admin.post("/observation-imports?indicator=neet&source=SCB", &json!({"rows": [row]})).is(201);
    assert!(values(&app, "neet", "&period=2025").iter().all(|value| numbers(value) == NOTHING));

    // The earlier numbers of a value that is suppressed now are hidden too. When it is shown again they are shown.
    import(&admin, "housing_form", "0127;2023;;;;;3;50;\n");
    import(&admin, "housing_form", "0127;2023;;;;;3;50;suppressed\n");
    let hidden = only_value(&app, "housing_form").json;
    assert_eq!((numbers(&hidden), numbers(&hidden["former"][0])), (NOTHING, NOTHING), "{hidden}");
    assert_eq!((&hidden["disclosure"], &hidden["former"][0]["status"]), (&json!("suppression"), &json!("final")));
    import(&admin, "housing_form", "0127;2023;;;;;4;50;\n");
    let shown = only_value(&app, "housing_form").json;
    assert_eq!((&shown["value"], &shown["status"], &shown["former"][1]["value"]), (&json!(8.0), &json!("revised"), &json!(6.0)), "{shown}");
}

#[rstest]
fn a_changed_value_keeps_its_earlier_values(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let first = import(&admin, "disposable_income", "0127;2023;;;;250;;;\n");
    let before = only_value(&app, "disposable_income");
    assert_eq!((&before.json["status"], &before.json["former"]), (&json!("final"), &json!([])));
    let second = import(&admin, "disposable_income", "0127;2023;;;;999;;;\n");
    assert_eq!(second["rowsChanged"], json!(1));
    let after = only_value(&app, "disposable_income");
    assert_eq!((&after.json["value"], &after.json["status"], &after.json["version"]), (&json!(999.0), &json!("revised"), &json!(2)));
    assert_eq!((&after.json["importId"], after.json["id"].clone()), (&second["id"], before.json["id"].clone()));
    assert_ne!(before.etag(), after.etag());
    let former = json!([{"version": 1, "value": 250.0, "numerator": null, "denominator": null, "status": "final",
        "importId": first["id"], "updatedAt": before.json["updatedAt"]}]);
    assert_eq!(after.json["former"], former);

    // The same table again changes nothing, though it does not give the status `revised`.
    assert_eq!(import(&admin, "disposable_income", "0127;2023;;;;999;;;\n")["rowsUnchanged"], json!(1));
    import(&admin, "disposable_income", "0127;2023;;;;998;;;estimated\n");
    let third = only_value(&app, "disposable_income").json;
    assert_eq!((&third["status"], third["former"].as_array().unwrap().len()), (&json!("estimated"), 2));
    assert_eq!((&third["former"][0]["status"], &third["former"][0]["value"]), (&json!("revised"), &json!(999.0)));

    // A preliminary value that is confirmed becomes final and is not revised.
    import(&admin, "merit_value", "0127;2023;;;;210;;;preliminary\n");
    import(&admin, "merit_value", "0127;2023;;;;210;;;final\n");
    let confirmed = only_value(&app, "merit_value").json;
    assert_eq!((&confirmed["status"], &confirmed["former"][0]["status"]), (&json!("final"), &json!("preliminary")));
}

#[rstest]
fn impossible_values_are_refused_with_the_reason(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let children = json!({"code": "children", "nameSv": "Barn", "nameEn": "Children", "statisticalArea": "education",
        "valueKind": "count", "polarity": "neutral"});
    admin.post("/indicators", &children).is(201);
    for (indicator, row, fault) in [
        ("neet", ";;;140;;;", "value out-of-range"),
        ("neet", ";;;-5;;;", "value out-of-range"),
        ("neet", ";;;50;1;4;", "value contradicts-counts"),
        ("neet", ";;;;12,5;50;", "numerator not-a-count"),
        ("neet", ";;;;-1;50;", "numerator not-a-count"),
        ("neet", ";;;;5;0;", "denominator zero"),
        ("neet", ";;;;50;10;", "numerator too-large"),
        ("neet", ";banan;;5;;;", "age wrong-form"),
        ("neet", ";40-20;;5;;;", "age wrong-form"),
        ("neet", ";131;;5;;;", "age wrong-form"),
        ("neet", "robot;;;5;;;", "sex not-in-list"),
        ("neet", ";;medel;5;;;", "variant not-in-list"),
        ("neet", ";;;;;;", "value required"),
        ("neet", ";;;fem;;;", "value not-a-number"),
        ("neet", ";;;5;;;hemlig", "status not-in-list"),
        ("income_low_high", ";;medel;5;;;", "variant not-in-list"),
        ("education_level", ";;gymnasial;101;;;", "value out-of-range"),
        ("children", ";;;12,5;;;", "value not-a-count"),
        ("children", ";;;-1;;;", "value not-a-count"),
        ("children", ";;;7;8;;", "value contradicts-counts"),
    ] {
        let report = import(&admin, indicator, &format!("0127;2023;{row}\n0114;2022;;;;..;;;\n"));
        assert_eq!(row_faults(&report, "errors"), [format!("2 {fault}")], "{row}");
        let detail = report["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.len() > 20, "{detail}");
        assert!(values(&app, indicator, "&period=2023").is_empty(), "{row}");
    }
    // A rounded value does not contradict its counts, and a value at the bounds is allowed.
    let rows = "0127;2023;;;;33,3;1;3;\n0127;2022;;;;33;1;3;\n0127;2021;;;;0;0;3;\n0127;2020;;;;100;3;3;\n";
    let report = import(&admin, "neet", rows);
    assert_eq!((&report["rowsCreated"], row_faults(&report, "errors")), (&json!(4), vec![]));
}

#[rstest]
fn different_spellings_give_one_value(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let report = import(&admin, "neet", "0127;2023;;0–12;;5;;;\n0127;2023;Totalt;0-12 år;;5;;;\n0127;2023;;65 +;;7;;;\n");
    assert_eq!((&report["rowsCreated"], row_faults(&report, "errors")), (&json!(2), vec!["3 areaCode repeated".to_owned()]));
    let ages: Vec<_> = values(&app, "neet", "").iter().map(|value| value["breakdown"]["age"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ages, ["0-12", "65+"]);
    for age in ["0-12", "0 — 12", "0−12"] {
        let row = json!({"areaCode": "0127", "period": "2023", "breakdown": {"age": age}, "value": 5});
        let again = admin.post("/observation-imports?indicator=neet&source=SCB", &json!({"rows": [row]})).is(201).json;
        assert_eq!(again["rowsUnchanged"], json!(1), "{age}: {again}");
    }
    let report = import(&admin, "income_low_high", "0127;2023;;;LOW;5;;;\n0127;2023;;;high;5;;;\n0127;2023;;; low;5;;;\n");
    assert_eq!(row_faults(&report, "errors"), ["4 areaCode repeated"]);
    let variants = |indicator: &str| {
        let values = values(&app, indicator, "");
        values.iter().map(|value| value["breakdown"]["variant"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(variants("income_low_high"), ["low", "high"]);
    // A distribution that declares no variants accepts those of its values.
    import(&admin, "education_level", "0127;2023;;;gymnasial;40;;;\n0127;2023;;;eftergymnasial – lång;20;;;\n");
    assert_eq!(variants("education_level"), ["gymnasial", "eftergymnasial - lång"]);
}

#[rstest]
fn a_numerator_that_is_a_little_too_large_gives_a_warning(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let rows = "0127;2023;;;;;51;50;\n0127;2022;;;;100;52;50;\n0127;2021;;;;102;51;50;\n0127;2020;;;;;1005;1000;\n0127;2019;;;;;60;50;\n";
    let report = import(&admin, "neet", rows);
    assert_eq!(row_faults(&report, "errors"), ["6 numerator too-large"]);
    let warned: Vec<_> = (2..=5).map(|row| format!("{row} numerator a-little-too-large")).collect();
    assert_eq!(row_faults(&report, "warnings"), warned);
    assert_eq!(row_faults(&admin.get(&format!("/observation-imports/{}", id(&report))).is(200).json, "warnings"), warned);
    let stored = values(&app, "neet", "");
    assert!(stored.iter().all(|value| value["value"] == json!(100.0)), "{stored:?}");
    assert_eq!((&stored[0]["numerator"], &stored[0]["denominator"]), (&json!(51.0), &json!(50.0)));
}

#[rstest]
fn a_period_is_found_under_the_name_it_was_sent_with(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(case) = Case::new(database) else { return };
    let names = ["2023Q1", "2023q2", "2023K3", "2023-Q4", "2023m05"];
    for (at, name) in names.iter().enumerate() {
        assert_eq!(import(&case.admin, "merit_value", &format!("0127;{name};;;;{at};;;\n"))["rowsCreated"], json!(1), "{name}");
    }
    let found: Vec<_> = names.map(|name| values(&case.app, "merit_value", &format!("&period={name}"))).into();
    let periods: Vec<_> = found.iter().map(|values| (values.len(), values[0]["period"].as_str().unwrap())).collect();
    assert_eq!(periods, [(1, "2023K1"), (1, "2023K2"), (1, "2023K3"), (1, "2023K4"), (1, "2023M05")]);
    let long = case.app.anybody().post("/observations/search", &json!({"period": "2023Q1"})).is(200).json;
    assert_eq!(long["items"].as_array().unwrap().len(), 1, "{long}");
    for (name, period) in names.iter().zip(periods) {
        let evidence = case.add_evidence("merit_value", &["0127"], &json!({"periods": [name]})).is(201);
        assert_eq!(evidence.json["answer"]["observations"][0]["period"], json!(period.1), "{}", evidence.body);
    }
}

#[rstest]
fn simultaneous_imports_lose_no_version(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start_with(database, "database_lock_seconds = 30") else { return };
    let admin = app.user(Role::Admin, None);
    import(&admin, "merit_value", "0127;2023;;;;1;;;\n");
    let path = format!("/observations/{}", id(&only_value(&app, "merit_value").json));
    let mut tags = BTreeMap::new();
    let mut sent = vec![1.0];
    for pair in 1..=12_u32 {
        let both = [pair * 10, pair * 10 + 1];
        thread::scope(|scope| {
            let running = both.map(|value| {
                let admin = &admin;
                scope.spawn(move || import(admin, "merit_value", &format!("0127;2023;;;;{value};;;\n")))
            });
            while !running.iter().all(thread::ScopedJoinHandle::is_finished) {
                let seen = app.anybody().get(&path).is(200);
                let value = seen.json["value"].clone();
                assert_eq!(tags.entry(seen.etag()).or_insert_with(|| value.clone()), &value, "one tag for two values");
            }
            for import in running {
                assert_eq!(import.join().unwrap()["rowsChanged"], json!(1));
            }
        });
        sent.extend(both.map(f64::from));
    }
    if database == Database::Postgres {
        // Two imports that have both begun before either may write.
        let lock = Lock::by(&app.url, &["BEGIN", "SELECT id FROM observation FOR UPDATE"]);
        let both = [200, 201_u32];
        thread::scope(|scope| {
            let running = both.map(|value| {
                let admin = &admin;
                scope.spawn(move || import(admin, "merit_value", &format!("0127;2023;;;;{value};;;\n")))
            });
            let waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
            waited("two imports at once", || app.rows(waiting).len() == 2);
            drop(lock);
            for import in running {
                assert_eq!(import.join().unwrap()["rowsChanged"], json!(1));
            }
        });
        sent.extend(both.map(f64::from));
    }
    let last = app.anybody().get(&path).is(200).json;
    assert_eq!(last["version"], json!(sent.len()));
    let former = last["former"].as_array().unwrap();
    let versions: Vec<_> = former.iter().map(|former| former["version"].as_u64().unwrap()).collect();
    assert_eq!(versions, (1..sent.len() as u64).rev().collect::<Vec<_>>());
    let mut kept: Vec<_> = former.iter().chain([&last]).map(|value| value["value"].as_f64().unwrap()).collect();
    kept.sort_by(f64::total_cmp);
    assert_eq!(kept, sent);
    for seen in former {
        let tag = format!("\"v{}\"", seen["version"]);
        assert!(tags.get(&tag).is_none_or(|value| *value == seen["value"]), "{tag} stood for another value");
    }
}

#[rstest]
fn the_migration_corrects_old_values(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    import(&admin, "neet", "0127;2023;;0-12;;6;;;\n0127;2022;;;;6;3;50;\n0127;2021;;;;6;3;50;\n");
    // As an earlier program left the database before the migration.
    for statement in [
        "DROP TABLE observation_version",
        "ALTER TABLE observation_import DROP COLUMN warnings",
        "DELETE FROM seaql_migrations WHERE version = 'm0031_former_values'",
        "UPDATE observation SET breakdown_key = 'age=0–12', breakdown = '{\"age\":\"0–12\"}' WHERE period = '2023'",
        "UPDATE observation SET status = 'suppressed' WHERE period = '2022'",
    ] {
        app.execute(statement);
    }
    crate::harness::prepare(&app.url);
    let stored = values(&app, "neet", "");
    let numbers_and_versions: Vec<_> = stored.iter().map(|value| (numbers(value), value["version"].as_u64().unwrap())).collect();
    let (six, three, fifty) = (json!(6.0), json!(3.0), json!(50.0));
    assert_eq!(numbers_and_versions, [([&six, &Value::Null, &Value::Null], 2), (NOTHING, 2), ([&six, &three, &fifty], 1)]);
    assert_eq!(stored[0]["breakdown"]["age"], json!("0-12"));
    assert_eq!(import(&admin, "neet", "0127;2023;;0–12;;6;;;\n")["rowsUnchanged"], json!(1));
}

/// A finding to add evidence to, in an assessment with one party.
struct Case {
    app: TestApp,
    admin: Client,
    forum: String,
    party: (String, Client),
    assessment: String,
    finding: String,
}

impl Case {
    fn new(database: Database) -> Option<Self> {
        let app = TestApp::start_with(database, "body_bytes = 2097152")?;
        let admin = app.user(Role::Admin, None);
        let seat = app.area("0127");
        let forum = json!({"kind": "council", "level": "local", "name": "Åråret", "areas": [seat], "visibility": "public"});
        let forum = id(&admin.post("/forums", &forum).is(201).json);
        let actor = json!({"kind": "association", "name": "Ekens vänner", "seatAreaId": seat});
        let actor = id(&admin.post("/actors", &actor).is(201).json);
        let who = app.user(Role::ActorAdmin, Some(("actor", &actor)));
        let members = format!("/forums/{forum}/members");
        let member = id(&admin.post(&members, &json!({"actorId": actor, "function": "member"})).is(201).json);
        who.call("POST", &format!("{members}/{member}/accept"), None).is(200);
        let new = json!({"title": "Skolan i parken", "forumId": forum, "areaId": seat, "visibility": "public"});
        let assessment = format!("/assessments/{}", id(&admin.post("/assessments", &new).is(201).json));
        let new = json!({"kind": "difference", "statement": "Meritvärdena skiljer sig åt."});
        let finding = format!("{assessment}/findings/{}", id(&admin.post(&format!("{assessment}/findings"), &new).is(201).json));
        Some(Self { app, admin, forum, party: (actor, who), assessment, finding })
    }

    /// Adds a query to the statistics as evidence.
    fn add_evidence(&self, indicator: &str, areas: &[&str], more: &Value) -> Answer {
        let areas: Vec<_> = areas.iter().map(|code| self.app.area(code)).collect();
        let mut query = json!({"indicatorId": indicator_id(&self.app, indicator), "areaIds": areas});
        query.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.admin.post(&format!("{}/evidence", self.finding), &json!({"kind": "statistic", "query": query}))
    }

    /// Publishes the assessment, and returns the path of the revision.
    fn publish(&self) -> String {
        let step = |step: &str| self.admin.call("POST", &format!("{}/{step}", self.assessment), None).is(200);
        step("review");
        let word = json!({"position": "endorse", "reason": "Så ser vi det."});
        self.party.1.put(&format!("{}/endorsements/{}", self.assessment, self.party.0), &word).is(201);
        step("agree");
        step("publish");
        let revisions = format!("{}/revisions", self.assessment);
        format!("{revisions}/{}", id(&self.admin.get(&revisions).is(200).json["items"][0]))
    }
}

#[rstest]
fn an_answer_compares_only_what_can_be_compared(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(case) = Case::new(database) else { return };
    let rows = "0127;2022;;;;8;;;\n0127;2023;;;;10;;;\n0114;2023;;;;5;;;\n0115;2023;;;;..;;;\n0127;2023;kvinnor;;;12;;;\n\
                0114;2021;;;;0;;;\n0127;2021;;;;4;;;\n0127;2020;;;;..;;;\n";
    import(&case.admin, "neet", rows);
    import(&case.admin, "income_low_high", "0127;2023;;;low;30;;;\n0127;2023;;;high;20;;;\n");
    let asked = |indicator: &str, areas: &[&str], more: Value| case.add_evidence(indicator, areas, &more).is(201).json["answer"].clone();
    let summary = |answer: &Value| ["lowest", "highest", "difference", "ratio", "summaryGap"].map(|member| answer[member].clone()).to_vec();
    let gap = |reason: &str| vec![Value::Null, Value::Null, Value::Null, Value::Null, json!(reason)];

    let one = asked("neet", &["0127", "0114", "0127", "0115", "0127"], json!({"periods": ["2023"], "breakdown": {}}));
    assert_eq!(summary(&one), [json!(5), json!(10), json!(5), json!(2), Value::Null], "{one}");
    assert_eq!((&one["areasAsked"], &one["areasWithValue"]), (&json!(3), &json!(2)));
    assert_eq!((one["areas"].as_array().unwrap().len(), one["observations"].as_array().unwrap().len()), (3, 3));

    assert_eq!(summary(&asked("neet", &["0127", "0114"], json!({"breakdown": {}}))), gap("several_periods"));
    assert_eq!(summary(&asked("neet", &["0127", "0114"], json!({"periods": ["2023"]}))), gap("several_breakdowns"));
    assert_eq!(summary(&asked("income_low_high", &["0127"], json!({"periods": ["2023"]}))), gap("several_variants"));
    assert_eq!(summary(&asked("neet", &["0127"], json!({"periods": ["2020"]}))), gap("no_values"));
    let low = asked("income_low_high", &["0127"], json!({"breakdown": {"variant": "LOW"}}));
    assert_eq!((&low["lowest"], &low["summaryGap"]), (&json!(30), &Value::Null));
    // Several periods can be compared when only one of them has values.
    let answer = asked("neet", &["0127"], json!({"periods": ["2020", "2022"]}));
    assert_eq!((&answer["lowest"], &answer["summaryGap"]), (&json!(8), &Value::Null));
    let zero = asked("neet", &["0127", "0114"], json!({"periods": ["2021"]}));
    assert_eq!(summary(&zero), [json!(0), json!(4), json!(4), Value::Null, json!("not_positive")]);
}

#[rstest]
fn a_revision_can_be_read_without_the_registers(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(case) = Case::new(database) else { return };
    import(&case.admin, "neet", "0127;2023;;;;10;;;\n");
    let path = "/observation-imports?indicator=neet&source=Kommunens%20egna&licence=CC-BY-4.0";
    let own = case.admin.call("POST", path, Some((CSV, "kod;år;värde\n0114;2023;5\n".as_bytes()))).is(201).json;
    case.add_evidence("neet", &["0127", "0114"], &json!({})).is(201);
    let revision = case.publish();
    let hash = case.app.anybody().get(&revision).is(200).json["hash"].clone();

    // Change the names in the registry.
    let indicator = format!("/indicators/{}", indicator_id(&case.app, "neet"));
    case.admin.patch(&indicator, "*", &json!({"nameSv": "Något annat", "unit": "promille"})).is(200);
    case.admin.patch(&format!("/forums/{}", case.forum), "*", &json!({"name": "Sommaråret"})).is(200);
    case.admin.patch(&format!("/actors/{}", case.party.0), "*", &json!({"name": "Lindens vänner"})).is(200);
    case.app.execute("UPDATE area SET name = 'Nya Botkyrka' WHERE code = '0127'");

    let read = case.app.anybody().get(&revision).is(200).json;
    let answer = &read["content"]["evidence"][0]["answer"];
    let measured = &answer["measured"];
    assert_eq!(
        (&measured["code"], &measured["unit"], &measured["valueKind"], &measured["polarity"]),
        (&json!("neet"), &json!("percent"), &json!("share"), &json!("lower"))
    );
    assert_eq!(measured["nameSv"], json!("Andel unga som varken arbetar eller studerar"));
    assert_eq!(measured["nameEn"], json!("Young people not in employment or education"));
    let areas: Vec<_> = answer["areas"].as_array().unwrap().iter().map(|area| (&area["code"], &area["name"], &area["level"])).collect();
    assert_eq!(areas[0], (&json!("0127"), &json!("Botkyrka"), &json!("municipality")));
    assert_eq!(areas[1].1, &json!("Upplands Väsby"));
    let origins = answer["origins"].as_array().unwrap();
    let licences: Vec<_> = origins.iter().map(|origin| (&origin["source"], &origin["licence"])).collect();
    assert_eq!(licences, [(&json!("SCB"), &json!("CC0")), (&json!("Kommunens egna"), &json!("CC-BY-4.0"))]);
    assert_eq!(origins[1]["importId"], own["id"]);
    for observation in answer["observations"].as_array().unwrap() {
        assert!(origins.iter().any(|origin| origin["importId"] == observation["importId"]), "{observation}");
    }
    let names = &read["content"]["names"];
    assert_eq!((&names["forum"]["name"], &names["area"]["name"]), (&json!("Åråret"), &json!("Botkyrka")), "{names}");
    assert_eq!(read["content"]["endorsements"][0]["actor"], json!({"id": case.party.0, "name": "Ekens vänner"}));
    // Later changes of the values are not part of the published revision.
    assert_eq!(read["content"]["evidence"][0].get("changed"), None);
    assert_eq!(read["hash"], hash);
    let verified = case.app.anybody().get(&format!("{revision}/verify")).is(200).json;
    assert_eq!(verified, json!({"intact": true, "differs": []}));
}

#[rstest]
fn evidence_and_trace_show_changed_values(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(case) = Case::new(database) else { return };
    import(&case.admin, "neet", "0127;2023;;;;10;;;\n0114;2023;;;;5;;;\n0115;2023;;;;7;;;\n");
    let evidence = case.add_evidence("neet", &["0127", "0114", "0115"], &json!({})).is(201);
    let path = format!("{}/evidence/{}", case.finding, id(&evidence.json));
    let read = || case.app.anybody().get(&path).is(200);
    let nodes = |kind: &str, of: &str| {
        let trace = case.admin.get(&format!("/trace/{kind}/{of}")).is(200).json;
        let nodes = trace["nodes"].as_array().unwrap().clone();
        nodes.into_iter().find(|node| node["kind"] == "evidence").unwrap()["changed"].clone()
    };
    let finding = case.finding.rsplit('/').next().unwrap();
    let before = read();
    assert_eq!((&before.json["changed"], before.etag()), (&json!([]), evidence.etag()));
    assert_eq!(nodes("finding", finding), json!([]));

    import(&case.admin, "neet", "0127;2023;;;;99;;;\n0114;2023;;;;5;;;\n0115;2023;;;;;;;suppressed\n");
    let after = read();
    assert_ne!(after.etag(), before.etag(), "what reads otherwise has another tag");
    assert_eq!((&after.json["answer"], &after.json["hash"]), (&before.json["answer"], &before.json["hash"]));
    let changed = after.json["changed"].as_array().unwrap();
    let both: BTreeMap<_, _> = changed
        .iter()
        .map(|change| {
            let observed = |side: &str| (change[side]["version"].clone(), change[side]["value"].clone(), change[side]["status"].clone());
            (change["areaId"].as_str().unwrap().to_owned(), (observed("frozen"), observed("present")))
        })
        .collect();
    let seen = |version: i64, value: Value, status: &str| (json!(version), value, json!(status));
    let expected = BTreeMap::from([
        (case.app.area("0127"), (seen(1, json!(10.0), "final"), seen(2, json!(99.0), "revised"))),
        (case.app.area("0115"), (seen(1, json!(7.0), "final"), seen(2, Value::Null, "suppressed"))),
    ]);
    assert_eq!(both, expected, "{}", after.body);
    assert!(changed.iter().all(|change| change["period"] == "2023"));
    let list = case.app.anybody().get(&format!("{}/evidence", case.finding)).is(200).json;
    assert_eq!(list["items"][0]["changed"], after.json["changed"]);
    assert_eq!(nodes("finding", finding), after.json["changed"]);
    assert_eq!(nodes("evidence", &id(&evidence.json)), after.json["changed"]);
    let observation = changed[0]["observationId"].as_str().unwrap();
    let forward = case.admin.get(&format!("/trace/observation/{observation}?direction=forward")).is(200).json;
    assert!(forward["nodes"].as_array().unwrap().iter().any(|node| node["changed"] == after.json["changed"]), "{forward}");

    // An older form of a frozen answer is served as it is, and compared too.
    let stored = before.json["answer"]["observations"].as_array().unwrap().iter().map(|seen| {
        let members = ["id", "version", "indicatorId", "areaId", "period", "breakdown", "value", "numerator", "denominator", "status"];
        Value::Object(members.iter().map(|name| ((*name).to_owned(), seen[name].clone())).collect())
    });
    let old = json!({"indicator": "neet", "observations": stored.collect::<Vec<_>>(), "areasAsked": 3, "areasWithValue": 3, "lowest": 5,
        "highest": 10, "difference": 5, "ratio": 2});
    let old = samsyn::kernel::hash::frozen(1, &old).unwrap();
    case.app.execute(&format!("UPDATE evidence SET form = 1, answer = '{old}'"));
    let kept = read();
    assert!(kept.body.contains(&old), "{}", kept.body);
    assert_eq!((&kept.json["form"], &kept.json["changed"]), (&json!(1), &after.json["changed"]));

    // A removed value is reported too.
    for table in ["evidence_observation", "observation_version", "observation"] {
        let column = if table == "observation" { "id" } else { "observation_id" };
        case.app.execute(&format!("DELETE FROM {table} WHERE {column} IN (SELECT id FROM observation WHERE value = 99)"));
    }
    let removed =
        read().json["changed"].as_array().unwrap().iter().find(|change| change["areaId"] == json!(case.app.area("0127"))).cloned();
    let removed = removed.unwrap();
    assert_eq!((&removed["frozen"]["value"], &removed["present"]), (&json!(10.0), &Value::Null));

    let odd = r#"{"observations":[{"odd":true}]}"#;
    case.app.execute(&format!("UPDATE evidence SET answer = '{odd}'"));
    let served = read();
    assert!(served.body.contains(odd) && served.json["changed"] == json!([]), "{}", served.body);
    case.app.execute(&format!("UPDATE evidence SET answer = '{old}'"));

    // Changes of values under secrecy are hidden from others.
    let mark = json!({"recordKind": "finding", "recordId": finding, "chapter": 26, "paragraph": "1", "motive": "Skyddat boende",
        "reviewOn": "2027-01-31"});
    case.admin.post("/secrecy-marks", &mark).is(201);
    let reader = case.app.user(Role::Reader, None);
    let trace = reader.get(&format!("/trace/finding/{finding}")).is(200).json;
    let hidden = trace["nodes"].as_array().unwrap().iter().find(|node| node["kind"] == "evidence").unwrap().clone();
    assert_eq!((&read().json["changed"], &hidden["changed"]), (&json!([]), &json!([])), "{trace}");
}

#[rstest]
fn evidence_may_rest_on_as_much_as_the_contract_allows(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(case) = Case::new(database) else { return };
    let areas = case.app.anybody().get("/areas?level=municipality&limit=180").is(200).json["items"].as_array().unwrap().clone();
    let (ids, codes): (Vec<_>, Vec<_>) = areas.iter().map(|area| (id(area), area["code"].as_str().unwrap())).unzip();
    let periods: Vec<_> = (1..=100).map(|at| format!("{}M{:02}", 2010 + (at - 1) / 12, (at - 1) % 12 + 1)).collect();
    let rows = codes.iter().flat_map(|code| periods.iter().map(move |period| format!("{code};{period};5\n")));
    let table = rows.fold("kod;period;värde\n".to_owned(), |table, row| table + &row);
    let path = "/observation-imports?indicator=merit_value&source=SCB";
    let report = case.admin.call("POST", path, Some((CSV, table.as_bytes()))).is(201).json;
    assert_eq!(report["rowsCreated"], json!(18_000));
    let query = json!({"indicatorId": indicator_id(&case.app, "merit_value"), "areaIds": ids, "periods": periods});
    let new = json!({"kind": "statistic", "query": query});
    let evidence = case.admin.post(&format!("{}/evidence", case.finding), &new).is(201).json;
    assert_eq!(evidence["answer"]["observations"].as_array().unwrap().len(), 18_000);

    // It is read, traced and published like any other evidence, also when all its values have changed.
    let report = case.admin.call("POST", path, Some((CSV, table.replace(";5\n", ";6\n").as_bytes()))).is(201).json;
    assert_eq!(report["rowsChanged"], json!(18_000));
    let read = case.admin.get(&format!("{}/evidence/{}", case.finding, id(&evidence))).is(200).json;
    assert_eq!(read["changed"].as_array().unwrap().len(), 18_000);
    let trace = case.admin.get(&format!("/trace/finding/{}", case.finding.rsplit('/').next().unwrap())).is(200).json;
    assert_eq!((trace["nodes"].as_array().unwrap().len(), trace["edges"].as_array().unwrap().len()), (18_002, 18_001));
    let revision = case.publish();
    let read = case.app.anybody().get(&revision).is(200).json;
    assert_eq!(read["content"]["evidence"][0]["hash"], evidence["hash"]);

    // Breakdowns have no limit of their own, but an answer has.
    case.admin.call("POST", &format!("{}/revise", case.assessment), None).is(200);
    let new_id = if database == Database::Sqlite { "randomblob(16)" } else { "gen_random_uuid()" };
    let rest = "breakdown, value, numerator, denominator, status, disclosure, import_id";
    case.app.execute(&format!(
        "INSERT INTO observation (id, version, created_at, updated_at, indicator_id, area_id, period, breakdown_key, {rest}) \
         SELECT {new_id}, version, created_at, updated_at, indicator_id, area_id, period, part.name, {rest} \
         FROM observation, (SELECT 'variant=a' AS name UNION SELECT 'variant=b') AS part"
    ));
    let refused = case.admin.post(&format!("{}/evidence", case.finding), &new).is(422);
    assert_eq!(refused.faults(), ["/query too-many-values"]);
}
