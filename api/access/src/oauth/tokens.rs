use actix_web::{HttpRequest, HttpResponse, post, web::Data};
use serde_json::json;

use super::{Form, OauthFault, client_auth};
use crate::{
    Access, Limits,
    federation::{self, Federation},
    kernel::{Db, hash, request::Call, text},
    policy::Permission,
    sessions::{
        Session, SignInMethod,
        store::{self as sessions, SignIn},
    },
};

/// Issues tokens (RFC 6749, section 3.2).
///
/// # Errors
/// With the errors of RFC 6749, section 5.2.
#[post("/oauth2/token")]
pub async fn give_token(
    request: HttpRequest,
    access: Data<Access>,
    limits: Data<Limits>,
    db: Data<Db>,
) -> Result<HttpResponse, OauthFault> {
    let (form, call) = Form::read(&request, "give_token")?;
    let given = match form.require("grant_type")? {
        "client_credentials" => client_credentials(&form, &call, &access, &limits, &db).await,
        "authorization_code" => authorization_code(&form, &call, &access, &db).await,
        "refresh_token" => refresh(&form, &call, &access, &db).await,
        other => Err(OauthFault::new("unsupported_grant_type", format!("There is no grant type {} here.", text::quoted(other)))),
    };
    // A refusal may have ended a session, too.
    access.discard_epoch();
    match given {
        Ok(answer) => Ok(answer),
        Err(fault) => Err(fault.note(&call, &db).await),
    }
}

fn answer(session: &Session, scope: Option<&str>, now: chrono::DateTime<chrono::Utc>) -> HttpResponse {
    let mut body = json!({
        "access_token": session.access_token,
        "token_type": "Bearer",
        "expires_in": (session.access_token_expires_at - now).num_seconds()
    });
    if let Some(token) = &session.refresh_token {
        body["refresh_token"] = json!(token);
    }
    if let Some(scope) = scope {
        body["scope"] = json!(scope);
    }
    HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(body)
}

/// Starts a session for a service account. The form may ask for fewer scopes than the account is registered for, not for
/// more.
async fn client_credentials(form: &Form, call: &Call, access: &Access, limits: &Limits, db: &Db) -> Result<HttpResponse, OauthFault> {
    let client = client_auth::authenticate_client(form, call, access, limits, db).await?;
    let scopes: Vec<String> = match form.get("scope") {
        None => client.scopes.clone(),
        Some(asked) => asked.split(' ').filter(|scope| !scope.is_empty()).map(ToOwned::to_owned).collect(),
    };
    if let Some(beyond) = scopes.iter().find(|scope| !client.scopes.contains(scope) || Permission::from_key(scope).is_none()) {
        return Err(OauthFault::new("invalid_scope", format!("The client is not registered for {}.", text::quoted(beyond))));
    }
    let user = client.account.id;
    let mut call = call.clone().by_user(user.uuid());
    call.author.user_name.clone_from(&client.account.name);
    let session = db
        .transaction(&call, async |w| {
            let sign_in = SignIn {
                user,
                method: SignInMethod::Client,
                acr: None,
                withheld: Vec::new(),
                scopes: Some(scopes.clone()),
                client: user.to_string(),
                renewable: false,
            };
            sessions::start(sign_in, access, w).await
        })
        .await?;
    Ok(answer(&session, Some(&scopes.join(" ")), db.clock.now()))
}

/// Redeems the code that a frontend got when a person signed in with an identity provider.
async fn authorization_code(form: &Form, call: &Call, access: &Access, db: &Db) -> Result<HttpResponse, OauthFault> {
    let (code, verifier) = (form.require("code")?, form.require("code_verifier")?);
    let (client, redirect_uri) = (form.require("client_id")?, form.require("redirect_uri")?);
    let outcome = db
        .transaction(call, async |w| {
            // A refusal is committed too, because it may have ended the session that the first use of the code started.
            let redeemed = match federation::redeem(code, verifier, client, redirect_uri, w).await? {
                Ok(redeemed) => redeemed,
                Err(fault) => return Ok(Err(fault)),
            };
            let sign_in = SignIn {
                user: redeemed.user,
                method: SignInMethod::IdentityProvider,
                acr: redeemed.acr,
                withheld: redeemed.withheld,
                scopes: None,
                client: client.to_owned(),
                renewable: true,
            };
            let session = sessions::start(sign_in, access, w).await?;
            federation::note_session(&hash::sha256_hex(code.as_bytes()), session.id.uuid(), w).await?;
            Ok(Ok(session))
        })
        .await?;
    access.discard_epoch();
    Ok(answer(&outcome?, None, db.clock.now()))
}

/// Renews a session. A refresh token that is used twice ends its session.
async fn refresh(form: &Form, call: &Call, access: &Access, db: &Db) -> Result<HttpResponse, OauthFault> {
    let token = form.require("refresh_token")?;
    let client = form.require("client_id")?;
    let renewed = db.transaction(call, async |w| sessions::renew(token, client, access, w).await).await?;
    let session =
        renewed.ok_or_else(|| OauthFault::new("invalid_grant", "The refresh token is unknown, ended or used before. Sign in again."))?;
    Ok(answer(&session, None, db.clock.now()))
}

/// Returns the session of an access token or a refresh token; `None` when there is none.
async fn session_of(token: &str, access: &Access, db: &Db) -> Result<Option<crate::sessions::table::session::Model>, OauthFault> {
    if let Ok(claims) = access.verify(token, db.clock.now(), db).await {
        return Ok(sessions::find(claims.sid, db.reader()).await?);
    }
    Ok(sessions::find_by_refresh_token(token, db.reader()).await?)
}

/// Returns the id of the client that makes the request: either a client without credentials (the API's own sign-in, or a
/// frontend of the settings), or an authenticated service account.
async fn client_id(
    form: &Form,
    call: &Call,
    federation: &Federation,
    access: &Access,
    limits: &Limits,
    db: &Db,
) -> Result<String, OauthFault> {
    let shows = form.get("client_assertion").is_some() || form.get("client_secret").is_some();
    match form.get("client_id").filter(|_| !shows) {
        Some(named) if named == sessions::OWN_CLIENT || federation.is_frontend(named) => Ok(named.to_owned()),
        _ => Ok(client_auth::authenticate_client(form, call, access, limits, db).await?.account.id.to_string()),
    }
}

/// Ends a token and its whole session (RFC 7009). An unknown token, or one of another client, gets the same response, so
/// that the caller learns nothing about it.
///
/// # Errors
/// When the form is wrong or the client is not authenticated.
#[post("/oauth2/revoke")]
pub async fn revoke(
    request: HttpRequest,
    federation: Data<Federation>,
    access: Data<Access>,
    limits: Data<Limits>,
    db: Data<Db>,
) -> Result<HttpResponse, OauthFault> {
    let (form, call) = Form::read(&request, "revoke_token")?;
    let client = match client_id(&form, &call, &federation, &access, &limits, &db).await {
        Ok(client) => client,
        Err(fault) => return Err(fault.note(&call, &db).await),
    };
    let session = session_of(form.require("token")?, &access, &db).await?;
    if let Some(session) = session.filter(|session| session.client_id.as_deref().unwrap_or(sessions::OWN_CLIENT) == client) {
        let call = call.by_user(session.user_id.uuid());
        db.transaction(&call, async |w| sessions::end(session.id, w).await).await?;
        access.discard_epoch();
    }
    Ok(HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).finish())
}

/// Tells whether a token is valid (RFC 7662). A client learns this only about its own tokens.
///
/// # Errors
/// When the form is wrong or the client is not authenticated.
#[post("/oauth2/introspect")]
pub async fn introspect(
    request: HttpRequest,
    access: Data<Access>,
    limits: Data<Limits>,
    db: Data<Db>,
) -> Result<HttpResponse, OauthFault> {
    let (form, call) = Form::read(&request, "introspect_token")?;
    let client = match client_auth::authenticate_client(&form, &call, &access, &limits, &db).await {
        Ok(client) => client.account.id.to_string(),
        Err(fault) => return Err(fault.note(&call, &db).await),
    };
    let token = form.require("token")?;
    let now = db.clock.now();
    let mut told = json!({"active": false});
    if let Ok(claims) = access.verify(token, now, &db).await
        && claims.client_id == client
        && let Some(session) = sessions::find(claims.sid, db.reader()).await?
        && session.revoked_at.is_none()
        && session.expires_at > now
    {
        told = json!({
            "active": true, "iss": claims.iss, "aud": claims.aud, "sub": claims.sub, "client_id": claims.client_id, "token_type": "Bearer",
            "iat": claims.iat, "exp": claims.exp, "jti": claims.jti, "scope": claims.scope.unwrap_or_default()
        });
    }
    Ok(HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(told))
}
