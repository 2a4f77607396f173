//! Entries, and the last number of each year.

use sea_orm::entity::prelude::*;

use super::{Direction, EntryId};
use crate::disclosure::records::RecordKind;

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
