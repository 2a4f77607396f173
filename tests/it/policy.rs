//! Tests the policy by trying every operation as every caller, on records that are their own, another's, and shared. The result
//! is `openapi/access-matrix.md`, which people review. `allowedActions` must say the same as the tries.

use std::{collections::BTreeMap, fmt::Write, sync::OnceLock, thread};

use rstest::rstest;
use samsyn::{
    access::policy::{ForumFunction, Permission, Role, Standing, holds},
    kernel::contract::{FOR_EACH_PARTY, acts_on},
};
use sea_orm::{ActiveEnum, Iterable};
use serde_json::{Value, json};

use crate::{
    contract::{golden, operations},
    fixtures::{Set, found, owned, settle},
    harness::{Answer, Client, Database, Template, TestApp, id},
};

/// The relations of records to the callers: of their own actor, forum and area; of another municipality; visible to everybody.
const RELATIONS: [&str; 3] = ["own", "other's", "shared"];

/// A caller who tries every operation.
pub struct Tester {
    /// A role with its scope, or a function in a forum.
    pub name: String,
    pub client: Client,
    /// The actor that the caller works for.
    pub actor: Option<String>,
    /// The standings that the caller has.
    standings: Vec<Standing>,
    /// The caller's own records, such as sessions.
    own: Set,
}

impl Tester {
    fn new(name: String, client: Client, actor: Option<String>, standings: Vec<Standing>, app: &TestApp) -> Self {
        let own = if client.header("Authorization").is_some() { owned(app, &client) } else { Set::default() };
        Self { name, client, actor, standings, own }
    }

    /// Whether the caller holds a permission, in any scope.
    fn holds(&self, key: &str) -> bool {
        let permission = *Permission::ALL.iter().find(|permission| permission.key() == key).unwrap();
        self.standings.iter().any(|standing| holds(*standing, permission))
    }
}

/// A database with three of every record, and all callers.
pub struct Prepared {
    pub template: Template,
    /// The same without the other municipality's records, which are made last.
    pub without: Template,
    pub testers: Vec<Tester>,
    pub sets: [Set; 3],
}

/// Prepared once for each kind of database.
pub fn prepared(database: Database) -> Option<&'static Prepared> {
    static PREPARED: [OnceLock<Option<Prepared>>; 2] = [OnceLock::new(), OnceLock::new()];
    PREPARED[database as usize].get_or_init(|| TestApp::start(database).map(prepare)).as_ref()
}

fn prepare(app: TestApp) -> Prepared {
    let admin = app.user(Role::Admin, None);
    let [own, others, shared] = ["0127", "0180", "1280"].map(|code| found(&admin, code));
    let (own, shared) = (settle(&app, &admin, "0127", true, &own), settle(&app, &admin, "1280", false, &shared));
    let (actor, area) = (own.one("actorId"), own.one("areaId"));
    // All callers may see their own actor, because they invite it and write about it.
    let path = format!("/actors/{actor}");
    admin.patch(&path, &admin.get(&path).etag(), &json!({"visibility": "public"})).is(200);

    let mut testers = vec![Tester::new("nobody".to_owned(), app.anybody(), None, vec![Standing::Everyone], &app)];
    testers.push(Tester::new(
        "signed in".to_owned(),
        app.stranger("frammande@example.se", "Utan Roll"),
        None,
        vec![Standing::SignedIn],
        &app,
    ));
    for role in Role::iter() {
        for scope in [None, Some(("area", area)), Some(("actor", actor))] {
            let name = format!("{} {}", role.to_value(), scope.map_or("everywhere", |(kind, _)| kind));
            let actor = scope.filter(|(kind, _)| *kind == "actor").map(|(_, id)| id.to_owned());
            testers.push(Tester::new(name, app.user(role, scope), actor, vec![Standing::Role(role)], &app));
        }
    }
    for kind in ForumFunction::iter() {
        let function = kind.to_value();
        let member =
            admin.post("/actors", &json!({"kind": "association", "name": format!("Med {function}"), "seatAreaId": shared.one("areaId")}));
        let member = id(&member.is(201).json);
        let client = app.user(Role::Contributor, Some(("actor", &member)));
        let members = format!("/forums/{}/members", own.one("forumId"));
        let invited = admin.post(&members, &json!({"actorId": member, "function": function})).is(201);
        client.call("POST", &format!("{members}/{}/accept", id(&invited.json)), None).is(200);
        testers.push(Tester::new(
            format!("forum {function}"),
            client,
            Some(member),
            vec![Standing::Role(Role::Contributor), Standing::Forum(kind)],
            &app,
        ));
    }
    let without = app.into_template();
    let app = TestApp::start_from(&without);
    let others = settle(&app, &admin.at(app.address), "0180", true, &others);
    Prepared { template: app.into_template(), without, testers, sets: [own, others, shared] }
}

/// The outcome of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Carried out, or refused because of the record's state, which only callers who may do it learn.
    May,
    SignIn,
    Forbidden,
    Hidden,
}

impl Outcome {
    fn from_answer(answer: &Answer) -> Result<Self, String> {
        let code = answer.json["code"].as_str().unwrap_or_default();
        let faults = answer.faults();
        match answer.status {
            200..300 | 409 | 412 => Ok(Self::May),
            // The secrets do not match, but the caller may send them.
            401 if code == "invalid-credentials" => Ok(Self::May),
            401 => Ok(Self::SignIn),
            403 => Ok(Self::Forbidden),
            404 => Ok(Self::Hidden),
            422 if !faults.is_empty() && faults.iter().all(|fault| fault.ends_with(" not-found")) => Ok(Self::Hidden),
            // Likewise: a secret that is wrong or expired, or a scope that the caller does not have. These faults concern the
            // caller's own account. A wrong code of the second step has no place among the faults.
            422 if code == "invalid"
                && faults.iter().all(|fault| [" wrong", " no-longer-valid", " not-held"].iter().any(|kind| fault.ends_with(kind))) =>
            {
                Ok(Self::May)
            }
            status => Err(format!("{status} {}", answer.body)),
        }
    }

    const fn sign(self) -> char {
        match self {
            Self::May => '●',
            Self::SignIn => 's',
            Self::Forbidden => 'f',
            Self::Hidden => '–',
        }
    }
}

/// Tries one operation. A removal names a version that does not exist, so that the record stays: a caller who may remove it gets
/// 412.
pub fn attempt(who: &Client, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let media_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let bytes = body.map(|body| body.to_string().into_bytes());
    let who = match method {
        "DELETE" => who.with("If-Match", "\"v999999\""),
        "PATCH" | "PUT" => who.with("If-Match", "*"),
        _ => who.clone(),
    };
    who.call(method, path, bytes.as_deref().map(|bytes| (media_type, bytes)))
}

/// Reads come first, changes of the caller's own account towards the end, and the end of its session last.
pub fn in_order() -> Vec<(String, String, Value)> {
    let mut all = operations();
    let rank = |method: &str, path: &str| match method {
        "GET" => 0,
        "DELETE" if path.ends_with("/current") => 4,
        "DELETE" => 2,
        _ if path.starts_with("/me") => 3,
        _ => 1,
    };
    all.sort_by_key(|(method, path, _)| (rank(method, path), path.clone(), method.clone()));
    all
}

fn shows_a_record(operation: &Value) -> bool {
    operation["parameters"].as_array().unwrap().iter().any(|parameter| parameter["schema"]["items"]["example"] == json!("allowedActions"))
}

/// The outcomes of all tries of one caller, by operation and relation, and the errors.
///
/// Callers who hold a permission nowhere are refused before any record is looked up. The run on `SQLite` tries that for all
/// cells, and `access.rs` tries it for every operation on both databases. So on `PostgreSQL` such callers try one operation for
/// each permission, and the others count as refused in the same way.
fn try_all_operations(prepared: &Prepared, tester: &Tester, database: Database) -> (BTreeMap<(String, usize), Outcome>, Vec<String>) {
    let app = TestApp::start_from(&prepared.template);
    let mut refused: BTreeMap<String, Outcome> = BTreeMap::new();
    let client = tester.client.at(app.address);
    let (mut outcomes, mut told, mut wrong) = (BTreeMap::new(), Vec::new(), Vec::new());
    let all = in_order();
    let mut sets = prepared.sets.clone();
    sets[0].ids.extend(tester.own.ids.clone());
    for (method, pattern, operation) in &all {
        let name = operation["operationId"].as_str().unwrap().to_owned();
        let permission = operation["x-permission"].as_str().unwrap();
        let holds_it = database == Database::Sqlite || tester.holds(permission);
        for (relation, set) in sets.iter().enumerate() {
            let body = operation.get("requestBody").map(|_| set.body(&name));
            let path = set.path(pattern, &name);
            if relation > 0 && path == sets[0].path(pattern, &name) && body == operation.get("requestBody").map(|_| sets[0].body(&name)) {
                continue;
            }
            if let Some(outcome) = refused.get(permission).filter(|_| !holds_it) {
                outcomes.insert((name.clone(), relation), *outcome);
                continue;
            }
            match Outcome::from_answer(&attempt(&client, method, &path, body.as_ref())) {
                Ok(outcome) => {
                    if matches!(outcome, Outcome::SignIn | Outcome::Forbidden) {
                        refused.insert(permission.to_owned(), outcome);
                    }
                    outcomes.insert((name.clone(), relation), outcome);
                }
                Err(error) => wrong.push(format!("{} {name} on {}: {error}", tester.name, RELATIONS[relation])),
            }
            if let (true, Some(actor)) = (method == "PUT" && pattern.ends_with("/{actorId}"), &tester.actor) {
                let own = format!("{}/{actor}", path.rsplit_once('/').unwrap().0);
                if let Ok(outcome) = Outcome::from_answer(&attempt(&client, method, &own, body.as_ref())) {
                    outcomes.insert((format!("{name} for its own"), relation), outcome);
                }
            }
            if shows_a_record(operation) {
                let shown = client.get(&format!("{path}?include=allowedActions"));
                if shown.status == 200 {
                    told.push((pattern.clone(), path, relation, shown.json["allowedActions"].clone()));
                }
            }
        }
    }
    for (record, path, relation, allowed) in told {
        let Some(allowed) = allowed.as_array() else {
            wrong.push(format!("{path} does not tell what {} may do", tester.name));
            continue;
        };
        let mut expected = Vec::new();
        for (method, pattern, operation) in &all {
            let Some(for_a_party) = acts_on(&record, method, pattern, operation[FOR_EACH_PARTY] == true) else { continue };
            let name = operation["operationId"].as_str().unwrap();
            // A party acts for itself, so the caller's try for its own actor counts.
            let tried = if for_a_party && tester.actor.is_some() { format!("{name} for its own") } else { name.to_owned() };
            let outcome = outcomes.get(&(tried.clone(), relation)).or_else(|| outcomes.get(&(tried, 0))).copied();
            if outcome == Some(Outcome::May) {
                expected.push(json!(name));
            }
        }
        expected.sort_by_key(ToString::to_string);
        if *allowed != expected {
            wrong.push(format!("{path} tells {} {allowed:?}, and trying gives {expected:?}", tester.name));
        }
    }
    (outcomes, wrong)
}

#[rstest]
fn abuse_48_everybody_may_do_what_the_matrix_says_and_what_records_tell_them(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(prepared) = prepared(database) else { return };
    let mut results = BTreeMap::new();
    thread::scope(|scope| {
        let share = prepared.testers.len().div_ceil(4);
        let running: Vec<_> = prepared
            .testers
            .chunks(share)
            .map(|testers| {
                scope.spawn(move || {
                    testers.iter().map(|tester| (tester.name.clone(), try_all_operations(prepared, tester, database))).collect::<Vec<_>>()
                })
            })
            .collect();
        results.extend(running.into_iter().flat_map(|thread| thread.join().unwrap()));
    });
    let wrong: Vec<_> = results.values().flat_map(|(_, wrong)| wrong).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let mut matrix = String::from(
        "# Who may do what with which records\n\nFound out by trying every operation as everybody (`tests/it/policy.rs`), on both databases. A cell has a sign for a\nrecord that is the caller's own (its actor's, its forum's, in its area; seen only by those), one for another\nmunicipality's that only its own people see, and one for another's that everybody sees. Where there is no such\ndifference it has one sign.\n\n`●` may, also where the record's state forbids it just now. `s` must sign in. `f` is forbidden. `–` may not know of it.\n\nRoles are granted everywhere, for the area, or for the actor. Whoever has a function in the forum works as contributor for\nan actor that has it.\n\n| operation |",
    );
    for tester in &prepared.testers {
        let _ = write!(matrix, " {} |", tester.name);
    }
    let _ = writeln!(matrix, "\n|---|{}", ":-:|".repeat(prepared.testers.len()));
    let mut names: Vec<_> =
        operations().into_iter().map(|(_, _, operation)| operation["operationId"].as_str().unwrap().to_owned()).collect();
    names.sort();
    for name in names {
        let _ = write!(matrix, "| `{name}` |");
        for tester in &prepared.testers {
            let outcomes = &results[&tester.name].0;
            let signs: String =
                (0..RELATIONS.len()).filter_map(|relation| outcomes.get(&(name.clone(), relation))).map(|outcome| outcome.sign()).collect();
            let _ = write!(matrix, " {signs} |");
        }
        matrix.push('\n');
    }
    golden("openapi/access-matrix.md", &matrix);
}

#[rstest]
fn people_can_read_who_may_do_what(#[values(Database::Sqlite)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let page = app.anybody().get("/docs/permissions").is(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    for part in
        ["<html lang=\"sv\">", "<caption>", "<th scope=\"col\">", "<th scope=\"row\">", "tabindex=\"0\"", "Samordnare", "lang=\"en\""]
    {
        assert!(page.body.contains(part), "{part}");
    }
    for permission in samsyn::access::policy::Permission::ALL {
        assert!(page.body.contains(&format!("<code>{}</code>", permission.key())), "{permission:?}");
    }
    assert!(app.anybody().get("/").body.contains("href=\"/docs/permissions\""));
    // The pages of the contract are still served.
    app.anybody().get("/docs/").is(200);
}

#[rstest]
fn allowed_actions_are_included_on_demand_with_a_tag_of_their_own(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(prepared) = prepared(database) else { return };
    let app = TestApp::start_from(&prepared.template);
    let by = |name: &str| prepared.testers.iter().find(|tester| tester.name == name).unwrap().client.at(app.address);
    let path = format!("/actors/{}", prepared.sets[0].one("actorId"));
    let plain = by("actor_admin actor").get(&path).is(200);
    assert!(plain.json.get("allowedActions").is_none());
    let asked = format!("{path}?include=allowedActions");
    let own = by("actor_admin actor").get(&asked).is(200);
    assert_eq!(own.json["allowedActions"], json!(["deleteActor", "restoreActor", "updateActor"]));
    let none = by("nobody").get(&asked).is(200);
    assert_eq!(none.json["allowedActions"], json!([]));
    assert!(own.etag() != plain.etag() && own.etag() != none.etag());
    by("actor_admin actor").with("If-None-Match", &own.etag()).get(&asked).is(304);
    // The tag of any representation names the version that is changed.
    by("actor_admin actor").patch(&path, &own.etag(), &json!({"focus": "Odling och grannskap"})).is(200);
    // It can be combined with chosen members, and lists do not have it.
    let chosen = by("actor_admin actor").get(&format!("{asked}&fields=id")).is(200);
    assert_eq!(chosen.json.as_object().unwrap().keys().collect::<Vec<_>>(), ["id", "allowedActions"]);
    by("nobody").get("/actors?include=allowedActions").is(400);
    by("nobody").get("/actors?fields=allowedActions").is(400);
}
