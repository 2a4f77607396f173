//! What the service is asked for.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Flags, Outcome,
    client::{Answer, Connection, Request},
    process::Server,
    rows,
    seed::{EMAIL, PASSWORD, Random, Seeded},
};

const ROOT: &str = "/samsyn/v1";
/// Connections that hash passwords at once.
const SIGNING_IN: usize = 4;
/// Connections that sign in at once while others are measured.
const CROWD: usize = 200;
/// Connections that write at once in the workload that must never fail.
const WRITERS: usize = 64;
/// Actors that each connection changes in turn, so that no two change the same.
const OWN: usize = 20;

/// Makes one connection's calls, one after the other, and may learn from each answer.
pub type Caller = Box<dyn FnMut(Option<&Answer<'_>>) -> Request + Send>;

pub struct Workload {
    pub name: &'static str,
    /// Reads cost the same at any size, or should.
    pub reads: bool,
    /// Answers a constant, so what it costs is what any answer of that size costs.
    pub ceiling: bool,
    pub connections: usize,
    pub caller: Box<dyn Fn(usize) -> Caller>,
    /// What other connections ask for meanwhile, and how many; that is not measured, and may be refused.
    pub beside: Option<(usize, fn() -> Request)>,
}

/// All workloads, in the order in which they are measured: reading first, so that it meets what was filled in.
pub async fn all(server: &Server, seeded: &Seeded, flags: &Flags) -> Outcome<Vec<Workload>> {
    let connections = flags.connections;
    let mut driver = Connection::open(server.address).await?;
    let token: Arc<str> = sign_in(&mut driver).await?.into();
    let deep = deep_cursor(&mut driver, &token, seeded.actors.len() * 9 / 10).await?;
    let actors: Arc<[Uuid]> = seeded.actors.as_slice().into();
    let areas: Arc<[Uuid]> = seeded.municipalities.as_slice().into();
    let places: Arc<[String]> = seeded.places.as_slice().into();
    let made = Arc::new(AtomicUsize::new(0));
    let mut all = Vec::new();
    let mut add = |name, reads, connections, caller: Box<dyn Fn(usize) -> Caller>| {
        all.push(Workload { name, reads, ceiling: false, connections, caller, beside: None });
    };

    let same = |path: String, token: Option<&Arc<str>>| -> Box<dyn Fn(usize) -> Caller> {
        let request = Request::get(path, token.map(|token| &**token));
        Box::new(move |_| {
            let request = request.clone();
            Box::new(move |_| request.clone())
        })
    };
    let any = |ids: &Arc<[Uuid]>, count: usize, token: &Arc<str>, path: fn(&Uuid) -> String| -> Box<dyn Fn(usize) -> Caller> {
        let (ids, token) = (Arc::clone(ids), Arc::clone(token));
        Box::new(move |worker| {
            let (ids, token, mut random) = (Arc::clone(&ids), Arc::clone(&token), Random::new(worker as u64));
            Box::new(move |_| Request::get(path(&ids[random.below(count)]), Some(&token)))
        })
    };

    add("actor by id", true, connections, any(&actors, actors.len(), &token, |id| format!("{ROOT}/actors/{id}")));
    add("actors, first page of 50", true, connections, same(format!("{ROOT}/actors?limit=50"), Some(&token)));
    add("actors, page of 50 at 90 %", true, connections, same(format!("{ROOT}/actors?limit=50&cursor={deep}"), Some(&token)));
    let filtered = format!("{ROOT}/actors?limit=50&kind=association&municipality=0127");
    add("actors by kind and municipality", true, connections, same(filtered, Some(&token)));
    add("actors searched, place", true, connections, searches(&places, &token));
    add("actors searched, common word", true, SIGNING_IN, same(format!("{ROOT}/actors?limit=50&q=kommun"), Some(&token)));
    let with_mandates = |id: &Uuid| format!("{ROOT}/actors/{id}?expand=mandates");
    add("actor with mandates", true, connections, any(&actors, seeded.with_mandates.min(actors.len()), &token, with_mandates));
    add("mandates, first page of 50", true, connections, same(format!("{ROOT}/mandates?limit=50"), Some(&token)));
    add("area by id", true, connections, any(&areas, areas.len(), &token, |id| format!("{ROOT}/areas/{id}")));
    add("codelist", true, connections, same(format!("{ROOT}/codelists/ActorKind"), Some(&token)));
    add("sign-in", false, SIGNING_IN, Box::new(|_| Box::new(|_| credentials())));
    add("actor changed", false, connections.min(actors.len() / OWN), changes(&actors, &token));
    add("actor created", false, connections, creations(&made, &areas, &token));
    add("nine read, one created", false, connections, mixed(&actors, &made, &areas, &token));
    add("64 writers", false, WRITERS, creations(&made, &areas, &token));
    for (name, path) in
        [("ceiling: style.css", "/style.css"), ("ceiling: openapi.json", "/openapi.json"), ("ceiling: health/live", "/health/live")]
    {
        all.insert(0, Workload { name, reads: true, ceiling: true, connections, caller: same(path.to_owned(), None), beside: None });
    }
    let caller = any(&actors, actors.len(), &token, |id| format!("{ROOT}/actors/{id}"));
    let (name, beside) = ("actor by id while 200 sign in", Some((CROWD, credentials as fn() -> Request)));
    all.push(Workload { name, reads: false, ceiling: false, connections: SIGNING_IN, caller, beside });
    Ok(all)
}

fn credentials() -> Request {
    Request::post(format!("{ROOT}/sessions"), None, json!({ "email": EMAIL, "password": PASSWORD }).to_string())
}

async fn sign_in(driver: &mut Connection) -> Outcome<String> {
    let session = ask(driver, &credentials()).await?;
    Ok(session["accessToken"].as_str().ok_or("the session has no access token")?.to_owned())
}

/// Walks by cursors to a row and gives the cursor of the page that starts there.
async fn deep_cursor(driver: &mut Connection, token: &str, row: usize) -> Outcome<String> {
    let mut cursor = String::new();
    let mut walked = 0;
    while walked < row {
        let limit = (row - walked).min(200);
        let after = if cursor.is_empty() { String::new() } else { format!("&cursor={cursor}") };
        let page = ask(driver, &Request::get(format!("{ROOT}/actors?limit={limit}{after}"), Some(token))).await?;
        page["nextCursor"].as_str().ok_or("the list ended too early")?.clone_into(&mut cursor);
        walked += limit;
    }
    Ok(cursor)
}

async fn ask(driver: &mut Connection, request: &Request) -> Outcome<Value> {
    let mut bytes = Vec::new();
    request.write(&mut bytes);
    let answer = driver.call(&bytes).await?;
    if (200..300).contains(&answer.status) {
        Ok(serde_json::from_slice(answer.body)?)
    } else {
        Err(format!("{request} was answered with {}: {}", answer.status, String::from_utf8_lossy(answer.body)).into())
    }
}

fn searches(places: &Arc<[String]>, token: &Arc<str>) -> Box<dyn Fn(usize) -> Caller> {
    let (places, token) = (Arc::clone(places), Arc::clone(token));
    Box::new(move |worker| {
        let (places, token, mut random) = (Arc::clone(&places), Arc::clone(&token), Random::new(worker as u64));
        Box::new(move |_| Request::get(format!("{ROOT}/actors?limit=50&q={}", encoded(random.of::<String>(&places))), Some(&token)))
    })
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn changes(actors: &Arc<[Uuid]>, token: &Arc<str>) -> Box<dyn Fn(usize) -> Caller> {
    let (actors, token) = (Arc::clone(actors), Arc::clone(token));
    Box::new(move |worker| {
        let own: Vec<Uuid> = actors[worker * OWN..(worker + 1) * OWN].to_vec();
        let mut tags = vec!["\"v1\"".to_owned(); own.len()];
        let (token, mut turn, mut count) = (Arc::clone(&token), 0, 0);
        Box::new(move |answer| {
            if let Some(answer) = answer {
                if let Some(tag) = answer.etag {
                    tag.clone_into(&mut tags[turn]);
                }
                turn = (turn + 1) % own.len();
            }
            count += 1;
            let body = json!({ "focus": format!("Arbetar för barn och unga, ändring {count}.") }).to_string();
            Request::patch(format!("{ROOT}/actors/{}", own[turn]), &token, &tags[turn], body)
        })
    })
}

fn creations(made: &Arc<AtomicUsize>, areas: &Arc<[Uuid]>, token: &Arc<str>) -> Box<dyn Fn(usize) -> Caller> {
    let (made, areas, token) = (Arc::clone(made), Arc::clone(areas), Arc::clone(token));
    Box::new(move |worker| {
        let (made, areas, token, mut random) = (Arc::clone(&made), Arc::clone(&areas), Arc::clone(&token), Random::new(worker as u64));
        Box::new(move |_| creation(&made, &areas, &token, &mut random))
    })
}

fn creation(made: &AtomicUsize, areas: &[Uuid], token: &str, random: &mut Random) -> Request {
    let number = made.fetch_add(1, Ordering::Relaxed);
    let area = random.of(areas);
    let body = json!({
        "kind": "association",
        "name": format!("Ny Förening nummer {number}"),
        "seatAreaId": area,
        "areasServed": [area],
        "policyDomains": [random.of(rows::DOMAINS)],
        "targetGroups": ["unga"],
        "focus": "Arbetar för unga tillsammans med skola, kommun och grannar.",
        "identifiers": [{ "scheme": "SE-ON", "value": rows::organisation_number(812_000_000 + number) }],
    });
    Request::post(format!("{ROOT}/actors"), Some(token), body.to_string())
}

fn mixed(actors: &Arc<[Uuid]>, made: &Arc<AtomicUsize>, areas: &Arc<[Uuid]>, token: &Arc<str>) -> Box<dyn Fn(usize) -> Caller> {
    let (actors, made, areas, token) = (Arc::clone(actors), Arc::clone(made), Arc::clone(areas), Arc::clone(token));
    Box::new(move |worker| {
        let (actors, made, areas, token) = (Arc::clone(&actors), Arc::clone(&made), Arc::clone(&areas), Arc::clone(&token));
        let mut random = Random::new(worker as u64);
        Box::new(move |_| {
            if random.below(10) == 0 {
                creation(&made, &areas, &token, &mut random)
            } else {
                Request::get(format!("{ROOT}/actors/{}", random.of::<Uuid>(&actors)), Some(&token))
            }
        })
    })
}
