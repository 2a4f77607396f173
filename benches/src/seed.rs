//! Fills a database: the service itself migrates it, loads the reference pack and registers a user; then actors, mandates
//! and interventions are written in bulk. The same number of actors always gives the same rows.

use std::{
    collections::HashSet,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, TransactionTrait, Value};
use uuid::Uuid;

use crate::{
    Outcome,
    database::Database,
    random::Random,
    rows::{self, Place, Row},
};

pub const EMAIL: &str = "admin@samsyn.example.se";
pub const PASSWORD: &str = "fyra blå cyklar vid ån";

/// Rows of one statement: below the limit of 32,766 parameters.
const CHUNK: usize = 1_000;
/// Rows of one transaction.
const BATCH: usize = 20_000;
/// Mandates of each actor that has any. One actor of ten has.
pub const MANDATES_EACH: usize = 3;

/// What there is to call for.
pub struct Seeded {
    /// The ids of the filled-in actors.
    pub actors: Vec<Uuid>,
    /// As many of the first actors as have mandates.
    pub with_mandates: usize,
    pub mandates: usize,
    pub interventions: usize,
    /// Statistical areas, whose names stand in the names of actors, with their municipalities.
    pub places: Vec<Place>,
}

pub async fn fill(binary: &Path, database: &Database, count: usize) -> Outcome<Seeded> {
    administrator(binary, database)?;
    let connection = database.connect().await?;
    let backend = connection.get_database_backend();
    if backend == DbBackend::Sqlite {
        // Nothing is lost if filling is cut short, for then all is thrown away.
        connection.execute_unprepared("PRAGMA synchronous = OFF").await?;
        connection.execute_unprepared("PRAGMA cache_size = -200000").await?;
    }
    let places = places(&connection).await?;
    let (with_mandates, interventions) = (count.div_ceil(10), count / 5);
    let mandates = with_mandates * MANDATES_EACH;
    let mut random = Random::new(20_260_101);
    let statement = Statement::from_string(backend, "SELECT COALESCE(MAX(id), 0) AS top FROM search_entry");
    let mut entry: i64 = connection.query_one_raw(statement).await?.ok_or("no search_entry")?.try_get("", "top")?;
    let words_of = Table::find("search_entry", &connection).await?;

    let tables = [
        Table::find("actor", &connection).await?,
        Table::find("actor_area", &connection).await?,
        Table::find("actor_identifier", &connection).await?,
    ];
    let mut ids = Vec::with_capacity(count);
    for start in (0..count).step_by(BATCH) {
        let tx = connection.begin().await?;
        for start in (start..(start + BATCH).min(count)).step_by(CHUNK) {
            let (mut chunks, mut words) = ([const { Vec::new() }; 3], Vec::new());
            for number in start..(start + CHUNK).min(count) {
                let actor = rows::actor(number, &places, &mut random);
                ids.push(actor.id);
                words.push((actor.id, actor.words));
                for (chunk, row) in chunks.iter_mut().zip([actor.row, actor.served, actor.identifier]) {
                    chunk.push(row);
                }
            }
            for (table, chunk) in tables.iter().zip(chunks) {
                table.insert(chunk, &tx).await?;
            }
            index_words(&words_of, "actor", words, &mut entry, &tx).await?;
        }
        tx.commit().await?;
        if count > BATCH {
            eprint!("\r{} actors", ids.len());
        }
    }
    let table = Table::find("mandate", &connection).await?;
    for start in (0..mandates).step_by(BATCH) {
        let tx = connection.begin().await?;
        for start in (start..(start + BATCH).min(mandates)).step_by(CHUNK) {
            let numbers = start..(start + CHUNK).min(mandates);
            let chunk = numbers.filter_map(|number| Some(rows::mandate(number, *ids.get(number / MANDATES_EACH)?, &places, &mut random)));
            table.insert(chunk.collect(), &tx).await?;
        }
        tx.commit().await?;
    }
    let tables = [Table::find("intervention", &connection).await?, Table::find("intervention_area", &connection).await?];
    for start in (0..interventions).step_by(BATCH) {
        let tx = connection.begin().await?;
        for start in (start..(start + BATCH).min(interventions)).step_by(CHUNK) {
            let (mut chunk, mut areas, mut words) = (Vec::new(), Vec::new(), Vec::new());
            for number in start..(start + CHUNK).min(interventions) {
                let one = rows::intervention(number, *random.of(&ids), &places, &mut random);
                chunk.push(one.row);
                areas.push(one.area);
                words.push((one.id, one.words));
            }
            tables[0].insert(chunk, &tx).await?;
            tables[1].insert(areas, &tx).await?;
            index_words(&words_of, "intervention", words, &mut entry, &tx).await?;
        }
        tx.commit().await?;
    }
    settle(&connection, backend, entry).await?;
    eprintln!("\r{count} actors, {mandates} mandates and {interventions} interventions are in place");
    connection.close().await?;
    Ok(Seeded { actors: ids, with_mandates, mandates, interventions, places })
}

/// Lets the service make the database and register who is to call.
fn administrator(binary: &Path, database: &Database) -> Outcome<()> {
    let mut child = Command::new(binary)
        .args(["user", "create", "--email", EMAIL, "--name", "Samordnaren", "--role", "admin", "--password-stdin"])
        .args(["--database-url", database.url()])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().ok_or("no standard input")?.write_all(PASSWORD.as_bytes())?;
    let output = child.wait_with_output()?;
    if output.status.success() { Ok(()) } else { Err(format!("no user could be made: {}", String::from_utf8_lossy(&output.stderr)).into()) }
}

/// The statistical areas of the pack with the municipalities that they lie in.
async fn places(db: &impl ConnectionTrait) -> Outcome<Vec<Place>> {
    let statement = Statement::from_string(db.get_database_backend(), "SELECT id, level, code, name FROM area ORDER BY path");
    let mut municipality: Option<(Uuid, String)> = None;
    let mut places = Vec::new();
    for area in db.query_all_raw(statement).await? {
        match area.try_get::<String>("", "level")?.as_str() {
            "municipality" => municipality = Some((area.try_get("", "id")?, area.try_get("", "code")?)),
            "regso" => {
                let name: String = area.try_get("", "name")?;
                places.extend(municipality.clone().map(|(municipality, code)| Place { name, municipality, code }));
            }
            _ => {}
        }
    }
    if places.is_empty() { Err("the pack holds no statistical areas".into()) } else { Ok(places) }
}

/// A table with the columns that it has in this database, which an older or newer service may have made.
struct Table {
    name: &'static str,
    columns: HashSet<String>,
}

impl Table {
    async fn find(name: &'static str, db: &impl ConnectionTrait) -> Outcome<Self> {
        let backend = db.get_database_backend();
        let sql = if backend == DbBackend::Postgres {
            "SELECT column_name AS name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1"
        } else {
            "SELECT name FROM pragma_table_info(?)"
        };
        let found = db.query_all_raw(Statement::from_sql_and_values(backend, sql, [name.into()])).await?;
        Ok(Self { name, columns: found.iter().map(|row| row.try_get("", "name")).collect::<Result<_, _>>()? })
    }

    /// Inserts rows that all have the same columns. Columns that the table lacks are left out.
    async fn insert(&self, rows: Vec<Row>, db: &impl ConnectionTrait) -> Outcome<()> {
        let Some(first) = rows.first() else { return Ok(()) };
        let columns: Vec<_> = first.iter().map(|(column, _)| *column).filter(|column| self.columns.contains(*column)).collect();
        let sql = format!("INSERT INTO {} ({}) VALUES ", self.name, columns.join(", "));
        let count = rows.len();
        let values: Vec<Value> =
            rows.into_iter().flatten().filter(|(column, _)| self.columns.contains(*column)).map(|(_, value)| value).collect();
        insert(sql, columns.len(), count, values, db).await
    }
}

/// Completes an INSERT by places for values, and runs it.
async fn insert(mut sql: String, width: usize, count: usize, values: Vec<Value>, db: &impl ConnectionTrait) -> Outcome<()> {
    let backend = db.get_database_backend();
    let place = |at: usize| if backend == DbBackend::Postgres { format!("${}", at + 1) } else { "?".to_owned() };
    let row = |row: usize| format!("({})", (0..width).map(|at| place(row * width + at)).collect::<Vec<_>>().join(", "));
    sql.push_str(&(0..count).map(row).collect::<Vec<_>>().join(", "));
    db.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(())
}

/// Puts words of records into the index and its `table`, as the service would have done one by one. `entry` is the last id that is taken.
async fn index_words(table: &Table, kind: &str, words: Vec<(Uuid, String)>, entry: &mut i64, db: &impl ConnectionTrait) -> Outcome<()> {
    let (count, first) = (words.len(), *entry + 1);
    *entry += i64::try_from(count)?;
    let numbered = (first..).zip(words);
    if db.get_database_backend() == DbBackend::Postgres {
        let row = |at: usize| format!("(${}, ${}, ${}, array_to_tsvector(string_to_array(${}, ' ')))", at + 1, at + 2, at + 3, at + 4);
        let all: Vec<_> = (0..count).map(|at| row(at * 4)).collect();
        let sql = format!("INSERT INTO search_entry (id, kind, entity_id, words) VALUES {}", all.join(", "));
        let values: Vec<Value> = numbered.flat_map(|(number, (id, words))| [number.into(), kind.into(), id.into(), words.into()]).collect();
        db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
        return Ok(());
    }
    let (mut entries, mut texts) = (Vec::new(), Vec::<Value>::new());
    for (number, (id, words)) in numbered {
        let values = [("id", number.into()), ("kind", kind.into()), ("entity_id", id.into()), ("words", words.clone().into())];
        entries.push(Row::from(values));
        texts.extend([number.into(), kind.into(), words.into()]);
    }
    table.insert(entries, db).await?;
    insert("INSERT INTO search_words (rowid, kind, words) VALUES ".to_owned(), 3, count, texts, db).await
}

/// Leaves the database as one that has grown by itself: PostgreSQL looks after its tables, SQLite is left as the service leaves it.
async fn settle(connection: &DatabaseConnection, backend: DbBackend, top: i64) -> Outcome<()> {
    if backend == DbBackend::Postgres {
        connection.execute_unprepared(&format!("SELECT setval(pg_get_serial_sequence('search_entry', 'id'), {top})")).await?;
        connection.execute_unprepared("VACUUM ANALYZE").await?;
        connection.execute_unprepared("CHECKPOINT").await?;
    } else {
        connection.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await?;
    }
    Ok(())
}
