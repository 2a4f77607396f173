//! The table of memberships.

use sea_orm::entity::prelude::*;

use super::{CollaborationLevel, MemberId, MemberStatus};
use crate::{access::policy::ForumFunction, forums::ForumId, registry::actors::ActorId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "forum_member")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MemberId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub forum_id: ForumId,
    pub actor_id: ActorId,
    pub function: ForumFunction,
    pub status: MemberStatus,
    pub current_level: Option<CollaborationLevel>,
    pub desired_level: Option<CollaborationLevel>,
    pub valid_from: Option<ChronoDate>,
    pub valid_to: Option<ChronoDate>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}
