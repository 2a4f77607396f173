//! The record of every change, written in the transaction of the change itself: who, what, which version, when.
//!
//! It is the source of the change feed, of webhooks and of audit. A row gets its `position` only after its transaction
//! has committed (see `exchange::changes`), so a follower never sees a gap and never a version before an earlier one.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, QueryOrder, QuerySelect, SelectGetableTuple, Selector, entity::prelude::*};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};
use utoipa::ToSchema;

use super::{Id, Write, hash, problem, table::List};

/// What happened to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ChangeOperation {
    /// Created or changed.
    Upsert,
    /// Removed.
    Delete,
    /// Became part of another record.
    Merge,
}

/// A change of one record, before it is stored.
#[derive(Clone, Debug)]
pub struct Change {
    /// The kind of record, singular and in snake case.
    pub kind: &'static str,
    /// The record.
    pub id: Uuid,
    /// What happened.
    pub op: ChangeOperation,
    /// The record's version after the change.
    pub version: i64,
    /// Who may see the record, and so its changes.
    pub visible: Visible,
    /// Who could see it before, when that was others. Who no longer sees it is told that it is gone.
    pub was: Option<Visible>,
    /// The areas that the record concerns, and those that it concerned before.
    pub areas: Vec<Uuid>,
    /// The record that it became part of.
    pub merged_into: Option<Uuid>,
}

impl Change {
    /// A change of a record that may be seen so.
    #[must_use]
    pub fn new(kind: &'static str, id: Uuid, op: ChangeOperation, version: i64, visible: Visible) -> Self {
        Self { kind, id, op, version, visible, was: None, areas: Vec::new(), merged_into: None }
    }

    /// The same of a record that concerns these areas, now or before.
    #[must_use]
    pub fn within<T>(mut self, areas: impl IntoIterator<Item = Id<T>>) -> Self {
        self.areas.extend(areas.into_iter().map(Id::uuid));
        self.areas.sort_unstable();
        self.areas.dedup();
        self
    }

    /// The same of a record that could be seen so before.
    #[must_use]
    pub fn after(mut self, was: Option<Visible>) -> Self {
        self.was = was.filter(|was| *was != self.visible);
        self
    }
}

/// Who may see a record: its visibility and the owners that the visibility speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visible {
    /// The visibility's name; nothing stands for `public`.
    pub visibility: Option<String>,
    /// The owning forum.
    pub forum: Option<Uuid>,
    /// The owning actor.
    pub actor: Option<Uuid>,
}

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub position: Option<i64>,
    pub entity_kind: String,
    pub entity_id: Uuid,
    pub op: ChangeOperation,
    pub version: i64,
    pub changed_at: ChronoDateTimeUtc,
    pub changed_by: Option<Uuid>,
    pub changed_by_name: String,
    pub request_id: Option<String>,
    pub visibility: String,
    pub forum_id: Option<Uuid>,
    pub actor_id: Option<Uuid>,
    pub was_visibility: Option<String>,
    pub was_forum_id: Option<Uuid>,
    pub was_actor_id: Option<Uuid>,
    pub areas: List<Uuid>,
    pub merged_into: Option<Uuid>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

pub(super) fn row(change: &Change, call: &super::request::Call, at: ChronoDateTimeUtc) -> ActiveModel {
    ActiveModel {
        seq: sea_orm::NotSet,
        position: Set(None),
        entity_kind: Set(change.kind.to_owned()),
        entity_id: Set(change.id),
        op: Set(change.op),
        version: Set(change.version),
        changed_at: Set(at),
        changed_by: Set(call.author.user),
        changed_by_name: Set(call.author.user_name.clone()),
        request_id: Set(call.author.request_id.clone()),
        visibility: Set(change.visible.visibility.clone().unwrap_or_else(|| "public".to_owned())),
        forum_id: Set(change.visible.forum),
        actor_id: Set(change.visible.actor),
        was_visibility: Set(change.was.as_ref().map(|was| was.visibility.clone().unwrap_or_else(|| "public".to_owned()))),
        was_forum_id: Set(change.was.as_ref().and_then(|was| was.forum)),
        was_actor_id: Set(change.was.as_ref().and_then(|was| was.actor)),
        areas: Set(change.areas.clone().into()),
        merged_into: Set(change.merged_into),
    }
}

/// A place in the feed: the position of an event, and a mark that tells it from another event at the same position. After a
/// backup has been restored, positions are given anew, and what stands at one is another event with another mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The position; 0 before the first event.
    pub position: i64,
    /// The mark; 0 when it is not known.
    pub mark: u64,
}

/// What a place is made of: the position, the record, its version and when it was changed.
pub type Placed = (i64, Uuid, i64, DateTime<Utc>);
/// The columns of [`Placed`].
pub const PLACED: [Column; 4] = [Column::Position, Column::EntityId, Column::Version, Column::ChangedAt];

impl From<Placed> for Place {
    fn from((position, id, version, at): Placed) -> Self {
        Self { position, mark: hash::mark(format!("{id} {version} {}", at.timestamp_micros()).as_bytes()) }
    }
}

impl Model {
    /// Where it stands in the feed.
    #[must_use]
    pub fn place(&self) -> Place {
        Place::from((self.position.unwrap_or_default(), self.entity_id, self.version, self.changed_at))
    }
}

impl Place {
    /// Whether this is certainly not what stands at the same position there.
    #[must_use]
    pub const fn contradicts(self, there: Self) -> bool {
        self.position == there.position && self.mark != there.mark && self.mark != 0 && there.mark != 0
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Of the same length wherever it is.
        write!(f, "{:012} {:016x}", self.position, self.mark)
    }
}

impl std::str::FromStr for Place {
    type Err = std::num::ParseIntError;

    /// A position may stand alone, as it did once.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (position, mark) = text.split_once(' ').unwrap_or((text, "0"));
        Ok(Self { position: position.parse()?, mark: u64::from_str_radix(mark, 16)? })
    }
}

/// Asks for the last event that has a position.
#[must_use]
pub fn latest() -> Selector<SelectGetableTuple<Placed>> {
    let positioned = Entity::find().select_only().columns(PLACED).filter(Column::Position.is_not_null());
    positioned.order_by_desc(Column::Position).limit(1).into_tuple()
}

/// Tells of records as they were told of last, to those who may see them: what is answered for them has become another without
/// their having been changed.
///
/// # Errors
/// When the database does not answer.
pub async fn tell_again(kind: &'static str, ids: &[Uuid], w: &Write<'_>) -> problem::Result<()> {
    for ids in ids.chunks(1_000) {
        let select = Entity::find().filter(Column::EntityId.is_in(ids.iter().copied())).filter(Column::EntityKind.eq(kind));
        let last: BTreeMap<Uuid, Model> =
            select.order_by_asc(Column::Seq).all(&w.tx).await?.into_iter().map(|row| (row.entity_id, row)).collect();
        for (id, row) in last.into_iter().filter(|(_, row)| row.op == ChangeOperation::Upsert) {
            let visible = Visible { visibility: Some(row.visibility), forum: row.forum_id, actor: row.actor_id };
            w.record(Change { areas: row.areas.0, ..Change::new(kind, id, ChangeOperation::Upsert, row.version, visible) });
        }
    }
    Ok(())
}

/// What this process knows of the feed: how far it has come, and that something new awaits a position.
///
/// Another instance may know of more. What is known here is never too far: all up to it has been committed.
#[derive(Debug)]
pub struct Feed {
    latest: watch::Sender<Place>,
    fresh: Notify,
    epoch: AtomicI64,
    stopping: watch::Sender<bool>,
}

impl Feed {
    pub(super) fn new(latest: Place, epoch: i64) -> Self {
        Self { latest: watch::Sender::new(latest), fresh: Notify::new(), epoch: AtomicI64::new(epoch), stopping: watch::Sender::new(false) }
    }

    /// The present epoch: another after a backup has been restored, so that followers learn that positions have been given
    /// anew.
    #[must_use]
    pub fn epoch(&self) -> i64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Says which epoch it is.
    pub fn in_epoch(&self, epoch: i64) {
        self.epoch.store(epoch, Ordering::Release);
    }

    /// Tells those who wait for changes that the service stops.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Tells when the service stops.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// The last place that is known to have been given.
    #[must_use]
    pub fn latest(&self) -> Place {
        *self.latest.borrow()
    }

    /// Tells when later positions are known.
    pub fn follow(&self) -> watch::Receiver<Place> {
        self.latest.subscribe()
    }

    /// Says that positions have been given up to this place.
    pub fn reached(&self, place: Place) {
        self.latest.send_if_modified(|latest| {
            let further = place.position > latest.position;
            if further || place.contradicts(*latest) {
                *latest = place;
            }
            further
        });
    }

    /// Says that events have been committed that await their position.
    pub(super) fn written(&self) {
        self.fresh.notify_one();
    }

    /// Waits until events have been committed here that await their position.
    pub async fn awaits_positions(&self) {
        self.fresh.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_and_as_it_once_was() {
        let place = Place::from((7, Uuid::from_u128(1), 2, DateTime::UNIX_EPOCH));
        assert_eq!(place.to_string().parse(), Ok(place));
        assert_eq!("000000000007".parse(), Ok(Place { position: 7, mark: 0 }));
        assert!("7 x".parse::<Place>().is_err() && "".parse::<Place>().is_err());
    }

    #[test]
    fn a_place_contradicts_another_event_at_the_same_position_alone() {
        let place = |position, version| Place::from((position, Uuid::from_u128(1), version, DateTime::UNIX_EPOCH));
        assert!(place(7, 2).contradicts(place(7, 3)));
        assert!(!place(7, 2).contradicts(place(7, 2)) && !place(7, 2).contradicts(place(8, 3)));
        assert!(!place(7, 2).contradicts(Place { position: 7, mark: 0 }), "a mark that is not known tells nothing");
    }
}
