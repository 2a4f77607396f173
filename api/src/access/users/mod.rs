//! Users (användare): the people who sign in. What one may do is not here but in grants.

mod api;
mod name;
pub(super) mod store;
pub(super) mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{NewUser, User, routes};
pub(super) use api::{check_name, own_alone};
pub(super) use name::name_fault;
pub use store::{insert, keeps_an_admin};

use crate::kernel::Id;

/// The id of a user.
pub type UserId = Id<User>;

/// Whether a user may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// Has been asked in by mail and has not followed the link yet: the account is nobody's.
    Invited,
    /// May sign in.
    Active,
    /// May not.
    Disabled,
    /// Is no more: the id stays, and names nobody.
    Erased,
}

/// Who an account is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum AccountKind {
    /// Somebody.
    Person,
    /// A system.
    Service,
}

/// The language in which a person gets mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum MailLanguage {
    /// Swedish.
    #[default]
    Sv,
    /// English.
    En,
}
