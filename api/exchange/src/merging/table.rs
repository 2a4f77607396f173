//! The entities of merges and of the references that moved with them.

use sea_orm::entity::prelude::*;
use serde_json::Value;

use super::{LeftAlone, Merge, MergeCount, MergeId, MergeMember, MergeRecord};
use crate::{
    access::users::UserId,
    kernel::{Id, table::List},
    registry::actors::ActorId,
};

/// A member of the survivor that the merge changed: its name, its value before, and its value after.
pub type ChangedMember = (String, Value, Value);

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "actor_merge")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MergeId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub merged_id: ActorId,
    pub into_id: ActorId,
    pub merged_by: Option<UserId>,
    pub note: Option<String>,
    pub moved: List<MergeCount>,
    pub stayed: List<MergeRecord>,
    /// The effects on the members of the merged actor, as shown in the API.
    pub members: List<MergeMember>,
    /// The changed members of the survivor, so that the merge can be undone.
    pub came: List<ChangedMember>,
    pub undone_at: Option<ChronoDateTimeUtc>,
    pub undone_by: Option<UserId>,
    pub left_alone: List<LeftAlone>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// Rows that moved to the survivor, each with the actor that it names since the merge.
pub mod row {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "actor_merge_row")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Merge>,
        pub merge_id: MergeId,
        pub of_table: String,
        pub of_column: String,
        pub row_id: Uuid,
        pub now_id: Option<Uuid>,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}
