use std::collections::BTreeSet;

use chrono::TimeDelta;
use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait,
    entity::prelude::*,
    sea_query::{Expr, Order, Query},
};

use super::{
    settings::{ClaimGrant, WrittenScope},
    table::{attempt, code, identity},
};
use crate::{
    grants::{self, GrantId, NewGrant, Scope, ScopeKind},
    kernel::{
        Id, Problem, Result, Write,
        events::{Change, ChangeOperation},
    },
    sessions,
    users::{UserId, UserStatus, store as users},
};

/// The time for which a spent code is kept, so that a second use is noticed.
const REMEMBERED_HOURS: i64 = 24;

/// Stores a sign-in before the browser leaves for the provider, and removes expired ones.
pub(super) async fn insert_attempt(attempt: attempt::Model, w: &Write<'_>) -> Result<()> {
    attempt::Entity::delete_many().filter(attempt::Column::ExpiresAt.lt(w.now)).exec(&w.tx).await?;
    attempt::Entity::insert(attempt.into_active_model()).exec_without_returning(&w.tx).await?;
    Ok(())
}

/// Spends the sign-in that has come back, in the browser that it began in. One statement decides which of two requests is
/// the first. Returns `None` when there is no such sign-in, or it is spent or expired.
pub(super) async fn spend_attempt(state_digest: &str, browser_digest: &str, w: &Write<'_>) -> Result<Option<attempt::Model>> {
    let spent = attempt::Entity::update_many()
        .col_expr(attempt::Column::SpentAt, Expr::val(w.now))
        .filter(attempt::Column::StateDigest.eq(state_digest))
        .filter(attempt::Column::BrowserDigest.eq(browser_digest))
        .filter(attempt::Column::SpentAt.is_null())
        .filter(attempt::Column::ExpiresAt.gt(w.now))
        .exec(&w.tx)
        .await?;
    if spent.rows_affected == 0 {
        return Ok(None);
    }
    Ok(attempt::Entity::find_by_id(state_digest).one(&w.tx).await?)
}

/// Returns the user who is linked to a provider's subject, and updates the time of the last sign-in.
pub(super) async fn find_user_by_subject(issuer: &str, subject: &str, w: &Write<'_>) -> Result<Option<UserId>> {
    let row = identity::Entity::find_by_id((issuer.to_owned(), subject.to_owned())).one(&w.tx).await?;
    if row.is_some() {
        identity::Entity::update_many()
            .col_expr(identity::Column::LastUsedAt, Expr::val(w.now))
            .filter(identity::Column::Issuer.eq(issuer))
            .filter(identity::Column::Subject.eq(subject))
            .exec(&w.tx)
            .await?;
    }
    Ok(row.map(|row| row.user_id))
}

/// Links a user to a provider's subject.
pub(super) async fn link_identity(user: UserId, issuer: &str, subject: &str, email_verified: bool, w: &Write<'_>) -> Result<()> {
    let row = identity::ActiveModel {
        issuer: Set(issuer.to_owned()),
        subject: Set(subject.to_owned()),
        user_id: Set(user),
        email_verified: Set(email_verified),
        created_at: Set(w.now),
        last_used_at: Set(w.now),
    };
    identity::Entity::insert(row).exec_without_returning(&w.tx).await?;
    Ok(())
}

/// Whether a further identity may be linked to a user by e-mail address. It may not when the user is already linked to an
/// identity of the same provider, or to any identity whose address was never verified, because then the account may
/// belong to somebody else.
pub(super) async fn may_link(user: UserId, issuer: &str, w: &Write<'_>) -> Result<bool> {
    let in_the_way = identity::Entity::find()
        .filter(identity::Column::UserId.eq(user))
        .filter(identity::Column::Issuer.eq(issuer).or(identity::Column::EmailVerified.eq(false)))
        .count(&w.tx)
        .await?;
    Ok(in_the_way == 0)
}

/// Whether a user may sign in.
pub(super) async fn is_active(user: UserId, db: &impl ConnectionTrait) -> Result<bool> {
    Ok(users::find(user, db).await?.status == UserStatus::Active)
}

/// Activates an invited account: a person who has signed in with the provider needs neither the invitation's link nor a
/// password.
pub(super) async fn activate(user: UserId, w: &Write<'_>) -> Result<()> {
    users::open_account(users::row(user, &w.tx).await?, None, w).await.map(drop)
}

/// Returns the scope with the id of its area, actor or forum; `None` when there is no such record.
async fn resolve_scope(scope: &WrittenScope, w: &Write<'_>) -> Result<Option<Scope>> {
    let (kind, table, column, value) = match scope {
        WrittenScope::Everywhere => return Ok(Some(Scope { kind: ScopeKind::Everywhere, id: None })),
        WrittenScope::Area(code) => (ScopeKind::Area, "area", "code", Expr::val(code.as_str())),
        // The settings may still name an actor that has been merged into another one.
        WrittenScope::Actor(id) => (ScopeKind::Actor, "actor", "id", Expr::val(grants::store::survivor_of(*id, &w.tx).await?)),
        WrittenScope::Forum(id) => (ScopeKind::Forum, "forum", "id", Expr::val(*id)),
    };
    let mut select = Query::select();
    select.column("id").from(table).and_where(Expr::col(column).eq(value)).limit(1);
    if table == "area" {
        // Of several versions of an area, the newest one.
        select.order_by("version", Order::Desc);
    }
    let row = w.tx.query_one(&select).await?;
    let id: Option<Uuid> = row.map(|row| row.try_get("", "id")).transpose()?;
    Ok(id.map(|id| Scope { kind, id: Some(id) }))
}

/// Adds and removes the grants that a provider has given to a user, so that they agree with the present claims. Grants
/// that people have given are left alone.
pub(super) async fn sync_grants(user: UserId, provider: &str, given: &[&ClaimGrant], w: &Write<'_>) -> Result<()> {
    use grants::table::{Column, Entity};
    let mut wanted = Vec::new();
    for grant in given {
        match resolve_scope(&grant.scope, w).await? {
            Some(scope) if !wanted.contains(&(grant.role, scope.clone())) => wanted.push((grant.role, scope)),
            Some(_) => {}
            None => tracing::warn!(
                provider,
                scope = String::from(grant.scope.clone()),
                "a grant from claims is for something that is not there"
            ),
        }
    }
    let present = Entity::find().filter(Column::UserId.eq(user)).filter(Column::Provider.eq(provider)).all(&w.tx).await?;
    let mut kept = BTreeSet::new();
    for row in present {
        let place = wanted.iter().position(|(role, scope)| *role == row.role && scope.kind == row.scope_kind && scope.id == row.scope_id);
        match place {
            Some(place) => {
                kept.insert(place);
            }
            None => remove_grant(row.id, w).await?,
        }
    }
    for (_, (role, scope)) in wanted.into_iter().enumerate().filter(|(place, _)| !kept.contains(place)) {
        let grant = grants::insert(&NewGrant { user_id: user, role, scope, valid_from: None, valid_to: None }, w).await?;
        Entity::update_many().col_expr(Column::Provider, Expr::val(provider)).filter(Column::Id.eq(grant.id)).exec(&w.tx).await?;
    }
    Ok(())
}

/// Removes a grant that a provider gave. This applies to the last administrator of the installation too: a new one can be
/// made at the console.
async fn remove_grant(id: GrantId, w: &Write<'_>) -> Result<()> {
    grants::table::Entity::delete_by_id(id).exec(&w.tx).await?;
    w.access_changed();
    let visible = crate::Visibility::Actor.of(None, None);
    w.record(Change::new("grant", id.uuid(), ChangeOperation::Delete, 2, visible));
    Ok(())
}

/// Stores a new code, and removes old codes that nobody can use any more.
pub(super) async fn insert_code(code: code::Model, w: &Write<'_>) -> Result<()> {
    let oldest = w.now - TimeDelta::hours(REMEMBERED_HOURS);
    code::Entity::delete_many().filter(code::Column::ExpiresAt.lt(oldest)).exec(&w.tx).await?;
    code::Entity::insert(code.into_active_model()).exec_without_returning(&w.tx).await?;
    Ok(())
}

/// Returns a code by its digest.
pub(super) async fn code(digest: &str, db: &impl ConnectionTrait) -> Result<Option<code::Model>> {
    code::Entity::find_by_id(digest).one(db).await.map_err(Problem::from)
}

/// Spends a code. Returns false when it was spent already.
pub(super) async fn spend_code(digest: &str, w: &Write<'_>) -> Result<bool> {
    let spent = code::Entity::update_many()
        .col_expr(code::Column::SpentAt, Expr::val(w.now))
        .filter(code::Column::Digest.eq(digest))
        .filter(code::Column::SpentAt.is_null())
        .exec(&w.tx)
        .await?;
    Ok(spent.rows_affected == 1)
}

/// Notes the session that was started with a code.
pub(super) async fn note_session(digest: &str, session: Uuid, w: &Write<'_>) -> Result<()> {
    code::Entity::update_many()
        .col_expr(code::Column::SessionId, Expr::val(session))
        .filter(code::Column::Digest.eq(digest))
        .exec(&w.tx)
        .await?;
    Ok(())
}

/// Ends the session that was started with a code, because somebody else has the code too.
pub(super) async fn end_session_of(digest: &str, w: &Write<'_>) -> Result<()> {
    // The row is read again: the request that spent the code may have noted its session in the meantime.
    let Some(id) = code(digest, &w.tx).await?.and_then(|row| row.session_id) else { return Ok(()) };
    sessions::store::end(Id::from(id), w).await
}
