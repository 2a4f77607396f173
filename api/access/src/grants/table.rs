//! The entity of a grant.

use sea_orm::entity::prelude::*;

use super::{
    super::{policy::Role, users::User},
    Grant, ScopeKind,
};
use crate::kernel::Id;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "access_grant")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Id<Grant>,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub user_id: Id<User>,
    pub role: Role,
    pub scope_kind: ScopeKind,
    pub scope_id: Option<Uuid>,
    pub valid_from: Option<ChronoDate>,
    pub valid_to: Option<ChronoDate>,
    pub provider: Option<String>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}
