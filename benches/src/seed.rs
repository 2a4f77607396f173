//! Fills a database: the reference pack and a user through the service's own library, then actors and mandates in bulk.
//! The same number of actors always gives the same rows.

use std::time::Duration;

use samsyn::{
    access::{
        grants::{self, NewGrant, Scope, ScopeKind},
        passwords,
        policy::Role,
        users::{self, NewUser},
    },
    geography::areas::{AreaId, AreaLevel, table as area},
    guidance::packs,
    kernel::{Db, clock::Clock, db::Settings, id::Ids, request::Call},
    registry::{actors::table as actor, mandates::table as mandate},
};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, QueryOrder, Statement, TransactionTrait, Value};
use uuid::Uuid;

use crate::{
    Outcome,
    database::Database,
    rows::{self, Place, SeededActor},
};

pub const EMAIL: &str = "admin@samsyn.example.se";
pub const PASSWORD: &str = "fyra blå cyklar vid ån";

/// Rows of one statement: below the limit of 32,766 parameters.
const CHUNK: usize = 1_000;
/// Rows of one transaction.
const BATCH: usize = 20_000;
/// The most mandates.
const MANDATES: usize = 300_000;
/// Mandates of each actor that has any.
const MANDATES_EACH: usize = 3;

/// What there is to call for.
pub struct Seeded {
    /// The ids of the filled-in actors.
    pub actors: Vec<Uuid>,
    /// As many of the first actors as have mandates.
    pub with_mandates: usize,
    pub mandates: usize,
    /// The municipalities.
    pub municipalities: Vec<Uuid>,
    /// Names of statistical areas, which stand in the names of actors.
    pub places: Vec<String>,
}

pub async fn fill(database: &Database, count: usize) -> Outcome<Seeded> {
    let settings = Settings {
        url: database.url().to_owned(),
        connections: 2,
        acquire_timeout: Duration::from_mins(1),
        statement_timeout: Duration::ZERO,
        lock_timeout: Duration::ZERO,
        durable: true,
        cache_mebibytes: 128,
    };
    let db = Db::open(&settings, samsyn::records::ALL, true, Clock::System, Ids::Random).await?;
    packs::load(&db).await?;
    administrator(&db).await?;
    let places = places(&db).await?;
    db.close().await;

    let connection = database.connect().await?;
    let backend = connection.get_database_backend();
    if backend == DbBackend::Sqlite {
        // Nothing is lost if filling is cut short, for then all is thrown away.
        connection.execute_unprepared("PRAGMA synchronous = OFF").await?;
        connection.execute_unprepared("PRAGMA cache_size = -200000").await?;
    }
    let mandates = (count * MANDATES_EACH).min(MANDATES);
    let mut random = Random::new(20_260_101);
    let first: i64 = {
        let statement = Statement::from_string(backend, "SELECT COALESCE(MAX(id), 0) AS top FROM search_entry");
        connection.query_one_raw(statement).await?.ok_or("no search_entry")?.try_get("", "top")?
    };
    let mut ids = Vec::with_capacity(count);
    for start in (0..count).step_by(BATCH) {
        let tx = connection.begin().await?;
        for start in (start..(start + BATCH).min(count)).step_by(CHUNK) {
            let chunk: Vec<SeededActor> =
                (start..(start + CHUNK).min(count)).map(|number| rows::actor(number, &places, &mut random)).collect();
            ids.extend(chunk.iter().map(|actor| actor.id));
            actors(chunk, first, start, &tx).await?;
        }
        tx.commit().await?;
        if count > BATCH {
            eprint!("\r{} actors", ids.len());
        }
    }
    for start in (0..mandates).step_by(BATCH) {
        let tx = connection.begin().await?;
        for start in (start..(start + BATCH).min(mandates)).step_by(CHUNK) {
            let chunk: Vec<_> = (start..(start + CHUNK).min(mandates))
                .filter_map(|number| Some(rows::mandate(number, *ids.get(number / MANDATES_EACH)?, &places, &mut random)))
                .collect();
            mandate::Entity::insert_many(chunk).exec_without_returning(&tx).await?;
        }
        tx.commit().await?;
    }
    settle(&connection, backend, first + i64::try_from(count)?).await?;
    eprintln!("\r{count} actors and {mandates} mandates are in place");
    connection.close().await?;
    Ok(Seeded {
        actors: ids,
        with_mandates: mandates.div_ceil(MANDATES_EACH),
        mandates,
        municipalities: places.iter().map(|place| place.municipality.uuid()).collect(),
        places: places.into_iter().map(|place| place.name).collect(),
    })
}

async fn administrator(db: &Db) -> Outcome<()> {
    let hash = passwords::hash(PASSWORD.to_owned(), &passwords::Hashing::new(1)).await?;
    let new = NewUser { email: EMAIL.to_owned(), name: "Samordnaren".to_owned(), password: None, language: None };
    db.transaction(&Call::of_installation(), async |w| {
        let user = users::insert(&new, Some(hash.clone()), w).await?;
        let scope = Scope { kind: ScopeKind::Everywhere, id: None };
        grants::insert(&NewGrant { user_id: user.id, role: Role::Admin, scope, valid_from: None, valid_to: None }, w).await?;
        Ok(())
    })
    .await?;
    Ok(())
}

/// The statistical areas of the pack with the municipalities that they lie in.
async fn places(db: &Db) -> Outcome<Vec<Place>> {
    let areas = area::Entity::find().order_by_asc(area::Column::Path).all(db.reader()).await?;
    let mut municipality: Option<(AreaId, String)> = None;
    let mut places = Vec::new();
    for area in areas {
        match area.level {
            AreaLevel::Municipality => municipality = Some((area.id, area.code)),
            AreaLevel::Regso => {
                places.extend(municipality.clone().map(|(municipality, code)| Place { name: area.name, municipality, code }));
            }
            _ => {}
        }
    }
    if places.is_empty() { Err("the pack holds no statistical areas".into()) } else { Ok(places) }
}

/// Actors with their areas, identifiers and words, as the service would have stored them one by one.
async fn actors(chunk: Vec<SeededActor>, first: i64, start: usize, db: &impl ConnectionTrait) -> Outcome<()> {
    let backend = db.get_database_backend();
    let (mut models, mut served, mut identifiers) = (Vec::new(), Vec::new(), Vec::new());
    let (mut entries, mut words) = (Vec::<Value>::new(), Vec::<Value>::new());
    let count = chunk.len();
    for (offset, actor) in chunk.into_iter().enumerate() {
        let number = first + 1 + i64::try_from(start + offset)?;
        if backend == DbBackend::Postgres {
            entries.extend([number.into(), "actor".into(), actor.id.into(), actor.words.into()]);
        } else {
            entries.extend([number.into(), "actor".into(), actor.id.into()]);
            words.extend([number.into(), "actor".into(), actor.words.into()]);
        }
        models.push(actor.row);
        served.push(actor.served);
        identifiers.push(actor.identifier);
    }
    actor::Entity::insert_many(models).exec_without_returning(db).await?;
    actor::served::Entity::insert_many(served).exec_without_returning(db).await?;
    actor::identifier::Entity::insert_many(identifiers).exec_without_returning(db).await?;
    if backend == DbBackend::Postgres {
        let row = |at: usize| format!("(${}, ${}, ${}, array_to_tsvector(string_to_array(${}, ' ')))", at + 1, at + 2, at + 3, at + 4);
        let all: Vec<_> = (0..count).map(|at| row(at * 4)).collect();
        let sql = format!("INSERT INTO search_entry (id, kind, entity_id, words) VALUES {}", all.join(", "));
        db.execute_raw(Statement::from_sql_and_values(backend, sql, entries)).await?;
    } else {
        let all = vec!["(?, ?, ?)"; count].join(", ");
        let sql = format!("INSERT INTO search_entry (id, kind, entity_id) VALUES {all}");
        db.execute_raw(Statement::from_sql_and_values(backend, sql, entries)).await?;
        let sql = format!("INSERT INTO search_words (rowid, kind, words) VALUES {all}");
        db.execute_raw(Statement::from_sql_and_values(backend, sql, words)).await?;
    }
    Ok(())
}

/// Leaves the database as one that has grown by itself: PostgreSQL looks after its tables, SQLite is left as the service leaves it.
async fn settle(connection: &sea_orm::DatabaseConnection, backend: DbBackend, top: i64) -> Outcome<()> {
    if backend == DbBackend::Postgres {
        connection.execute_unprepared(&format!("SELECT setval(pg_get_serial_sequence('search_entry', 'id'), {top})")).await?;
        connection.execute_unprepared("VACUUM ANALYZE").await?;
        connection.execute_unprepared("CHECKPOINT").await?;
    } else {
        connection.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await?;
    }
    Ok(())
}

/// Numbers that look random and come out the same each time (splitmix64).
pub struct Random(u64);

impl Random {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    /// One of several.
    pub fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}
