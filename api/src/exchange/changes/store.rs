//! The feed, and the giving of positions.

use sea_orm::{
    ConnectionTrait, EntityTrait, QueryOrder, QuerySelect, QueryTrait, SqliteTransactionMode, TransactionOptions, TransactionTrait,
    entity::prelude::*,
};

use super::{Change, ChangePage, api::Following};
use crate::{
    access::{Sight, Visibility},
    kernel::{
        Db, Problem, Result,
        events::{self, Column, Entity},
        problem::Kind,
        table::is_postgres,
    },
};

/// Any number that no other program locks in the same database.
const POSITION_LOCK: i64 = 0x0073_616d_7379_6e02;

pub(super) async fn read(sight: &Sight, following: &Following, db: &Db) -> Result<ChangePage> {
    let after = match &following.cursor {
        None => 0,
        Some(cursor) => open(cursor, db)?,
    };
    give_positions(db).await?;
    let visible = sight.rows(Column::Visibility, Some(Column::ForumId.into_expr()), Some(Column::ActorId.into_expr()));
    let mut rows = Entity::find()
        .filter(Column::Position.gt(after))
        .filter(visible)
        .apply_if(following.types.clone(), |select, kinds| select.filter(Column::EntityKind.is_in(kinds)))
        .order_by_asc(Column::Position)
        .limit(following.limit + 1)
        .all(db.reader())
        .await?;
    let has_more = rows.len() as u64 > following.limit;
    rows.truncate(usize::try_from(following.limit).unwrap_or(usize::MAX));
    let last = rows.last().and_then(|row| row.position).unwrap_or(after);
    Ok(ChangePage { items: rows.into_iter().map(view).collect(), next_cursor: db.seal.close(format!("feed {last}").as_bytes()), has_more })
}

fn open(cursor: &str, db: &Db) -> Result<i64> {
    let opened = db.seal.open(cursor).and_then(|bytes| String::from_utf8(bytes).ok());
    opened.and_then(|text| text.strip_prefix("feed ")?.parse().ok()).ok_or_else(|| Problem::new(Kind::InvalidCursor))
}

fn view(row: events::Model) -> Change {
    Change {
        position: row.position.unwrap_or_default(),
        kind: row.entity_kind,
        id: row.entity_id,
        op: row.op,
        version: row.version,
        changed_at: row.changed_at,
        // Who works where is not for everybody; who changed a public record is.
        changed_by: row.changed_by.filter(|_| Visibility::named(&row.visibility) != Visibility::Actor),
        merged_into: None,
    }
}

/// Gives positions to the events that have been committed and have none, in the order of their sequence. One at a time:
/// who comes second waits and sees what the first has done.
async fn give_positions(db: &Db) -> Result<()> {
    let unpositioned = Entity::find().filter(Column::Position.is_null()).select_only().column(Column::Seq).limit(1);
    if unpositioned.into_tuple::<i64>().one(db.reader()).await?.is_none() {
        return Ok(());
    }
    let options = TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..TransactionOptions::default() };
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
    Ok(())
}
