//! The SQL on accounts that sessions, grants and limits need.

use sea_orm::{
    ConnectionTrait, EntityTrait, ExprTrait,
    entity::prelude::*,
    sea_query::{Expr, Query},
};

use super::{AccountKind, UserId, table};
use crate::{
    grants,
    kernel::{Problem, Result, Write, problem::Kind, say, text},
    policy::Role,
};

/// Returns the person who signs in with an address, and has proved to read its mail.
pub(crate) async fn by_email(email: &str, db: &impl ConnectionTrait) -> Result<Option<table::Model>> {
    let select = table::Entity::find().filter(table::Column::EmailFold.eq(fold(email))).filter(table::Column::Kind.eq(AccountKind::Person));
    Ok(select.one(db).await?)
}

/// Returns the form of an address in which addresses are compared.
#[must_use]
pub(crate) fn fold(email: &str) -> String {
    text::composed(email.trim()).to_lowercase()
}

/// Makes a place the home of an account.
pub(crate) async fn set_home(id: UserId, home: &grants::Scope, w: &Write<'_>) -> Result<()> {
    table::Entity::update_many()
        .col_expr(table::Column::HomeKind, Expr::val(sea_orm::ActiveEnum::to_value(&home.kind)))
        .col_expr(table::Column::HomeId, Expr::val(home.id))
        .filter(table::Column::Id.eq(id))
        .exec(&w.tx)
        .await?;
    Ok(())
}

/// Checks that the installation still has an administrator. Call it after the change.
///
/// # Errors
/// When no active person holds the role admin everywhere without an end (409).
pub async fn require_an_admin(w: &Write<'_>) -> Result<()> {
    // The update locks the row. Two admins who remove each other at the same time are thus checked one after the other.
    w.tx.execute_unprepared("UPDATE access_epoch SET epoch = epoch + 1").await?;
    let today = w.today();
    let select = Query::select()
        .column(("access_grant", "id"))
        .from("access_grant")
        .inner_join("user_account", Expr::col(("user_account", "id")).equals(("access_grant", "user_id")))
        .and_where(Expr::col(("access_grant", "role")).eq(sea_orm::ActiveEnum::to_value(&Role::Admin)))
        .and_where(Expr::col(("access_grant", "scope_kind")).eq("everywhere"))
        .and_where(Expr::col(("user_account", "status")).eq("active"))
        .and_where(Expr::col(("user_account", "kind")).eq("person"))
        .and_where(Expr::col(("access_grant", "valid_from")).is_null().or(Expr::col(("access_grant", "valid_from")).lte(today)))
        .and_where(Expr::col(("access_grant", "valid_to")).is_null())
        .limit(1)
        .take();
    if w.tx.query_one(&select).await?.is_some() {
        return Ok(());
    }
    Err(Problem::new(Kind::Conflict).detail(say!(
        "Då skulle ingen administratör finnas kvar. Ge först rollen admin utan slutdatum till någon annan.",
        "Then no administrator would remain. First grant the role admin without an end to somebody else."
    )))
}
