//! A copy that follows the changes equals what the service shows.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
};

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::{
    feed::{actor, changes_after},
    feed_checker::Dice,
    harness::{Client, Database, TestApp, id},
};

/// The pages of a list that was read during writes, together with the changes since the first page's cursor, equal the
/// present list.
#[rstest]
fn a_list_and_what_changed_since_are_what_is_there(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let own: Vec<_> = (0..60).map(|number| actor(&admin, &format!("Spegling {number:02}"), &json!({}))).collect();
    let mut copy = std::collections::BTreeMap::new();
    let mut cursor = String::new();
    thread::scope(|scope| {
        let (admin, own) = (&admin, &own);
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                scope.spawn(move || {
                    for turn in 0..25 {
                        // The actor moves from the end of the list to its beginning, and away.
                        let at = &own[(turn * 7 + writer * 30) % 60];
                        let path = format!("/actors/{at}");
                        let Some(seen) = Some(admin.get(&path)).filter(|seen| seen.status == 200) else { continue };
                        if turn % 6 == 5 {
                            admin.delete(&path, &seen.etag());
                        } else {
                            admin.patch(&path, &seen.etag(), &json!({"name": format!("Aspegling {turn} {writer}")}));
                        }
                        actor(admin, &format!("Spegling ny {writer} {turn}"), &json!({}));
                    }
                })
            })
            .collect();
        let mut next = String::new();
        loop {
            let page = admin.get(&format!("/actors?limit=9&q=spegling{next}")).is(200).json;
            if cursor.is_empty() {
                page["changeCursor"].as_str().unwrap().clone_into(&mut cursor);
            }
            for item in page["items"].as_array().unwrap() {
                copy.insert(id(item), item.clone());
            }
            let Some(more) = page["nextCursor"].as_str() else { break };
            next = format!("&cursor={more}");
        }
        for writer in writers {
            writer.join().unwrap();
        }
    });
    for change in changes_after(&admin, &cursor, "&types=actor").0 {
        let now = admin.get(&format!("/actors/{}", id(&change)));
        if change["op"] == "delete" || now.status == 404 {
            copy.remove(&id(&change));
        } else {
            copy.insert(id(&change), now.is(200).json);
        }
    }
    let mut live = std::collections::BTreeMap::new();
    let mut next = String::new();
    loop {
        let page = admin.get(&format!("/actors?limit=200{next}")).is(200).json;
        let items = page["items"].as_array().unwrap().iter();
        live.extend(items.filter(|item| item["name"].as_str().unwrap().contains("pegling")).map(|item| (id(item), item.clone())));
        let Some(more) = page["nextCursor"].as_str() else { break };
        next = format!("&cursor={more}");
    }
    assert_eq!(copy, live);
}

/// Kinds of record, each with its list.
const MIRRORED: [(&str, &str); 5] = [
    ("actor", "/actors"),
    ("mandate", "/mandates"),
    ("statement", "/statements"),
    ("actor_relation", "/actor-relations"),
    ("source", "/sources"),
];

/// Returns all records that a caller is shown in those lists, by path, and the cursor from before they were read.
fn lists(who: &Client) -> (BTreeMap<String, Value>, String) {
    let (mut shown, mut from) = (BTreeMap::new(), String::new());
    for (_, list) in MIRRORED {
        let mut next = String::new();
        loop {
            let page = who.get(&format!("{list}?limit=200{next}")).is(200).json;
            if from.is_empty() {
                page["changeCursor"].as_str().unwrap().clone_into(&mut from);
            }
            shown.extend(page["items"].as_array().unwrap().iter().map(|item| (format!("{list}/{}", id(item)), item.clone())));
            let Some(more) = page["nextCursor"].as_str() else { break };
            next = format!("&cursor={more}");
        }
    }
    (shown, from)
}

/// A copy that is kept as FOLLOWING.md describes.
struct Mirror {
    who: Client,
    name: &'static str,
    copy: BTreeMap<String, Value>,
    from: String,
}

impl Mirror {
    fn new(name: &'static str, who: &Client) -> Self {
        let (copy, from) = lists(who);
        Self { who: who.clone(), name, copy, from }
    }

    fn catch_up(&mut self) {
        let (changes, from) = changes_after(&self.who, &self.from, "");
        self.from = from;
        for change in changes {
            let Some((_, list)) = MIRRORED.iter().find(|(kind, _)| change["type"] == *kind) else { continue };
            let address = format!("{list}/{}", id(&change));
            let now = self.who.get(&address);
            if change["op"] == "upsert" && now.status == 200 {
                self.copy.insert(address, now.json);
            } else {
                self.copy.remove(&address);
            }
        }
    }

    /// Returns the differences between the copy and what the service shows.
    fn differences(&self) -> Vec<String> {
        let (shown, _) = lists(&self.who);
        let all: BTreeSet<&String> = shown.keys().chain(self.copy.keys()).collect();
        let wrong = all.into_iter().filter(|address| shown.get(*address) != self.copy.get(*address));
        wrong.map(|address| format!("{}: {address} is {:?}, copied {:?}", self.name, shown.get(address), self.copy.get(address))).collect()
    }
}

/// A registry that an admin changes at random.
struct Changing {
    admin: Client,
    dice: Dice,
    area: String,
    actors: Vec<String>,
    /// Actors with people. They are the survivors of every merge; otherwise their people would come to see more.
    worked_for: usize,
    hanging: Vec<String>,
    merges: Vec<String>,
    log: Vec<String>,
}

impl Changing {
    fn one(&mut self, of: usize) -> usize {
        usize::try_from(self.dice.below(of as u64)).unwrap()
    }

    fn actor(&mut self) -> String {
        let at = self.one(self.actors.len());
        self.actors[at].clone()
    }

    fn visibility(&mut self) -> &'static str {
        ["public", "members", "actor", "actor"][self.one(4)]
    }

    fn call(&mut self, method: &str, path: &str, body: &Value) -> Option<String> {
        let answer = match method {
            "POST" => self.admin.post(path, body),
            "PATCH" => self.admin.patch(path, "*", body),
            _ => self.admin.delete(path, "*"),
        };
        assert!(answer.status < 500, "{method} {path} {body}: {}", answer.body);
        self.log.push(format!("{method} {path} {body}: {}", answer.status));
        (answer.status == 201).then(|| id(&answer.json))
    }

    fn step(&mut self) {
        let (at, actor, other) = (self.log.len(), self.actor(), self.actor());
        let visibility = self.visibility();
        let parent = if self.one(3) == 0 { Value::Null } else { json!(other) };
        let common = json!({"actorId": actor, "policyDomain": "education", "areaId": self.area, "visibility": visibility});
        let with = |more: Value| {
            let mut new = common.clone();
            new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            new
        };
        let (list, new) = match self.one(15) {
            0 => ("/actors", json!({"kind": "other", "name": format!("Ny {at}"), "visibility": visibility, "parentId": parent})),
            1 => ("/mandates", with(json!({"powers": ["implement"], "basis": "voluntary", "validFrom": "2026-01-01"}))),
            2 => ("/statements", with(json!({"kind": "need", "text": format!("Lokal {at}"), "sufficiency": "insufficient"}))),
            3 => ("/actor-relations", json!({"kind": "member_of", "actorId": actor, "otherActorId": other})),
            4 => ("/sources", json!({"actorId": actor, "name": format!("Register {}", at % 3), "idScheme": "nr"})),
            5..=6 => return drop(self.call("PATCH", &format!("/actors/{actor}"), &json!({"visibility": visibility}))),
            7..=8 => return drop(self.call("PATCH", &format!("/actors/{actor}"), &json!({"parentId": parent}))),
            9 => return drop(self.call("DELETE", &format!("/actors/{actor}"), &json!(null))),
            10 => return drop(self.call("POST", &format!("/actors/{actor}/restore"), &json!({}))),
            11..=12 => {
                let gone = self.worked_for + self.one(self.actors.len() - self.worked_for);
                let gone = self.actors[gone].clone();
                let merge = self.call("POST", &format!("/actors/{gone}/merge"), &json!({"into": other}));
                return self.merges.extend(merge);
            }
            13 if !self.merges.is_empty() => {
                let merge = self.one(self.merges.len());
                let path = format!("/merges/{}/undo", self.merges[merge]);
                return drop(self.call("POST", &path, &json!({})));
            }
            _ if self.hanging.is_empty() => return,
            _ => {
                let hanging = self.one(self.hanging.len());
                let path = self.hanging.swap_remove(hanging);
                return drop(self.call("DELETE", &path, &json!(null)));
            }
        };
        let Some(new) = self.call("POST", list, &new) else { return };
        match list {
            "/actors" => self.actors.push(new),
            "/sources" => {}
            _ => self.hanging.push(format!("{list}/{new}")),
        }
    }
}

/// Whatever happens to actors and their records, each follower's copy equals what the follower is shown.
#[rstest]
fn whatever_happens_a_copy_is_what_is_shown(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let (admin, area) = (app.user(Role::Admin, None), app.area("0127"));
    let mut actors: Vec<String> = Vec::new();
    for number in 0..8 {
        let parent = actors.get(number / 2).filter(|_| number > 1);
        let visibility = ["public", "actor"][number % 2];
        actors.push(actor(&admin, &format!("Aktör {number}"), &json!({"visibility": visibility, "parentId": parent})));
    }
    let people = |at: usize| app.user(Role::ActorAdmin, Some(("actor", &actors[at])));
    let followers = [
        ("a reader", app.user(Role::Reader, Some(("area", &area)))),
        ("a coordinator", app.user(Role::Coordinator, Some(("area", &area)))),
        ("the people of one", people(0)),
        ("the people of another", people(1)),
    ];
    let mirrors = || followers.iter().map(|(name, who)| Mirror::new(name, who)).collect::<Vec<_>>();
    let (mut often, mut at_last) = (mirrors(), mirrors());
    let (hanging, merges, log) = (Vec::new(), Vec::new(), Vec::new());
    let mut changing = Changing { admin: admin.clone(), dice: Dice(1), area, actors, worked_for: 2, hanging, merges, log };
    for step in 0..60 {
        changing.step();
        often[step % 4].catch_up();
    }
    at_last.extend(often);
    let wrong: Vec<_> = at_last
        .iter_mut()
        .flat_map(|mirror| {
            mirror.catch_up();
            mirror.differences()
        })
        .collect();
    assert!(wrong.is_empty(), "{}\n\n{}", wrong.join("\n"), changing.log.join("\n"));
}
