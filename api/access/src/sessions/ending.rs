//! Ending of sessions.

use sea_orm::{Condition, EntityTrait, entity::prelude::*, sea_query::Expr};

use super::table::session;
use crate::{
    kernel::{Result, Write},
    users::UserId,
};

/// Ends all sessions of a user except `but`.
///
/// # Errors
/// When the database cannot be written.
pub async fn end_all(user: UserId, but: Option<Uuid>, w: &Write<'_>) -> Result<()> {
    end_where(Condition::all().add(session::Column::UserId.eq(user)).add_option(but.map(|but| session::Column::Id.ne(but))), w).await
}

pub(super) async fn end_where(which: Condition, w: &Write<'_>) -> Result<()> {
    session::Entity::update_many()
        .col_expr(session::Column::RevokedAt, Expr::val(w.now))
        .filter(which)
        .filter(session::Column::RevokedAt.is_null())
        .exec(&w.tx)
        .await?;
    w.access_changed();
    Ok(())
}
