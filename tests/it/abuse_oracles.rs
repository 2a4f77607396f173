//! Responses reveal nothing hidden by side effects: not by cursors, tags, refusals or outcomes, and no part of a hidden
//! record.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::{
    harness::{Answer, Client, Database, TestApp, id},
    story::{self, Teller},
};

/// A number that no actor of the pack has, and one that no actor has.
const TAKEN: &str = "802001-0008";
const FREE: &str = "802001-0016";

/// Puts a member of a record, or the whole record, under secrecy.
#[track_caller]
fn hide(who: &Client, kind: &str, record: &str, member: Option<&str>) {
    let mark = json!({"recordKind": kind, "recordId": record, "member": member, "chapter": 26, "paragraph": "1",
        "motive": "Skyddat boende", "reviewOn": "2027-01-31"});
    who.post("/secrecy-marks", &mark).is(201);
}

#[track_caller]
fn actor(who: &Client, seat: &str, name: &str, more: &Value) -> String {
    let mut actor = json!({"kind": "association", "name": name, "seatAreaId": seat});
    actor.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    id(&who.post("/actors", &actor).is(201).json)
}

/// The content of a cursor that somebody has decoded.
fn decode_cursor(cursor: &str) -> String {
    String::from_utf8_lossy(&BASE64_URL_SAFE_NO_PAD.decode(cursor).unwrap()).into_owned()
}

fn text(answer: &Answer, member: &str) -> String {
    answer.json[member].as_str().unwrap().to_owned()
}

#[rstest]
fn abuse_111_no_cursor_tells_the_name_that_is_hidden(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, nobody) = (app.user(Role::Admin, None), app.anybody());
    let seat = app.area("0127");
    let kinds = "/actors?kind=network&limit=1";
    let network = |name: &str| actor(&admin, &seat, name, &json!({"kind": "network"}));
    let house = network("Kvinnohuset Kvarnvägen");
    let other = network("Bergets vänner");
    let shown = nobody.get(kinds).is(200);
    assert!(
        !decode_cursor(&text(&shown, "nextCursor")).to_lowercase().contains("keys")
            && !decode_cursor(&text(&shown, "changeCursor")).contains("feed")
    );
    for hidden in [&house, &other] {
        hide(&admin, "actor", hidden, Some("name"));
    }
    let first = nobody.get("/actors?limit=200").is(200);
    let mut cursor = first.json["nextCursor"].clone();
    let mut pages = 0;
    while let Some(at) = cursor.as_str() {
        assert!(!decode_cursor(at).to_lowercase().contains("kvinno"));
        cursor = nobody.get(&format!("/actors?limit=200&cursor={at}")).is(200).json["nextCursor"].clone();
        pages += 1;
    }
    assert!(pages > 0);

    // Records with a hidden name come last, in the order of registration. So neither order, cursor nor tag reveals which name comes
    // first, how long it is, or that it has changed.
    let list = || nobody.get(&format!("/actors?offset={}&limit=1", count(&nobody) - 2)).is(200);
    let before = list();
    assert_eq!(id(&before.json["items"][0]), house, "the first of the two, whatever they are called");
    for name in ["A", "Zorns vänner på den längsta vägen i hela kommunen"] {
        admin.patch(&format!("/actors/{house}"), "*", &json!({"name": name, "formerNames": []})).is(200);
        let after = list();
        assert_eq!(after.json["nextCursor"], before.json["nextCursor"], "{name}");
        let next = nobody.get(&format!("/actors?limit=1&cursor={}", text(&after, "nextCursor"))).is(200);
        assert_eq!((id(&next.json["items"][0]), &next.json["nextCursor"]), (other.clone(), &Value::Null));
    }
    assert!(nobody.get("/actors?cursor=AAAA").is(400).json["code"] == "invalid-cursor");
    let feed = text(&before, "changeCursor");
    assert_eq!(
        nobody.get(&format!("/actors?cursor={feed}")).is(400).json["code"],
        json!("invalid-cursor"),
        "a place in the feed is no page"
    );
    let page = text(&before, "nextCursor");
    assert_eq!(admin.get(&format!("/changes?cursor={page}")).is(400).json["code"], json!("invalid-cursor"), "nor the other way round");
}

fn count(who: &Client) -> i64 {
    who.get("/actors?limit=1&include=total").is(200).json["total"].as_i64().unwrap()
}

#[rstest]
fn abuse_137_no_place_in_the_feed_tells_that_something_hidden_has_happened(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let reader = app.user(Role::Reader, Some(("actor", &app.public_actor("municipality_code:0114"))));
    let seat = app.area("0127");
    let live = TestApp::by_chance(&app.url);
    let (nobody, reader) = (live.anybody(), reader.at(live.address));
    let start = text(&reader.get("/actors?limit=1").is(200), "changeCursor");
    let look = || (nobody.get("/actors?kind=research&limit=1").is(200), reader.get(&format!("/changes?cursor={start}")).is(200));
    let tags = |(list, changes): &(Answer, Answer)| (list.etag(), changes.etag());
    let (idle, still) = (look(), look());
    // The cursors differ even when nothing happens, so a difference reveals nothing.
    assert_ne!(idle.0.json["changeCursor"], still.0.json["changeCursor"]);
    assert_ne!(idle.1.json["nextCursor"], still.1.json["nextCursor"]);
    for turn in 0..12 {
        actor(&admin, &seat, &format!("Hemlig {turn}"), &json!({"visibility": "actor"}));
    }
    let after = look();
    assert_eq!(after.1.json["items"], json!([]));
    assert_eq!(tags(&after), tags(&idle), "nor does a tag");
    for (one, other) in [(&idle.0, &after.0), (&idle.1, &after.1)] {
        assert_eq!(one.body.len(), other.body.len());
    }
    let place = decode_cursor(&text(&after.1, "nextCursor"));
    assert!(!place.contains("feed"), "{place}");
    // A follower can go on from each of them.
    for place in [&idle.1, &after.1] {
        reader.get(&format!("/changes?cursor={}", text(place, "nextCursor"))).is(200);
    }
    actor(&admin, &seat, "Öppen", &json!({}));
    let seen = reader.get(&format!("/changes?cursor={}", text(&after.1, "nextCursor"))).is(200);
    assert_eq!(seen.json["items"].as_array().unwrap().len(), 1);
    assert_ne!(seen.etag(), after.1.etag());
}

/// The response without the members that are different each time.
fn comparable(answer: &Answer) -> (u16, Vec<(String, Value)>, usize) {
    let own = ["id", "actorId", "createdAt", "updatedAt", "externalId", "actor", "name", "website"];
    let members = answer.json.as_object().unwrap().iter().filter(|(name, _)| !own.contains(&name.as_str()));
    (answer.status, members.map(|(name, value)| (name.clone(), value.clone())).collect(), answer.headers.len())
}

#[rstest]
fn abuse_119_a_partner_that_guesses_is_answered_alike_whether_it_is_right_or_wrong(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let ours = app.public_actor("municipality_code:0127");
    let robin = app.user(Role::ActorAdmin, Some(("actor", &ours)));
    let kim = app.user(Role::Coordinator, Some(("area", &app.area("01"))));
    let seat = app.area("0127");
    let source = json!({"actorId": ours, "name": "Register", "idScheme": "reg", "ownedFields": ["name", "identifiers"]});
    let source = id(&admin.post("/sources", &source).is(201).json);
    let at = |external: &str| format!("/sources/{source}/actors/{external}");
    let number = |value: &str| json!([{"scheme": "SE-ON", "value": value}]);
    // One actor whose name and number are hidden, and one that cannot be seen at all.
    let house = actor(&admin, &seat, "Kvinnojouren", &json!({"identifiers": number(TAKEN)}));
    for member in ["name", "identifiers"] {
        hide(&admin, "actor", &house, Some(member));
    }
    let unseen = actor(&admin, &seat, "Gömstället", &json!({"visibility": "actor", "identifiers": number("802001-0024")}));
    let record = |name: &str, value: Option<&str>| json!({"kind": "association", "name": name, "seatAreaId": seat, "identifiers": value.map_or_else(|| json!([]), number)});
    let wrong = comparable(&robin.put(&at("a"), &record("Gissning ett", Some(FREE))).is(201));
    let right = [
        robin.put(&at("b"), &record("Kvinnojouren", None)),
        robin.put(&at("c"), &record("Gissning två", Some(TAKEN))),
        robin.put(&at("d"), &record("Gömstället", Some("802001-0024"))),
    ];
    for guess in &right {
        assert_eq!(comparable(&guess.clone().is(201)), wrong, "{}", guess.body);
        // The caller sees the values that it has sent, everywhere, and can send them again as usual.
        let own = guess.json["actorId"].as_str().unwrap();
        let shown = robin.get(&format!("/actors/{own}")).is(200).json;
        assert_eq!(shown["identifiers"], guess.json["actor"]["identifiers"]);
    }
    let found = robin.get(&format!("/actors?identifier=SE-ON:{TAKEN}")).is(200);
    assert_eq!(found.json["items"][0]["id"], right[1].json["actorId"]);
    let again = robin.put(&at("c"), &record("Gissning två", Some(TAKEN))).is(200);
    assert_eq!(again.json["version"], json!(1));
    // A record that is changed to hidden values gets the same response as one that is changed to unused values.
    let changed = |external: &str, name: &str, value: &str| comparable(&robin.put(&at(external), &record(name, Some(value))));
    let third = actor(&admin, &seat, "Tredje huset", &json!({"identifiers": number("802001-0040")}));
    for member in ["name", "identifiers"] {
        hide(&admin, "actor", &third, Some(member));
    }
    robin.put(&at("e"), &record("Före ett", None)).is(201);
    robin.put(&at("f"), &record("Före två", None)).is(201);
    assert_eq!(changed("e", "Tredje huset", "802001-0040").0, 200);
    let (wrong, right) = (changed("f", "Ingen alls", "802001-0032"), comparable(&robin.get(&at("e"))));
    assert_eq!((wrong.0, wrong.1), (right.0, right.1));

    // Only those who see both actors learn that they are alike, and can merge them.
    let pairs = |who: &Client| {
        let all = who.get("/likenesses?limit=200").is(200).json["items"].clone();
        let both = |pair: &Value| (pair["actor"]["id"].as_str().unwrap().to_owned(), pair["otherActor"]["id"].as_str().unwrap().to_owned());
        all.as_array().unwrap().iter().map(both).filter(|(one, _)| *one == house || *one == unseen).collect::<Vec<_>>()
    };
    assert_eq!((pairs(&robin), pairs(&kim)), (Vec::new(), Vec::new()));
    assert_eq!(pairs(&admin).len(), 3);
    let twin = pairs(&admin)[1].1.clone();
    admin.post(&format!("/actors/{twin}/merge"), &json!({"into": house})).is(201);
    assert_eq!(pairs(&admin).len(), 2);
    assert_eq!(robin.get("/matches").is(200).json["items"], json!([]));
}

#[rstest]
fn abuse_119_nobody_who_registers_changes_or_restores_finds_out_by_it(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let kim = app.user(Role::Coordinator, Some(("area", &app.area("01"))));
    let seat = app.area("0127");
    let number = |value: &str| json!({"identifiers": [{"scheme": "SE-ON", "value": value}]});
    let gone = actor(&admin, &seat, "Borttagen", &number(TAKEN));
    admin.delete(&format!("/actors/{gone}"), "*").is(204);
    let house = actor(&admin, &seat, "Huset", &number(TAKEN));
    let known = actor(&admin, &seat, "Känd", &number("802001-0024"));
    hide(&admin, "actor", &house, Some("identifiers"));
    let new = |name: &str, value: &str| json!({"kind": "association", "name": name, "seatAreaId": seat, "identifiers": number(value)["identifiers"]});
    // A visible conflict is reported as before.
    let refused = kim.post("/actors", &new("A", "802001-0024")).is(409);
    assert_eq!(refused.json["conflictsWith"], json!(format!("/samsyn/v1/actors/{known}")));
    // A hidden conflict is not: not one by one, in a batch, by a change, or when a record is restored.
    let (right, wrong) = (kim.post("/actors", &new("B", TAKEN)).is(201), kim.post("/actors", &new("C", FREE)).is(201));
    assert_eq!(comparable(&right).0, comparable(&wrong).0);
    let batch = |value: &str| json!({"operations": [{"op": "create", "actor": new("D", value)}]});
    // The first guess is visible to all by now, whether it was right or wrong.
    for value in [TAKEN, FREE] {
        let second = kim.post("/actors/batch", &batch(value)).is(201);
        assert_eq!(second.json["items"][0]["status"], json!(409), "{}", second.body);
    }
    for guess in [&right, &wrong] {
        kim.delete(&format!("/actors/{}", id(&guess.json)), "*").is(204);
        kim.call("POST", &format!("/actors/{}/restore", id(&guess.json)), None).is(200);
        kim.delete(&format!("/actors/{}", id(&guess.json)), "*").is(204);
    }
    let outcomes = [TAKEN, FREE].map(|value| kim.post("/actors/batch", &batch(value)).is(201).json["items"][0]["status"].clone());
    assert_eq!(outcomes, [json!(201), json!(201)]);
    let all = kim.get(&format!("/actors?identifier=SE-ON:{TAKEN}&identifier=SE-ON:{FREE}").replace("&identifier=", ",")).is(200);
    for own in all.json["items"].as_array().unwrap() {
        let changed = kim.patch(&format!("/actors/{}", id(own)), "*", &json!({"identifiers": [], "name": "Utan"})).is(200);
        kim.patch(&format!("/actors/{}", id(own)), &changed.etag(), &json!({"identifiers": own["identifiers"]})).is(200);
        kim.patch(&format!("/actors/{}", id(own)), "*", &json!({"identifiers": []})).is(200);
    }
    kim.call("POST", &format!("/actors/{gone}/restore"), None).is(200);
    // A caller who sees the holder of the number is refused as always.
    assert_eq!(admin.post("/actors", &new("E", TAKEN)).is(409).faults(), ["/identifiers/0 taken"]);
    // The owner can go on as before.
    admin.patch(&format!("/actors/{house}"), "*", &json!({"focus": "Skydd"})).is(200);
    assert_eq!(admin.get(&format!("/actors/{house}")).json["identifiers"][0]["scope"], json!("own"));
}

#[rstest]
fn abuse_119_a_file_of_guesses_is_counted_alike_tried_or_done(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let ours = app.public_actor("municipality_code:0127");
    let robin = app.user(Role::ActorAdmin, Some(("actor", &ours)));
    let kim = app.user(Role::Coordinator, Some(("area", &app.area("01"))));
    let seat = app.area("0127");
    let source = id(&admin.post("/sources", &json!({"actorId": ours, "name": "Register", "idScheme": "reg"})).is(201).json);
    let numbers = json!([{"scheme": "SE-ON", "value": TAKEN}, {"scheme": "SE-ON", "value": "802001-0024"}]);
    let house = actor(&admin, &seat, "Kvinnojouren", &json!({"identifiers": numbers}));
    let other = actor(&admin, &seat, "Gömstället", &json!({}));
    for (hidden, member) in [(&house, "name"), (&house, "identifiers"), (&other, "name")] {
        hide(&admin, "actor", hidden, Some(member));
    }
    let outcome = |who: &Client, query: &str, number: &str, name: &str| {
        let mut file = "id;namn;kommun;organisationsnummer\n".to_owned();
        let numbered = [1, 2].map(|count| (format!("{number} {count}"), number));
        for (row, (name, own)) in [(name.to_owned(), "")].into_iter().chain(numbered).enumerate() {
            file += &[number, "/", &row.to_string(), ";", &name, ";Botkyrka;", own, "\n"].concat();
        }
        let file = if query.contains("source") {
            file
        } else {
            file.lines().map(|line| line.split_once(';').unwrap().1.to_owned() + "\n").collect()
        };
        let (path, job) = crate::imports::import_as(who, query, "text/csv", file.as_bytes());
        let counts = ["created", "updated", "unchanged", "held", "refused"].map(|count| job[count].as_i64().unwrap());
        (counts, crate::imports::rows(who, &path))
    };
    let own = "?kind=association".to_owned();
    let sent = format!("?sourceId={source}&kind=association");
    for (who, query, wrong, right) in [
        (&kim, own, (FREE, "Ingen alls"), (TAKEN, "Kvinnojouren")),
        (&robin, sent, ("802001-0032", "Ingen annan"), ("802001-0024", "Gömstället")),
    ] {
        for query in [format!("{query}&dryRun=true"), query] {
            let (wrong, right) = (outcome(who, &query, wrong.0, wrong.1), outcome(who, &query, right.0, right.1));
            assert_eq!(right, wrong, "{query}");
            assert_eq!(wrong.0[0], 2, "{wrong:?}");
        }
    }
}

#[rstest]
fn abuse_121_what_is_part_of_a_marked_record_is_under_its_mark(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let mut teller = Teller::new(&app);
    let told = story::tell(&mut teller);
    let admin = app.user(Role::Admin, None);
    let reader = app.user(Role::Reader, Some(("forum", &told.forum)));
    let assessment = format!("/assessments/{}", told.assessment);
    let evidence = format!("{assessment}/findings/{}/evidence", told.finding);
    let note = admin.get(&evidence).is(200).json["items"][0]["note"].as_str().unwrap().to_owned();
    let proof = id(&admin.get(&evidence).json["items"][0]);
    let reasons: Vec<String> = admin.get(&format!("{assessment}/endorsements")).is(200).json["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["reason"].as_str().map(ToOwned::to_owned))
        .collect();
    assert!(!note.is_empty() && !reasons.is_empty());
    let start = text(&reader.get("/actors?limit=1").is(200), "changeCursor");

    // A finding with its evidence: at its own address, in lists, in the trace, in frozen content, and in a table.
    let places = [
        evidence.clone(),
        format!("{evidence}/{proof}"),
        format!("/trace/finding/{}", told.finding),
        format!("/trace/evidence/{proof}"),
        format!("/trace/decision/{}", told.decision),
        format!("{assessment}/revisions"),
        format!("{evidence}?format=csv"),
    ];
    assert!(places.iter().any(|place| reader.get(place).body.contains(&note)));
    hide(&admin, "finding", &told.finding, None);
    for place in &places {
        let answer = reader.get(place).is(200);
        assert!(!answer.body.contains(&note) && answer.body.contains("OSL 26:1"), "{place}: {}", answer.body);
        assert!(admin.get(place).body.contains(&note) || !place.contains("evidence"), "{place}");
    }
    // Followers of the feed learn that the evidence has changed. Evidence that is added later is hidden too.
    let changes = reader.get(&format!("/changes?cursor={start}&types=evidence&limit=200")).is(200);
    assert!(changes.json["items"].as_array().unwrap().iter().any(|change| change["id"] == json!(proof)), "{}", changes.body);
    let part = json!({"recordKind": "finding", "recordId": told.finding, "requestedOn": "2026-11-20", "decision": "disclosed"});
    assert_eq!(admin.post("/disclosures", &part).is(422).faults(), ["/decision secrecy"]);

    // An assessment with all its parts.
    hide(&admin, "assessment", &told.assessment, None);
    for list in ["endorsements", "findings", "causes", "revisions"] {
        let answer = reader.get(&format!("{assessment}/{list}")).is(200);
        assert!(reasons.iter().all(|reason| !answer.body.contains(reason)), "{list}: {}", answer.body);
        assert!(answer.body.contains("OSL 26:1"), "{list}: {}", answer.body);
    }
    let trace = reader.get(&format!("/trace/cause/{}", told.cause)).is(200);
    let labels: Vec<_> = trace.json["nodes"].as_array().unwrap().iter().filter(|node| node["kind"] != "observation").collect();
    assert!(labels.iter().all(|node| node["label"] == json!("[sekretess]")), "{}", trace.body);
    let cleared = admin.get(&format!("{assessment}/endorsements")).is(200);
    assert!(reasons.iter().all(|reason| cleared.body.contains(reason)));
}

#[rstest]
fn abuse_121_what_joins_a_marked_record_afterwards_is_under_its_mark(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, nobody) = (app.user(Role::Admin, None), app.anybody());
    let seat = app.area("0127");
    let house = actor(&admin, &seat, "Huset", &json!({}));
    let statement = |text: &str| {
        let new = json!({"actorId": house, "kind": "need", "text": text, "policyDomain": "safety", "areaId": seat});
        id(&admin.post("/statements", &new).is(201).json)
    };
    let before = statement("Larm vid Kvarnvägen");
    let mark =
        json!({"recordKind": "actor", "recordId": house, "chapter": 26, "paragraph": "1", "motive": "Skydd", "reviewOn": "2027-01-31"});
    let mark = id(&admin.post("/secrecy-marks", &mark).is(201).json);
    let after = statement("Lås vid Kvarnvägen");
    for path in [
        format!("/statements/{before}"),
        format!("/statements/{after}"),
        format!("/statements?actorId={house}"),
        "/statements?q=kvarnvägen".to_owned(),
    ] {
        let answer = nobody.get(&path).is(200);
        assert!(!answer.body.contains("Kvarnvägen"), "{path}: {}", answer.body);
        assert!(admin.get(&path).is(200).body.contains("Kvarnvägen"), "{path}");
    }
    // The mark hides them only until it is lifted.
    admin.post(&format!("/secrecy-marks/{mark}/lift"), &json!({"motive": "Prövat"})).is(200);
    assert!(nobody.get(&format!("/statements/{after}")).is(200).body.contains("Kvarnvägen"));
}

#[rstest]
fn abuse_133_nobody_becomes_a_public_body_unseen(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let botkyrka = app.public_actor("municipality_code:0127");
    let partner = app.public_actor("municipality_code:0114");
    let robin = app.user(Role::ActorAdmin, Some(("actor", &partner)));
    let kim = app.user(Role::Coordinator, Some(("area", &app.area("01"))));
    let body = admin.get(&format!("/actors/{botkyrka}")).is(200).json;
    let (name, number) = (body["name"].as_str().unwrap(), body["identifiers"].clone());
    let number = number.as_array().unwrap().iter().find(|one| one["scheme"] == "SE-ON" && one["scope"] == "own").cloned().unwrap();
    let source = json!({"actorId": partner, "name": "Register", "idScheme": "reg", "ownedFields": ["name", "identifiers", "seatAreaId"]});
    let source = id(&admin.post("/sources", &source).is(201).json);
    let at = format!("/sources/{source}/actors/1");
    let record = |name: &str, more: &Value| {
        let mut record = json!({"kind": "association", "name": name, "seatAreaId": body["seatAreaId"]});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record
    };
    let harmless = robin.put(&at, &record("Odlarna", &json!({}))).is(201);
    let own = harmless.json["actorId"].as_str().unwrap().to_owned();
    let path = format!("/actors/{own}");

    // Changed by its source: the new name and number are held, and the coordinator of the area is told.
    let sent = robin.put(&at, &record(name, &json!({"identifiers": [number], "website": "https://odlarna.example.se"}))).is(200);
    let left = |answer: &Answer| {
        let left = answer.json["leftAlone"].as_array().unwrap().iter();
        left.map(|one| format!("{} {}", one["member"].as_str().unwrap(), one["reason"].as_str().unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(left(&sent), ["identifiers looks_like_another", "name looks_like_another", "website not_owned"]);
    assert_eq!(left(&robin.get(&at).is(200)), left(&sent));
    let shown = admin.get(&path).is(200).json;
    assert_eq!((&shown["name"], &shown["identifiers"]), (&json!("Odlarna"), &json!([])));
    let waiting = |who: &Client| {
        let all = who.get("/likenesses?dismissed=false&limit=200").is(200).json["items"].clone();
        let of = |one: &&Value| one["actor"]["id"] == json!(botkyrka) && one["otherActor"]["id"] == json!(own);
        all.as_array().unwrap().iter().find(of).cloned()
    };
    let waits = waiting(&kim).unwrap();
    assert_eq!(waits["reasons"], json!(["same_identifier", "same_name"]));
    // Sending the same again changes nothing and makes no second likeness.
    let again = robin.put(&at, &record(name, &json!({"identifiers": [number], "website": "https://odlarna.example.se"}))).is(200);
    assert_eq!(again.json["version"], sent.json["version"]);
    assert_eq!(waiting(&kim).unwrap(), waits);
    // Only those who may write one of the two can say that they differ. After that, the source can change the name.
    let dismissed = kim.call("POST", &format!("/likenesses/{}/dismiss", id(&waits)), None).is(200);
    assert!(dismissed.json["dismissedAt"].is_string() && dismissed.json["dismissedBy"].is_string());
    assert_eq!(waiting(&kim), None);
    robin.put(&at, &record(name, &json!({"identifiers": []}))).is(200);
    assert_eq!(admin.get(&path).json["name"], json!(name));

    // Changed by its own people: an actor whose new name only looks like the other's.
    let club = actor(&admin, &app.area("0127"), "Klubben", &json!({}));
    let own_people = app.user(Role::ActorAdmin, Some(("actor", &club)));
    let disguised = format!("  {}  ", name.to_uppercase());
    own_people.patch(&format!("/actors/{club}"), "*", &json!({"name": disguised})).is(200);
    let found = kim.get("/likenesses?dismissed=false&limit=200").is(200).json["items"].clone();
    let found: Vec<_> = found.as_array().unwrap().iter().filter(|one| one["otherActor"]["id"] == json!(club)).collect();
    assert!(found.iter().any(|one| one["actor"]["id"] == json!(botkyrka) && one["reasons"] == json!(["same_name"])), "{found:?}");
    let taken = own_people.patch(&format!("/actors/{club}"), "*", &json!({"identifiers": [number]})).is(409);
    assert_eq!(taken.json["conflictsWith"], json!(format!("/samsyn/v1/actors/{botkyrka}")));
}

#[rstest]
fn abuse_138_an_id_that_no_address_leads_to_is_refused(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let source = id(&admin.post("/sources", &json!({"actorId": null, "name": "Register", "idScheme": "reg"})).is(201).json);
    let at = |id: &str| format!("/sources/{source}/actors/{id}");
    let record = json!({"kind": "association", "name": "Odlarna", "seatAreaId": app.area("0127")});
    for dots in ["%2E", "%2E%2E", ".%2e", "%252E", "%252e%252E"] {
        assert_eq!(admin.put(&at(dots), &record).is(400).faults(), ["externalId unreachable"], "{dots}");
    }
    for blank in ["%20", "%20%2E", "%C2%A0"] {
        assert_eq!(admin.put(&at(blank), &record).is(400).faults(), ["externalId wrong-length"], "{blank}");
    }
    let file = "id;namn;kommun\n.;Ett;Botkyrka\n..;Två;Botkyrka\n%2e;Tre;Botkyrka\n...;Fyra;Botkyrka\n";
    let (path, job) = crate::imports::import_as(&admin, &format!("?sourceId={source}&kind=association"), "text/csv", file.as_bytes());
    assert_eq!((&job["created"], &job["refused"]), (&json!(1), &json!(3)));
    let refused = crate::imports::rows(&admin, &path).iter().filter(|row| row.ends_with("unreachable")).count();
    assert_eq!(refused, 3, "{:?}", crate::imports::rows(&admin, &path));
    let sentence = admin.get(&format!("{path}/rows")).body;
    assert!(sentence.contains("post-"), "{sentence}");

    // A record with such an id from earlier versions is found in the list, and can be read and removed at its address.
    admin.put(&at("gammal"), &json!({"kind": "association", "name": "Gammal", "seatAreaId": app.area("0127")})).is(201);
    app.execute("UPDATE source_actor SET external_id = '..' WHERE external_id = 'gammal'");
    let found = admin.get(&format!("/sources/{source}/actors?externalId=..")).is(200);
    assert_eq!(found.json["items"][0]["externalId"], json!(".."));
    let link = admin.get(&at("%2E%2E")).is(200);
    admin.delete(&at("%2E%2E"), &link.etag()).is(204);
}

#[rstest]
fn abuse_121_no_part_leaves_its_mark_by_moving(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let mut teller = Teller::new(&app);
    let told = story::tell(&mut teller);
    let (admin, nobody) = (app.user(Role::Admin, None), app.anybody());
    let seat = app.area("0127");
    let coordinator = app.user(Role::Coordinator, Some(("area", &seat)));
    let house = actor(&admin, &seat, "Kvinnohuset", &json!({}));
    let other = actor(&admin, &seat, "Bergets vänner", &json!({}));
    let new = json!({"kind": "need", "actorId": house, "text": "Skydd vid Kvarnvägen", "policyDomain": "housing", "areaId": seat});
    let statement = format!("/statements/{}", id(&admin.post("/statements", &new).is(201).json));
    let new = json!({"actorId": house, "policyDomain": "housing", "areaId": seat, "powers": ["inform"], "basis": "voluntary"});
    let mandate = format!("/mandates/{}", id(&admin.post("/mandates", &new).is(201).json));
    hide(&admin, "actor", &house, None);
    for part in [&statement, &mandate] {
        assert_eq!(coordinator.patch(part, "*", &json!({"actorId": other})).is(422).faults(), ["/actorId secrecy"]);
    }
    assert!(!nobody.get(&statement).is(200).body.contains("Kvarnvägen"));

    // Nor is there a digest against which values could be tried.
    let revisions = format!("/assessments/{}/revisions", told.assessment);
    let hash = |who: &Client| who.get(&revisions).is(200).json["items"][0]["hash"].clone();
    let before = hash(&admin);
    assert_eq!(hash(&coordinator), before);
    hide(&told.municipality, "cause", &told.cause, Some("statement"));
    assert_eq!(hash(&coordinator), json!("[sekretess]"));
    assert_eq!(hash(&admin), before);
}
