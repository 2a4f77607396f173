//! The table of journal entries.

use sea_orm::entity::prelude::*;

use super::{Direction, EntryId, JournalEntry, NewJournalEntry};
use crate::records::RecordKind;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "journal_entry")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EntryId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub year: i32,
    pub number: i32,
    pub direction: Direction,
    pub received_on: ChronoDate,
    pub title: String,
    pub record_kind: Option<RecordKind>,
    pub record_id: Option<Uuid>,
    pub counterpart: Option<String>,
    pub registered_by_name: String,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for JournalEntry {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            version: row.version,
            registration: format!("{}:{}", row.year, row.number),
            year: row.year,
            number: row.number,
            fields: NewJournalEntry {
                direction: row.direction,
                received_on: row.received_on,
                title: row.title,
                record_kind: row.record_kind,
                record_id: row.record_id,
                counterpart: row.counterpart,
            },
            registered_by: row.registered_by_name,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
