use actix_web::{delete, get, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    cookie::{self, Browser},
    store::{self, SignIn},
    types::*,
};
use crate::{
    Access, By, Caller, Limits,
    account::factors,
    grants,
    kernel::{Db, Id, Problem, Reply, Result, Valid, problem::Kind, reply::Nothing},
    limits::Guarded,
    passwords,
    policy::needs,
    standing,
    users::{UserStatus, lookup, store as users},
};

/// Returns the tokens in the body, or puts the refresh token into the cookie that browsers keep.
fn respond(mut session: Session, in_cookie: bool, access: &Access) -> Result<Reply<Session>> {
    let cookie = if in_cookie { session.refresh_token.take().map(|token| cookie::set_header(&token, &access.settings)) } else { None };
    Ok(Reply::secret("/me", &session)?.cookie(cookie))
}

/// Sign in
///
/// Returns an access token that is valid for some minutes, and a refresh token. An unknown address and a wrong password
/// get the same response.
#[utoipa::path(tag = "sessions", operation_id = "createSession", request_body = NewSession,
    responses((status = 201, description = "The session with its tokens", body = Session)))]
#[post("/sessions")]
async fn create(
    by: By<needs::StartSession>,
    new: Valid<NewSession>,
    access: Data<Access>,
    limits: Data<Limits>,
    db: Data<Db>,
) -> Result<Reply<Session>> {
    let _attempt = limits.admit_try(Guarded::SignIn, &new.0.email, &by.author.address, &db).await?;
    let found = lookup::by_email(&new.0.email, db.reader()).await?;
    let stored = found.as_ref().and_then(|found| found.password_hash.clone());
    let matches = passwords::verify(new.0.password.clone(), stored.clone(), &access.hashing).await?;
    // The query is made for an unknown address too, so that both cases take the same time.
    let about = found.as_ref().map_or(uuid::Uuid::nil(), |user| user.id.uuid());
    let employer = standing::employer(about, db.reader()).await?;
    if found.is_some() {
        by.author.trail.set_account(about, employer);
    }
    let Some(user) = found.filter(|found| matches && found.status == UserStatus::Active) else {
        limits.count_failed_try(Guarded::SignIn, &new.0.email, &by.author.address, &db).await?;
        return Err(invalid_credentials());
    };
    let mut shown = stored;
    if let Some(old) = shown.clone().filter(|stored| passwords::is_outdated(stored)) {
        let hash = passwords::hash(new.0.password.clone(), &access.hashing).await?;
        users::replace_hash(user.id, &old, &hash, &db).await?;
        shown = Some(hash);
    }
    let _code = limits.admit_try(Guarded::SecondFactor, &user.id.to_string(), &by.author.address, &db).await?;
    // Tokens are secrets, so the response is not stored for a repeated call.
    let session = db
        .transaction(&by, async |w| {
            // The password may have been changed while it was verified, so it must still be the same.
            let user = users::lock_row(user.id, w).await?;
            if user.status != UserStatus::Active || user.password_hash != shown {
                return Err(invalid_credentials());
            }
            let method = if user.factor_secret.is_some() {
                let code =
                    new.0.code.as_deref().ok_or_else(|| Problem::new(Kind::SecondFactorRequired).header("WWW-Authenticate", "Bearer"))?;
                factors::spend(&user, code, w).await?;
                SignInMethod::TwoSteps
            } else {
                SignInMethod::Password
            };
            let withheld = access.withheld(method);
            let client = store::OWN_CLIENT.to_owned();
            let sign_in = SignIn { user: user.id, method, acr: None, withheld, scopes: None, client, renewable: true };
            store::start(sign_in, &access, w).await
        })
        .await;
    if new.0.code.is_some() && session.as_ref().is_err_and(|problem| problem.kind == Kind::SecondFactorRequired) {
        limits.count_failed_try(Guarded::SecondFactor, &user.id.to_string(), &by.author.address, &db).await?;
    }
    if session.is_ok() {
        limits.note_success(user.id, &by.author.address, &db).await?;
    }
    respond(session?, new.0.cookie, &access)
}

/// Renew a session
///
/// Spends the refresh token and returns new tokens. A refresh token that was spent before ends the session. A browser
/// that has the refresh token in its cookie sends `{}` from an allowed origin, and gets a new cookie.
#[utoipa::path(tag = "sessions", operation_id = "renewSession", request_body = SessionRenewal,
    responses((status = 201, description = "The session with new tokens", body = Session)))]
#[post("/sessions/refresh")]
async fn refresh(
    by: By<needs::StartSession>,
    renewal: Valid<SessionRenewal>,
    browser: Browser,
    access: Data<Access>,
    db: Data<Db>,
) -> Result<Reply<Session>> {
    let in_cookie = renewal.0.refresh_token.is_none();
    let token = match renewal.0.refresh_token {
        Some(token) => token,
        None => browser.refresh_token(&access.settings)?.ok_or_else(invalid_credentials)?,
    };
    let renewed = db
        .transaction(&by, async |w| {
            let renewed = store::renew(&token, store::OWN_CLIENT, &access, w).await?;
            if renewed.is_none() {
                w.denied(Kind::InvalidCredentials.slug());
            }
            Ok(renewed)
        })
        .await?;
    respond(renewed.ok_or_else(invalid_credentials)?, in_cookie, &access)
}

/// Sign out
///
/// Ends the session of this request. Its tokens stop working at once, and a browser's cookie is removed.
#[utoipa::path(tag = "sessions", operation_id = "deleteCurrentSession",
    responses((status = 204, description = "Signed out")))]
#[delete("/sessions/current")]
async fn remove(by: By<needs::EndSession>, browser: Browser, db: Data<Db>) -> Result<Reply<Nothing>> {
    let reply = db
        .write(&by, async |w| {
            if let Some(session) = by.caller.session {
                store::end(Id::from(session), w).await?;
            }
            Ok(Reply::no_content())
        })
        .await?;
    Ok(reply.cookie(browser.has_cookie().then(cookie::removal_header)))
}

/// Show the caller
///
/// Returns the signed-in user and what that user may do, so that a client can offer only what is allowed.
#[utoipa::path(tag = "sessions", operation_id = "getMe",
    responses((status = 200, description = "The caller", body = Account)))]
#[get("/me")]
async fn me(by: By<needs::ReadAccount>, db: Data<Db>) -> Result<Reply<Account>> {
    let Caller { user: Some(user), functions, .. } = &*by.caller else { return Err(Problem::not_found()) };
    let account = Account {
        user: users::find(Id::from(*user), db.reader()).await?,
        permissions: by.caller.permissions().into_iter().map(|permission| permission.key().to_owned()).collect(),
        grants: grants::list_for_user(Id::from(*user), db.reader()).await?,
        withheld_roles: by.caller.withheld.clone(),
        forum_functions: functions.iter().map(|(forum_id, function)| ForumRight { forum_id: *forum_id, function: *function }).collect(),
    };
    Reply::computed(&by, &account)
}

/// The problem for wrong credentials. It does not say which part is wrong.
pub fn invalid_credentials() -> Problem {
    Problem::new(Kind::InvalidCredentials).header("WWW-Authenticate", "Bearer")
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(create).service(refresh).service(remove).service(me);
    super::own::routes(config);
}
