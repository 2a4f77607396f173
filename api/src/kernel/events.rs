//! The record of every change, written in the transaction of the change itself: who, what, which version, when.
//!
//! It is the source of the change feed, of webhooks and of audit. A row gets its `position` only after its transaction
//! has committed (see `exchange::changes`), so a follower never sees a gap and never a version before an earlier one.

use sea_orm::{ActiveValue::Set, entity::prelude::*};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
        changed_by: Set(call.user),
        changed_by_name: Set(call.user_name.clone()),
        request_id: Set(call.request_id.clone()),
        visibility: Set(change.visible.visibility.clone().unwrap_or_else(|| "public".to_owned())),
        forum_id: Set(change.visible.forum),
        actor_id: Set(change.visible.actor),
    }
}
