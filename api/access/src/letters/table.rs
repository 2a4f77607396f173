//! Letters that wait to be posted.

use sea_orm::entity::prelude::*;

use super::{
    super::{account::secrets::SecretPurpose, users::UserId},
    LetterId,
};

/// What a letter is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Purpose {
    /// Somebody is asked in.
    Invitation,
    /// Somebody may have forgotten the password.
    PasswordReset,
    /// A new address is to be confirmed; goes to it.
    EmailChange,
    /// The address was changed; goes to the old one.
    EmailChanged,
    /// The password was changed.
    PasswordChanged,
}

impl Purpose {
    /// The secret that the letter carries, and the page that its link leads to.
    #[must_use]
    pub const fn secret(self) -> Option<(SecretPurpose, &'static str)> {
        match self {
            Self::Invitation => Some((SecretPurpose::Invitation, "invitation")),
            Self::PasswordReset => Some((SecretPurpose::PasswordReset, "password")),
            Self::EmailChange => Some((SecretPurpose::EmailChange, "email")),
            Self::EmailChanged | Self::PasswordChanged => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "letter")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LetterId,
    pub purpose: Purpose,
    pub user_id: Option<UserId>,
    pub email: Option<String>,
    pub created_at: ChronoDateTimeUtc,
    pub next_try_at: ChronoDateTimeUtc,
    pub tries: i32,
}
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}
