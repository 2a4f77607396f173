//! What the service is asked for.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::json;
use uuid::Uuid;

use crate::{
    Outcome,
    client::{Answer, Request},
    measure::Group,
    random::Random,
    rows,
    seed::Seeded,
    session::{Session, credentials},
};

pub const ROOT: &str = "/samsyn/v1";
/// The workload during which the most memory is looked for.
pub const MIXED: &str = "nine read, one created";
/// Connections that hash passwords at once.
const SIGNING_IN: usize = 4;
/// Connections that sign in at once while others are measured.
const CROWD: usize = 200;
/// Connections that write at once in the workload that must never fail.
const WRITERS: usize = 64;
/// Connections that write while others are measured.
const WRITERS_BESIDE: usize = 16;
/// Actors that each connection changes in turn, so that no two change the same.
const OWN: usize = 20;

/// Makes one connection's calls, one after the other, and may learn from each answer.
pub type Caller = Box<dyn FnMut(Option<&Answer<'_>>) -> Request + Send>;
/// Makes the caller of a connection, by its number and a token.
pub type Callers = Box<dyn Fn(usize, &Arc<str>) -> Caller>;

pub struct Workload {
    pub name: &'static str,
    pub group: Group,
    pub connections: usize,
    pub callers: Callers,
    /// What other connections ask for meanwhile, and how many; that is not measured, and may be refused.
    pub beside: Option<(usize, Callers)>,
}

/// All workloads, in the order in which they are measured: reading first, so that it meets what was filled in.
pub async fn all(session: &mut Session, seeded: &Seeded, connections: usize) -> Outcome<Vec<Workload>> {
    let deep = deep_cursor(session, seeded.actors.len() * 9 / 10).await?;
    let actors: Arc<[Uuid]> = seeded.actors.as_slice().into();
    let areas: Arc<[Uuid]> = seeded.places.iter().map(|place| place.municipality).collect();
    let places: Arc<[String]> = seeded.places.iter().map(|place| place.name.clone()).collect();
    let made = Arc::new(AtomicUsize::new(0));
    let mut all = Vec::new();
    let mut add = |group, name, connections, callers| all.push(Workload { name, group, connections, callers, beside: None });

    for (name, path) in
        [("ceiling: health/live", "/health/live"), ("ceiling: openapi.json", "/openapi.json"), ("ceiling: style.css", "/style.css")]
    {
        add(Group::Ceiling, name, connections, Box::new(move |_, _| Box::new(move |_| Request::get(path, None))));
    }
    let of = |ids: &Arc<[Uuid]>, path: fn(&Uuid) -> String| any(Arc::clone(ids), path);
    let reads = [
        ("actor by id", of(&actors, |id| format!("/actors/{id}"))),
        ("actors, first page of 50", same("/actors?limit=50")),
        ("actors, page of 50 at 90 %", same(format!("/actors?limit=50&cursor={deep}"))),
        ("actors by kind and municipality", same("/actors?limit=50&kind=association&municipality=0127")),
        ("actors searched, rare word", one_number(actors.len())),
        ("actors searched, place", searches(Arc::clone(&places), "actors")),
        ("actors, page of 50 with total", same("/actors?limit=50&include=total")),
        ("actor with mandates", of(&actors[..seeded.with_mandates].into(), |id| format!("/actors/{id}?expand=mandates"))),
        ("mandates, first page of 50", same("/mandates?limit=50")),
        ("mandates by area", of(&areas, |id| format!("/mandates?limit=50&areaId={id}"))),
        ("interventions, first page of 50", same("/interventions?limit=50")),
        ("interventions by area", of(&areas, |id| format!("/interventions?limit=50&areaId={id}"))),
        ("interventions searched, place", searches(places, "interventions")),
        ("area by id", of(&areas, |id| format!("/areas/{id}"))),
        ("codelist", same("/codelists/ActorKind")),
    ];
    for (name, callers) in reads {
        add(Group::Read, name, connections, callers);
    }
    add(Group::Read, "actors searched, common word", SIGNING_IN, same("/actors?limit=50&q=kommun"));
    let creating = || creations(&made, &areas);
    add(Group::Crowd, "sign-in", SIGNING_IN, Box::new(|_, _| Box::new(|_| credentials())));
    add(Group::Write, "actor changed", connections.min(actors.len() / OWN), changes(&actors));
    add(Group::Write, "actor created", connections, creating());
    add(Group::Write, MIXED, connections, mixed(&actors, &made, &areas));
    add(Group::Write, "64 writers", WRITERS, creating());
    let by_id = || any(Arc::clone(&actors), |id| format!("/actors/{id}"));
    let sign_ins: Callers = Box::new(|_, _| Box::new(|_| credentials()));
    for (name, connections, beside) in [
        ("actor by id beside 16 writers", connections, (WRITERS_BESIDE, creating())),
        ("actor by id while 200 sign in", SIGNING_IN, (CROWD, sign_ins)),
    ] {
        all.push(Workload { name, group: Group::Crowd, connections, callers: by_id(), beside: Some(beside) });
    }
    Ok(all)
}

/// Walks by cursors to a row and gives the cursor of the page that starts there.
async fn deep_cursor(session: &mut Session, row: usize) -> Outcome<String> {
    let mut cursor = String::new();
    let mut walked = 0;
    while walked < row {
        let limit = (row - walked).min(200);
        let after = if cursor.is_empty() { String::new() } else { format!("&cursor={cursor}") };
        let page = session.get(&format!("/actors?limit={limit}{after}")).await?;
        page["nextCursor"].as_str().ok_or("the list ended too early")?.clone_into(&mut cursor);
        walked += limit;
    }
    Ok(cursor)
}

/// The same address each time.
fn same(path: impl Into<String>) -> Callers {
    let path = format!("{ROOT}{}", path.into());
    Box::new(move |_, token| {
        let request = Request::get(path.clone(), Some(token));
        Box::new(move |_| request.clone())
    })
}

/// Addresses that a function makes of random numbers.
fn random(path: impl Fn(&mut Random) -> String + Send + Sync + 'static) -> Callers {
    let path = Arc::new(path);
    Box::new(move |worker, token| {
        let (path, token, mut random) = (Arc::clone(&path), Arc::clone(token), Random::new(worker as u64));
        Box::new(move |_| Request::get(format!("{ROOT}{}", path(&mut random)), Some(&token)))
    })
}

fn any(ids: Arc<[Uuid]>, path: fn(&Uuid) -> String) -> Callers {
    random(move |random| path(random.of(&ids)))
}

/// Searches for a word that one actor has: its organisation number.
fn one_number(count: usize) -> Callers {
    random(move |random| format!("/actors?limit=50&q={}", rows::organisation_number(rows::SEEDED_NUMBERS + random.below(count))))
}

fn searches(places: Arc<[String]>, list: &'static str) -> Callers {
    random(move |random| format!("/{list}?limit=50&q={}", encoded(random.of::<String>(&places))))
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn changes(actors: &Arc<[Uuid]>) -> Callers {
    let actors = Arc::clone(actors);
    // Kept between measurements, because each change needs the tag that the one before it gave.
    let tags: Arc<Mutex<HashMap<Uuid, String>>> = Arc::default();
    let count = Arc::new(AtomicUsize::new(0));
    Box::new(move |worker, token| {
        let own: Vec<Uuid> = actors[worker * OWN..(worker + 1) * OWN].to_vec();
        let (tags, count, token, mut turn) = (Arc::clone(&tags), Arc::clone(&count), Arc::clone(token), 0);
        Box::new(move |answer| {
            let mut tags = tags.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(answer) = answer {
                if let Some(tag) = answer.etag {
                    tags.insert(own[turn], tag.to_owned());
                }
                turn = (turn + 1) % own.len();
            }
            let body = json!({ "focus": format!("Arbetar för barn och unga, ändring {}.", count.fetch_add(1, Ordering::Relaxed)) });
            let tag = tags.get(&own[turn]).map_or("\"v1\"", String::as_str);
            Request::patch(format!("{ROOT}/actors/{}", own[turn]), &token, tag, body.to_string())
        })
    })
}

fn creations(made: &Arc<AtomicUsize>, areas: &Arc<[Uuid]>) -> Callers {
    let (made, areas) = (Arc::clone(made), Arc::clone(areas));
    Box::new(move |worker, token| {
        let (made, areas, token, mut random) = (Arc::clone(&made), Arc::clone(&areas), Arc::clone(token), Random::new(worker as u64));
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
        "identifiers": [{ "scheme": "SE-ON", "value": rows::organisation_number(rows::CREATED_NUMBERS + number) }],
    });
    Request::post(format!("{ROOT}/actors"), Some(token), "application/json", body.to_string())
}

fn mixed(actors: &Arc<[Uuid]>, made: &Arc<AtomicUsize>, areas: &Arc<[Uuid]>) -> Callers {
    let (actors, made, areas) = (Arc::clone(actors), Arc::clone(made), Arc::clone(areas));
    Box::new(move |worker, token| {
        let (actors, made, areas, token) = (Arc::clone(&actors), Arc::clone(&made), Arc::clone(&areas), Arc::clone(token));
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
