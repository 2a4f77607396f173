//! The types of this resource: what is written, what is shown, the filters, the enumerations and the id.

use crate::{grants, kernel::Id, policy::Role, users::User};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The id of a session.
pub type SessionId = Id<Session>;

/// How a session was signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum SignInMethod {
    /// With the password alone.
    Password,
    /// With the password and a code of the second step.
    TwoSteps,
    /// At the identity provider of an organisation.
    IdentityProvider,
    /// A service account with its own credentials.
    Client,
}

/// What a user signs in with.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSession {
    #[schema(max_length = 254)]
    pub email: String,
    #[schema(max_length = 1024)]
    pub password: String,
    /// The six digits of the second step, or a recovery code, where the account has two-step sign-in.
    #[schema(max_length = 40)]
    pub code: Option<String>,
    /// Whether the refresh token goes into a cookie that scripts cannot read instead of the answer: for browsers.
    #[serde(default)]
    pub cookie: bool,
}

/// What a session is renewed with.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionRenewal {
    /// The refresh token of the last answer. It can be used once. Left out by browsers that have it as a cookie.
    #[schema(max_length = 200)]
    pub refresh_token: Option<String>,
}

/// A signed-in session (inloggning).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    pub id: SessionId,
    /// Send it as `Authorization: Bearer …`.
    pub access_token: String,
    /// When the access token ends.
    pub access_token_expires_at: DateTime<Utc>,
    /// Renews the session, once, by `POST /sessions/refresh`; null when it is in the cookie.
    pub refresh_token: Option<String>,
    /// When the session ends unless renewed.
    pub expires_at: DateTime<Utc>,
}

/// The caller, with what it may do.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    pub user: User,
    /// The permissions that the caller holds somewhere.
    pub permissions: Vec<String>,
    /// Where they come from.
    pub grants: Vec<grants::Grant>,
    /// Roles that are granted but do not count in this session, since they demand a stronger sign-in.
    pub withheld_roles: Vec<Role>,
    /// Functions in forums of the actors that the caller works for.
    pub forum_functions: Vec<ForumRight>,
}

/// A function in a forum.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForumRight {
    pub forum_id: uuid::Uuid,
    pub function: crate::policy::ForumFunction,
}
