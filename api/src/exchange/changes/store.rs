//! The feed, and the giving of positions.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait, EntityTrait, QueryOrder, QuerySelect, QueryTrait, SqliteTransactionMode, TransactionOptions, TransactionTrait,
    entity::prelude::*,
};

use super::{Change, ChangePage, api::Following};
use crate::{
    access::{Sight, Visibility},
    kernel::{
        Db, Problem, Result,
        events::{self, ChangeOperation, Column, Entity},
        problem::Kind,
        table::is_postgres,
    },
};

/// Any number that no other program locks in the same database.
const POSITION_LOCK: i64 = 0x0073_616d_7379_6e02;
/// How long the giver of positions waits for more to come, so that a burst of writes is numbered at once.
const GATHERING: Duration = Duration::from_millis(20);
/// How often it looks for what an instance that stopped in the middle has left without a position.
const LOOKING: Duration = Duration::from_secs(1);

pub(super) async fn read(sight: &Sight, following: &Following, db: &Db) -> Result<ChangePage> {
    let after = match &following.cursor {
        None => 0,
        Some(cursor) => match db.open_feed_cursor(cursor) {
            None => return Err(Problem::new(Kind::InvalidCursor)),
            Some((_, position)) => position,
        },
    };
    give_positions(db).await?;
    let now = sight.rows(Column::Visibility, Some(Column::ForumId.into_expr()), Some(Column::ActorId.into_expr()));
    let before = sight.rows(Column::WasVisibility, Some(Column::WasForumId.into_expr()), Some(Column::WasActorId.into_expr()));
    let mut rows = Entity::find()
        .filter(Column::Position.gt(after))
        .filter(sea_orm::Condition::any().add(now).add(before))
        .apply_if(following.types.clone(), |select, kinds| select.filter(Column::EntityKind.is_in(kinds)))
        .order_by_asc(Column::Position)
        .limit(following.limit + 1)
        .all(db.reader())
        .await?;
    let has_more = rows.len() as u64 > following.limit;
    rows.truncate(usize::try_from(following.limit).unwrap_or(usize::MAX));
    let last = rows.last().and_then(|row| row.position).unwrap_or(after);
    Ok(ChangePage { items: rows.into_iter().map(|row| view(row, sight)).collect(), next_cursor: db.feed_cursor(last), has_more })
}

/// A change as it is told to somebody. Who could see the record before and no longer can is told that it is gone.
fn view(row: events::Model, sight: &Sight) -> Change {
    let visibility = Visibility::named(&row.visibility);
    let sees = sight.sees(visibility, row.forum_id, row.actor_id);
    Change {
        position: row.position.unwrap_or_default(),
        kind: row.entity_kind,
        id: row.entity_id,
        op: if sees { row.op } else { ChangeOperation::Delete },
        version: row.version,
        changed_at: row.changed_at,
        // Who works where is not for everybody; who changed a public record is.
        changed_by: row.changed_by.filter(|_| visibility != Visibility::Actor),
        merged_into: row.merged_into.filter(|_| sees),
    }
}

/// Gives positions as soon as there is something to give them to, for as long as the database is open.
pub async fn keep_positioned(db: &Db) {
    while !db.is_closed() {
        // The next turn mends what this one could not do.
        let _ = give_positions(db).await;
        if tokio::time::timeout(LOOKING, db.feed.awaits_positions()).await.is_ok() {
            tokio::time::sleep(GATHERING).await;
        }
    }
}

/// Gives positions to the events that have been committed and have none, in the order of their sequence. One at a time:
/// who comes second waits and sees what the first has done.
async fn give_positions(db: &Db) -> Result<()> {
    let unpositioned = Entity::find().filter(Column::Position.is_null()).select_only().column(Column::Seq).limit(1);
    if unpositioned.into_tuple::<i64>().one(db.reader()).await?.is_some() {
        let options =
            TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..TransactionOptions::default() };
        let tx = db.writer().begin_with_options(options).await?;
        if is_postgres(db.backend()) {
            tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({POSITION_LOCK})")).await?;
        }
        tx.execute_unprepared(
            "UPDATE event SET position = fresh.place + (SELECT coalesce(max(position), 0) FROM event) \
             FROM (SELECT seq, row_number() OVER (ORDER BY seq) AS place FROM event WHERE position IS NULL) AS fresh \
             WHERE event.seq = fresh.seq",
        )
        .await?;
        tx.commit().await?;
    }
    let latest =
        Entity::find().select_only().column_as(Column::Position.max(), "latest").into_tuple::<Option<i64>>().one(db.reader()).await?;
    db.feed.reached(latest.flatten().unwrap_or_default());
    Ok(())
}
