use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{EntityTrait, ExprTrait, IntoActiveModel, entity::prelude::*, sea_query::Expr};

use super::{
    PersonalTokenId, table,
    types::{NewPersonalToken, PersonalToken},
};
use crate::{
    kernel::{Db, Page, Paging, Problem, Result, Write, hash, page::Key, request::Call},
    policy::Role,
    users::UserId,
};

fn view(row: table::Model) -> PersonalToken {
    PersonalToken {
        id: row.id,
        version: row.version,
        fields: NewPersonalToken { name: row.name, scopes: row.scopes.0, expires_at: row.expires_at },
        last_used_at: row.last_used_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// Returns a page of a user's tokens.
pub(super) async fn list(user: UserId, paging: &Paging, call: &Call, db: &Db) -> Result<Page<PersonalToken>> {
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.fetch(table::Entity::find().filter(table::Column::UserId.eq(user)), keys, call, db).await?.map(view))
}

/// Returns one of a user's tokens; 404 when the user has no such token.
pub(super) async fn find(user: UserId, id: PersonalTokenId, db: &impl ConnectionTrait) -> Result<PersonalToken> {
    let row = table::Entity::find_by_id(id).filter(table::Column::UserId.eq(user)).one(db).await?;
    row.map(view).ok_or_else(Problem::not_found)
}

/// Stores a new token. Returns it, and its only copy in clear text.
pub(super) async fn insert(user: UserId, new: &NewPersonalToken, withheld: &[Role], w: &Write<'_>) -> Result<(PersonalToken, String)> {
    let token = super::generate();
    let row = table::Model {
        id: w.new_id(),
        version: 1,
        created_at: w.now,
        updated_at: w.now,
        user_id: user,
        name: new.name.clone(),
        digest: hash::sha256_hex(token.as_bytes()),
        scopes: new.scopes.clone().into(),
        withheld: withheld.to_vec().into(),
        expires_at: new.expires_at,
        last_used_at: None,
    };
    table::Entity::insert(row.clone().into_active_model()).exec_without_returning(&w.tx).await?;
    Ok((view(row), token))
}

/// Removes a token.
pub(super) async fn remove(id: PersonalTokenId, w: &Write<'_>) -> Result<()> {
    table::Entity::delete_by_id(id).exec(&w.tx).await?;
    w.access_changed();
    Ok(())
}

/// Removes all tokens of a user.
pub(crate) async fn end_all(user: UserId, w: &Write<'_>) -> Result<()> {
    table::Entity::delete_many().filter(table::Column::UserId.eq(user)).exec(&w.tx).await?;
    w.access_changed();
    Ok(())
}

/// Notes that a token is used. The time is updated once an hour, since more would cost a write for each call.
pub(crate) async fn note_use(token: Uuid, now: DateTime<Utc>, db: &Db) -> Result<()> {
    table::Entity::update_many()
        .col_expr(table::Column::LastUsedAt, Expr::val(now))
        .filter(table::Column::Id.eq(token))
        .filter(Expr::col(table::Column::LastUsedAt).is_null().or(Expr::col(table::Column::LastUsedAt).lt(now - TimeDelta::hours(1))))
        .exec(db.writer())
        .await?;
    Ok(())
}
