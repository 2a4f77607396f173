//! Checks the feed under load: writers, some of which keep transactions open for a while; followers that stop, continue,
//! read by page, wait or stream, on any instance; instances that are killed; a database that is restarted. In the end every
//! follower must have read the same: every acknowledged write once, in order and without a gap.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher, Hasher},
    io::Write,
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rstest::rstest;
use samsyn::{
    access::Visibility,
    kernel::{
        Id,
        events::{Change, ChangeOperation},
        request::Call,
    },
    registry::actors::{NewActor, store as actors},
};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::harness::{
    Answer, Client, Database,
    child::{self, Child},
    empty,
    postgres::Own,
};

/// A pseudo-random generator that repeats its numbers for the same seed (`SplitMix64`).
pub struct Dice(pub u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    fn pause(&mut self, longest_ms: u64) {
        thread::sleep(Duration::from_millis(self.below(longest_ms)));
    }
}

/// The id and version of a record.
type Version = (String, i64);

/// One entry in the log of a follower.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    position: i64,
    kind: String,
    of: Version,
    op: String,
}

impl Entry {
    fn from_change(change: &Value) -> Self {
        let text = |name: &str| change[name].as_str().unwrap().to_owned();
        Self {
            position: change["position"].as_i64().unwrap(),
            kind: text("type"),
            of: (text("id"), change["version"].as_i64().unwrap()),
            op: text("op"),
        }
    }
}

struct Checker {
    url: String,
    database: Database,
    token: String,
    addresses: Mutex<Vec<SocketAddr>>,
    /// Set when the writers have finished.
    written: AtomicBool,
    until: Instant,
    kills: AtomicUsize,
}

impl Checker {
    fn at_any(&self, dice: &mut Dice) -> Client {
        let addresses = self.addresses.lock().unwrap();
        let at = usize::try_from(dice.below(addresses.len() as u64)).unwrap();
        Client::new(addresses[at]).with_token(&self.token)
    }

    fn goes_on(&self) -> bool {
        #[expect(clippy::disallowed_methods, reason = "a check lasts as long as it was told to")]
        let now = Instant::now();
        now < self.until
    }

    /// Calls any instance, again and again, until one answers definitely.
    fn call_until_answered(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<(&str, &Value)>,
        dice: &mut Dice,
    ) -> Answer {
        loop {
            let caller = headers.iter().fold(self.at_any(dice), |caller, (name, value)| caller.with(name, value));
            match caller.try_call(method, path, body) {
                Some(answer) if answer.status < 500 && answer.json["code"] != "in-progress" => return answer,
                _ => dice.pause(50),
            }
        }
    }

    /// Writes over HTTP, and returns the acknowledged writes.
    fn write(&self, seed: u64) -> BTreeSet<Version> {
        let (mut dice, mut done, mut own) = (Dice(seed), BTreeSet::new(), Vec::<Version>::new());
        while self.goes_on() {
            if own.is_empty() || dice.below(5) == 0 {
                // The same idempotency key is used until there is an answer, so that the write is done once.
                let (key, name) = (format!("{seed}-{}", own.len()), format!("Skrivare {seed} {}", own.len()));
                let new = json!({"kind": "other", "name": name});
                let answer = self
                    .call_until_answered("POST", "/actors", &[("Idempotency-Key", &key)], Some(("application/json", &new)), &mut dice)
                    .is(201);
                own.push((answer.json["id"].as_str().unwrap().to_owned(), 1));
                done.insert(own.last().unwrap().clone());
            } else {
                let at = usize::try_from(dice.below(own.len() as u64)).unwrap();
                let (id, version) = own[at].clone();
                let (path, tag) = (format!("/actors/{id}"), format!("\"v{version}\""));
                let change = json!({"focus": format!("{}", dice.roll())});
                let caller = self.at_any(&mut dice).with("If-Match", &tag);
                let answer = caller.try_call("PATCH", &path, Some(("application/merge-patch+json", &change)));
                let now = match answer {
                    Some(answer) if answer.status == 200 => answer.json["version"].as_i64().unwrap(),
                    // The write may have been done or not; reading the record shows which.
                    _ => self.call_until_answered("GET", &path, &[], None, &mut dice).is(200).json["version"].as_i64().unwrap(),
                };
                assert!(now == version || now == version + 1, "nobody else writes {id}: {version}, then {now}");
                own[at].1 = now;
                done.insert((id, now));
            }
            dice.pause(20);
        }
        done
    }

    /// Writes directly to the database and keeps the transaction open: first one statement, so that a transaction which
    /// began early ends late; then an update of one row that all such writers change, so that they wait for each other.
    fn write_slowly(&self, seed: u64, hot: &str) -> BTreeSet<Version> {
        let (hot, until, database) = (hot.to_owned(), self.until, self.database);
        child::with_db(&self.url, false, async move |db| {
            let (mut dice, mut done) = (Dice(seed), BTreeSet::new());
            let longest = if database == Database::Sqlite { 60 } else { 400 };
            let id: Id<()> = serde_json::from_value(json!(hot)).unwrap();
            let (literal, visible) = (literal(&hot, database), Visibility::Public.of(None, Some(id.uuid())));
            let mut turn = 0;
            #[expect(clippy::disallowed_methods, reason = "a check lasts as long as it was told to")]
            while Instant::now() < until {
                turn += 1;
                let new: NewActor = serde_json::from_value(json!({"kind": "other", "name": format!("Söl {seed} {turn}")})).unwrap();
                let (before, after) = (dice.below(longest), dice.below(longest / 4));
                let written = db
                    .transaction(&Call::of_installation(), async |w| {
                        let new = actors::insert(new.clone(), &samsyn::access::Sight::of_installation(), w).await?;
                        tokio::time::sleep(Duration::from_millis(before)).await;
                        let sql = format!("UPDATE actor SET version = version + 1 WHERE id = {literal} RETURNING version");
                        let row = w.tx.query_one_raw(Statement::from_string(w.tx.get_database_backend(), sql)).await?.unwrap();
                        let version: i64 = row.try_get("", "version")?;
                        tokio::time::sleep(Duration::from_millis(after)).await;
                        w.record(Change::new("actor", id.uuid(), ChangeOperation::Upsert, version, visible.clone()));
                        Ok([(new.id.to_string(), 1), (hot.clone(), version)])
                    })
                    .await;
                done.extend(written.into_iter().flatten());
                tokio::time::sleep(Duration::from_millis(dice.below(100))).await;
            }
            done
        })
    }

    /// Follows in random ways until there are no more changes.
    fn follow(&self, seed: u64) -> Vec<Entry> {
        let (mut dice, mut log, mut cursor) = (Dice(seed), Vec::<Entry>::new(), String::new());
        loop {
            let last = self.written.load(Ordering::Acquire);
            let way = if last { 0 } else { dice.below(4) };
            let from = log.len();
            let limit = 1 + dice.below(60);
            let client = self.at_any(&mut dice);
            let more = match way {
                0 | 1 => Self::read(&client, &format!("limit={limit}"), &mut cursor, &mut log),
                2 => Self::read(&client, &format!("limit={limit}&wait={}", 1 + dice.below(2)), &mut cursor, &mut log),
                _ => {
                    Self::stream(&client, limit, 50 + dice.below(1500), &mut cursor, &mut log);
                    true
                }
            };
            if last && !more && from == log.len() {
                return log;
            }
            if let Some(entry) = log[from..].iter().rfind(|entry| entry.kind == "actor")
                && dice.below(3) == 0
            {
                // A record in the feed can be read on every instance.
                let shown = self.call_until_answered("GET", &format!("/actors/{}", entry.of.0), &[], None, &mut dice).is(200);
                assert!(shown.json["version"].as_i64().unwrap() >= entry.of.1, "the feed is ahead of the record {entry:?}");
            }
            let longest = if dice.below(10) == 0 { 800 } else { 20 };
            dice.pause(longest);
        }
    }

    /// Reads one page. Returns whether to continue.
    fn read(client: &Client, query: &str, cursor: &mut String, log: &mut Vec<Entry>) -> bool {
        let Some(answer) = client.try_call("GET", &format!("/changes?{query}{}", cursor_parameter(cursor)), None) else { return true };
        if answer.status != 200 {
            // The place of a follower that has disconnected is free again at the next heartbeat.
            assert!(answer.status >= 500 || answer.status == 429, "{}", answer.body);
            thread::sleep(Duration::from_millis(20));
            return true;
        }
        log.extend(answer.json["items"].as_array().unwrap().iter().map(Entry::from_change));
        answer.json["nextCursor"].as_str().unwrap().clone_into(cursor);
        answer.json["hasMore"] == true
    }

    /// Reads some events of a stream, or those that come within a time, and then disconnects.
    fn stream(client: &Client, events: u64, patience: u64, cursor: &mut String, log: &mut Vec<Entry>) {
        let client = if cursor.is_empty() { client.clone() } else { client.with("Last-Event-ID", cursor) };
        let mut stream = match client.stream("/changes") {
            Ok(stream) => stream,
            Err(None) => return,
            Err(Some(answer)) => return assert!(answer.status >= 500 || answer.status == 429, "{}", answer.body),
        };
        stream.patience(Duration::from_millis(patience));
        for _ in 0..events {
            let Some(event) = stream.event() else { break };
            if event.name == "change" {
                log.push(Entry::from_change(&event.data));
            }
            *cursor = event.id;
        }
    }

    /// Kills instances and restarts the database until the time is up.
    fn kill_and_restart(&self, seed: u64, own: Option<&Own>, instances: &mut [Option<Child>]) {
        let mut dice = Dice(seed);
        let mut restarts = 0;
        while self.goes_on() {
            thread::sleep(Duration::from_millis(700 + dice.below(900)));
            if let Some(own) = own.filter(|_| restarts == 0 || dice.below(4) == 0) {
                own.restart();
                restarts += 1;
                continue;
            }
            let at = usize::try_from(dice.below(instances.len() as u64)).unwrap();
            instances[at].take().unwrap().kill();
            let next = Child::start(&self.url, "");
            self.addresses.lock().unwrap()[at] = next.address;
            instances[at] = Some(next);
            self.kills.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn cursor_parameter(cursor: &str) -> String {
    if cursor.is_empty() { String::new() } else { format!("&cursor={cursor}") }
}

/// Formats an id as a literal of an SQL statement.
pub fn literal(id: &str, database: Database) -> String {
    match database {
        Database::Sqlite => format!("X'{}'", id.replace('-', "")),
        Database::Postgres => format!("'{id}'"),
    }
}

fn variable(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "how a check is told how long to last and which dice to use")]
    std::env::var(name).ok()?.parse().ok()
}

fn check(database: Database, seconds: u64) {
    let seed = variable("SAMSYN_CHECKER_SEED").unwrap_or_else(|| std::hash::RandomState::new().build_hasher().finish() >> 16);
    let _ = writeln!(std::io::stderr(), "the dice of the feed checker on {database:?}: SAMSYN_CHECKER_SEED={seed}");
    let mut dice = Dice(seed);
    let own = (database == Database::Postgres).then(Own::start).flatten();
    let Some(url) = own.as_ref().map(Own::database).or_else(|| empty(database)) else { return };
    child::migrate(&url);
    child::admin(&url);
    let mut instances: Vec<_> =
        (0..if database == Database::Postgres { 2 } else { 1 }).map(|_| Some(Child::start(&url, "followers_per_caller = 20"))).collect();
    let addresses: Vec<_> = instances.iter().flatten().map(|instance| instance.address).collect();
    let token = child::token(addresses[0]);
    let hot = Client::new(addresses[0]).with_token(&token).post("/actors", &json!({"kind": "other", "name": "Het"})).is(201);
    let hot = hot.json["id"].as_str().unwrap().to_owned();
    #[expect(clippy::disallowed_methods, reason = "a check lasts as long as it was told to")]
    let until = Instant::now() + Duration::from_secs(seconds);
    let checker = Checker {
        url: url.clone(),
        database,
        token,
        addresses: Mutex::new(addresses),
        written: AtomicBool::new(false),
        until,
        kills: AtomicUsize::new(0),
    };
    let seeds: [u64; 11] = std::array::from_fn(|_| dice.roll() >> 16);
    let (logs, done) = thread::scope(|scope| {
        let (checker, hot) = (&checker, &hot);
        let followers: Vec<_> = seeds[..4].iter().map(|seed| scope.spawn(move || checker.follow(*seed))).collect();
        let mut writers: Vec<_> = seeds[4..7].iter().map(|seed| scope.spawn(move || checker.write(*seed))).collect();
        writers.extend(seeds[7..10].iter().map(|seed| scope.spawn(move || checker.write_slowly(*seed, hot))));
        let (own, instances) = (own.as_ref(), &mut instances);
        let struck = scope.spawn(move || checker.kill_and_restart(seeds[10], own, instances)).join();
        let done: Vec<_> = writers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        checker.written.store(true, Ordering::Release);
        let logs: Vec<_> = followers.into_iter().map(|follower| follower.join().unwrap()).collect();
        let mut all = BTreeSet::from([(hot.clone(), 1)]);
        struck.unwrap();
        all.extend(done.into_iter().flat_map(|done| done.unwrap()));
        (logs, all)
    });
    judge(&logs, &done, checker.kills.load(Ordering::Relaxed));
}

fn judge(logs: &[Vec<Entry>], done: &BTreeSet<Version>, kills: usize) {
    let log = &logs[0];
    for other in logs {
        let apart = log.iter().zip(other).find(|(one, other)| one != other);
        assert!(apart.is_none() && log.len() == other.len(), "two followers have read different things: {apart:?}");
    }
    for (at, entry) in log.iter().enumerate() {
        assert_eq!(entry.position, i64::try_from(at).unwrap() + 1, "positions count up, without a gap and each once: {entry:?}");
    }
    let mut versions: BTreeMap<_, Vec<i64>> = BTreeMap::new();
    for entry in log {
        versions.entry(&entry.of.0).or_default().push(entry.of.1);
    }
    for (id, versions) in versions {
        assert_eq!(versions, (1..=i64::try_from(versions.len()).unwrap()).collect::<Vec<_>>(), "versions of {id}");
    }
    let read: BTreeSet<_> = log.iter().map(|entry| entry.of.clone()).collect();
    let missing: Vec<_> = done.difference(&read).collect();
    assert!(missing.is_empty(), "acknowledged and never read: {missing:?}");
    assert!(done.len() > 10, "only {} writes came through", done.len());
    let _ = writeln!(
        std::io::stderr(),
        "the feed checker: {} changes, {} acknowledged writes, {} followers agree; instances were killed {kills} times",
        log.len(),
        done.len(),
        logs.len()
    );
}

#[rstest]
fn followers_agree_whatever_happens(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    check(database, 5);
}

/// The same check for any duration: see `tests/feed-checker.sh`.
#[rstest]
#[ignore = "as long as SAMSYN_CHECKER_SECONDS says; see docs/OPERATIONS.md"]
fn long(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    check(database, variable("SAMSYN_CHECKER_SECONDS").unwrap_or(120));
}
