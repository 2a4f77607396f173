use actix_web::{delete, get, post, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{SessionId, store};
use crate::{
    access::{
        Access, By, Caller, grants, passwords,
        policy::needs,
        users::{User, UserStatus, store as users},
    },
    kernel::{Db, Id, Problem, Reply, Result, Valid, problem::Kind, reply::Nothing},
};

/// What a user signs in with.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSession {
    #[schema(max_length = 254)]
    pub email: String,
    #[schema(max_length = 1024)]
    pub password: String,
}

/// What a session is renewed with.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionRenewal {
    /// The refresh token of the last answer. It can be used once.
    #[schema(max_length = 200)]
    pub refresh_token: String,
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
    /// Renews the session, once, by `POST /sessions/refresh`.
    pub refresh_token: String,
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
    /// Functions in forums of the actors that the caller works for.
    pub forum_functions: Vec<ForumRight>,
}

/// A function in a forum.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForumRight {
    pub forum_id: uuid::Uuid,
    pub function: crate::access::policy::ForumFunction,
}

/// Sign in
///
/// Gives an access token of some minutes and a refresh token. An unknown address and a wrong password cannot be told apart.
#[utoipa::path(tag = "sessions", operation_id = "createSession", request_body = NewSession,
    responses((status = 201, description = "The session with its tokens", body = Session)), extensions(("x-permission" = json!("sessions.start"))))]
#[post("/sessions")]
async fn create(by: By<needs::StartSession>, new: Valid<NewSession>, access: Data<Access>, db: Data<Db>) -> Result<Reply<Session>> {
    let found = users::by_email(&new.0.email, db.reader()).await?;
    let (user, status, stored) = match found {
        Some((user, status, stored)) => (Some(user), status, stored),
        None => (None, UserStatus::Disabled, None),
    };
    let matches = passwords::verify(new.0.password.clone(), stored, &access.hashing).await?;
    if let Some(user) = user {
        by.trail.is_about(user.uuid());
    }
    let user = user.filter(|_| matches && status == UserStatus::Active).ok_or_else(wrong)?;
    // Tokens are secrets, so the answer is never kept for a repeated call.
    let session = db.transaction(&by, async |w| store::start(user, &access, w).await).await?;
    Reply::secret(&session)
}

/// Renew a session
///
/// Spends the refresh token and gives new tokens. A refresh token that was spent before ends the session.
#[utoipa::path(tag = "sessions", operation_id = "renewSession", request_body = SessionRenewal,
    responses((status = 201, description = "The session with new tokens", body = Session)), extensions(("x-permission" = json!("sessions.start"))))]
#[post("/sessions/refresh")]
async fn refresh(
    by: By<needs::StartSession>,
    renewal: Valid<SessionRenewal>,
    access: Data<Access>,
    db: Data<Db>,
) -> Result<Reply<Session>> {
    let renewed = db
        .transaction(&by, async |w| {
            let renewed = store::renew(&renewal.0.refresh_token, &access, w).await?;
            if renewed.is_none() {
                w.denied(Kind::InvalidCredentials.slug());
            }
            Ok(renewed)
        })
        .await?;
    Reply::secret(&renewed.ok_or_else(wrong)?)
}

/// Sign out
///
/// Ends the caller's own session; its tokens stop working at once.
#[utoipa::path(tag = "sessions", operation_id = "deleteCurrentSession",
    responses((status = 204, description = "Signed out")), extensions(("x-permission" = json!("sessions.end"))))]
#[delete("/sessions/current")]
async fn remove(by: By<needs::EndSession>, db: Data<Db>) -> Result<Reply<Nothing>> {
    db.write(&by, async |w| {
        if let Some(session) = by.caller.session {
            store::end(Id::from(session), w).await?;
        }
        Ok(Reply::nothing())
    })
    .await
}

/// Show the caller
///
/// Who is signed in and what that user may do, so that a client can show just what works.
#[utoipa::path(tag = "sessions", operation_id = "getMe",
    responses((status = 200, description = "The caller", body = Account)), extensions(("x-permission" = json!("account.read"))))]
#[get("/me")]
async fn me(by: By<needs::ReadAccount>, db: Data<Db>) -> Result<Reply<Account>> {
    let Caller { user: Some(user), functions, .. } = &*by.caller else { return Err(Problem::not_found()) };
    let account = Account {
        user: users::find(Id::from(*user), db.reader()).await?,
        permissions: by.caller.permissions().into_iter().map(|permission| permission.key().to_owned()).collect(),
        grants: grants::of_user(Id::from(*user), db.reader()).await?,
        forum_functions: functions.iter().map(|(forum_id, function)| ForumRight { forum_id: *forum_id, function: *function }).collect(),
    };
    Reply::computed(&by, &account)
}

/// The secrets do not belong together; it is not said which is wrong.
fn wrong() -> Problem {
    Problem::new(Kind::InvalidCredentials).header("WWW-Authenticate", "Bearer")
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(create).service(refresh).service(remove).service(me);
}
