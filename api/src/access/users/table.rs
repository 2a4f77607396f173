//! Users and service accounts.

use sea_orm::entity::prelude::*;

use super::{AccountKind, MailLanguage, User, UserStatus};
use crate::kernel::Id;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "user_account")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Id<User>,
    pub version: i64,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub email: String,
    pub email_fold: String,
    pub name: String,
    pub password_hash: Option<String>,
    pub status: UserStatus,
    pub kind: AccountKind,
    pub language: MailLanguage,
    pub created_by: Option<Uuid>,
    pub factor_secret: Option<Vec<u8>>,
    pub factor_pending: Option<Vec<u8>>,
    pub factor_step: Option<i64>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}
