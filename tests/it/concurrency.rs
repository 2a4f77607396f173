//! Concurrent calls: no change is lost, made twice or out of order, on one instance and on several.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::json;

use crate::harness::{Client, Database, TestApp, id};

/// Two instances on one database, with a client for each.
fn two_instances(database: Database) -> Option<(TestApp, TestApp, [Client; 2])> {
    let app = TestApp::start(database)?;
    let other = TestApp::on(&app.url, 2_000_000);
    let here = app.user(Role::Admin, None);
    let there = here.at(other.address);
    Some((app, other, [here, there]))
}

#[rstest]
fn no_change_is_lost(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some((_app, _other, callers)) = two_instances(database) else { return };
    let actor = callers[0].post("/actors", &json!({"kind": "other", "name": "Räknaren", "otherNames": []})).is(201);
    let path = format!("/actors/{}", id(&actor.json));
    let done: usize = thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|worker| {
                let (caller, path) = (&callers[worker % 2], &path);
                scope.spawn(move || {
                    let mut done = 0;
                    for _ in 0..10 {
                        let seen = caller.get(path).is(200);
                        let count: i64 = seen.json["focus"].as_str().unwrap_or("0").parse().unwrap();
                        let answer = caller.patch(path, &seen.etag(), &json!({"focus": (count + 1).to_string()}));
                        assert!(matches!(answer.status, 200 | 412), "{}", answer.body);
                        done += usize::from(answer.status == 200);
                    }
                    done
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    let last = callers[1].get(&path);
    assert_eq!(last.json["focus"], json!(done.to_string()));
    assert_eq!(last.json["version"], json!(done + 1));
}

#[rstest]
fn a_number_has_one_owner_however_many_ask_at_once(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some((_app, _other, callers)) = two_instances(database) else { return };
    let new = json!({"kind": "association", "name": "Först", "identifiers": [{"scheme": "SE-ON", "value": "802001-0008"}]});
    let answers: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..16)
            .map(|worker| {
                let (caller, new) = (&callers[worker % 2], &new);
                scope.spawn(move || caller.post("/actors", new))
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let created: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(created.len(), 1);
    let owner = format!("/samsyn/v1/actors/{}", id(&created[0].json));
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!((answer.status, answer.json["conflictsWith"].as_str()), (409, Some(owner.as_str())), "{}", answer.body);
    }
}

#[rstest]
fn the_same_call_at_once_is_carried_out_once(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some((_app, _other, callers)) = two_instances(database) else { return };
    let keyed = callers.map(|caller| caller.with("Idempotency-Key", "once"));
    let new = json!({"kind": "association", "name": "Bara en"});
    let statuses: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..12)
            .map(|worker| {
                let (caller, new) = (&keyed[worker % 2], &new);
                scope.spawn(move || caller.post("/actors", new).status)
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| matches!(status, 201 | 409)), "{statuses:?}");
    assert_eq!(keyed[0].get("/actors?q=bara en&include=total").json["total"], json!(1));
}

#[rstest]
fn sixty_four_writers_meet_no_error(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some((app, other, callers)) = two_instances(database) else { return };
    thread::scope(|scope| {
        for worker in 0..64 {
            let caller = &callers[worker % 2];
            scope.spawn(move || {
                for turn in 0..3 {
                    caller.post("/actors", &json!({"kind": "other", "name": format!("Skrivare {worker} {turn}")})).is(201);
                }
            });
        }
    });
    assert_eq!(callers[0].get("/actors?q=skrivare&include=total&limit=1").json["total"], json!(192));
    drop((app, other));
}

#[rstest]
fn a_follower_misses_nothing_doubles_nothing_and_reorders_nothing(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some((_app, _other, callers)) = two_instances(database) else { return };
    let ids: Vec<_> = (0..4)
        .map(|number| id(&callers[0].post("/actors", &json!({"kind": "other", "name": format!("Följd {number}")})).is(201).json))
        .collect();
    let follow = |caller: &Client, until: usize| {
        let mut log: Vec<(i64, String, i64)> = Vec::new();
        let mut cursor = String::new();
        while log.iter().filter(|(_, of, _)| ids.contains(of)).count() < until {
            let page = caller.get(&format!("/changes?types=actor&limit=7{cursor}")).is(200);
            for change in page.json["items"].as_array().unwrap() {
                log.push((change["position"].as_i64().unwrap(), id(change), change["version"].as_i64().unwrap()));
            }
            cursor = format!("&cursor={}", page.json["nextCursor"].as_str().unwrap());
        }
        log
    };
    let turns = 12;
    let logs: Vec<_> = thread::scope(|scope| {
        let followers: Vec<_> = (0..2)
            .map(|follower| {
                let (caller, follow) = (&callers[follower], &follow);
                scope.spawn(move || follow(caller, 4 * (turns + 1)))
            })
            .collect();
        for (number, actor) in ids.iter().enumerate() {
            let caller = &callers[number % 2];
            scope.spawn(move || {
                for turn in 0..turns {
                    let path = format!("/actors/{actor}");
                    let seen = caller.get(&path).is(200);
                    caller.patch(&path, &seen.etag(), &json!({"focus": turn.to_string()})).is(200);
                }
            });
        }
        followers.into_iter().map(|follower| follower.join().unwrap()).collect()
    });
    assert_eq!(logs[0], logs[1], "two followers read the same");
    assert!(logs[0].windows(2).all(|pair| pair[0].0 < pair[1].0), "positions grow strictly");
    for actor in &ids {
        let versions: Vec<_> = logs[0].iter().filter(|(_, of, _)| of == actor).map(|(_, _, version)| *version).collect();
        assert_eq!(versions, (1..=i64::try_from(turns).unwrap() + 1).collect::<Vec<_>>());
    }
}

#[rstest]
fn of_many_writers_at_once_those_that_fail_harm_nobody(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some((_app, _other, callers)) = two_instances(database) else { return };
    let taken = json!([{"scheme": "SE-ON", "value": "802001-0008"}]);
    callers[0].post("/actors", &json!({"kind": "association", "name": "Först", "identifiers": taken})).is(201);
    // Every third call is refused in the middle of its transaction, and of every batch one operation is.
    let write = |worker: usize, round: usize| {
        let caller = &callers[worker % 2];
        let name = format!("Samtidig {worker} {round}");
        let good = json!({"op": "create", "actor": {"kind": "association", "name": name}});
        let bad =
            json!({"op": "create", "actor": {"kind": "association", "name": format!("Krock {worker} {round}"), "identifiers": taken}});
        match worker % 3 {
            0 => caller.post("/actors", &good["actor"]).is(201).json["name"].as_str().map(ToOwned::to_owned),
            1 => {
                caller.post("/actors", &bad["actor"]).is(409);
                None
            }
            _ => {
                let answer = caller.post("/actors/batch", &json!({"atomic": false, "operations": [bad, good]}));
                assert_eq!(answer.status, 201, "{}", answer.body);
                Some(name)
            }
        }
    };
    let written: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..12).map(|worker| scope.spawn(move || (0..5).filter_map(|round| write(worker, round)).collect::<Vec<_>>())).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(written.len(), 40);
    for caller in &callers {
        let found = caller.get("/actors?q=Samtidig&limit=200&fields=name").is(200);
        let mut names: Vec<_> = found.json["items"].as_array().unwrap().iter().map(|actor| actor["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        let mut expected: Vec<_> = written.iter().map(String::as_str).collect();
        expected.sort_unstable();
        assert_eq!(names, expected, "each is stored and found once");
        assert_eq!(caller.get("/actors?q=Krock").is(200).json["items"], json!([]), "what was refused is not found");
    }
}

#[rstest]
fn who_hangs_up_leaves_no_half_of_a_write(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let token = admin.header("Authorization").unwrap();
    // Twelve callers hang up, a little more patient each time, while four others write and wait for their answers.
    let written: usize = thread::scope(|scope| {
        for worker in 0..12_u64 {
            scope.spawn(move || {
                for round in 0..20 {
                    let body = json!({"kind": "association", "name": format!("Avbruten {worker} {round}")}).to_string();
                    let head = "POST /samsyn/v1/actors HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json";
                    let call = format!("{head}\r\nAuthorization: {token}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                    let mut caller = TcpStream::connect(app.address).unwrap();
                    caller.write_all(call.as_bytes()).unwrap();
                    caller.set_read_timeout(Some(Duration::from_micros(1 + worker * 150 + round * 400))).unwrap();
                    let _ = caller.read(&mut [0]);
                }
            });
        }
        let waiting: Vec<_> = (0..4)
            .map(|worker| {
                let admin = &admin;
                scope.spawn(move || {
                    let name = |round: i32| format!("Avvaktande {worker} {round}");
                    (0..25)
                        .filter(|round| admin.post("/actors", &json!({"kind": "association", "name": name(*round)})).status == 201)
                        .count()
                })
            })
            .collect();
        waiting.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert_eq!(written, 100, "who waits is told that it is stored");
    // When the service has ended, nothing is under way any more.
    let app = TestApp::start_from(&app.into_template());
    let admin = admin.at(app.address);
    let stored = |filter: &str| -> usize {
        let (mut count, mut next) = (0, String::new());
        loop {
            let page = admin.get(&format!("/actors?kind=association&limit=200&fields=name{filter}{next}")).is(200).json;
            let items = page["items"].as_array().unwrap();
            count += items.iter().filter(|actor| actor["name"].as_str().unwrap().starts_with("Av")).count();
            match page["nextCursor"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => return count,
            }
        }
    };
    let all = stored("");
    assert_eq!(stored("&q=avbruten") + stored("&q=avvaktande"), all, "what is stored is found");
    let whole = "SELECT actor.id FROM actor JOIN event ON event.entity_id = actor.id JOIN record_version ON record_version.entity_id = actor.id \
                 WHERE actor.name LIKE 'Avbruten %' OR actor.name LIKE 'Avvaktande %'";
    assert_eq!(app.rows(whole).len(), all, "each has its event and its version");
}
