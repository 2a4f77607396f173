//! The model of the attacker (`docs/SECURITY.md`), walked at random: many people give and take roles, invite, make tokens, and
//! move, merge and remove actors and take that back, and after each step nobody reaches more than before but by what whoever took the step could reach itself.
//! By induction that holds for every chain of people, whoever made whom.
//!
//! `SAMSYN_WALK_STEPS` lengthens the walk, and `SAMSYN_WALK_SEED` takes another one.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
};

use chrono::TimeDelta;
use rstest::rstest;
use samsyn::access::policy::{Permission, Role, Standing, allows, holds};
use sea_orm::{ActiveEnum, Iterable};
use serde_json::{Value, json};

use crate::harness::{Client, Database, PASSWORD, TestApp, id, today};

const STEPS: usize = 80;
const SEED: u64 = 112;

/// What somebody can do and where: a permission, or sight, at a place.
type Reach = BTreeSet<(&'static str, String)>;

/// What is seen of an actor's or a forum's own.
const SIGHT: &str = "sight";
/// Works for an actor, and so has the actor's functions in forums.
const WORKS: &str = "works";

/// Numbers that look like chance and are the same for a seed (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % most as u64).unwrap()
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Where things are, as the walk has set them up; what is part of what may change on the way.
struct World {
    areas: Vec<(String, &'static str)>,
    actors: Vec<(String, &'static str)>,
    forum: String,
    source: String,
    parents: BTreeMap<String, String>,
}

impl World {
    fn is_below(&self, actor: &str, above: &str) -> bool {
        let mut at = Some(actor.to_owned());
        while let Some(now) = at {
            if now == above {
                return true;
            }
            at = self.parents.get(&now).cloned();
        }
        false
    }

    /// The places that a scope covers: for what is held in an area, and for what is held by parties alone.
    fn places(&self, kind: &str, scope: &str) -> Vec<String> {
        let mut places = Vec::new();
        let covered = self.areas.iter().find(|(id, _)| id == scope).map_or("none", |(_, code)| *code);
        for (area, code) in &self.areas {
            if kind == "everywhere" || (kind == "area" && code.starts_with(covered)) {
                places.push(format!("area {area}"));
            }
        }
        for (actor, seat) in &self.actors {
            let party = kind == "actor" && self.is_below(actor, scope);
            if kind == "everywhere" || party || (kind == "area" && seat.starts_with(covered)) {
                places.push(format!("at {actor}"));
            }
            if kind == "everywhere" || party {
                places.push(format!("for {actor}"));
            }
        }
        let (owner, seat) = &self.actors[0];
        if kind == "everywhere"
            || (kind == "area" && seat.starts_with(covered))
            || (kind == "actor" && self.is_below(owner, scope))
            || (kind == "source" && scope == self.source)
        {
            places.push(format!("source {}", self.source));
        }
        if kind == "everywhere" || (kind == "forum" && scope == self.forum) {
            places.push(format!("forum {}", self.forum));
        }
        if kind == "everywhere" {
            places.push("everywhere".to_owned());
        }
        places
    }

    /// What a grant gives.
    fn gives(&self, role: Role, kind: &str, scope: &str) -> Reach {
        let mut reach = Reach::new();
        let places = self.places(kind, scope);
        for permission in Permission::ALL.iter().filter(|permission| allows(Standing::Role(role), **permission)) {
            reach.extend(places.iter().map(|place| (permission.key(), place.clone())));
        }
        if role == Role::Admin && kind == "everywhere" {
            // Who runs the installation may give whatever there is.
            let all = Permission::ALL.iter().map(|permission| permission.key()).chain([SIGHT, WORKS]);
            reach.extend(all.flat_map(|what| places.iter().map(move |place| (what, place.clone()))));
        }
        if kind == "actor" || kind == "forum" {
            reach.extend(places.iter().map(|place| (SIGHT, place.clone())));
        }
        if kind == "actor" && matches!(role, Role::ActorAdmin | Role::Contributor) {
            reach.extend(places.iter().map(|place| (WORKS, place.clone())));
        }
        if kind == "area" && role == Role::Coordinator {
            reach.extend(places.iter().filter(|place| place.starts_with("area")).map(|place| (SIGHT, place.clone())));
        }
        reach
    }

    /// What somebody reaches, as the service tells it.
    fn reach(&self, me: &Value) -> Reach {
        let grants = me["grants"].as_array().unwrap();
        let of = |grant: &Value| {
            let role: Role = serde_json::from_value(grant["role"].clone()).unwrap();
            self.gives(role, grant["scope"]["kind"].as_str().unwrap(), grant["scope"]["id"].as_str().unwrap_or_default())
        };
        grants.iter().flat_map(of).collect()
    }
}

/// Somebody on the walk.
struct Person {
    email: String,
    id: String,
    client: Client,
    /// The client and the scopes of each token that is narrowed.
    tokens: Vec<(Client, Vec<&'static str>)>,
    /// All that this person ever reached, which may come back when an account is opened again.
    ever: Reach,
}

/// Somebody who has been asked in, and what those who prepared grants reached when they did.
struct Invited {
    email: String,
    id: String,
    passed: Reach,
}

struct Walk {
    app: TestApp,
    world: World,
    people: Vec<Person>,
    invited: Vec<Invited>,
    grants: Vec<String>,
    merges: Vec<String>,
    removed: Vec<String>,
    chance: Chance,
    told: Vec<String>,
    carried_out: usize,
}

/// The permissions that everybody holds and a token may carry: without them nothing is read.
fn reads() -> Vec<&'static str> {
    let reads = Permission::ALL.iter().filter(|permission| permission.may_be_scope() && holds(Standing::SignedIn, **permission));
    reads.map(|permission| permission.key()).collect()
}

impl Walk {
    fn begin(app: TestApp, seed: u64) -> Self {
        let admin = app.user(Role::Admin, None);
        let areas: Vec<_> = ["01", "0127", "0180", "14", "1480"].map(|code| (app.area(code), code)).into();
        let area = |code: &str| areas.iter().find(|(_, known)| *known == code).unwrap().0.clone();
        let actor = |name: &str, code: &'static str, parent: Option<&str>| {
            let kind = if parent.is_some() { "administration" } else { "association" };
            let new = json!({"kind": kind, "name": name, "seatAreaId": area(code), "parentId": parent, "visibility": "public"});
            (id(&admin.post("/actors", &new).is(201).json), code)
        };
        let one = actor("Ettan", "0127", None);
        let part = actor("Ettans del", "1480", Some(&one.0));
        let parents = BTreeMap::from([(part.0.clone(), one.0.clone())]);
        let actors = vec![one, part, actor("Tvåan", "0127", None), actor("Trean", "1480", None)];
        let forum = json!({"kind": "council", "level": "local", "name": "Torgrådet", "areas": [area("0127")], "purpose": "Allt"});
        let forum = id(&admin.post("/forums", &forum).is(201).json);
        let source = json!({"actorId": actors[0].0, "name": "Register", "idScheme": "ettan"});
        let source = id(&admin.post("/sources", &source).is(201).json);
        let scopes = [
            (Role::Admin, "everywhere", String::new()),
            (Role::Coordinator, "everywhere", String::new()),
            (Role::Coordinator, "area", area("01")),
            (Role::Coordinator, "area", area("1480")),
            (Role::ActorAdmin, "actor", actors[0].0.clone()),
            (Role::ActorAdmin, "actor", actors[2].0.clone()),
            (Role::Contributor, "actor", actors[3].0.clone()),
            (Role::Reader, "actor", actors[0].0.clone()),
            (Role::Admin, "area", area("0127")),
            (Role::ActorAdmin, "area", area("0180")),
            (Role::Coordinator, "forum", forum.clone()),
        ];
        let world = World { areas, actors, forum, source, parents };
        let mut walk = Self {
            app,
            world,
            people: Vec::new(),
            invited: Vec::new(),
            grants: Vec::new(),
            merges: Vec::new(),
            removed: Vec::new(),
            chance: Chance(seed),
            told: Vec::new(),
            carried_out: 0,
        };
        for (at, (role, kind, scope)) in scopes.iter().enumerate() {
            let email = format!("vandrare{at}@example.se");
            walk.app.register(&email, "En Vandrare", *role, Some((*kind, scope.as_str())).filter(|(kind, _)| *kind != "everywhere"));
            walk.join(&email);
        }
        walk
    }

    /// Takes somebody who can sign in along.
    fn join(&mut self, email: &str) {
        let client = self.app.sign_in(email);
        let me = client.get("/me").is(200).json;
        self.grants.extend(me["grants"].as_array().unwrap().iter().map(id));
        let ever = self.world.reach(&me);
        self.people.push(Person { email: email.to_owned(), id: id(&me["user"]), client, tokens: Vec::new(), ever });
    }

    /// Somebody who acts, by what, and what may be passed on so: what is reached, as far as the token carries it. What the
    /// installation's admin gives is the admin's to give, so it acts seldom.
    fn who(&mut self) -> (usize, Client, Reach) {
        let who = if self.chance.below(12) == 0 { 0 } else { 1 + self.chance.below(self.people.len() - 1) };
        let person = &self.people[who];
        let own = person.client.get("/me");
        let reach = if own.status == 200 { self.world.reach(&own.json) } else { Reach::new() };
        let person = &self.people[who];
        if person.tokens.is_empty() || self.chance.below(3) > 0 {
            return (who, person.client.clone(), reach);
        }
        let (client, scopes) = self.chance.of(&person.tokens);
        let readable = reads().iter().all(|read| scopes.contains(read));
        let carried = |what: &str| scopes.contains(&what) || (readable && (what == SIGHT || what == WORKS));
        (who, client.clone(), reach.into_iter().filter(|(what, _)| carried(what)).collect())
    }

    fn scope(&mut self) -> Value {
        let world = &self.world;
        match self.chance.below(7) {
            0 => json!({"kind": "everywhere", "id": null}),
            1 | 2 => json!({"kind": "area", "id": self.chance.of(&world.areas).0}),
            3 | 4 => json!({"kind": "actor", "id": self.chance.of(&world.actors).0}),
            5 => json!({"kind": "forum", "id": world.forum}),
            _ => json!({"kind": "source", "id": world.source}),
        }
    }

    /// One step, and what whoever took it passed on at the most.
    fn step(&mut self, number: usize) -> Reach {
        match self.chance.below(12) {
            0..=4 => self.grant(),
            5 => self.revoke(),
            6 => self.invite(number),
            7 => self.follow(),
            8 => self.token(),
            9 if self.chance.below(2) == 0 => self.shut(),
            9 => self.move_actor(),
            10 => self.merge(),
            _ => self.remove(),
        }
    }

    fn grant(&mut self) -> Reach {
        let (who, client, mut passed) = self.who();
        let ids: Vec<String> = self.people.iter().map(|person| &person.id).chain(self.invited.iter().map(|one| &one.id)).cloned().collect();
        let user = self.chance.of(&ids).clone();
        let roles: Vec<Role> = Role::iter().collect();
        let (role, scope) = (*self.chance.of(&roles), self.scope());
        let answer = client.post("/grants", &json!({"userId": user, "role": role, "scope": scope}));
        self.note(who, answer.status, &format!("grants {} in {scope} to {user}", role.to_value()));
        if answer.status != 201 {
            return Reach::new();
        }
        self.grants.push(id(&answer.json));
        if passed.contains(&(SIGHT, "everywhere".to_owned())) {
            // The admin passes on just what it gives.
            let given = self.world.gives(role, scope["kind"].as_str().unwrap(), scope["id"].as_str().unwrap_or_default());
            passed.retain(|one| given.contains(one));
        }
        if let Some(invited) = self.invited.iter_mut().find(|one| one.id == user) {
            invited.passed.extend(passed.iter().cloned());
        }
        passed
    }

    fn revoke(&mut self) -> Reach {
        let (who, client, _) = self.who();
        let grant = self.chance.of(&self.grants).clone();
        // Else soon nobody would hold anything.
        let status = if self.chance.below(3) == 0 { client.delete(&format!("/grants/{grant}"), "*").status } else { 0 };
        self.note(who, status, &format!("takes {grant} back"));
        Reach::new()
    }

    fn invite(&mut self, number: usize) -> Reach {
        let (who, client, _) = self.who();
        let known: Vec<String> = self.people.iter().map(|person| person.email.clone()).collect();
        let email = if self.chance.below(2) == 0 { format!("ny{number}@example.se") } else { self.chance.of(&known).clone() };
        let answer = client.post("/users", &json!({"email": email, "name": "En Ny"}));
        self.note(who, answer.status, &format!("invites {email}"));
        if answer.status == 201 {
            self.invited.push(Invited { email, id: id(&answer.json), passed: Reach::new() });
        }
        Reach::new()
    }

    /// Somebody follows the link of an invitation. What was prepared counts from then on.
    fn follow(&mut self) -> Reach {
        if self.invited.is_empty() {
            return Reach::new();
        }
        let at = self.chance.below(self.invited.len());
        let Invited { email, id: invited, .. } = &self.invited[at];
        let (email, invited) = (email.clone(), invited.clone());
        let has_account = self.people.iter().any(|person| person.email == email);
        // The newest letter to an address may be another's: the link is made anew, by whoever may.
        let admin = self.people[0].client.clone();
        let page = if has_account { "acceptance" } else { "invitation" };
        if admin.call("POST", &format!("/users/{invited}/invitations"), None).status != 202 {
            return Reach::new();
        }
        let before = self.app.letter(&email, page);
        let mut body = json!({"token": before});
        if !has_account {
            body["password"] = json!(PASSWORD);
        }
        let status = self.app.anybody().post("/account-activations", &body).status;
        self.note(0, status, &format!("is asked to let {email} accept {invited}"));
        if status != 204 {
            return Reach::new();
        }
        let passed = self.invited.swap_remove(at).passed;
        if !has_account {
            self.join(&email);
            let new = self.people.last_mut().unwrap();
            new.ever = Reach::new();
        }
        passed
    }

    fn token(&mut self) -> Reach {
        let (who, ..) = self.who();
        let me = self.people[who].client.get("/me");
        if me.status != 200 {
            return Reach::new();
        }
        let held = |permission: &&Permission| me.json["permissions"].as_array().unwrap().contains(&json!(permission.key()));
        let held: Vec<&'static str> = Permission::ALL.iter().filter(|one| one.may_be_scope()).filter(held).map(|one| one.key()).collect();
        let all = self.chance.below(2) == 0;
        let mut scopes: Vec<&'static str> = held.into_iter().filter(|_| self.chance.below(2) == 0).collect();
        scopes.extend(if all { reads() } else { Vec::new() });
        scopes.push("sources.read");
        scopes.sort_unstable();
        scopes.dedup();
        let new = json!({"name": "Smal", "scopes": scopes, "expiresAt": today() + TimeDelta::days(1)});
        let answer = self.people[who].client.post("/me/tokens", &new);
        self.note(who, answer.status, &format!("makes a token of {scopes:?}"));
        if answer.status == 201 {
            let client = self.app.anybody().with_token(answer.json["token"].as_str().unwrap());
            self.people[who].tokens.push((client, scopes));
        }
        Reach::new()
    }

    fn shut(&mut self) -> Reach {
        let (who, client, _) = self.who();
        let whom = self.chance.below(self.people.len());
        let act = *self.chance.of(&["activate", "deactivate", "second-factor/remove", "invitations"]);
        let status = client.call("POST", &format!("/users/{}/{act}", self.people[whom].id), None).status;
        self.note(who, status, &format!("does {act} to {}", self.people[whom].email));
        if status == 200 {
            let admin = self.people[0].client.clone();
            admin.call("POST", &format!("/users/{}/activate", self.people[whom].id), None);
            self.people[whom].tokens.clear();
            self.people[whom].client = self.app.sign_in(&self.people[whom].email);
        }
        Reach::new()
    }

    fn move_actor(&mut self) -> Reach {
        let (who, client, passed) = self.who();
        let (actor, parent) = (self.chance.of(&self.world.actors).0.clone(), self.chance.of(&self.world.actors).0.clone());
        let status = client.patch(&format!("/actors/{actor}"), "*", &json!({"parentId": parent})).status;
        self.note(who, status, &format!("puts {actor} below {parent}"));
        if status != 200 {
            return Reach::new();
        }
        self.world.parents.insert(actor, parent);
        passed
    }

    /// Two actors become one, or are parted again.
    fn merge(&mut self) -> Reach {
        let (who, client, passed) = self.who();
        let undone = if self.chance.below(2) == 0 { self.merges.last().cloned() } else { None };
        let Some(merge) = undone else {
            let (gone, kept) = (self.chance.of(&self.world.actors).0.clone(), self.chance.of(&self.world.actors).0.clone());
            let answer = client.post(&format!("/actors/{gone}/merge"), &json!({"into": kept, "note": "Samma"}));
            self.note(who, answer.status, &format!("merges {gone} into {kept}"));
            if answer.status == 201 {
                self.merges.push(id(&answer.json));
            }
            return self.passed_on(who, passed);
        };
        let answer = client.call("POST", &format!("/merges/{merge}/undo"), None);
        self.note(who, answer.status, &format!("undoes the merge {merge}"));
        if answer.status == 200 {
            self.merges.pop();
        }
        self.passed_on(who, passed)
    }

    /// An actor is removed, or restored.
    fn remove(&mut self) -> Reach {
        let (who, client, passed) = self.who();
        let restored = if self.chance.below(3) > 0 { self.removed.last().cloned() } else { None };
        if let Some(actor) = restored {
            let status = client.call("POST", &format!("/actors/{actor}/restore"), None).status;
            self.note(who, status, &format!("restores {actor}"));
            if status == 200 {
                self.removed.pop();
            }
        } else {
            let actor = self.chance.of(&self.world.actors).0.clone();
            let status = client.delete(&format!("/actors/{actor}"), "*").status;
            self.note(who, status, &format!("removes {actor}"));
            if status == 204 {
                self.removed.push(actor);
            }
        }
        self.passed_on(who, passed)
    }

    /// What whoever moved something reaches, before or after: what comes back with what is restored is its to give too.
    fn passed_on(&mut self, who: usize, mut passed: Reach) -> Reach {
        let admin = self.people[0].client.clone();
        for (actor, _) in &self.world.actors {
            let now = admin.get(&format!("/actors/{actor}"));
            match now.json["parentId"].as_str().filter(|_| now.status == 200) {
                Some(parent) => self.world.parents.insert(actor.clone(), parent.to_owned()),
                None => self.world.parents.remove(actor),
            };
        }
        let me = self.people[who].client.get("/me");
        if me.status == 200 {
            passed.extend(self.world.reach(&me.json));
        }
        passed
    }

    fn note(&mut self, who: usize, status: u16, what: &str) {
        self.carried_out += usize::from((200..300).contains(&status));
        self.told.push(format!("{} {what}: {status}", self.people[who].email));
    }

    /// Nobody reaches more than ever before, but what was passed on.
    fn check(&mut self, passed: &Reach) {
        for at in 0..self.people.len() {
            let me = self.people[at].client.get("/me");
            if me.status != 200 {
                continue;
            }
            let reach = self.world.reach(&me.json);
            let person = &mut self.people[at];
            let beyond: Vec<_> = reach.iter().filter(|one| !person.ever.contains(*one) && !passed.contains(*one)).collect();
            assert!(beyond.is_empty(), "{} reaches {beyond:?}, after\n{}", person.email, self.told.join("\n"));
            person.ever.extend(reach);
        }
    }

    /// What the service tells of each is what trying gives: nobody can do what it is not told that it may.
    fn try_all(&self) -> usize {
        let mut tried = 0;
        for person in &self.people {
            let me = person.client.get("/me");
            if me.status != 200 {
                continue;
            }
            let reach = self.world.reach(&me.json);
            // At what has become part of another, or is removed, nothing can be given.
            let there = |actor: &&(String, &str)| self.people[0].client.get(&format!("/actors/{}", actor.0)).status == 200;
            for (actor, _) in self.world.actors.iter().filter(there) {
                let grant = json!({"userId": "01890a5d-ac96-774b-bcce-b302099a8057", "role": "actor_admin", "scope": {"kind": "actor", "id": actor}});
                let probes = [
                    (
                        "actors.write",
                        "at",
                        person.client.patch(&format!("/actors/{actor}"), "\"v999999\"", &json!({"focus": "x"})).status == 412,
                    ),
                    // Whoever gives all that there is at an actor holds it.
                    ("secrecy.see", "for", person.client.post("/grants", &grant).status == 422),
                    (WORKS, "for", person.client.post("/grants", &grant).status == 422),
                ];
                for (what, how, may) in probes {
                    tried += 1;
                    let place = format!("{how} {actor}");
                    assert!(
                        !may || reach.contains(&(what, place.clone())),
                        "{} has {what} {place}, after\n{}",
                        person.email,
                        self.told.join("\n")
                    );
                }
            }
        }
        tried
    }
}

fn setting<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    #[expect(clippy::disallowed_methods, reason = "how far to walk is for who runs the tests to say")]
    env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

#[rstest]
fn abuse_112_nobody_reaches_more_than_those_who_acted(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let settings = "letters_per_caller = 0\nletters_per_recipient = 0\nrate_caller_per_minute = 0\nrate_address_per_minute = 0";
    let Some(app) = TestApp::start_with(database, settings) else { return };
    let mut walk = Walk::begin(app, setting("SAMSYN_WALK_SEED", SEED));
    let steps = setting("SAMSYN_WALK_STEPS", STEPS);
    assert!(walk.try_all() > 100);
    for number in 0..steps {
        let passed = walk.step(number);
        walk.check(&passed);
    }
    assert!(walk.try_all() > 0);
    // A walk on which nothing happens proves nothing.
    assert!(walk.carried_out * 10 > steps, "{} of {steps} steps were carried out:\n{}", walk.carried_out, walk.told.join("\n"));
}
