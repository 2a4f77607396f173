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

/// How long a spent code is remembered, so that a second use is noticed.
const REMEMBERED_HOURS: i64 = 24;

/// Keeps a sign-in that is about to leave for the provider, and forgets those that never came back.
pub(super) async fn begin(attempt: attempt::Model, w: &Write<'_>) -> Result<()> {
    attempt::Entity::delete_many().filter(attempt::Column::ExpiresAt.lt(w.now)).exec(&w.tx).await?;
    attempt::Entity::insert(attempt.into_active_model()).exec_without_returning(&w.tx).await?;
    Ok(())
}

/// Spends a sign-in that has come back in the browser that it left from; one statement decides who of two is the first.
pub(super) async fn come_back(state_digest: &str, browser_digest: &str, w: &Write<'_>) -> Result<Option<attempt::Model>> {
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

/// The user whom a provider knows by a subject.
pub(super) async fn known(issuer: &str, subject: &str, w: &Write<'_>) -> Result<Option<UserId>> {
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

/// Joins a user to a provider's subject.
pub(super) async fn join(user: UserId, issuer: &str, subject: &str, email_verified: bool, w: &Write<'_>) -> Result<()> {
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

/// Whether another may be joined to a user by its address: nobody of the same provider is, and nobody who came by an
/// address that was never verified, for then the account may be another's.
pub(super) async fn is_open(user: UserId, issuer: &str, w: &Write<'_>) -> Result<bool> {
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

/// Whoever has signed in with the provider needs neither an invitation nor a password to be a user.
pub(super) async fn open(user: UserId, w: &Write<'_>) -> Result<()> {
    users::open(users::row(user, &w.tx).await?, None, w).await.map(drop)
}

/// The id of what a grant is to hold for, if it is there.
async fn resolve(scope: &WrittenScope, w: &Write<'_>) -> Result<Option<Scope>> {
    let (kind, table, column, value) = match scope {
        WrittenScope::Everywhere => return Ok(Some(Scope { kind: ScopeKind::Everywhere, id: None })),
        WrittenScope::Area(code) => (ScopeKind::Area, "area", "code", Expr::val(code.as_str())),
        // The settings may still name an actor that has become part of another since.
        WrittenScope::Actor(id) => (ScopeKind::Actor, "actor", "id", Expr::val(grants::store::survivor_of(*id, &w.tx).await?)),
        WrittenScope::Forum(id) => (ScopeKind::Forum, "forum", "id", Expr::val(*id)),
    };
    let mut select = Query::select();
    select.column("id").from(table).and_where(Expr::col(column).eq(value)).limit(1);
    if table == "area" {
        // Of several versions of an area the newest.
        select.order_by("version", Order::Desc);
    }
    let row = w.tx.query_one(&select).await?;
    let id: Option<Uuid> = row.map(|row| row.try_get("", "id")).transpose()?;
    Ok(id.map(|id| Scope { kind, id: Some(id) }))
}

/// Brings what a provider has given a user in line with what its claims give now. What people gave is left alone.
pub(super) async fn bring_in_line(user: UserId, provider: &str, given: &[&ClaimGrant], w: &Write<'_>) -> Result<()> {
    use grants::table::{Column, Entity};
    let mut wanted = Vec::new();
    for grant in given {
        match resolve(&grant.scope, w).await? {
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
            None => take_back(row.id, w).await?,
        }
    }
    for (_, (role, scope)) in wanted.into_iter().enumerate().filter(|(place, _)| !kept.contains(place)) {
        let grant = grants::insert(&NewGrant { user_id: user, role, scope, valid_from: None, valid_to: None }, w).await?;
        Entity::update_many().col_expr(Column::Provider, Expr::val(provider)).filter(Column::Id.eq(grant.id)).exec(&w.tx).await?;
    }
    Ok(())
}

/// Takes back what a provider gave. Its word holds, also for who was the last to run the installation: the console makes
/// another.
async fn take_back(id: GrantId, w: &Write<'_>) -> Result<()> {
    grants::table::Entity::delete_by_id(id).exec(&w.tx).await?;
    w.access_changed();
    let visible = crate::Visibility::Actor.of(None, None);
    w.record(Change::new("grant", id.uuid(), ChangeOperation::Delete, 2, visible));
    Ok(())
}

/// Keeps a new code, and forgets those that nobody can use any more.
pub(super) async fn keep_code(code: code::Model, w: &Write<'_>) -> Result<()> {
    let oldest = w.now - TimeDelta::hours(REMEMBERED_HOURS);
    code::Entity::delete_many().filter(code::Column::ExpiresAt.lt(oldest)).exec(&w.tx).await?;
    code::Entity::insert(code.into_active_model()).exec_without_returning(&w.tx).await?;
    Ok(())
}

/// A code by its digest.
pub(super) async fn code(digest: &str, db: &impl ConnectionTrait) -> Result<Option<code::Model>> {
    code::Entity::find_by_id(digest).one(db).await.map_err(Problem::from)
}

/// Spends a code; false when another was first.
pub(super) async fn spend_code(digest: &str, w: &Write<'_>) -> Result<bool> {
    let spent = code::Entity::update_many()
        .col_expr(code::Column::SpentAt, Expr::val(w.now))
        .filter(code::Column::Digest.eq(digest))
        .filter(code::Column::SpentAt.is_null())
        .exec(&w.tx)
        .await?;
    Ok(spent.rows_affected == 1)
}

/// Notes which session came of a code.
pub(super) async fn note_session(digest: &str, session: Uuid, w: &Write<'_>) -> Result<()> {
    code::Entity::update_many()
        .col_expr(code::Column::SessionId, Expr::val(session))
        .filter(code::Column::Digest.eq(digest))
        .exec(&w.tx)
        .await?;
    Ok(())
}

/// Ends the session that came of a code, as its code is in somebody else's hands too.
pub(super) async fn end_session_of(digest: &str, w: &Write<'_>) -> Result<()> {
    // Read anew: who was first may have noted its session since.
    let Some(id) = code(digest, &w.tx).await?.and_then(|row| row.session_id) else { return Ok(()) };
    sessions::store::end(Id::from(id), w).await
}
