//! Many records of a source in one call to the synchronisation.

use std::thread;

use rstest::rstest;
use samsyn::{
    access::{Reach, Sight, policy::Role},
    exchange::sources::{
        NewSource, Source,
        sync::{self, Incoming, Outcome, Syncing},
    },
    intake::target::try_out,
    kernel::{Db, clock::Clock, id::Ids, request::Call},
};
use serde_json::{Value, json};

use crate::{
    contract::COMPILED,
    harness::{Database, TestApp, id, settings_of, today},
    sources::source,
};

/// Runs work on the database of a running service, as the installation itself.
fn inside<T: Send + 'static>(app: &TestApp, work: impl AsyncFnOnce(&Db, &Source, &Syncing<'_>) -> T + Send + 'static, owned: &[&str]) -> T {
    let admin = app.user(Role::Admin, None);
    let source = Source {
        id: source(&admin, &Value::Null, owned).parse::<uuid::Uuid>().unwrap().into(),
        version: 1,
        fields: NewSource {
            actor_id: None,
            name: "Eget".to_owned(),
            id_scheme: "eget".to_owned(),
            owned_fields: owned.iter().map(|member| (*member).to_owned()).collect(),
        },
        created_at: today(),
        updated_at: today(),
    };
    let settings = settings_of(&app.url);
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let db = Db::open(&settings, samsyn::records::ALL, false, Clock::Fixed(today()), Ids::counted_from(5_000_000)).await.unwrap();
            let sight = Sight::of_installation();
            let mut reach = Reach::default();
            reach.everywhere = true;
            let outcome = work(&db, &source, &Syncing { source: &source, sight: &sight, reach: &reach, contract: &COMPILED }).await;
            db.close().await;
            outcome
        })
    })
    .join()
    .unwrap()
}

pub fn incoming(external: &str, record: &Value) -> Incoming {
    Incoming { external_id: external.to_owned(), fields: record.as_object().unwrap().clone(), ..Incoming::default() }
}

async fn apply(records: Vec<Incoming>, by: &Syncing<'_>, db: &Db) -> Vec<Outcome> {
    db.transaction(&Call::of_installation(), async |w| sync::apply(records.clone(), by, w).await).await.unwrap()
}

fn results(outcomes: &[Outcome]) -> Vec<String> {
    let told = outcomes.iter().map(|outcome| outcome.json(samsyn::kernel::language::Language::Sv));
    told.map(|one| {
        let code = one["errors"][0]["code"].as_str().map(|code| format!(" {code}")).unwrap_or_default();
        format!("{}{code}", one["result"].as_str().unwrap())
    })
    .collect()
}

#[rstest]
fn records_of_one_call_know_of_each_other(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let number = |name: &str, number: &str| json!({"kind": "agency", "name": name, "identifiers": [{"scheme": "SE-ON", "value": number}]});
    let records = vec![
        incoming("1", &number("Första domstolen", "202100-2742")),
        incoming("2", &number("Andra domstolen", "2021002742")),
        incoming("1", &number("Tredje domstolen", "2021002742")),
        incoming("3", &json!({"kind": "other", "name": "Fel", "seatAreaId": "01890a5d-ac96-774b-bcce-b302099a8057"})),
        incoming("4", &json!({"kind": "other", "name": "Föreningen Fel"})),
        incoming("5", &json!({"kind": "other", "name": "fel"})),
        incoming("6", &json!({"kind": "other", "name": "Fel", "okänd": 1})),
        incoming("811228-9874", &json!({"kind": "other", "name": "Snickaren"})),
        incoming("7", &number("Snickaren", "811228-9874")),
    ];
    let wanted = [
        "created",
        "held",
        "refused repeated",
        "refused not-found",
        "created",
        "held",
        "refused unknown",
        "refused personal-identity-number",
        "refused personal-identity-number",
    ];
    let (tried, applied, again) = inside(
        &app,
        async move |db, _, by| {
            let call = Call::of_installation();
            let tried = try_out(&call, db, async |w| sync::apply(records.clone(), by, w).await).await.unwrap();
            assert!(tried.iter().all(|outcome| !format!("{:?}", outcome.json(samsyn::kernel::language::Language::En)).contains("9874")));
            let applied = apply(records.clone(), by, db).await;
            (results(&tried), results(&applied), results(&apply(records, by, db).await))
        },
        &["name"],
    );
    assert_eq!(tried, wanted, "a dry run tells the same");
    assert_eq!(applied, wanted);
    let again_wanted = wanted.map(|result| result.replace("created", "unchanged"));
    assert_eq!(again, again_wanted);
}

/// Returns the number of records: enough to fill several statements, or the value of `SAMSYN_MANY` for measurements.
#[expect(clippy::disallowed_methods, reason = "it measures, as many as it is told")]
pub fn many() -> usize {
    std::env::var("SAMSYN_MANY").ok().and_then(|many| many.parse().ok()).unwrap_or(1200)
}

#[rstest]
fn a_whole_register_is_sent_and_sent_again_without_a_write(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let seat = app.area("0127");
    let records: Vec<Incoming> = (0..many())
        .map(|number| {
            let record = json!({"kind": "association", "name": format!("Förening nummer {number}"), "seatAreaId": seat,
                "website": format!("https://{number}.example.se"), "areasServed": [seat], "policyDomains": ["democracy"]});
            incoming(&format!("{number:07}"), &record)
        })
        .collect();
    inside(
        &app,
        async move |db, _, by| {
            for (run, wanted) in [("first", "created"), ("second", "unchanged")] {
                #[expect(clippy::disallowed_methods, reason = "what is measured is told, and nothing depends on it")]
                let started = std::time::Instant::now();
                for records in records.chunks(500) {
                    let outcomes = apply(records.to_vec(), by, db).await;
                    assert!(
                        outcomes.iter().all(|outcome| outcome.result == serde_json::from_value(json!(wanted)).unwrap()),
                        "{outcomes:?}"
                    );
                }
                println!("{} records, {run} run: {:?}", records.len(), started.elapsed());
            }
        },
        &["name", "website"],
    );
    let admin = app.user(Role::Admin, None);
    let source = admin.get("/sources").is(200).json["items"].as_array().unwrap().last().unwrap().clone();
    let page = admin.get(&format!("/sources/{}/actors?include=total&limit=1", id(&source))).is(200);
    assert_eq!((&page.json["total"], &page.json["items"][0]["version"]), (&json!(many()), &json!(1)));
}
