//! Every version of a record, kept as it was, in the transaction that made it. Who may see a version is what that version
//! itself said, whatever became of the record since.

use sea_orm::{ActiveValue::Set, entity::prelude::*, sea_query::OnConflict};
use serde::Serialize;
use serde_json::Value;

use super::{
    Write,
    events::{ChangeOperation, Visible},
    problem::Result,
};

/// How many rows one statement writes: `SQLite` takes 32,766 values at most.
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
    pub body: Value,
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
    /// When it came to be, where that was before this write.
    pub since: Option<ChronoDateTimeUtc>,
    /// Who may see this version.
    pub visible: Visible,
    /// What can be changed of the record, as it is answered.
    pub body: &'a T,
}

/// Keeps versions. One that is kept already stays as it is, so a record that was there before its history began can be kept
/// as it was together with its first change.
///
/// # Errors
/// When the database does not answer.
pub async fn keep<T: Serialize>(versions: &[Version<'_, T>], w: &Write<'_>) -> Result<()> {
    for chunk in versions.chunks(ROWS) {
        let mut rows = Vec::with_capacity(chunk.len());
        for version in chunk {
            rows.push(ActiveModel {
                entity_id: Set(version.id),
                version: Set(version.version),
                entity_kind: Set(version.kind.to_owned()),
                op: Set(version.op),
                changed_at: Set(version.since.unwrap_or(w.now)),
                // Who made an earlier one stands in the events; here it is only kept so that nothing is missing.
                changed_by: Set(w.call.author.user.filter(|_| version.since.is_none())),
                visibility: Set(version.visible.visibility.clone().unwrap_or_else(|| "public".to_owned())),
                forum_id: Set(version.visible.forum),
                actor_id: Set(version.visible.actor),
                body: Set(serde_json::to_value(version.body)?),
            });
        }
        let kept = OnConflict::columns([Column::EntityId, Column::Version]).do_nothing().to_owned();
        Entity::insert_many(rows).on_conflict(kept).exec_without_returning(&w.tx).await?;
    }
    Ok(())
}
