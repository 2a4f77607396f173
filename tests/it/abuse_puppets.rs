//! Abuse of other people's accounts: adding somebody who has not agreed, and using another user to get rights that one
//! does not have.

use chrono::TimeDelta;
use rstest::rstest;
use samsyn::access::policy::{Permission, Role, Standing, holds};
use serde_json::{Value, json};

use crate::{
    abuse_policy::comparable,
    harness::{Client, Database, PASSWORD, TestApp, id, today},
};

const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const BOTKYRKA: &str = "municipality_code:0127";

/// An association in an area, with a client of its administrator.
fn association(app: &TestApp, admin: &Client, name: &str, code: &str) -> (String, Client) {
    let actor = id(&admin.post("/actors", &json!({"kind": "association", "name": name, "seatAreaId": app.area(code)})).is(201).json);
    let client = app.user(Role::ActorAdmin, Some(("actor", &actor)));
    (actor, client)
}

fn grant(user: &str, role: &str, actor: &str) -> Value {
    json!({"userId": user, "role": role, "scope": {"kind": "actor", "id": actor}})
}

fn me(client: &Client) -> String {
    id(&client.get("/me").is(200).json["user"])
}

/// The entry for an address in the caller's list of users.
fn listed_user(by: &Client, email: &str) -> Option<Value> {
    let users = by.get("/users?limit=200").is(200).json["items"].as_array().unwrap().clone();
    users.into_iter().find(|user| user["email"] == json!(email))
}

/// A client with a personal token that has these scopes only.
fn narrowed(app: &TestApp, by: &Client, scopes: &[&str]) -> Client {
    let new = json!({"name": "Smal", "scopes": scopes, "expiresAt": today() + TimeDelta::days(1)});
    app.anybody().with_token(by.post("/me/tokens", &new).is(201).json["token"].as_str().unwrap())
}

/// Follows the link of an invitation, with a password for a new account.
fn follow(app: &TestApp, email: &str, page: &str) -> crate::harness::Answer {
    let token = app.letter(email, page);
    let body = if page == "acceptance" { json!({"token": token}) } else { json!({"token": token, "password": PASSWORD}) };
    app.anybody().post("/account-activations", &body)
}

#[rstest]
fn abuse_112_a_grant_draws_nobody_in(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let botkyrka = app.public_actor(BOTKYRKA);
    let (actor, attacker) = association(&app, &admin, "Föreningen Krok", "0180");
    app.register("robin@example.se", "Robin", Role::Contributor, Some(("actor", &botkyrka)));
    let robin = app.sign_in("robin@example.se");
    // Ids of other users, as they appear in `changedBy`: each gets the same response as an unknown id.
    let unknown = comparable(&attacker.post("/grants", &grant(NOBODY, "reader", &actor)).is(422));
    for other in [me(&admin), me(&robin)] {
        assert_eq!(comparable(&attacker.post("/grants", &grant(&other, "reader", &actor)).is(422)), unknown);
        attacker.get(&format!("/users/{other}")).is(404);
    }
    assert!(listed_user(&attacker, "robin@example.se").is_none());
    // An invitation does not reveal who has an account, and gives and shows nothing before it is accepted.
    let invite = |email: &str| attacker.post("/users", &json!({"email": email, "name": "Robin"})).is(201);
    let (known, new) = (invite("robin@example.se"), invite("ingen@example.se"));
    let members = |answer: &Value| {
        let mut answer = answer.clone();
        for own in ["id", "email"] {
            answer[own] = Value::Null;
        }
        answer
    };
    assert_eq!(members(&known.json), members(&new.json));
    let prepared = attacker.post("/grants", &grant(&id(&known.json), "reader", &actor)).is(201);
    assert_eq!(prepared.json["userId"], known.json["id"]);
    assert_eq!(robin.get("/me").is(200).json["grants"].as_array().unwrap().len(), 1);
    assert_eq!(listed_user(&attacker, "robin@example.se").unwrap()["status"], json!("invited"));
    // Robin gets a letter, and no password is asked for. Only Robin can accept.
    assert_eq!(app.letters("robin@example.se").len(), 1);
    let link = app.letter("robin@example.se", "acceptance");
    let other = json!({"token": link, "password": "sju gröna båtar på ett torg"});
    assert_eq!(app.anybody().post("/account-activations", &other).is(422).faults(), ["/password not-here"]);
    app.anybody().post("/account-activations", &json!({"token": link})).is(204);
    app.anybody().post("/account-activations", &json!({"token": link})).is(422);
    assert_eq!(robin.get("/me").is(200).json["grants"].as_array().unwrap().len(), 2);
    let theirs = listed_user(&attacker, "robin@example.se").unwrap();
    assert_eq!((&theirs["status"], id(&theirs)), (&json!("active"), me(&robin)));
    attacker.get(&format!("/users/{}", id(&known.json))).is(404);
    // The inviting user may give further grants within its scope, by the id from the invitation.
    let more = attacker.post("/grants", &grant(&id(&known.json), "contributor", &actor)).is(201);
    assert_eq!(more.json["userId"], json!(me(&robin)));
}

#[rstest]
fn abuse_112_a_person_stays_with_its_own(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let botkyrka = app.public_actor(BOTKYRKA);
    let (actor, other) = association(&app, &admin, "Föreningen Utanför", "0180");
    let employer = app.user(Role::ActorAdmin, Some(("actor", &botkyrka)));
    app.register("robin@example.se", "Robin", Role::Contributor, Some(("actor", &botkyrka)));
    let robin = app.sign_in("robin@example.se");
    let user = me(&robin);
    let invited = id(&other.post("/users", &json!({"email": "robin@example.se", "name": "Robin"})).is(201).json);
    other.post("/grants", &grant(&invited, "contributor", &actor)).is(201);
    follow(&app, "robin@example.se", "acceptance").is(204);
    // What Robin does is still in the audit log of the employer, and of no other actor.
    let new = json!({"actorId": actor, "policyDomain": "housing", "areaId": app.area("0127"), "powers": ["inform"], "basis": "voluntary"});
    robin.post("/mandates", &new).is(403);
    let refused = |by: &Client| by.get(&format!("/audit-entries?userId={user}&operation=createMandate")).is(200).json["items"].clone();
    assert_eq!(refused(&employer).as_array().unwrap().len(), 1);
    assert_eq!(refused(&other), json!([]));
    // Others can see Robin, but can neither change nor close the account.
    other.get(&format!("/users/{user}")).is(200);
    for act in ["deactivate", "activate", "second-factor/remove", "invitations"] {
        other.call("POST", &format!("/users/{user}/{act}"), None).is(403);
    }
    other.patch(&format!("/users/{user}"), "*", &json!({"name": "Taget"})).is(403);
    // The employer keeps its rights, except where they would give access to grants elsewhere.
    employer.patch(&format!("/users/{user}"), "*", &json!({"name": "Robin Lind"})).is(200);
    employer.call("POST", &format!("/users/{user}/second-factor/remove"), None).is(409);
    employer.call("POST", &format!("/users/{user}/deactivate"), None).is(200);
    robin.get("/me").is(401);
}

#[rstest]
fn abuse_114_nobody_gives_what_it_does_not_hold_however_far_it_reaches(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let botkyrka = app.public_actor(BOTKYRKA);
    let everywhere = app.user(Role::Coordinator, None);
    for role in ["actor_admin", "contributor", "reader"] {
        everywhere.post("/grants", &grant(&me(&everywhere), role, &botkyrka)).is(403);
    }
    // Nor through another user, or through a chain of users.
    let puppet = app.invite(&everywhere, "docka@example.se");
    let scope = json!({"kind": "everywhere", "id": null});
    everywhere.post("/grants", &json!({"userId": puppet, "role": "coordinator", "scope": scope})).is(201);
    let puppet = app.sign_in("docka@example.se");
    let next = id(&puppet.post("/users", &json!({"email": "nasta@example.se", "name": "Nästa"})).is(201).json);
    for role in ["actor_admin", "contributor", "reader"] {
        assert_eq!(puppet.post("/grants", &grant(&next, role, &botkyrka)).is(403).json["code"], json!("forbidden"));
    }
    // Users may give what they hold, and an actor's administrator may give roles at that actor.
    let for_actor = app.user(Role::ActorAdmin, Some(("actor", &botkyrka)));
    let colleague = app.invite(&for_actor, "kollega@example.se");
    for_actor.post("/grants", &grant(&colleague, "actor_admin", &botkyrka)).is(201);
}

#[rstest]
fn abuse_114_nobody_is_put_above_what_is_anothers(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let (own, _) = association(&app, &admin, "Min Egen", "0127");
    let (other, theirs) = association(&app, &admin, "De Andra", "0127");
    let area = app.area("0127");
    app.register("kim@example.se", "Kim", Role::Coordinator, Some(("area", &area)));
    let kim = app.sign_in("kim@example.se");
    // A coordinator who works for one actor makes another actor a part of it, which would give all rights over that
    // actor.
    let refused = kim.patch(&format!("/actors/{other}"), "*", &json!({"parentId": own})).is(403);
    assert!(refused.json["detail"].as_str().unwrap().contains("alla rättigheter"), "{}", refused.body);
    // An actor that nobody works for may be moved, and so may an actor by somebody with rights over both.
    let empty = id(&kim.post("/actors", &json!({"kind": "association", "name": "Tom", "seatAreaId": area})).is(201).json);
    kim.patch(&format!("/actors/{other}"), "*", &json!({"parentId": empty})).is(200);
    admin.patch(&format!("/actors/{other}"), "*", &json!({"parentId": own})).is(200);
    theirs.get(&format!("/actors/{other}")).is(200);
}

#[rstest]
fn abuse_114_nobody_comes_below_another_by_merging_restoring_or_undoing(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let area = app.area("0127");
    let (above, theirs) = association(&app, &admin, "Folkets Hus", "0127");
    let (other, _) = association(&app, &admin, "Botvids Gille", "0127");
    let kim = app.user(Role::Coordinator, Some(("area", &area)));
    let make = |name: &str, parent: Option<&str>| {
        let new = json!({"kind": "association", "name": name, "seatAreaId": area, "parentId": parent});
        id(&kim.post("/actors", &new).is(201).json)
    };
    let put = |actor: &str, parent: &str| kim.patch(&format!("/actors/{actor}"), "*", &json!({"parentId": parent}));
    let merge = |by: &Client, one: &str, into: &str| by.post(&format!("/actors/{one}/merge"), &json!({"into": into}));
    let refused = |one: &str, into: &str| {
        let preview = kim.get(&format!("/actors/{one}/merge-preview?into={into}")).is(200).json;
        assert_eq!(preview["allowed"], json!(false), "{preview}");
        merge(&kim, one, into).is(403);
    };
    put(&other, &above).is(403);
    // A merge with an actor that nobody works for does not help, in either direction.
    let shell = make("Tomt skal", None);
    put(&other, &shell).is(200);
    refused(&shell, &above);
    refused(&above, &shell);
    // A removed actor can be restored, so it counts too. Restoring it does not put it below somebody's actor either.
    kim.delete(&format!("/actors/{other}"), "*").is(204);
    refused(&shell, &above);
    merge(&admin, &shell, &above).is(201);
    let restore = format!("/actors/{other}/restore");
    kim.call("POST", &restore, None).is(403);
    assert_eq!(admin.call("POST", &restore, None).is(200).json["parentId"], json!(above));
    // Parts that followed a merge go back when it is undone, together with the parts that they have got since.
    let (friends, _) = association(&app, &admin, "Vännerna", "0127");
    for (names, joins) in [(["Kören", "Altarna", "Sångarna"], false), (["Orkestern", "Blåset", "Spelmännen"], true)] {
        let merged = make(names[0], Some(above.as_str()));
        let part = make(names[1], Some(merged.as_str()));
        let into = make(names[2], None);
        let undo = format!("/merges/{}/undo", id(&merge(&kim, &merged, &into).is(201).json));
        if joins {
            put(&friends, &part).is(200);
            kim.call("POST", &undo, None).is(403);
            theirs.patch(&format!("/actors/{friends}"), "*", &json!({"focus": "Vårt"})).is(403);
            admin.call("POST", &undo, None).is(200);
        } else {
            kim.call("POST", &undo, None).is(200);
        }
    }
}

#[rstest]
fn abuse_114_a_function_in_a_forum_gives_no_greater_one(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let (actor, worker) = association(&app, &admin, "Samordnarna", "0127");
    let (next, _) = association(&app, &admin, "Nästa", "0127");
    let forum = json!({"kind": "council", "level": "local", "name": "Torgrådet", "areas": [app.area("0127")], "purpose": "Allt"});
    let members = format!("/forums/{}/members", id(&admin.post("/forums", &forum).is(201).json));
    let own = format!("{members}/{}", id(&admin.post(&members, &json!({"actorId": actor, "function": "coordinator"})).is(201).json));
    worker.call("POST", &format!("{own}/accept"), None).is(200);
    for greater in ["chair", "process_leader"] {
        assert_eq!(worker.patch(&own, "*", &json!({"function": greater})).is(422).faults(), ["/function not-held"]);
        let new = json!({"actorId": next, "function": greater});
        assert_eq!(worker.post(&members, &new).is(422).faults(), ["/function not-held"]);
    }
    worker.post(&members, &json!({"actorId": next, "function": "member"})).is(201);
    // Those who lead the forum, or coordinate the area, can appoint.
    let coordinator = app.user(Role::Coordinator, Some(("area", &app.area("0127"))));
    coordinator.patch(&own, "*", &json!({"function": "chair"})).is(200);
    worker.patch(&own, "*", &json!({"function": "process_leader"})).is(200);
}

#[rstest]
fn abuse_115_nobody_chooses_anothers_password(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let coordinator = app.user(Role::Coordinator, Some(("area", &app.area("0127"))));
    for by in [&admin, &coordinator] {
        let new = json!({"email": "docka@example.se", "name": "Docka", "password": PASSWORD});
        let refused = by.post("/users", &new).is(422);
        assert_eq!(refused.faults(), ["/password not-here"]);
        assert!(refused.body.contains("länken i brevet"), "{}", refused.body);
    }
    let user = id(&coordinator.post("/users", &json!({"email": "docka@example.se", "name": "Docka"})).is(201).json);
    assert_eq!(coordinator.patch(&format!("/users/{user}"), "*", &json!({"password": PASSWORD})).is(422).faults(), ["/password not-here"]);
    coordinator.patch(&format!("/users/{user}"), "*", &json!({"email": "min@example.se"})).is(422);
    // Nobody can use the account until the link has been followed, even if the account is closed and reopened.
    app.anybody().post("/sessions", &json!({"email": "docka@example.se", "password": PASSWORD})).is(401);
    coordinator.call("POST", &format!("/users/{user}/deactivate"), None).is(200);
    let opened = coordinator.call("POST", &format!("/users/{user}/activate"), None).is(200);
    assert_eq!(opened.json["status"], json!("invited"));
    let first = app.letter("docka@example.se", "invitation");
    app.anybody().post("/account-activations", &json!({"token": first})).is(422);
    app.anybody().post("/account-activations", &json!({"token": first, "password": PASSWORD})).is(204);
    app.sign_in("docka@example.se").get("/me").is(200);
}

#[rstest]
fn abuse_115_a_system_is_taken_by_nobody_who_holds_less(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let botkyrka = app.public_actor(BOTKYRKA);
    let coordinator = app.user(Role::Coordinator, Some(("area", &app.area("0127"))));
    let new = json!({"name": "Register", "authMethod": "client_secret_post", "scopes": ["registry.read", "audit.read"]});
    let system = id(&admin.post("/service-accounts", &new).is(201).json);
    let path = format!("/service-accounts/{system}");
    admin.post("/grants", &grant(&system, "actor_admin", &botkyrka)).is(201);
    // The coordinator manages the home of the account, but holds fewer rights than the account.
    coordinator.get(&path).is(200);
    coordinator.call("POST", &format!("{path}/secrets"), None).is(403);
    coordinator.patch(&path, "*", &json!({"scopes": ["audit.read", "secrecy.read"]})).is(403);
    let for_actor = app.user(Role::ActorAdmin, Some(("actor", &botkyrka)));
    for_actor.call("POST", &format!("{path}/secrets"), None).is(201);
    // A system that also holds a grant elsewhere can be changed only by somebody who holds that too.
    let (other, theirs) = association(&app, &admin, "Föreningen Utanför", "0180");
    admin.post("/grants", &grant(&system, "reader", &other)).is(201);
    for by in [&for_actor, &theirs] {
        by.get(&path).is(200);
        by.call("POST", &format!("{path}/secrets"), None).is(403);
    }
}

#[rstest]
fn abuse_116_a_narrowed_token_gives_nothing_beyond_its_scopes(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let botkyrka = app.public_actor(BOTKYRKA);
    let for_actor = app.user(Role::ActorAdmin, Some(("actor", &botkyrka)));
    let user = app.invite(&for_actor, "ny@example.se");
    for by in [&admin, &for_actor] {
        let token = narrowed(&app, by, &["grants.write", "grants.read", "users.write"]);
        for role in ["actor_admin", "contributor", "reader"] {
            let refused = token.post("/grants", &grant(&user, role, &botkyrka)).is(403);
            assert!(refused.header("www-authenticate").unwrap().contains("insufficient_scope"), "{role}: {}", refused.body);
        }
    }
    // The token can register users, which belong to nobody and hold nothing.
    let token = narrowed(&app, &for_actor, &["users.write", "grants.write"]);
    let made = id(&token.post("/users", &json!({"email": "tom@example.se", "name": "Tom"})).is(201).json);
    token.post("/grants", &grant(&made, "reader", &botkyrka)).is(403);
    // A token that carries everything that a role gives may give the role.
    let reads = Permission::ALL.iter().filter(|permission| permission.may_be_scope() && holds(Standing::Role(Role::Reader), **permission));
    let scopes: Vec<&str> = reads.map(|permission| permission.key()).chain(["grants.write"]).collect();
    let token = narrowed(&app, &for_actor, &scopes);
    token.post("/grants", &grant(&user, "reader", &botkyrka)).is(201);
    token.post("/grants", &grant(&user, "contributor", &botkyrka)).is(403);
}

#[rstest]
fn abuse_116_a_token_without_the_feed_leads_no_webhook_elsewhere(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let coordinator = app.user(Role::Coordinator, Some(("area", &app.area("0127"))));
    let hook = coordinator.post("/webhooks", &json!({"url": crate::chapters::webhooks::NOBODY, "enabled": false})).is(201);
    let path = format!("/webhooks/{}", id(&hook.json["webhook"]));
    let token = narrowed(&app, &coordinator, &["webhooks.read", "webhooks.write"]);
    token.post("/webhooks", &json!({"url": "https://192.0.2.1/"})).is(403);
    let refused = token.patch(&path, "*", &json!({"description": "Till mig"})).is(403);
    assert_eq!(refused.json["requiredPermission"], json!("changes.read"));
}

#[rstest]
fn abuse_118_who_registers_an_address_first_gains_nothing(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let botkyrka = app.public_actor(BOTKYRKA);
    let (actor, attacker) = association(&app, &admin, "Föreningen Krok", "0180");
    let squatted = id(&attacker.post("/users", &json!({"email": "chef@example.se", "name": "Chef"})).is(201).json);
    attacker.post("/grants", &grant(&squatted, "reader", &actor)).is(201);
    let first = app.letter("chef@example.se", "invitation");
    // A request for a password only sends a letter to the mailbox.
    app.anybody().post("/password-resets", &json!({"email": "chef@example.se"})).is(202);
    let again = app.letter("chef@example.se", "invitation");
    assert_ne!(first, again);
    // The municipality is not hindered: its grant goes to a separate account.
    let right = id(&admin.post("/users", &json!({"email": "Chef@Example.se", "name": "Chef"})).is(201).json);
    assert_ne!(right, squatted);
    admin.post("/grants", &grant(&right, "actor_admin", &botkyrka)).is(201);
    follow(&app, "Chef@Example.se", "invitation").is(204);
    let chef = app.sign_in("chef@example.se");
    assert_eq!(chef.get("/me").json["grants"].as_array().unwrap().len(), 1);
    assert_eq!(me(&chef), right);
    // The association sees its own invitation, but neither the other account nor what happened to it.
    assert_eq!(listed_user(&attacker, "chef@example.se").unwrap()["status"], json!("invited"));
    attacker.get(&format!("/users/{right}")).is(404);
    attacker.patch(&format!("/users/{squatted}"), "*", &json!({"email": "min@example.se"})).is(422);
    // Its link opens no second account. When accepted, it gives only its own grant, and no right over the account.
    app.anybody().post("/account-activations", &json!({"token": again, "password": "sju gröna båtar på ett torg"})).is(422);
    app.anybody().post("/account-activations", &json!({"token": again})).is(204);
    attacker.get(&format!("/users/{right}")).is(200);
    attacker.call("POST", &format!("/users/{right}/deactivate"), None).is(403);
    assert_eq!(chef.get("/me").is(200).json["grants"].as_array().unwrap().len(), 2);
    // A user of one's own is not invited twice by mistake. The refusal reveals only an account that the caller can see.
    let twice = admin.post("/users", &json!({"email": "CHEF@example.se", "name": "Chef"})).is(409);
    assert_eq!(twice.json["conflictsWith"], json!(format!("/samsyn/v1/users/{right}")));
}

#[rstest]
fn abuse_118_of_two_links_at_once_one_makes_the_account(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let (_, one) = association(&app, &admin, "Ettan", "0127");
    let (_, two) = association(&app, &admin, "Tvåan", "0127");
    let links = [&one, &two].map(|by| {
        by.post("/users", &json!({"email": "lo@example.se", "name": "Lo"})).is(201);
        app.letter("lo@example.se", "invitation")
    });
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let open = |token: &String| app.anybody().post("/account-activations", &json!({"token": token, "password": PASSWORD})).status;
        let calls: Vec<_> = links.iter().map(|token| scope.spawn(move || open(token))).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let mut sorted = statuses.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [204, 422], "{statuses:?}");
    app.sign_in("lo@example.se").get("/me").is(200);
}

#[rstest]
fn abuse_129_names_lead_nowhere(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let kim = app.user(Role::Reader, None);
    let user = id(&admin.post("/users", &json!({"email": "ny@example.se", "name": "Åsa J.K. Lind, jr."})).is(201).json);
    for (name, fault) in [
        ("Vinn på https://krok.example/x", "/name address-in-name"),
        ("krok.example.com", "/name address-in-name"),
        ("Skriv till a@krok.example", "/name address-in-name"),
        ("Kim\nKlicka här", "/name one-line"),
    ] {
        let refused = admin.post("/users", &json!({"email": "offer@example.se", "name": name})).is(422);
        assert_eq!(refused.faults(), [fault], "{name}");
        assert_eq!(admin.patch(&format!("/users/{user}"), "*", &json!({"name": name})).is(422).faults(), [fault], "{name}");
        assert_eq!(kim.patch("/me", "*", &json!({"name": name})).is(422).faults(), [fault], "{name}");
    }
    // Such a name that was stored in another way is not used in a letter.
    let email = kim.get("/me").json["user"]["email"].as_str().unwrap().to_owned();
    app.execute(&format!("UPDATE user_account SET name = 'Vinn på krok.example.com' WHERE email = '{email}'"));
    app.anybody().post("/password-resets", &json!({"email": email})).is(202);
    app.letter(&email, "password");
    assert!(app.letters(&email).iter().all(|letter| !letter.contains("krok.example") && letter.contains("Hej du!")));
}

#[rstest]
fn abuse_129_letters_to_others_are_counted_for_who_causes_and_who_gets_them(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let settings = "letters_per_caller = 4\nletters_per_recipient = 2";
    let Some(app) = TestApp::start_with(database, settings) else { return };
    let other = TestApp::on_with(&app.url, 2_000_000, settings);
    let one = app.user(Role::Coordinator, Some(("area", &app.area("0127"))));
    let invite = |by: &Client, email: &str| by.post("/users", &json!({"email": email, "name": "Ny"}));
    let user = id(&invite(&one, "ett@example.se").is(201).json);
    one.at(other.address).call("POST", &format!("/users/{user}/invitations"), None).is(202);
    // The address has reached its limit today, for every sender, at every instance and in any letter case.
    let two = app.user(Role::Coordinator, Some(("area", &app.area("0180"))));
    for refused in [one.call("POST", &format!("/users/{user}/invitations"), None), invite(&two.at(other.address), "ETT@example.se")] {
        let refused = refused.is(429);
        let wait: i64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=86_400).contains(&wait) && refused.json["detail"].as_str().unwrap().contains("brev"), "{}", refused.body);
    }
    // The sender has reached its limit after two more letters. Refused calls were not counted, and registered nobody.
    invite(&one, "tva@example.se").is(201);
    invite(&one.at(other.address), "tre@example.se").is(201);
    let refused = invite(&one, "fyra@example.se").is(429);
    assert!(refused.json["detail"].as_str().unwrap().contains("Du har orsakat 4 brev"), "{}", refused.body);
    one.post("/me/email", &json!({"currentPassword": PASSWORD, "email": "fem@example.se"})).is(429);
    assert!(listed_user(&one, "fyra@example.se").is_none());
    invite(&two, "fyra@example.se").is(201);
    // The next day, counting begins again.
    let later = TestApp::at_with(today() + TimeDelta::hours(25), &app.url, 3_000_000, settings);
    let session = later.anybody().post("/sessions", &json!({"email": "coordinator0@example.se", "password": PASSWORD})).is(201);
    let one = later.anybody().with_token(session.json["accessToken"].as_str().unwrap());
    one.call("POST", &format!("/users/{user}/invitations"), None).is(202);
}
