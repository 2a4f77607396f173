//! The table of codes with their labels.

use sea_orm::entity::prelude::*;

use super::EntryId;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "codelist_entry")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EntryId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub codelist: String,
    pub code: String,
    pub ordinal: i32,
    pub name_sv: String,
    pub name_en: String,
    pub pack: Option<String>,
    pub edited: bool,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}
