//! The entity of users and service accounts.

use sea_orm::entity::prelude::*;

use super::{AccountKind, MailLanguage, User, UserStatus};
use crate::{grants::ScopeKind, kernel::Id};

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
    pub registrar_id: Option<Uuid>,
    /// The home of the account: a place that decides who manages it. A grant to a user without another valid grant sets it.
    pub home_kind: Option<ScopeKind>,
    pub home_id: Option<Uuid>,
    /// The address of an account that has not been opened yet, folded. Until then `email_fold` is a value that matches no
    /// address, so that several people may be invited with one address without conflict.
    pub claimed_fold: Option<String>,
    /// The account that accepted the invitation, and got the grants of this one.
    pub joined_to: Option<Id<User>>,
    pub factor_secret: Option<Vec<u8>>,
    pub factor_pending: Option<Vec<u8>>,
    pub factor_step: Option<i64>,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}
