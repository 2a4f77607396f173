//! Sessions (inloggningar): a short access token and a refresh token that is spent when used. A refresh token used twice
//! has been stolen from somebody, so it ends the whole session.

mod api;
pub(super) mod cookie;
pub(super) mod own;
pub(super) mod store;
pub(super) mod table;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use api::{Session, routes};

use crate::kernel::Id;

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
