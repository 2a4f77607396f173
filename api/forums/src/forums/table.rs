//! The tables of forums and of their areas.

use sea_orm::entity::prelude::*;

use super::{ForumId, ForumKind, ForumLevel, ForumStatus};
use crate::{access::Visibility, geography::areas::AreaId, kernel::table::List};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "forum")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ForumId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub kind: ForumKind,
    pub level: ForumLevel,
    pub name: String,
    pub name_sort: Vec<u8>,
    pub areas: List<AreaId>,
    pub purpose: Option<String>,
    pub mandate_text: Option<String>,
    pub meeting_rhythm: Option<String>,
    pub complements_line_organisation: bool,
    pub status: ForumStatus,
    pub visibility: Visibility,
    pub deleted_at: Option<ChronoDateTimeUtc>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// The areas that forums work in: an index for finding forums by area.
pub mod area {
    use super::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "forum_area")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub forum_id: ForumId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub area_id: AreaId,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}
