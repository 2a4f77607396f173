//! The types of this resource: bodies of requests and responses, filters, enumerations and the id.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::kernel::{
    Id,
    extract::{blank_is_none, trimmed},
};

/// The id of a user.
pub type UserId = Id<User>;

/// The status of a user's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// Has been invited by mail and has not followed the link yet. The account belongs to nobody.
    Invited,
    /// May sign in.
    Active,
    /// May not sign in.
    Disabled,
    /// The person has been erased. The id remains, and identifies nobody.
    Erased,
}

/// The kind of account holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum AccountKind {
    /// A person.
    Person,
    /// A system.
    Service,
}

/// The language of mail to a person.
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

/// A user to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewUser {
    /// The address that the user signs in with.
    #[schema(format = Email, max_length = 254)]
    #[serde(deserialize_with = "trimmed")]
    pub email: String,
    /// The user's name, as others see it.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    #[serde(deserialize_with = "trimmed")]
    pub name: String,
    /// The language of mail to the user; Swedish by default.
    pub language: Option<MailLanguage>,
    /// Not accepted here. The person chooses the password with the link in the letter.
    #[schema(max_length = 1024)]
    #[serde(default, deserialize_with = "blank_is_none", skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// A person who can sign in (användare).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    pub id: UserId,
    /// Grows by one with each change.
    pub version: i64,
    /// The address that the user signs in with.
    #[schema(format = Email)]
    pub email: String,
    /// The user's name, as others see it.
    pub name: String,
    /// The language of mail to the user.
    pub language: MailLanguage,
    pub status: UserStatus,
    /// Whether the user has set up a second factor.
    pub has_second_factor: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}
