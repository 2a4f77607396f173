//! The outcomes of rows of organisations: each is stored, held or reported, with all its faults.

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::{
    harness::{Client, Database, TestApp, id},
    imports::{counted, details, events, found, import, import_as, rows, source},
};

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
    // The change names the user who imported the row.
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

    // Without the column of hidden members these are unknown, and the mark for a hidden value is no name.
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
    // It is not revealed either that another actor has a hidden number.
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

    // Headings: two columns for one member, and a table without a heading for the name.
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
    // A town that is no municipality has no effect.
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
    // With another seat it is another actor.
    let admin = app.user(Role::Admin, None);
    assert_eq!(import(&admin, "?kind=association", "namn;kommun\nFittja IF;0180\n").1["created"], json!(1));
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
