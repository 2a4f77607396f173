//! The feed, the giving of positions, and what is kept of it.

use std::{collections::HashMap, fmt::Display, str::FromStr, time::Duration};

use chrono::TimeDelta;
use sea_orm::{Condition, ConnectionTrait, EntityTrait, QueryOrder, QuerySelect, QueryTrait, Statement, entity::prelude::*};
use sqlx::{
    Executor,
    postgres::{PgListener, PgPoolOptions},
};

use super::Change;
use crate::{
    access::{Sight, Visibility},
    geography::areas::{AreaId, store as areas},
    kernel::{
        Db, Problem, Result,
        contract::ROOT,
        db::Transaction,
        events::{self, ChangeOperation, Column, Entity, PLACED, Place, Placed},
        problem::{Fault, Kind},
        say,
        secrecy::Secrecy,
        table::is_postgres,
    },
    merging::store as merging,
    registry::actors::{ActorId, store as actors},
};

/// Any number that no other program locks in the same database.
const POSITION_LOCK: i64 = 0x0073_616d_7379_6e02;
/// How long the giver of positions waits for more to come, so that a burst of writes is numbered at once.
const GATHERING: Duration = Duration::from_millis(20);
/// How often it looks for what an instance that stopped in the middle has left without a position, and for what others did.
const LOOKING: Duration = Duration::from_secs(1);
/// How long the connection on which others are heard may be silent before it is asked whether it lives.
const SILENCE: Duration = Duration::from_secs(30);
/// How many positions one call looks at, however few of them the caller may see.
const LOOKED_AT: i64 = 5_000;
/// How many rows are read at once where they are filtered here.
const BATCH: u64 = 500;
/// The channel on which instances tell each other how far the feed has come.
const CHANNEL: &str = "samsyn_feed";
/// How many old changes are removed at once.
const REMOVED_AT_ONCE: u64 = 1_000;
/// How often old changes are looked for.
const REMOVED_EVERY: Duration = Duration::from_hours(1);
/// Up to where the feed has been removed, in the table of the installation.
const FLOOR: &str = "feed_floor";
/// How often positions have been given anew, in the same table.
const EPOCH: &str = "feed_epoch";

/// Which changes somebody follows.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub kinds: Option<Vec<String>>,
    /// The path of the area that they are to concern.
    pub area: Option<String>,
    pub limit: u64,
}

/// A piece of the feed.
#[derive(Debug)]
pub(super) struct Piece {
    pub items: Vec<Change>,
    /// The place that has been looked at last.
    pub next: Place,
    /// Whether there is more to look at now.
    pub has_more: bool,
}

/// Where a cursor points, or the beginning of what is kept.
///
/// # Errors
/// When it is none of ours, or the feed no longer goes on from there.
pub(crate) async fn open(cursor: Option<&str>, db: &Db) -> Result<Place> {
    let epoch = epoch(db).await?;
    let Some(cursor) = cursor else { return floor(db).await };
    let (given, place) = db.open_feed_cursor(cursor).ok_or_else(|| Problem::new(Kind::InvalidCursor))?;
    if given != epoch {
        return Err(restored());
    }
    let (there, latest) = there(place.position, db).await?;
    if place.position > latest.position {
        return Err(expired(
            "ahead",
            say!(
                "Markören är längre fram än det som har hänt här: databasen har troligen återställts från en säkerhetskopia. Läs allt på nytt, till exempel GET {ROOT}/actors, och följ sedan från svarets changeCursor.",
                "The cursor is ahead of what has happened here: the database was probably restored from a backup. Read everything anew, for example GET {ROOT}/actors, and then follow from the answer's changeCursor."
            ),
        ));
    }
    if there.is_some_and(|there| place.contradicts(there)) {
        return Err(restored());
    }
    Ok(place)
}

/// The path of an area that changes are asked for.
///
/// # Errors
/// When there is no such area.
pub(super) async fn area(id: AreaId, db: &Db) -> Result<String> {
    let mut fault = areas::not_found_fault("");
    fault.parameter = Some("area".to_owned());
    areas::path(id, db.reader()).await?.ok_or_else(|| Problem::parameters(vec![fault]))
}

/// What comes after a position and may be seen, as far as one call looks.
///
/// # Errors
/// When what comes next has been removed, or the database does not answer.
pub(super) async fn read(after: Place, wanted: &Wanted, sight: &Sight, secrecy: Option<&Secrecy>, db: &Db) -> Result<Piece> {
    if let Err(problem) = give_positions(db).await {
        // A database that can be read but not written to still tells what has its position.
        tracing::warn!(%problem, "events could not be given their positions");
    }
    let sight = &with_merged(sight, db).await?;
    // Everything up to here is there when the rows are read below. What comes meanwhile is for the next call.
    let latest = Some(latest(db).await?).filter(|latest| latest.position > after.position).unwrap_or(after);
    let end = latest.position.min(after.position + LOOKED_AT);
    let (mut rows, mut from) = (Vec::new(), after.position);
    let (limit, batch) = (wanted.limit + 1, if wanted.area.is_some() { BATCH } else { wanted.limit + 1 });
    let mut paths = HashMap::new();
    loop {
        let found = select(sight, wanted).filter(Column::Position.gt(from)).filter(Column::Position.lte(end)).limit(batch);
        let found = found.order_by_asc(Column::Position).all(db.reader()).await?;
        let exhausted = (found.len() as u64) < batch;
        from = found.last().and_then(|row| row.position).unwrap_or(end);
        match &wanted.area {
            Some(area) => rows.extend(within(area, found, &mut paths, secrecy, db).await?),
            None => rows.extend(found),
        }
        if exhausted || rows.len() as u64 >= limit {
            break;
        }
    }
    // Asked for last: had anything been removed before the rows were read, the floor has risen by now.
    let floor = floor(db).await?;
    if after.position < floor.position {
        return Err(too_old());
    }
    if after.contradicts(floor) {
        return Err(restored());
    }
    let full = rows.len() as u64 >= limit;
    rows.truncate(usize::try_from(wanted.limit).unwrap_or(usize::MAX));
    let next = match rows.last().filter(|_| full) {
        Some(last) => last.place(),
        None if end == latest.position => latest,
        None => there(end, db).await?.0.unwrap_or(Place { position: end, mark: 0 }),
    };
    Ok(Piece { items: views(rows, sight, db).await?, next, has_more: full || end < latest.position })
}

/// What somebody may see, and with it what was the own of actors that have become part of theirs: what happened to it before
/// is told in the name of the actor that it was then.
async fn with_merged(sight: &Sight, db: &Db) -> Result<Sight> {
    let mut sight = sight.clone();
    if !sight.all {
        sight.actors.extend(merging::become_part_of(&sight.actors, db.reader()).await?);
    }
    Ok(sight)
}

/// The changes of these kinds that the caller may see, or that end what the caller could see.
fn select(sight: &Sight, wanted: &Wanted) -> Select<Entity> {
    let select = Entity::find().apply_if(wanted.kinds.clone(), |select, kinds| select.filter(Column::EntityKind.is_in(kinds)));
    if sight.all {
        return select;
    }
    let now = sight.rows(Column::Visibility, Some(Column::ForumId.into_expr()), Some(Column::ActorId.into_expr()));
    let before = sight.rows(Column::WasVisibility, Some(Column::WasForumId.into_expr()), Some(Column::WasActorId.into_expr()));
    select.filter(Condition::any().add(now).add(before))
}

/// Those that concern an area or what lies below it. A record of which something is hidden from the caller is left out, or
/// it would be told where it is.
async fn within(
    area: &str,
    rows: Vec<events::Model>,
    paths: &mut HashMap<AreaId, String>,
    secrecy: Option<&Secrecy>,
    db: &Db,
) -> Result<Vec<events::Model>> {
    let ids = rows.iter().flat_map(|row| &row.areas.0).map(|id| AreaId::from(*id));
    let mut unknown: Vec<_> = ids.filter(|id| !paths.contains_key(id)).collect();
    unknown.sort_unstable();
    unknown.dedup();
    for unknown in unknown.chunks(usize::try_from(BATCH).unwrap_or(usize::MAX)) {
        paths.extend(areas::paths(unknown, db.reader()).await?);
    }
    let lies = |id: &Uuid| paths.get(&AreaId::from(*id)).is_some_and(|path| path.starts_with(area));
    let hidden = |row: &events::Model| secrecy.is_some_and(|secrecy| !secrecy.hidden(row.entity_id).is_empty());
    Ok(rows.into_iter().filter(|row| row.areas.0.iter().any(lies) && !hidden(row)).collect())
}

/// Changes as they are told to somebody. Who could see a record before and no longer can is told that it is gone; so is who
/// may not see what it became part of.
async fn views(rows: Vec<events::Model>, sight: &Sight, db: &Db) -> Result<Vec<Change>> {
    let mut survivors = HashMap::new();
    for survivor in rows.iter().filter_map(|row| row.merged_into) {
        if let std::collections::hash_map::Entry::Vacant(entry) = survivors.entry(survivor) {
            entry.insert(sight.all || sees(survivor, sight, db).await?);
        }
    }
    let view = |row: events::Model| {
        let visibility = Visibility::named(&row.visibility);
        let sees = sight.sees(visibility, row.forum_id, row.actor_id);
        let merged_into = row.merged_into.filter(|survivor| sees && survivors.get(survivor).copied().unwrap_or_default());
        let gone = !sees || (row.op == ChangeOperation::Merge && merged_into.is_none());
        Change {
            position: row.position.unwrap_or_default(),
            mark: row.place().mark,
            kind: row.entity_kind,
            id: row.entity_id,
            op: if gone { ChangeOperation::Delete } else { row.op },
            version: row.version,
            changed_at: row.changed_at,
            // Who works where is not for everybody; who changed a public record is.
            changed_by: row.changed_by.filter(|_| sees && visibility != Visibility::Actor),
            merged_into,
        }
    };
    Ok(rows.into_iter().map(view).collect())
}

/// Whether the caller may see what a record became part of, also when that has since gone the same way.
async fn sees(survivor: Uuid, sight: &Sight, db: &Db) -> Result<bool> {
    let last = Entity::find().filter(Column::EntityId.eq(survivor)).order_by_desc(Column::Seq).one(db.reader()).await?;
    Ok(match last {
        Some(last) => sight.sees(Visibility::named(&last.visibility), last.forum_id, last.actor_id),
        // Its own changes are older than what is kept of the feed.
        None => actors::missing(sight, &[ActorId::from(survivor)], db.reader()).await?.is_empty(),
    })
}

fn restored() -> Problem {
    expired(
        "epoch-changed",
        say!(
            "Databasen har återställts från en säkerhetskopia, så ändringarna går inte att följa vidare från den här markören. Läs allt på nytt, till exempel GET {ROOT}/actors, och följ sedan från svarets changeCursor.",
            "The database was restored from a backup, so changes cannot be followed from this cursor. Read everything anew, for example GET {ROOT}/actors, and then follow from the answer's changeCursor."
        ),
    )
}

pub(crate) fn too_old() -> Problem {
    expired(
        "too-old",
        say!(
            "Det som hände efter den här markören finns inte längre kvar. Läs allt på nytt, till exempel GET {ROOT}/actors, och följ sedan från svarets changeCursor.",
            "What happened after this cursor is no longer kept. Read everything anew, for example GET {ROOT}/actors, and then follow from the answer's changeCursor."
        ),
    )
}

/// The feed does not go on from where the caller is.
fn expired(code: &'static str, detail: crate::kernel::language::Text) -> Problem {
    let faults = vec![Fault::of_parameter("cursor", code, detail)];
    Problem { faults, ..Problem::new(Kind::Expired) }.header("Link", format!("<{ROOT}/actors>; rel=\"collection\""))
}

/// The last place that has been given.
async fn latest(db: &Db) -> Result<Place> {
    let latest = events::latest().one(db.reader()).await?.map(Place::from).unwrap_or_default();
    db.feed.reached(latest);
    Ok(latest)
}

/// The event at a position, if it is kept, and the last place that has been given.
async fn there(position: i64, db: &Db) -> Result<(Option<Place>, Place)> {
    let last = Entity::find().select_only().column_as(Column::Position.max(), "latest").into_query();
    let rows: Vec<Placed> = Entity::find()
        .select_only()
        .columns(PLACED)
        .filter(Condition::any().add(Column::Position.eq(position)).add(Column::Position.in_subquery(last)))
        .order_by_asc(Column::Position)
        .into_tuple()
        .all(db.reader())
        .await?;
    let places: Vec<_> = rows.into_iter().map(Place::from).collect();
    let latest = places.last().copied().unwrap_or_default();
    db.feed.reached(latest);
    Ok((places.into_iter().find(|place| place.position == position), latest))
}

/// Up to where the feed has been removed.
async fn floor(db: &Db) -> Result<Place> {
    Ok(value(FLOOR, db).await?.unwrap_or_default())
}

/// The present epoch, which this process tells in its cursors from now on.
async fn epoch(db: &Db) -> Result<i64> {
    let epoch = value(EPOCH, db).await?.unwrap_or(1);
    db.feed.in_epoch(epoch);
    Ok(epoch)
}

async fn value<T: FromStr>(name: &str, db: &Db) -> Result<Option<T>> {
    let parameter = if is_postgres(db.backend()) { "$1" } else { "?" };
    let sql = format!("SELECT value FROM installation WHERE name = {parameter}");
    let row = db.reader().query_one_raw(Statement::from_sql_and_values(db.backend(), sql, [name.into()])).await?;
    let value: Option<String> = row.map(|row| row.try_get("", "value")).transpose()?;
    Ok(value.and_then(|value| value.parse().ok()))
}

async fn set_value(name: &str, value: impl Display, tx: &Transaction) -> Result<()> {
    let backend = tx.get_database_backend();
    let (first, second) = if is_postgres(backend) { ("$1", "$2") } else { ("?", "?") };
    let sql = format!(
        "INSERT INTO installation (name, value) VALUES ({first}, {second}) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    );
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, [name.into(), value.to_string().into()])).await?;
    Ok(())
}

/// A transaction that no other giver or remover of positions works beside.
async fn alone(db: &Db) -> Result<Transaction> {
    let tx = db.begin().await?;
    if is_postgres(db.backend()) {
        tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({POSITION_LOCK})")).await?;
    }
    Ok(tx)
}

/// What of these events somebody may see, and as what, in their order; of an area, only what concerns it or what lies below.
/// There a record of which something is hidden is left out, or it would be told where it is.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn told(
    rows: Vec<events::Model>,
    sight: &Sight,
    area: Option<&str>,
    secrecy: Option<&Secrecy>,
    db: &Db,
) -> Result<Vec<Change>> {
    let sight = &with_merged(sight, db).await?;
    let is_seen = |visibility: &str, forum, actor| sight.sees(Visibility::named(visibility), forum, actor);
    let mut rows: Vec<_> = rows
        .into_iter()
        .filter(|row| {
            let before = row.was_visibility.as_deref();
            is_seen(&row.visibility, row.forum_id, row.actor_id)
                || before.is_some_and(|was| is_seen(was, row.was_forum_id, row.was_actor_id))
        })
        .collect();
    if let Some(area) = area {
        rows = within(area, rows, &mut HashMap::new(), secrecy, db).await?;
    }
    views(rows, sight, db).await
}

/// Gives positions as soon as there is something to give them to, for as long as the database is open.
pub async fn keep_positioned(db: &Db) {
    while !db.is_closed() {
        // The next turn mends what this one could not do.
        let _ = give_positions(db).await;
        let _ = latest(db).await;
        let _ = epoch(db).await;
        if tokio::time::timeout(LOOKING, db.feed.awaits_positions()).await.is_ok() {
            tokio::time::sleep(GATHERING).await;
        }
    }
}

/// Gives positions to the events that have been committed and have none, in the order of their sequence. One at a time:
/// who comes second waits and sees what the first has done.
async fn give_positions(db: &Db) -> Result<()> {
    let unpositioned = Entity::find().filter(Column::Position.is_null()).select_only().column(Column::Seq).limit(1);
    if unpositioned.into_tuple::<i64>().one(db.reader()).await?.is_none() {
        return Ok(());
    }
    let tx = alone(db).await?;
    tx.execute_unprepared(
        "UPDATE event SET position = fresh.place + (SELECT coalesce(max(position), 0) FROM event) \
         FROM (SELECT seq, row_number() OVER (ORDER BY seq) AS place FROM event WHERE position IS NULL) AS fresh \
         WHERE event.seq = fresh.seq",
    )
    .await?;
    if is_postgres(db.backend()) {
        // Heard when this has been committed.
        tx.execute_unprepared(&format!("NOTIFY {CHANNEL}")).await?;
    }
    db.commit(tx).await?;
    Ok(())
}

/// Hears from other instances that the feed has come further, on a connection of its own. What is not heard is found by
/// looking.
pub async fn listen(db: &Db) {
    // Where the database is may change meanwhile.
    while let Some(options) = db.beside().filter(|_| !db.is_closed()) {
        let own = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
        let heard = async {
            let mut listener = PgListener::connect_with(&own).await?;
            listener.listen(CHANNEL).await?;
            loop {
                let Ok(heard) = tokio::time::timeout(SILENCE, listener.recv()).await else {
                    // A database that has vanished is as silent as one in which nothing happens.
                    let alive = tokio::time::timeout(LOOKING, listener.execute("SELECT 1")).await;
                    alive.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
                    continue;
                };
                heard?;
                let _ = latest(db).await;
            }
        };
        let outcome: std::result::Result<(), sqlx::Error> = heard.await;
        if let Err(error) = outcome {
            tracing::debug!(%error, "other instances are not heard for the moment");
        }
        tokio::time::sleep(LOOKING).await;
    }
}

/// Removes changes that are older than so many days, again and again; none when `days` is 0.
pub async fn keep_short(days: i64, db: &Db) {
    if days == 0 {
        return;
    }
    let mut due = tokio::time::interval(REMOVED_EVERY);
    loop {
        due.tick().await;
        if db.is_closed() {
            return;
        }
        let mut removed = 0;
        loop {
            match remove_older(days, db).await {
                Ok(0) => break,
                Ok(count) => removed += count,
                Err(problem) => {
                    tracing::warn!(%problem, "old changes could not be removed");
                    break;
                }
            }
            // So that those who write get their turn.
            tokio::time::sleep(GATHERING).await;
        }
        if removed > 0 {
            tracing::info!(removed, days, "old changes were removed from the feed");
        }
    }
}

/// Removes the oldest changes, up to the first that is to be kept, and never the newest of all, for positions count on.
async fn remove_older(days: i64, db: &Db) -> Result<u64> {
    let oldest = db.clock.now() - TimeDelta::days(days);
    let tx = alone(db).await?;
    let rows: Vec<Placed> = Entity::find()
        .select_only()
        .columns(PLACED)
        .filter(Column::Position.is_not_null())
        .order_by_asc(Column::Position)
        .limit(REMOVED_AT_ONCE + 1)
        .into_tuple()
        .all(&tx)
        .await?;
    let kept = rows.split_last().map_or(&[][..], |(_, rows)| rows);
    let Some(last) = kept.iter().take_while(|(.., at)| *at < oldest).last().copied().map(Place::from) else {
        db.roll_back(tx).await;
        return Ok(0);
    };
    let removed = Entity::delete_many().filter(Column::Position.lte(last.position)).exec(&tx).await?.rows_affected;
    // What stood there is not forgotten, for cursors point to it.
    set_value(FLOOR, last, &tx).await?;
    db.commit(tx).await?;
    Ok(removed)
}

/// Begins a new epoch: every cursor that has been given ends, so that whoever follows reads everything anew.
///
/// # Errors
/// When the database does not answer.
pub async fn begin_epoch(db: &Db) -> Result<i64> {
    let next = epoch(db).await? + 1;
    let tx = alone(db).await?;
    set_value(EPOCH, next, &tx).await?;
    db.commit(tx).await?;
    db.feed.in_epoch(next);
    Ok(next)
}
