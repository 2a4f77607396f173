//! The history: every version of a record, stored in the transaction that made it. A version keeps the visibility that the record
//! had then, whatever its visibility is now. The present version of a record may be stored without a body, since the record has the
//! same members; it gets its body when the next version is stored.

use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, QueryTrait,
    entity::prelude::*,
    sea_query::{Func, OnConflict},
};
use serde::Serialize;
use serde_json::Value;

use super::{
    Write,
    events::{ChangeOperation, Visible},
    problem::Result,
};

/// The number of rows that one statement inserts. `SQLite` takes at most 32,766 parameters.
const ROWS: usize = 1_000;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "record_version")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub entity_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i64,
    pub entity_kind: String,
    pub op: ChangeOperation,
    pub changed_at: ChronoDateTimeUtc,
    pub changed_by: Option<Uuid>,
    pub visibility: String,
    pub forum_id: Option<Uuid>,
    pub actor_id: Option<Uuid>,
    /// The members of the version; `None` when the record has them.
    pub body: Option<Value>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// A version of a record.
#[derive(Debug)]
pub struct Version<'a, T> {
    /// The kind of record, as in events.
    pub kind: &'static str,
    pub id: Uuid,
    pub version: i64,
    pub op: ChangeOperation,
    /// The time when the version was made, if that was before this write.
    pub since: Option<ChronoDateTimeUtc>,
    /// The visibility of this version.
    pub visible: Visible,
    /// The members of the record that can be changed, as they stand in answers. The present version may be stored without them, when
    /// every change of such a record also inserts the version before, with its body.
    pub body: Option<&'a T>,
}

/// Inserts versions. A version that is already stored stays as it is, but gets its body if it had none. So each change can also insert
/// the version before the change, whether it is stored or older than the history.
///
/// # Errors
/// When a body cannot be serialised as JSON (500).
pub fn insert<T: Serialize>(versions: &[Version<'_, T>], w: &Write<'_>) -> Result<()> {
    for chunk in versions.chunks(ROWS) {
        let mut rows = Vec::with_capacity(chunk.len());
        for version in chunk {
            rows.push(ActiveModel {
                entity_id: Set(version.id),
                version: Set(version.version),
                entity_kind: Set(version.kind.to_owned()),
                op: Set(version.op),
                changed_at: Set(version.since.unwrap_or(w.now)),
                // The caller did not make an earlier version. The events name the user who did.
                changed_by: Set(w.call.author.user.filter(|_| version.since.is_none())),
                visibility: Set(version.visible.visibility.clone().unwrap_or_else(|| "public".to_owned())),
                forum_id: Set(version.visible.forum),
                actor_id: Set(version.visible.actor),
                body: Set(version.body.map(serde_json::to_value).transpose()?),
            });
        }
        let stored = Expr::col((Entity, Column::Body));
        let body = Func::coalesce([stored, Expr::col(("excluded", Column::Body))]);
        let kept = OnConflict::columns([Column::EntityId, Column::Version]).value(Column::Body, body).to_owned();
        let insert = Entity::insert_many(rows).on_conflict(kept).build(w.tx.get_database_backend());
        w.tx.send_later(Entity.table_name().to_owned(), insert);
    }
    Ok(())
}
