//! The entity of a personal token.

use sea_orm::entity::prelude::*;

use super::PersonalTokenId;
use crate::{kernel::table::List, policy::Role, users::UserId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "personal_token")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PersonalTokenId,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub user_id: UserId,
    pub name: String,
    pub digest: String,
    pub scopes: List<String>,
    pub withheld: List<Role>,
    pub expires_at: ChronoDateTimeUtc,
    pub last_used_at: Option<ChronoDateTimeUtc>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}
