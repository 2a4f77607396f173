use sea_orm::{ActiveValue::Set, EntityTrait, entity::prelude::*, sea_query::Expr};

use super::{
    Session, SessionId,
    table::{refresh_token, session},
};
use crate::{
    access::{Access, users::UserId},
    kernel::{Id, Result, Write, hash},
};

/// Starts a session for a user who has shown the password.
pub(super) async fn start(user: UserId, access: &Access, w: &Write<'_>) -> Result<Session> {
    let id: SessionId = w.new_id();
    let row = session::ActiveModel {
        id: Set(id),
        user_id: Set(user),
        created_at: Set(w.now),
        expires_at: Set(w.now + access.settings.session),
        revoked_at: Set(None),
    };
    session::Entity::insert(row).exec_without_returning(&w.tx).await?;
    tokens(id, user, access, w).await
}

/// Spends a refresh token. Nothing comes of one that is unknown, or was spent before; the latter ends its session.
pub(super) async fn renew(token: &str, access: &Access, w: &Write<'_>) -> Result<Option<Session>> {
    let digest = hash::sha256_hex(token.as_bytes());
    let Some(found) = refresh_token::Entity::find_by_id(digest.clone()).one(&w.tx).await? else { return Ok(None) };
    let session = session::Entity::find_by_id(found.session_id).one(&w.tx).await?;
    if let Some(session) = &session {
        w.call.trail.is_about(session.user_id.uuid());
    }
    // One conditional statement decides who of two at once is the first.
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
    let Some(row) = session else { return Ok(None) };
    let active = super::super::users::store::find(row.user_id, &w.tx).await?.status == super::super::users::UserStatus::Active;
    if row.revoked_at.is_some() || row.expires_at <= w.now || !active {
        return Ok(None);
    }
    session::Entity::update_many()
        .col_expr(session::Column::ExpiresAt, Expr::val(w.now + access.settings.session))
        .filter(session::Column::Id.eq(row.id))
        .exec(&w.tx)
        .await?;
    Ok(Some(tokens(row.id, row.user_id, access, w).await?))
}

/// Ends a session.
pub(super) async fn end(id: SessionId, w: &Write<'_>) -> Result<()> {
    session::Entity::update_many()
        .col_expr(session::Column::RevokedAt, Expr::val(w.now))
        .filter(session::Column::Id.eq(id))
        .filter(session::Column::RevokedAt.is_null())
        .exec(&w.tx)
        .await?;
    w.access_changed();
    Ok(())
}

async fn tokens(id: SessionId, user: UserId, access: &Access, w: &Write<'_>) -> Result<Session> {
    let token: Id<Session> = w.new_id();
    let (access_token, access_token_expires_at) = access.issue(user.uuid(), id.uuid(), token.uuid(), w.now)?;
    let refresh_token = hash::secret();
    let row = refresh_token::ActiveModel {
        digest: Set(hash::sha256_hex(refresh_token.as_bytes())),
        session_id: Set(id),
        created_at: Set(w.now),
        spent_at: Set(None),
    };
    refresh_token::Entity::insert(row).exec_without_returning(&w.tx).await?;
    Ok(Session { id, access_token, access_token_expires_at, refresh_token, expires_at: w.now + access.settings.session })
}
