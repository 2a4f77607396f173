//! The tables of actors, and the index tables of their areas and identifiers.

use sea_orm::entity::prelude::*;

use super::{Actor, ActorId, ActorKind, ActorStatus, ContactPoint, FormerName, Identifier, IdentifierScope, Sector};
use crate::{
    access::Visibility,
    geography::areas::AreaId,
    kernel::{Id, table::List},
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "actor")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ActorId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub kind: ActorKind,
    pub sector: Sector,
    pub name: String,
    pub name_fold: String,
    pub name_sort: Vec<u8>,
    pub name_key: String,
    pub other_names: List<String>,
    pub former_names: List<FormerName>,
    pub parent_id: Option<ActorId>,
    pub seat_area_id: Option<AreaId>,
    pub municipality_code: Option<String>,
    pub areas_served: List<AreaId>,
    pub identifiers: List<Identifier>,
    pub policy_domains: List<String>,
    pub target_groups: List<String>,
    pub focus: Option<String>,
    pub working_methods: List<String>,
    pub languages: List<String>,
    pub website: Option<String>,
    pub contact_points: List<ContactPoint>,
    pub founded: Option<ChronoDate>,
    pub dissolved: Option<ChronoDate>,
    pub status: ActorStatus,
    pub visibility: Visibility,
    pub pack: Option<String>,
    pub pack_version: Option<i64>,
    pub deleted_at: Option<ChronoDateTimeUtc>,
    /// The actor that this one was merged into; then `deleted_at` is set too.
    pub merged_into: Option<ActorId>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

/// The areas that actors serve: an index for finding actors by area.
pub mod served {
    use super::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "actor_area")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub actor_id: ActorId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub area_id: AreaId,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// The identifiers of actors: an index for finding actors by number and for keeping own numbers unique.
pub mod identifier {
    use super::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "actor_identifier")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Id<Actor>,
        pub actor_id: ActorId,
        pub scheme: String,
        pub value: String,
        pub scope: IdentifierScope,
        pub live: bool,
        /// Whether another actor already had this number as its own when it was written, and the writer could not see that.
        pub claimed: bool,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}
