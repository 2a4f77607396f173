//! The table of secrecy marks, both in force and lifted.

use sea_orm::entity::prelude::*;

use super::MarkId;
use crate::records::RecordKind;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "secrecy_mark")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MarkId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub record_kind: RecordKind,
    pub record_id: Uuid,
    /// The hidden member; empty for the whole record.
    pub member: String,
    pub chapter: i32,
    pub paragraph: String,
    pub motive: String,
    pub review_on: ChronoDate,
    pub forum_id: Option<Uuid>,
    pub actor_id: Option<Uuid>,
    pub marked_by_name: String,
    pub lifted_by_name: Option<String>,
    pub lift_motive: Option<String>,
    pub lifted_at: Option<ChronoDateTimeUtc>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}
