//! All SQL of the feed: reading it, assigning positions, and removing old changes.

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

/// The key of the advisory lock: any number that no other program locks in the same database.
const POSITION_LOCK: i64 = 0x0073_616d_7379_6e02;
/// How long to wait for further events before assigning positions, so that a burst of writes is numbered in one statement.
const GATHERING: Duration = Duration::from_millis(20);
/// How often to look for events that a stopped instance left without a position, and for changes made by other instances.
const LOOKING: Duration = Duration::from_secs(1);
/// How long the listening connection may be silent before it is checked.
const SILENCE: Duration = Duration::from_secs(30);
/// How many positions one call examines, however few of them the caller may see.
const LOOKED_AT: i64 = 5_000;
/// How many rows are read in one query when they are filtered by area in the program.
const BATCH: u64 = 500;
/// The PostgreSQL channel on which instances notify each other that positions were assigned.
const CHANNEL: &str = "samsyn_feed";
/// How many old changes one transaction removes.
const REMOVED_AT_ONCE: u64 = 1_000;
/// How often old changes are looked for.
const REMOVED_EVERY: Duration = Duration::from_hours(1);
/// The row of the table `installation` with the place of the last change that was removed from the feed.
const FLOOR: &str = "feed_floor";
/// The row of the table `installation` with the number of the present epoch.
const EPOCH: &str = "feed_epoch";

/// The changes that a caller asks for.
#[derive(Clone, Debug)]
pub(super) struct ChangeFilter {
    pub kinds: Option<Vec<String>>,
    /// The path of the area that the changes must concern.
    pub area: Option<String>,
    pub limit: u64,
}

/// A page of the feed.
#[derive(Debug)]
pub(super) struct Piece {
    pub items: Vec<Change>,
    /// The last place that has been examined.
    pub next: Place,
    /// Whether more can be read now.
    pub has_more: bool,
}

/// Returns the place that a cursor points to, or the place before the oldest change that is kept when there is no cursor.
///
/// # Errors
/// When the cursor is not one of this installation (400), or when the feed cannot be continued from it: the changes after
/// it were removed, or a backup was restored (410).
pub(crate) async fn open_cursor(cursor: Option<&str>, db: &Db) -> Result<Place> {
    let epoch = epoch(db).await?;
    let Some(cursor) = cursor else { return floor(db).await };
    let (given, place) = db.open_feed_cursor(cursor).ok_or_else(|| Problem::new(Kind::InvalidCursor))?;
    if given != epoch {
        return Err(epoch_changed());
    }
    let (there, latest) = find_place(place.position, db).await?;
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
        return Err(epoch_changed());
    }
    Ok(place)
}

/// Returns the path of the area that changes are filtered by.
///
/// # Errors
/// When there is no such area (400).
pub(super) async fn area_path(id: AreaId, db: &Db) -> Result<String> {
    let mut fault = areas::not_found_fault("");
    fault.parameter = Some("area".to_owned());
    areas::path(id, db.reader()).await?.ok_or_else(|| Problem::parameters(vec![fault]))
}

/// Returns the changes after a place that the caller may see. One call examines at most [`LOOKED_AT`] positions.
///
/// # Errors
/// When the next changes have been removed or a backup was restored (410), or when the database does not answer.
pub(super) async fn read(after: Place, wanted: &ChangeFilter, sight: &Sight, secrecy: Option<&Secrecy>, db: &Db) -> Result<Piece> {
    if let Err(problem) = give_positions(db).await {
        // A database that can be read but not written to can still serve the events that have a position.
        tracing::warn!(%problem, "events could not be given their positions");
    }
    let sight = &with_merged(sight, db).await?;
    // All events up to `latest` are committed when the rows are read below. Events that come in the meantime are left for
    // the next call.
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
            Some(area) => rows.extend(filter_by_area(area, found, &mut paths, secrecy, db).await?),
            None => rows.extend(found),
        }
        if exhausted || rows.len() as u64 >= limit {
            break;
        }
    }
    // Read last: if any change was removed before the rows were read, the floor has risen by now.
    let floor = floor(db).await?;
    if after.position < floor.position {
        return Err(too_old());
    }
    if after.contradicts(floor) {
        return Err(epoch_changed());
    }
    let full = rows.len() as u64 >= limit;
    rows.truncate(usize::try_from(wanted.limit).unwrap_or(usize::MAX));
    let next = match rows.last().filter(|_| full) {
        Some(last) => last.place(),
        None if end == latest.position => latest,
        None => find_place(end, db).await?.0.unwrap_or(Place { position: end, mark: 0 }),
    };
    Ok(Piece { items: views(rows, sight, db).await?, next, has_more: full || end < latest.position })
}

/// Extends the caller's sight to the actors that have been merged into actors of the caller. Events from before a merge
/// still name the old actor.
async fn with_merged(sight: &Sight, db: &Db) -> Result<Sight> {
    let mut sight = sight.clone();
    if !sight.all {
        sight.actors.extend(merging::find_merged_into(&sight.actors, db.reader()).await?);
    }
    Ok(sight)
}

/// Selects the changes of the wanted kinds whose record the caller may see now, or could see before the change.
fn select(sight: &Sight, wanted: &ChangeFilter) -> Select<Entity> {
    let select = Entity::find().apply_if(wanted.kinds.clone(), |select, kinds| select.filter(Column::EntityKind.is_in(kinds)));
    if sight.all {
        return select;
    }
    let now = sight.rows(Column::Visibility, Some(Column::ForumId.into_expr()), Some(Column::ActorId.into_expr()));
    let before = sight.rows(Column::WasVisibility, Some(Column::WasForumId.into_expr()), Some(Column::WasActorId.into_expr()));
    select.filter(Condition::any().add(now).add(before))
}

/// Keeps the events of records that concern an area or an area below it. A record with a hidden member is left out, because
/// the filter would reveal where it is.
async fn filter_by_area(
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

/// Converts events to the changes that the caller is shown. When the caller can no longer see a record, or cannot see the
/// record that it was merged into, the change is shown as a deletion.
async fn views(rows: Vec<events::Model>, sight: &Sight, db: &Db) -> Result<Vec<Change>> {
    let mut survivors = HashMap::new();
    for survivor in rows.iter().filter_map(|row| row.merged_into) {
        if let std::collections::hash_map::Entry::Vacant(entry) = survivors.entry(survivor) {
            entry.insert(sight.all || can_see_survivor(survivor, sight, db).await?);
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
            // For a record that only its actor sees, the name of the user would reveal who works there.
            changed_by: row.changed_by.filter(|_| sees && visibility != Visibility::Actor),
            merged_into,
        }
    };
    Ok(rows.into_iter().map(view).collect())
}

/// Returns whether the caller may see the record that another was merged into, also when that one has since been merged or
/// removed.
async fn can_see_survivor(survivor: Uuid, sight: &Sight, db: &Db) -> Result<bool> {
    let last = Entity::find().filter(Column::EntityId.eq(survivor)).order_by_desc(Column::Seq).one(db.reader()).await?;
    Ok(match last {
        Some(last) => sight.sees(Visibility::named(&last.visibility), last.forum_id, last.actor_id),
        // The changes of the survivor are older than the oldest change that is kept.
        None => actors::missing(sight, &[ActorId::from(survivor)], db.reader()).await?.is_empty(),
    })
}

fn epoch_changed() -> Problem {
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

/// Returns the 410 problem for a cursor that cannot be continued from.
fn expired(code: &'static str, detail: crate::kernel::language::Text) -> Problem {
    let faults = vec![Fault::of_parameter("cursor", code, detail)];
    Problem { faults, ..Problem::new(Kind::Expired) }.header("Link", format!("<{ROOT}/actors>; rel=\"collection\""))
}

/// Returns the last place that has been assigned, and announces it to the followers on this instance.
async fn latest(db: &Db) -> Result<Place> {
    let latest = events::latest().one(db.reader()).await?.map(Place::from).unwrap_or_default();
    db.feed.advance_to(latest);
    Ok(latest)
}

/// Returns the place of the event at a position, if it is kept, and the last place that has been assigned.
async fn find_place(position: i64, db: &Db) -> Result<(Option<Place>, Place)> {
    // One list of two positions, so that `PostgreSQL` looks both up in the index.
    let last = Entity::find().select_only().column_as(Column::Position.max(), "latest").into_query();
    let both = [Expr::val(position), Expr::SubQuery(None, Box::new(last.into()))];
    let rows: Vec<Placed> = Entity::find()
        .select_only()
        .columns(PLACED)
        .filter(sea_orm::ExprTrait::is_in(Column::Position.into_expr(), both))
        .order_by_asc(Column::Position)
        .into_tuple()
        .all(db.reader())
        .await?;
    let places: Vec<_> = rows.into_iter().map(Place::from).collect();
    let latest = places.last().copied().unwrap_or_default();
    db.feed.advance_to(latest);
    Ok((places.into_iter().find(|place| place.position == position), latest))
}

/// Returns the place of the last change that was removed from the feed.
async fn floor(db: &Db) -> Result<Place> {
    Ok(installation_value(FLOOR, db).await?.unwrap_or_default())
}

/// Returns the present epoch. From now on this process writes it into its cursors.
async fn epoch(db: &Db) -> Result<i64> {
    let epoch = installation_value(EPOCH, db).await?.unwrap_or(1);
    db.feed.set_epoch(epoch);
    Ok(epoch)
}

async fn installation_value<T: FromStr>(name: &str, db: &Db) -> Result<Option<T>> {
    let parameter = if is_postgres(db.backend()) { "$1" } else { "?" };
    let sql = format!("SELECT value FROM installation WHERE name = {parameter}");
    let row = db.reader().query_one_raw(Statement::from_sql_and_values(db.backend(), sql, [name.into()])).await?;
    let value: Option<String> = row.map(|row| row.try_get("", "value")).transpose()?;
    Ok(value.and_then(|value| value.parse().ok()))
}

async fn set_installation_value(name: &str, value: impl Display, tx: &Transaction) -> Result<()> {
    let backend = tx.get_database_backend();
    let (first, second) = if is_postgres(backend) { ("$1", "$2") } else { ("?", "?") };
    let sql = format!(
        "INSERT INTO installation (name, value) VALUES ({first}, {second}) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    );
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, [name.into(), value.to_string().into()])).await?;
    Ok(())
}

/// Begins a transaction that excludes every other one that assigns or removes positions.
async fn begin_exclusive(db: &Db) -> Result<Transaction> {
    let tx = db.begin().await?;
    if is_postgres(db.backend()) {
        tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({POSITION_LOCK})")).await?;
    }
    Ok(tx)
}

/// Returns the changes that the caller is shown for these events, in their order. With an area, only those of records that
/// concern it or an area below it; then a record with a hidden member is left out, because the filter would reveal where it
/// is.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn visible_changes(
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
        rows = filter_by_area(area, rows, &mut HashMap::new(), secrecy, db).await?;
    }
    views(rows, sight, db).await
}

/// Assigns positions as soon as there are events without one, until the database is closed.
pub async fn run_position_loop(db: &Db) {
    while !db.is_closed() {
        // Errors are ignored: the next round repeats the work.
        let _ = give_positions(db).await;
        let _ = latest(db).await;
        let _ = epoch(db).await;
        if tokio::time::timeout(LOOKING, db.feed.wait_for_events()).await.is_ok() {
            tokio::time::sleep(GATHERING).await;
        }
    }
}

/// Assigns positions to the committed events that have none, in the order of their sequence numbers. Only one instance does
/// so at a time; a second one waits for the first and then finds nothing left to do.
async fn give_positions(db: &Db) -> Result<()> {
    let unpositioned = Entity::find().filter(Column::Position.is_null()).select_only().column(Column::Seq).limit(1);
    if unpositioned.into_tuple::<i64>().one(db.reader()).await?.is_none() {
        return Ok(());
    }
    let tx = begin_exclusive(db).await?;
    tx.execute_unprepared(
        "UPDATE event SET position = fresh.place + (SELECT coalesce(max(position), 0) FROM event) \
         FROM (SELECT seq, row_number() OVER (ORDER BY seq) AS place FROM event WHERE position IS NULL) AS fresh \
         WHERE event.seq = fresh.seq",
    )
    .await?;
    if is_postgres(db.backend()) {
        // PostgreSQL delivers the notification when this transaction commits.
        tx.execute_unprepared(&format!("NOTIFY {CHANNEL}")).await?;
    }
    db.commit(tx).await?;
    Ok(())
}

/// Listens on a connection of its own for notifications that other instances have assigned positions. A missed notification
/// does no harm, because the position loop also looks once a second.
pub async fn listen(db: &Db) {
    // The address of the database may change in the meantime.
    while let Some(options) = db.postgres_options().filter(|_| !db.is_closed()) {
        let own = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
        let heard = async {
            let mut listener = PgListener::connect_with(&own).await?;
            listener.listen(CHANNEL).await?;
            loop {
                let Ok(heard) = tokio::time::timeout(SILENCE, listener.recv()).await else {
                    // A lost database is as silent as one without changes.
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

/// Removes changes that are older than `days` days, once an hour. Returns at once when `days` is 0.
pub async fn run_removal_loop(days: i64, db: &Db) {
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
            // Leaves time for other writers.
            tokio::time::sleep(GATHERING).await;
        }
        if removed > 0 {
            tracing::info!(removed, days, "old changes were removed from the feed");
        }
    }
}

/// Removes the oldest changes that are older than `days` days, at most [`REMOVED_AT_ONCE`] of them, and returns how many
/// were removed. The newest change of all is never removed, because the next position is counted from it.
async fn remove_older(days: i64, db: &Db) -> Result<u64> {
    let oldest = db.clock.now() - TimeDelta::days(days);
    let tx = begin_exclusive(db).await?;
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
    // The place of the last removed change is kept, because cursors point to it.
    set_installation_value(FLOOR, last, &tx).await?;
    db.commit(tx).await?;
    Ok(removed)
}

/// Begins a new epoch and returns its number. All cursors of earlier epochs become invalid, so every follower must read
/// everything anew.
///
/// # Errors
/// When the database does not answer.
pub async fn begin_epoch(db: &Db) -> Result<i64> {
    let next = epoch(db).await? + 1;
    let tx = begin_exclusive(db).await?;
    set_installation_value(EPOCH, next, &tx).await?;
    db.commit(tx).await?;
    db.feed.set_epoch(next);
    Ok(next)
}
