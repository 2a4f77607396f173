use sea_orm::{ActiveValue::Set, Condition, EntityTrait, entity::prelude::*, sea_query::Expr};

use super::{
    Session, SessionId, SignInMethod, ending,
    table::{refresh_token, session},
};
use crate::{
    Access,
    kernel::{Id, Result, Write, hash},
    policy::Role,
    standing,
    tokens::Claims,
    users::{UserId, UserStatus, store as users},
};

/// The client id of the API's own sign-in.
pub const OWN_CLIENT: &str = "samsyn";

/// A sign-in that has succeeded.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The user.
    pub user: UserId,
    /// The way of signing in.
    pub method: SignInMethod,
    /// The `acr` value of the identity provider: how strongly the person was identified.
    pub acr: Option<String>,
    /// Roles that the way of signing in is too weak for.
    pub withheld: Vec<Role>,
    /// The permissions that the session is narrowed to.
    pub scopes: Option<Vec<String>>,
    /// The client that gets the tokens.
    pub client: String,
    /// Whether the session can be renewed; if not it ends with its access token.
    pub renewable: bool,
}

/// Starts a session and returns its tokens.
pub async fn start(sign_in: SignIn, access: &Access, w: &Write<'_>) -> Result<Session> {
    let id: SessionId = w.new_id();
    let lasts = if sign_in.renewable { access.settings.session.min(access.settings.longest) } else { access.settings.access };
    let row = session::Model {
        id,
        user_id: sign_in.user,
        created_at: w.now,
        expires_at: w.now + lasts,
        revoked_at: None,
        method: sign_in.method,
        acr: sign_in.acr,
        withheld: sign_in.withheld.into(),
        scopes: sign_in.scopes.map(Into::into),
        client_id: Some(sign_in.client),
        address: w.call.author.address.clone(),
        agent: w.call.author.agent.clone(),
        renewed_at: None,
    };
    session::Entity::insert(session::ActiveModel::from(row.clone())).exec_without_returning(&w.tx).await?;
    note_account(row.user_id, w).await?;
    issue_tokens(&row, sign_in.renewable, access, w).await
}

/// Notes in the audit trail whose session it is.
async fn note_account(user: UserId, w: &Write<'_>) -> Result<()> {
    let employer = standing::employer(user.uuid(), &w.tx).await?;
    w.call.author.trail.set_account(user.uuid(), employer);
    Ok(())
}

/// Spends a refresh token that was issued to a client, and returns new tokens. Returns `None` when the token is unknown,
/// belongs to another client or was spent before, or its session or account has ended. A token that was spent before also
/// ends its session.
pub async fn renew(token: &str, client: &str, access: &Access, w: &Write<'_>) -> Result<Option<Session>> {
    let digest = hash::sha256_hex(token.as_bytes());
    let Some(found) = refresh_token::Entity::find_by_id(digest.clone()).one(&w.tx).await? else { return Ok(None) };
    let Some(mut row) = session::Entity::find_by_id(found.session_id).one(&w.tx).await? else { return Ok(None) };
    note_account(row.user_id, w).await?;
    if row.client_id.as_deref().unwrap_or(OWN_CLIENT) != client {
        return Ok(None);
    }
    // One conditional statement decides which of two simultaneous requests is the first.
    let spent = refresh_token::Entity::update_many()
        .col_expr(refresh_token::Column::SpentAt, Expr::val(w.now))
        .filter(refresh_token::Column::Digest.eq(digest))
        .filter(refresh_token::Column::SpentAt.is_null())
        .exec(&w.tx)
        .await?;
    if spent.rows_affected == 0 {
        end(found.session_id, w).await?;
        w.denied("refresh-token-reused");
        return Ok(None);
    }
    let active = users::find(row.user_id, &w.tx).await?.status == UserStatus::Active;
    if row.revoked_at.is_some() || row.expires_at <= w.now || !active {
        return Ok(None);
    }
    row.expires_at = (w.now + access.settings.session).min(row.created_at + access.settings.longest);
    session::Entity::update_many()
        .col_expr(session::Column::ExpiresAt, Expr::val(row.expires_at))
        .col_expr(session::Column::RenewedAt, Expr::val(w.now))
        .filter(session::Column::Id.eq(row.id))
        .exec(&w.tx)
        .await?;
    Ok(Some(issue_tokens(&row, true, access, w).await?))
}

/// Ends a session.
pub async fn end(id: SessionId, w: &Write<'_>) -> Result<()> {
    ending::end_where(Condition::all().add(session::Column::Id.eq(id)), w).await
}

/// Returns the session of an unspent refresh token.
pub async fn find_by_refresh_token(token: &str, db: &impl ConnectionTrait) -> Result<Option<session::Model>> {
    let found = refresh_token::Entity::find_by_id(hash::sha256_hex(token.as_bytes())).one(db).await?;
    let Some(found) = found else { return Ok(None) };
    let session = session::Entity::find_by_id(found.session_id).one(db).await?;
    Ok(session.filter(|_| found.spent_at.is_none()))
}

/// Returns a session by its id.
pub async fn find(id: Uuid, db: &impl ConnectionTrait) -> Result<Option<session::Model>> {
    Ok(session::Entity::find_by_id(id).one(db).await?)
}

/// Sets the way of signing in and the withheld roles of a session, after the user's second factor has changed.
pub async fn set_sign_in_strength(session: Uuid, method: SignInMethod, roles: &[Role], w: &Write<'_>) -> Result<()> {
    let change = session::ActiveModel {
        id: sea_orm::NotSet,
        method: Set(method),
        withheld: Set(roles.to_vec().into()),
        ..<session::ActiveModel as sea_orm::ActiveModelTrait>::default()
    };
    session::Entity::update_many().set(change).filter(session::Column::Id.eq(session)).exec(&w.tx).await?;
    w.access_changed();
    Ok(())
}

async fn issue_tokens(row: &session::Model, renewable: bool, access: &Access, w: &Write<'_>) -> Result<Session> {
    let token: Id<Session> = w.new_id();
    let expires = w.now + access.settings.access;
    let amr = match row.method {
        SignInMethod::Password => vec!["pwd"],
        SignInMethod::TwoSteps => vec!["pwd", "otp", "mfa"],
        SignInMethod::IdentityProvider | SignInMethod::Client => Vec::new(),
    };
    let claims = Claims {
        iss: access.settings.issuer.clone(),
        aud: access.settings.issuer.clone(),
        sub: row.user_id.uuid(),
        client_id: row.client_id.clone().unwrap_or_else(|| OWN_CLIENT.to_owned()),
        sid: row.id.uuid(),
        jti: token.uuid(),
        iat: w.now.timestamp(),
        exp: expires.timestamp(),
        nbf: None,
        auth_time: row.created_at.timestamp(),
        amr: amr.into_iter().map(ToOwned::to_owned).collect(),
        acr: row.acr.clone(),
        scope: row.scopes.as_ref().map(|scopes| scopes.0.join(" ")),
    };
    let access_token = access.sign(&claims, w.now)?;
    let refresh_token = if renewable {
        let secret = hash::secret();
        let row = refresh_token::ActiveModel {
            digest: Set(hash::sha256_hex(secret.as_bytes())),
            session_id: Set(row.id),
            created_at: Set(w.now),
            spent_at: Set(None),
        };
        refresh_token::Entity::insert(row).exec_without_returning(&w.tx).await?;
        Some(secret)
    } else {
        None
    };
    Ok(Session { id: row.id, access_token, access_token_expires_at: expires, refresh_token, expires_at: row.expires_at })
}
