//! Events: one row for every change of a record, written in the transaction of the change. A row holds the user, the record, its
//! version and the time.
//!
//! The change feed and the webhooks are made from these rows; the audit log gets its entries from the same changes. A row gets its
//! `position` only after its transaction has committed (see `exchange::changes`), so a follower never sees a gap, and sees the
//! versions of a record in their order.

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

/// The kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ChangeOperation {
    /// The record was created or changed.
    Upsert,
    /// The record was removed.
    Delete,
    /// The record became part of another record.
    Merge,
}

/// A change of one record, before it is stored.
#[derive(Clone, Debug)]
pub struct Change {
    /// The kind of record, singular and in snake case.
    pub kind: &'static str,
    /// The id of the record.
    pub id: Uuid,
    /// The kind of change.
    pub op: ChangeOperation,
    /// The version of the record after the change.
    pub version: i64,
    /// The visibility of the record after the change. It is also the visibility of the event.
    pub visible: Visible,
    /// The visibility of the record before the change, when it was another. Callers who can no longer see the record get the event
    /// as a removal.
    pub visible_before: Option<Visible>,
    /// The ids of the areas that the record concerns or concerned before.
    pub areas: Vec<Uuid>,
    /// The id of the record that this one became part of.
    pub merged_into: Option<Uuid>,
}

impl Change {
    /// Makes a change without areas, without an earlier visibility and without a merge.
    #[must_use]
    pub fn new(kind: &'static str, id: Uuid, op: ChangeOperation, version: i64, visible: Visible) -> Self {
        Self { kind, id, op, version, visible, visible_before: None, areas: Vec::new(), merged_into: None }
    }

    /// Adds areas that the record concerns now or concerned before.
    #[must_use]
    pub fn in_areas<T>(mut self, areas: impl IntoIterator<Item = Id<T>>) -> Self {
        self.areas.extend(areas.into_iter().map(Id::uuid));
        self.areas.sort_unstable();
        self.areas.dedup();
        self
    }

    /// Sets the visibility of the record before the change. One that is equal to the present visibility is dropped.
    #[must_use]
    pub fn visible_before(mut self, was: Option<Visible>) -> Self {
        self.visible_before = was.filter(|was| *was != self.visible);
        self
    }
}

/// The visibility of a record, with the owners that it depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visible {
    /// The code of the visibility; `None` means `public`.
    pub visibility: Option<String>,
    /// The id of the owning forum.
    pub forum: Option<Uuid>,
    /// The id of the owning actor.
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
        was_visibility: Set(change.visible_before.as_ref().map(|was| was.visibility.clone().unwrap_or_else(|| "public".to_owned()))),
        was_forum_id: Set(change.visible_before.as_ref().and_then(|was| was.forum)),
        was_actor_id: Set(change.visible_before.as_ref().and_then(|was| was.actor)),
        areas: Set(change.areas.clone().into()),
        merged_into: Set(change.merged_into),
    }
}

/// A place in the feed: the position of an event, and a mark that is a digest of the event. After a backup has been restored,
/// positions are given anew, so another event, with another mark, can have the same position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The position; 0 before the first event.
    pub position: i64,
    /// The mark; 0 when it is not known.
    pub mark: u64,
}

/// The columns of an event that a place is made from: the position, the record's id, its version and the time of the change.
pub type Placed = (i64, Uuid, i64, DateTime<Utc>);
/// The columns to select for [`Placed`], in its order.
pub const PLACED: [Column; 4] = [Column::Position, Column::EntityId, Column::Version, Column::ChangedAt];

impl From<Placed> for Place {
    fn from((position, id, version, at): Placed) -> Self {
        Self { position, mark: hash::digest64(format!("{id} {version} {}", at.timestamp_micros()).as_bytes()) }
    }
}

impl Model {
    /// Returns the place of the event in the feed. The position is 0 when the event has none yet.
    #[must_use]
    pub fn place(&self) -> Place {
        Place::from((self.position.unwrap_or_default(), self.entity_id, self.version, self.changed_at))
    }
}

impl Place {
    /// Whether both places have the same position and are certainly of different events.
    #[must_use]
    pub const fn contradicts(self, other: Self) -> bool {
        self.position == other.position && self.mark != other.mark && self.mark != 0 && other.mark != 0
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // All places have the same length, so that a sealed place does not reveal its position by its length.
        write!(f, "{:012} {:016x}", self.position, self.mark)
    }
}

impl std::str::FromStr for Place {
    type Err = std::num::ParseIntError;

    /// Parses a place. A position without a mark is accepted, because older cursors have none.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (position, mark) = text.split_once(' ').unwrap_or((text, "0"));
        Ok(Self { position: position.parse()?, mark: u64::from_str_radix(mark, 16)? })
    }
}

/// Returns the query for the last event that has a position.
#[must_use]
pub fn latest() -> Selector<SelectGetableTuple<Placed>> {
    let positioned = Entity::find().select_only().columns(PLACED).filter(Column::Position.is_not_null());
    positioned.order_by_desc(Column::Position).limit(1).into_tuple()
}

/// Records a new event for each of the records, equal to its last event. It is for records whose representation in answers has
/// changed although their row and version have not. Records that were removed or merged get none.
///
/// # Errors
/// When the database does not answer (503).
pub async fn republish(kind: &'static str, ids: &[Uuid], w: &Write<'_>) -> problem::Result<()> {
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

/// The state of the feed as this process knows it: the last place, and a signal for new events without a position.
///
/// Another instance may know a later place. All events up to the place that is known here have been committed.
#[derive(Debug)]
pub struct Feed {
    latest: watch::Sender<Place>,
    /// Signals that this process has committed events without a position.
    fresh: Notify,
    epoch: AtomicI64,
    stopping: watch::Sender<bool>,
}

impl Feed {
    pub(super) fn new(latest: Place, epoch: i64) -> Self {
        Self { latest: watch::Sender::new(latest), fresh: Notify::new(), epoch: AtomicI64::new(epoch), stopping: watch::Sender::new(false) }
    }

    /// Returns the present epoch. It changes when a backup is restored, so that followers notice that positions were given anew.
    #[must_use]
    pub fn epoch(&self) -> i64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Sets the epoch.
    pub fn set_epoch(&self, epoch: i64) {
        self.epoch.store(epoch, Ordering::Release);
    }

    /// Signals to callers that wait for changes that the service stops.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Returns a receiver that becomes true when the service stops.
    pub fn subscribe_to_stop(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Returns the last place that is known to have been given.
    #[must_use]
    pub fn latest(&self) -> Place {
        *self.latest.borrow()
    }

    /// Returns a receiver of later places.
    pub fn subscribe(&self) -> watch::Receiver<Place> {
        self.latest.subscribe()
    }

    /// Notes that positions have been given up to `place`. Followers are notified when it is later than the last known place. A
    /// place that contradicts the last known one replaces it.
    pub fn advance_to(&self, place: Place) {
        self.latest.send_if_modified(|latest| {
            let further = place.position > latest.position;
            if further || place.contradicts(*latest) {
                *latest = place;
            }
            further
        });
    }

    /// Signals that this process has committed events that have no position yet.
    pub(super) fn notify_written(&self) {
        self.fresh.notify_one();
    }

    /// Waits until this process has committed events that have no position yet.
    pub async fn wait_for_events(&self) {
        self.fresh.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_parsed_in_its_present_and_its_older_form() {
        let place = Place::from((7, Uuid::from_u128(1), 2, DateTime::UNIX_EPOCH));
        assert_eq!(place.to_string().parse(), Ok(place));
        assert_eq!("000000000007".parse(), Ok(Place { position: 7, mark: 0 }));
        assert!("7 x".parse::<Place>().is_err() && "".parse::<Place>().is_err());
    }

    #[test]
    fn a_place_contradicts_only_another_event_at_the_same_position() {
        let place = |position, version| Place::from((position, Uuid::from_u128(1), version, DateTime::UNIX_EPOCH));
        assert!(place(7, 2).contradicts(place(7, 3)));
        assert!(!place(7, 2).contradicts(place(7, 2)) && !place(7, 2).contradicts(place(8, 3)));
        assert!(!place(7, 2).contradicts(Place { position: 7, mark: 0 }), "an unknown mark contradicts none");
    }
}
