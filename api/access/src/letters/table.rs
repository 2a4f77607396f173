//! The entity of a letter in the queue.

use sea_orm::entity::prelude::*;

use super::{
    super::{account::secrets::SecretPurpose, users::UserId},
    LetterId,
};

/// The purpose of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Purpose {
    /// Invites a person to open an account or to accept grants.
    Invitation,
    /// Carries a link for choosing a new password.
    PasswordReset,
    /// Carries a link for confirming a new address; sent to the new address.
    EmailChange,
    /// Tells that the address was changed; sent to the old address.
    EmailChanged,
    /// Tells that the password was changed.
    PasswordChanged,
}

impl Purpose {
    /// Returns the purpose of the secret that the letter carries, and the page that its link leads to; `None` for a
    /// letter without a link.
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
