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

/// The tokens in the answer, or the one that browsers keep in its cookie.
fn answer(mut session: Session, in_cookie: bool, access: &Access) -> Result<Reply<Session>> {
    let cookie = if in_cookie { session.refresh_token.take().map(|token| cookie::given(&token, &access.settings)) } else { None };
    Ok(Reply::secret("/me", &session)?.cookie(cookie))
}

/// Sign in
///
/// Gives an access token of some minutes and a refresh token. An unknown address and a wrong password cannot be told apart.
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
    let _attempt = limits.admits(Guarded::SignIn, &new.0.email, &by.author.address, &db).await?;
    let found = lookup::by_email(&new.0.email, db.reader()).await?;
    let stored = found.as_ref().and_then(|found| found.password_hash.clone());
    let matches = passwords::verify(new.0.password.clone(), stored.clone(), &access.hashing).await?;
    // Asked of nobody too, so that both take the same time.
    let about = found.as_ref().map_or(uuid::Uuid::nil(), |user| user.id.uuid());
    let employer = standing::employer(about, db.reader()).await?;
    if found.is_some() {
        by.author.trail.is_about(about, employer);
    }
    let Some(user) = found.filter(|found| matches && found.status == UserStatus::Active) else {
        limits.failed(Guarded::SignIn, &new.0.email, &by.author.address, &db).await?;
        return Err(wrong());
    };
    let mut shown = stored;
    if let Some(old) = shown.clone().filter(|stored| passwords::is_outdated(stored)) {
        let hash = passwords::hash(new.0.password.clone(), &access.hashing).await?;
        users::keep_hash(user.id, &old, &hash, &db).await?;
        shown = Some(hash);
    }
    let _code = limits.admits(Guarded::SecondFactor, &user.id.to_string(), &by.author.address, &db).await?;
    // Tokens are secrets, so the answer is never kept for a repeated call.
    let session = db
        .transaction(&by, async |w| {
            // What was shown must still hold: the password may have been changed while it was looked at.
            let user = users::locked(user.id, w).await?;
            if user.status != UserStatus::Active || user.password_hash != shown {
                return Err(wrong());
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
        limits.failed(Guarded::SecondFactor, &user.id.to_string(), &by.author.address, &db).await?;
    }
    if session.is_ok() {
        limits.succeeded(user.id, &by.author.address, &db).await?;
    }
    answer(session?, new.0.cookie, &access)
}

/// Renew a session
///
/// Spends the refresh token and gives new tokens. A refresh token that was spent before ends the session. A browser that has
/// the token as a cookie sends `{}`, from an allowed origin, and gets a new cookie.
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
        None => browser.refresh_token(&access.settings)?.ok_or_else(wrong)?,
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
    answer(renewed.ok_or_else(wrong)?, in_cookie, &access)
}

/// Sign out
///
/// Ends the caller's own session; its tokens stop working at once, and a browser's cookie is taken back.
#[utoipa::path(tag = "sessions", operation_id = "deleteCurrentSession",
    responses((status = 204, description = "Signed out")))]
#[delete("/sessions/current")]
async fn remove(by: By<needs::EndSession>, browser: Browser, db: Data<Db>) -> Result<Reply<Nothing>> {
    let reply = db
        .write(&by, async |w| {
            if let Some(session) = by.caller.session {
                store::end(Id::from(session), w).await?;
            }
            Ok(Reply::nothing())
        })
        .await?;
    Ok(reply.cookie(browser.has_cookie().then(cookie::taken)))
}

/// Show the caller
///
/// Who is signed in and what that user may do, so that a client can show just what works.
#[utoipa::path(tag = "sessions", operation_id = "getMe",
    responses((status = 200, description = "The caller", body = Account)))]
#[get("/me")]
async fn me(by: By<needs::ReadAccount>, db: Data<Db>) -> Result<Reply<Account>> {
    let Caller { user: Some(user), functions, .. } = &*by.caller else { return Err(Problem::not_found()) };
    let account = Account {
        user: users::find(Id::from(*user), db.reader()).await?,
        permissions: by.caller.permissions().into_iter().map(|permission| permission.key().to_owned()).collect(),
        grants: grants::of_user(Id::from(*user), db.reader()).await?,
        withheld_roles: by.caller.withheld.clone(),
        forum_functions: functions.iter().map(|(forum_id, function)| ForumRight { forum_id: *forum_id, function: *function }).collect(),
    };
    Reply::computed(&by, &account)
}

/// The secrets do not belong together; it is not said which is wrong.
pub fn wrong() -> Problem {
    Problem::new(Kind::InvalidCredentials).header("WWW-Authenticate", "Bearer")
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(create).service(refresh).service(remove).service(me);
    super::own::routes(config);
}
