//! Assessments: the text that an endorsement belongs to, and the published revisions.

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::harness::{Client, Database, TestApp, id};

/// A forum with two parties, and an assessment of it with a finding.
struct Case {
    app: TestApp,
    admin: Client,
    /// Each party with a user who works for it, and its membership.
    parties: Vec<(String, Client, String)>,
    path: String,
    finding: String,
}

impl Case {
    fn new(database: Database) -> Option<Self> {
        let app = TestApp::start(database)?;
        let admin = app.user(Role::Admin, None);
        let seat = app.area("0127");
        let forum = json!({"kind": "council", "level": "local", "name": "Åråret", "areas": [seat], "visibility": "public"});
        let forum_id = id(&admin.post("/forums", &forum).is(201).json);
        let members = format!("/forums/{forum_id}/members");
        let parties = ["Ekens vänner", "Lindens vänner"].map(|name| {
            let actor = json!({"kind": "association", "name": name, "seatAreaId": seat});
            let actor = id(&admin.post("/actors", &actor).is(201).json);
            let who = app.user(Role::ActorAdmin, Some(("actor", &actor)));
            let member = admin.post(&members, &json!({"actorId": actor, "function": "member"})).is(201);
            let member = format!("{members}/{}", id(&member.json));
            who.call("POST", &format!("{member}/accept"), None).is(200);
            (actor, who, member)
        });
        let new = json!({"title": "Skuggan i parken", "forumId": forum_id, "areaId": seat});
        let path = format!("/assessments/{}", id(&admin.post("/assessments", &new).is(201).json));
        let new = json!({"kind": "difference", "statement": "Hälften av bänkarna står i solen."});
        let finding = format!("{path}/findings/{}", id(&admin.post(&format!("{path}/findings"), &new).is(201).json));
        Some(Self { app, admin, parties: parties.into(), path, finding })
    }

    fn step(&self, step: &str) -> crate::harness::Answer {
        self.admin.call("POST", &format!("{}/{step}", self.path), None)
    }

    fn endorsement_path(&self, party: usize) -> String {
        format!("{}/endorsements/{}", self.path, self.parties[party].0)
    }

    /// A party gives its endorsement, for the first time or again.
    fn endorse(&self, party: usize, position: &str) -> Value {
        let (_, who, _) = &self.parties[party];
        let word = self.endorsement_path(party);
        let body = json!({"position": position, "reason": "Så ser vi det."});
        let before = self.admin.get(&word);
        if before.status == 404 {
            return who.put(&word, &body).is(201).json;
        }
        let body = serde_json::to_vec(&body).unwrap();
        who.with("If-Match", &before.etag()).call("PUT", &word, Some(("application/json", &body))).is(200).json
    }
}

#[rstest]
fn an_endorsement_belongs_to_the_text_it_was_given_on(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(case) = Case::new(database) else { return };
    case.step("review").is(200);
    let outdated = || {
        let words = case.admin.get(&format!("{}/endorsements", case.path)).is(200);
        words.json["items"].as_array().unwrap().iter().map(|word| word["outdated"].as_bool().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(case.endorse(0, "endorse")["outdated"], json!(false));
    case.endorse(1, "dissent");
    let before = case.admin.get(&case.endorsement_path(0)).is(200);

    // Every part of the text is covered by the endorsement, and nothing else is.
    case.admin.patch(&case.path, "*", &json!({"visibility": "public"})).is(200);
    assert_eq!(outdated(), [false, false]);
    case.admin.patch(&case.finding, "*", &json!({"statement": "Alla bänkar står i solen."})).is(200);
    assert_eq!(outdated(), [true, true]);
    let after = case.admin.get(&case.endorsement_path(0)).is(200);
    assert_eq!(after.json["position"], json!("endorse"));
    assert_ne!(after.etag(), before.etag(), "what reads otherwise is another version");
    // All faults are reported at once.
    let missing = |party: usize| format!("/endorsements/{} outdated", case.parties[party].0);
    assert_eq!(case.step("agree").is(422).faults(), [missing(0), missing(1), "/endorsements required".to_owned()]);

    // With the old wording the endorsements are valid again.
    case.admin.patch(&case.finding, "*", &json!({"statement": "Hälften av bänkarna står i solen."})).is(200);
    assert_eq!(outdated(), [false, false]);
    for (path, body) in [
        (format!("{}/findings", case.path), json!({"kind": "pattern", "statement": "Träden är unga."})),
        (format!("{}/causes", case.path), json!({"statement": "Ingen har planterat.", "level": "local", "structural": false})),
    ] {
        case.endorse(0, "endorse");
        case.admin.post(&path, &body).is(201);
        assert_eq!(outdated(), [true, true], "{path}");
    }
    case.endorse(0, "endorse");
    case.admin.patch(&case.path, "*", &json!({"title": "Solen i parken"})).is(200);
    assert_eq!(outdated(), [true, true]);

    // The same endorsement given again is for the new text.
    case.endorse(0, "endorse");
    assert_eq!(outdated(), [false, true]);
    assert_eq!(case.step("agree").is(422).faults(), [missing(1)]);
    // A party that has left is not waited for, and its endorsement stays as it is.
    case.admin.delete(&case.parties[1].2, "*").is(204);
    case.step("agree").is(200);
    case.step("publish").is(200);
    let revision = case.admin.get(&format!("{}/revisions", case.path)).is(200).json["items"][0]["content"].clone();
    let words: Vec<_> = revision["endorsements"].as_array().unwrap().iter().map(|word| (&word["position"], &word["outdated"])).collect();
    assert_eq!(words, [(&json!("endorse"), &json!(false)), (&json!("dissent"), &json!(true))]);
    // After a change of the published text, endorsements are asked for again.
    case.step("revise").is(200);
    case.admin.patch(&case.path, "*", &json!({"purpose": "Mer skugga"})).is(200);
    assert_eq!(outdated(), [true, true]);
}

#[rstest]
fn an_agreed_assessment_needs_support_and_all_endorsements_known(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(case) = Case::new(database) else { return };
    case.step("review").is(200);
    case.endorse(0, "dissent");
    assert_eq!(case.step("agree").is(422).faults(), ["/endorsements required"]);
    case.endorse(1, "endorse_with_reservation");
    case.step("agree").is(200);
    // The same endorsement again changes nothing; another one must be agreed on before publishing.
    case.endorse(1, "endorse_with_reservation");
    assert_eq!(case.admin.get(&case.path).json["status"], json!("agreed"));
    case.endorse(1, "dissent");
    assert_eq!(case.admin.get(&case.path).json["status"], json!("review"));
    case.step("publish").is(409);
    assert_eq!(case.step("agree").is(422).faults(), ["/endorsements required"]);
    // A party that has left does not count as standing behind it.
    case.endorse(1, "endorse");
    case.step("agree").is(200);
    case.admin.delete(&case.parties[1].2, "*").is(204);
    assert_eq!(case.step("publish").is(422).faults(), ["/endorsements required"]);
    drop(case.app);
}

#[rstest]
fn a_revision_keeps_the_visibility_of_its_publication(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(case) = Case::new(database) else { return };
    let (nobody, party) = (case.app.anybody(), &case.parties[0].1);
    let revisions = format!("{}/revisions", case.path);
    let publish = |visibility: &str| {
        case.admin.patch(&case.path, "*", &json!({"visibility": visibility})).is(200);
        case.step("review").is(200);
        case.endorse(0, "endorse");
        case.step("agree").is(200);
        case.step("publish").is(200);
        let of = case.admin.get(&revisions).is(200).json["items"].as_array().unwrap().last().unwrap().clone();
        case.step("revise").is(200);
        assert_eq!(of["visibility"], json!(visibility));
        format!("{revisions}/{}", id(&of))
    };
    let seen = |who: &Client| who.get(&revisions).is(200).json["items"].as_array().unwrap().len();
    let of_forum = publish("forum");
    nobody.get(&revisions).is(404);

    // A draft that is now public does not reveal the revision that was published for the forum.
    case.admin.patch(&case.path, "*", &json!({"visibility": "public"})).is(200);
    nobody.get(&case.path).is(200);
    nobody.get(&of_forum).is(404);
    assert_eq!((seen(&nobody), seen(party)), (0, 1));
    let new =
        json!({"recordKind": "revision", "recordId": of_forum.rsplit('/').next(), "requestedOn": "2026-11-20", "decision": "granted"});
    case.app.user(Role::Reader, None).post("/disclosures", &new).is(403);

    // A revision that was published for all stays public when the assessment goes back to the forum's members.
    let of_all = publish("public");
    case.admin.patch(&case.path, "*", &json!({"visibility": "forum"})).is(200);
    nobody.get(&case.path).is(404);
    nobody.get(&of_all).is(200);
    assert_eq!((seen(&nobody), seen(party)), (1, 2));
    nobody.get(&format!("{}/findings", case.path)).is(404);
}

/// The digest that anybody would compute of an answer's bytes.
fn digest(bytes: &str) -> Value {
    json!(samsyn::kernel::hash::sha256_hex(bytes.as_bytes()))
}

#[rstest]
fn a_published_revision_keeps_its_bytes(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(case) = Case::new(database) else { return };
    case.step("review").is(200);
    case.endorse(0, "endorse");
    case.step("agree").is(200);
    case.step("publish").is(200);
    let list = format!("{}/revisions", case.path);
    let path = format!("{list}/{}", id(&case.admin.get(&list).is(200).json["items"][0]));
    let revision = case.admin.get(&path).is(200);
    let bytes = case.admin.get(&format!("{path}/canonical")).is(200).body;
    assert_eq!((digest(&bytes), &revision.json["form"]), (revision.json["hash"].clone(), &json!(2)));
    assert!(revision.body.contains(&bytes));
    let found = || case.admin.get(&format!("{path}/verify")).is(200).json;
    assert_eq!(found(), json!({"intact": true, "differs": []}));

    // An older program wrote this: members that are required now are missing, others are present, and numbers are written
    // differently.
    let old = r#"{"assessment":{"title":"Förr","visibility":"forum"},"evidence":[{"answer":{"lowest":3.3e-6},"hash":"HASH"}],"lost":1e-6}"#;
    let old = old.replace("HASH", digest(r#"{"lowest":3.3e-6}"#).as_str().unwrap());
    let keep = |content: &str, hash: &Value| {
        case.app.execute(&format!("UPDATE revision SET form = 1, content = '{content}', digest = '{}'", hash.as_str().unwrap()));
    };
    keep(&old, &digest(&old));
    let revision = case.admin.get(&path).is(200);
    assert!(revision.body.contains(&old), "{}", revision.body);
    assert!(case.admin.get(&list).is(200).body.contains(&old));
    assert_eq!(case.admin.get(&format!("{path}/canonical")).is(200).body, old);
    assert_eq!(found(), json!({"intact": true, "differs": []}));

    // Each alteration is reported by its place.
    keep(&old.replace("Förr", "Nu"), &digest(&old));
    assert_eq!(found(), json!({"intact": false, "differs": ["/hash"]}));
    let altered = old.replace("3.3e-6", "4.4e-6").replace("{\"title\"", "{ \"title\"");
    keep(&altered, &digest(&altered));
    assert_eq!(found(), json!({"intact": false, "differs": ["/form", "/content/evidence/0/hash"]}));
    keep(&old, &digest(&old));

    // The bytes are only for callers who may see everything in them.
    let assessment = case.path.rsplit('/').next();
    let mark = json!({"recordKind": "assessment", "recordId": assessment, "member": "title", "chapter": 26, "paragraph": "1", "motive": "Prövas", "reviewOn": "2026-12-01"});
    let marked = format!(r#"{{"assessment":{{"id":"{}","title":"Förr"}}}}"#, assessment.unwrap());
    keep(&marked, &digest(&marked));
    let marks = case.admin.post("/secrecy-marks", &mark);
    marks.is(201);
    let party = &case.parties[0].1;
    assert_eq!(party.get(&path).is(200).json["hash"], json!("[sekretess]"));
    assert_eq!(party.get(&format!("{path}/canonical")).is(403).json["requiredPermission"], json!("secrecy.see"));
    assert_eq!(party.get(&format!("{path}/verify")).is(200).json, json!({"intact": true, "differs": []}));
}

#[test]
fn the_canonical_form_is_that_of_the_reference_data() {
    let read = |folder| std::fs::read_to_string(crate::contract::file(folder).join("canonical/canonical.json")).ok();
    let Some(text) = ["../shared/data", "../../shared/data"].into_iter().find_map(read) else { return };
    let data: Value = serde_json::from_str(&text).unwrap();
    for case in data["cases"].as_array().unwrap() {
        let value = serde_json::from_str(case["json"].as_str().unwrap()).unwrap();
        let written = samsyn::kernel::hash::frozen(2, &value).unwrap();
        assert_eq!((json!(written), digest(&written)), (case["canonical"].clone(), case["sha256"].clone()), "{}", case["name"]);
    }
}

#[rstest]
fn the_migration_completes_old_endorsements_and_revisions(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(case) = Case::new(database) else { return };
    case.step("review").is(200);
    case.endorse(0, "endorse");
    case.endorse(1, "endorse");
    case.step("agree").is(200);
    case.step("publish").is(200);
    case.step("revise").is(200);
    case.step("review").is(200);
    let word = case.admin.get(&case.endorsement_path(0)).json["id"].as_str().unwrap().to_owned();
    let of_word = if database == Database::Postgres { format!("id = '{word}'") } else { format!("id = x'{}'", word.replace('-', "")) };
    // As an earlier program left the database before the migration. One endorsement is older than the text, and one is newer.
    for statement in [
        "ALTER TABLE endorsement DROP COLUMN text_digest",
        "ALTER TABLE endorsement DROP COLUMN outdated",
        "ALTER TABLE revision DROP COLUMN visibility",
        "ALTER TABLE revision DROP COLUMN form",
        "ALTER TABLE evidence DROP COLUMN form",
        "UPDATE finding SET updated_at = '2026-06-01 00:00:00+00:00'",
        "UPDATE assessment SET updated_at = '2026-06-01 00:00:00+00:00'",
        "UPDATE endorsement SET updated_at = '2026-07-01 00:00:00+00:00'",
        &format!("UPDATE endorsement SET updated_at = '2026-05-01 00:00:00+00:00' WHERE {of_word}"),
        "DELETE FROM seaql_migrations WHERE version = 'm0030_words'",
    ] {
        case.app.execute(statement);
    }
    crate::harness::prepare(&case.app.url);
    let outdated = |party: usize| case.admin.get(&case.endorsement_path(party)).is(200).json["outdated"].clone();
    assert_eq!((outdated(0), outdated(1)), (json!(true), json!(false)));
    let revisions = case.admin.get(&format!("{}/revisions", case.path)).is(200).json;
    assert_eq!((&revisions["items"][0]["visibility"], &revisions["items"][0]["form"]), (&json!("forum"), &json!(1)));
}
