//! SQL for the counters that instances share.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    Condition, ConnectionTrait, DbBackend, EntityTrait, ExprTrait, IntoActiveModel, Statement, Value,
    entity::prelude::*,
    sea_query::{Expr, OnConflict},
};

use super::table::{failed_tries, rate_window, usual_address};
use crate::kernel::{Db, Result, table::is_postgres};

/// The prefix of the keys of letters, which are kept longer than those of failed tries.
pub(super) const LETTER_PREFIX: &str = "letter:";

/// The calls that one instance has counted for a key in a window; times are seconds since 1970.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    pub key: String,
    pub start: i64,
    pub end: i64,
    pub calls: u64,
}

/// The calls that all instances have counted for a key, in the window and in the one before it.
pub(super) struct Total {
    pub key: String,
    pub count: u64,
    pub previous: u64,
}

/// Adds the counts of this instance and returns the totals of all instances, in one statement.
pub(super) async fn share(counted: &[Counted], db: &Db) -> Result<Vec<Total>> {
    if counted.is_empty() {
        return Ok(Vec::new());
    }
    let mut values: Vec<Value> = Vec::with_capacity(counted.len() * 4);
    for row in counted {
        values.extend([row.key.clone().into(), row.start.into(), row.end.into(), i64::try_from(row.calls).unwrap_or(i64::MAX).into()]);
    }
    let sql = format!(
        "INSERT INTO rate_window (key, window_start, window_end, count) VALUES {} \
         ON CONFLICT (key, window_start) DO UPDATE SET count = rate_window.count + excluded.count \
         RETURNING key, count, (SELECT earlier.count FROM rate_window AS earlier \
             WHERE earlier.key = rate_window.key AND earlier.window_end = rate_window.window_start) AS previous",
        rows(counted.len(), 4, db.backend())
    );
    let told = db.writer().query_all_raw(Statement::from_sql_and_values(db.backend(), sql, values)).await?;
    let mut totals = Vec::with_capacity(told.len());
    for row in told {
        let count =
            |name: &str| row.try_get::<Option<i64>>("", name).map(|count| u64::try_from(count.unwrap_or_default()).unwrap_or_default());
        totals.push(Total { key: row.try_get("", "key")?, count: count("count")?, previous: count("previous")? });
    }
    Ok(totals)
}

/// Returns the placeholders of an INSERT with `count` rows.
fn rows(count: usize, columns: usize, backend: DbBackend) -> String {
    let place = |at: usize| format!("{}{}", if is_postgres(backend) { '$' } else { '?' }, at + 1);
    let row = |at: usize| (0..columns).map(|column| place(at * columns + column)).collect::<Vec<_>>().join(", ");
    (0..count).map(|at| format!("({})", row(at))).collect::<Vec<_>>().join(", ")
}

/// Removes rows that have expired.
pub(super) async fn forget(
    now: DateTime<Utc>,
    tries_last: TimeDelta,
    letters_last: TimeDelta,
    usual_lasts: TimeDelta,
    db: &Db,
) -> Result<()> {
    usual_address::Entity::delete_many().filter(usual_address::Column::SeenAt.lt(now - usual_lasts)).exec(db.writer()).await?;
    // The previous window still counts. All windows but the day's are at most a minute long, and the day's does not
    // slide.
    let ended = now.timestamp() - 120;
    rate_window::Entity::delete_many().filter(rate_window::Column::WindowEnd.lt(ended)).exec(db.writer()).await?;
    let letter = failed_tries::Column::Key.starts_with(LETTER_PREFIX);
    let over = Condition::any()
        .add(failed_tries::Column::WindowStart.lt(now - letters_last))
        .add(Condition::all().add(failed_tries::Column::WindowStart.lt(now - tries_last)).add(letter.not()));
    failed_tries::Entity::delete_many().filter(over).exec(db.writer()).await?;
    Ok(())
}

/// Returns the failed tries of the keys that count at `now`.
pub(super) async fn tries(keys: &[String], now: DateTime<Utc>, last: TimeDelta, db: &Db) -> Result<Vec<failed_tries::Model>> {
    let rows = failed_tries::Entity::find()
        .filter(failed_tries::Column::Key.is_in(keys))
        .filter(failed_tries::Column::WindowStart.gt(now - last))
        .filter(failed_tries::Column::WindowStart.lte(now + SKEW))
        .all(db.reader())
        .await?;
    Ok(rows)
}

/// The largest accepted difference between the clocks of instances. A window that began later than that was begun by a
/// wrong clock.
const SKEW: TimeDelta = TimeDelta::minutes(1);

/// Counts a failed try under each key.
pub(super) async fn count_failure(keys: &[String], now: DateTime<Utc>, last: TimeDelta, db: &Db) -> Result<()> {
    count(keys, now, last, db.writer()).await.map(drop)
}

/// Adds one to the count of each key and returns the counts. All instances use the same order of keys, so that no
/// deadlock arises.
pub(super) async fn count(
    keys: &[String],
    now: DateTime<Utc>,
    last: TimeDelta,
    db: &impl ConnectionTrait,
) -> Result<Vec<failed_tries::Model>> {
    let mut keys = keys.to_vec();
    keys.sort();
    let backend = db.get_database_backend();
    let place = |at: usize| format!("{}{at}", if is_postgres(backend) { '$' } else { '?' });
    let (first, second) = (place(keys.len() * 3 + 1), place(keys.len() * 3 + 2));
    let mut values: Vec<Value> = Vec::new();
    for key in &keys {
        values.extend([key.clone().into(), now.into(), 1_i64.into()]);
    }
    values.extend([(now - last).into(), (now + SKEW).into()]);
    let over = format!("failed_tries.window_start <= {first} OR failed_tries.window_start > {second}");
    let sql = format!(
        "INSERT INTO failed_tries (key, window_start, count) VALUES {} ON CONFLICT (key) DO UPDATE SET \
         window_start = CASE WHEN {over} THEN excluded.window_start ELSE failed_tries.window_start END, \
         count = CASE WHEN {over} THEN 1 ELSE failed_tries.count + 1 END RETURNING key, window_start, count",
        rows(keys.len(), 3, backend)
    );
    let counted = failed_tries::Entity::find().from_raw_sql(Statement::from_sql_and_values(backend, sql, values)).all(db).await?;
    Ok(counted)
}

/// Whether an account has signed in from an address since a time. `digest` is the digest of both.
pub(super) async fn is_usual(user: Uuid, digest: &str, since: DateTime<Utc>, db: &Db) -> Result<bool> {
    let found = usual_address::Entity::find_by_id((user, digest.to_owned())).filter(usual_address::Column::SeenAt.gt(since));
    Ok(found.one(db.reader()).await?.is_some())
}

/// Notes that an account has signed in from an address.
pub(super) async fn note_usual(user: Uuid, digest: String, now: DateTime<Utc>, db: &Db) -> Result<()> {
    let mut later = OnConflict::columns([usual_address::Column::UserId, usual_address::Column::Digest]);
    later.value(usual_address::Column::SeenAt, Expr::val(now));
    let row = usual_address::Model { user_id: user, digest, seen_at: now };
    usual_address::Entity::insert(row.into_active_model()).on_conflict(later).exec_without_returning(db.writer()).await?;
    Ok(())
}
