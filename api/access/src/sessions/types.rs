//! The types of this resource: bodies of requests and responses, filters, enumerations and the id.

use crate::{grants, kernel::Id, policy::Role, users::User};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The id of a session.
pub type SessionId = Id<Session>;

/// The way in which a session was signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum SignInMethod {
    /// With the password alone.
    Password,
    /// With the password and a code of the second factor.
    TwoSteps,
    /// At the identity provider of an organisation.
    IdentityProvider,
    /// A service account with its own credentials.
    Client,
}

/// The credentials of a sign-in.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSession {
    #[schema(max_length = 254)]
    pub email: String,
    #[schema(max_length = 1024)]
    pub password: String,
    /// The six digits of the second factor, or a recovery code, if the account has two-step sign-in.
    #[schema(max_length = 40)]
    pub code: Option<String>,
    /// Whether the response sets the refresh token as a cookie that scripts cannot read, instead of returning it in the
    /// body. For browsers.
    #[serde(default)]
    pub cookie: bool,
}

/// The renewal of a session.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionRenewal {
    /// The refresh token of the last response. It can be used once. A browser that has it as a cookie leaves it out.
    #[schema(max_length = 200)]
    pub refresh_token: Option<String>,
}

/// A signed-in session (inloggning).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    pub id: SessionId,
    /// The access token. Send it as `Authorization: Bearer …`.
    pub access_token: String,
    /// The time when the access token expires.
    pub access_token_expires_at: DateTime<Utc>,
    /// The refresh token, which renews the session once by `POST /sessions/refresh`; null when it is in the cookie.
    pub refresh_token: Option<String>,
    /// The time when the session ends unless it is renewed.
    pub expires_at: DateTime<Utc>,
}

/// The caller, with the caller's rights.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    pub user: User,
    /// The permissions that the caller holds somewhere.
    pub permissions: Vec<String>,
    /// The grants that give the permissions.
    pub grants: Vec<grants::Grant>,
    /// Roles that are granted but do not count in this session, because they require a stronger sign-in.
    pub withheld_roles: Vec<Role>,
    /// Functions in forums of the actors that the caller works for.
    pub forum_functions: Vec<ForumRight>,
}

/// A function that gives the caller rights in a forum.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForumRight {
    pub forum_id: uuid::Uuid,
    pub function: crate::policy::ForumFunction,
}
