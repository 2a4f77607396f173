use sea_orm::{
    Condition, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, Query},
};

use super::{AccountKind, NewUser, User, UserId, UserStatus, table};
use crate::{
    access::{
        By, Caller, Reach,
        grants::{self, reached},
        policy::Role,
        sessions::store as sessions,
    },
    kernel::{
        Db, Page, Paging, Problem, Result, Write,
        events::{Change, ChangeOperation},
        page::Key,
        problem::Kind,
        say, text,
    },
};

pub(crate) fn view(row: table::Model) -> User {
    User {
        id: row.id,
        version: row.version,
        email: row.email,
        name: row.name,
        language: row.language,
        status: row.status,
        has_second_factor: row.factor_secret.is_some(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The accounts that the caller looks after: those with a grant within reach, and those that the caller made and nobody has
/// granted anything yet.
fn looked_after(user: Option<Uuid>, reach: &Reach) -> Condition {
    if reach.everywhere {
        return Condition::all();
    }
    let holders = |which: Condition| Query::select().column("user_id").from("access_grant").cond_where(which).take();
    let new = Condition::all()
        .add(table::Column::RegistrarId.eq(user))
        .add(Expr::col((table::Entity, table::Column::Id)).not_in_subquery(holders(Condition::all())));
    Condition::any().add(Expr::col((table::Entity, table::Column::Id)).in_subquery(holders(reached(reach)))).add(new)
}

/// A page of the people that the caller looks after.
pub(super) async fn list<P>(by: &By<P>, paging: &Paging, db: &Db) -> Result<Page<User>> {
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.fetch(of_kind(by, AccountKind::Person), keys, by, db).await?.map(view))
}

/// The accounts of a kind that the caller looks after.
pub(in crate::access) fn of_kind<P>(by: &By<P>, kind: AccountKind) -> Select<table::Entity> {
    table::Entity::find().filter(table::Column::Kind.eq(kind)).filter(looked_after(by.caller.user, &by.reach))
}

/// One user, whoever asks: for what the service itself needs to know.
pub(crate) async fn find(id: UserId, db: &impl ConnectionTrait) -> Result<User> {
    table::Entity::find_by_id(id).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// One account of a kind that the caller looks after.
pub(crate) async fn seen<P>(by: &By<P>, kind: AccountKind, id: UserId, db: &impl ConnectionTrait) -> Result<table::Model> {
    of_kind(by, kind).filter(table::Column::Id.eq(id)).one(db).await?.ok_or_else(Problem::not_found)
}

/// One account that the caller may change: all that it has been granted lies within the caller's reach, so nobody takes an
/// account that others rely on.
pub(crate) async fn mine<P>(by: &By<P>, kind: AccountKind, id: UserId, w: &Write<'_>) -> Result<table::Model> {
    let row = seen(by, kind, id, &w.tx).await?;
    may_change(&by.caller, &by.reach, id, &w.tx).await?;
    if row.status == UserStatus::Erased {
        return Err(Problem::conflict(say!(
            "Personen är raderad; kontot finns bara kvar för att historiken ska hänga ihop.",
            "The person was erased; the account remains only so that the history holds together."
        )));
    }
    Ok(row)
}

/// Checks that the caller could have given all that an account has been granted, so that nobody takes an account that may do
/// more than they may.
pub(crate) async fn may_change(caller: &Caller, reach: &Reach, id: UserId, db: &impl ConnectionTrait) -> Result<()> {
    for grant in grants::of_user(id, db).await? {
        match grants::may_grant(caller, reach, &grant.fields, db).await {
            Err(problem) if problem.kind == Kind::Forbidden => {
                return Err(reach.missing().detail(say!(
                    "Kontot har också behörigheter utöver dina egna. Be den som driver tjänsten om hjälp.",
                    "The account also holds grants beyond your own. Ask who runs the service."
                )));
            }
            checked => checked?,
        }
    }
    Ok(())
}

/// The account's row.
pub(crate) async fn row(id: UserId, db: &impl ConnectionTrait) -> Result<table::Model> {
    table::Entity::find_by_id(id).one(db).await?.ok_or_else(Problem::not_found)
}

/// The account's row, which nobody changes until the transaction has ended.
pub(crate) async fn locked(id: UserId, w: &Write<'_>) -> Result<table::Model> {
    table::Entity::find_by_id(id).lock_exclusive().one(&w.tx).await?.ok_or_else(Problem::not_found)
}

/// The person who signs in with an address.
pub(crate) async fn by_email(email: &str, db: &impl ConnectionTrait) -> Result<Option<table::Model>> {
    let select = table::Entity::find().filter(table::Column::EmailFold.eq(fold(email))).filter(table::Column::Kind.eq(AccountKind::Person));
    Ok(select.one(db).await?)
}

/// An address as it is compared.
#[must_use]
pub(crate) fn fold(email: &str) -> String {
    text::composed(email.trim()).to_lowercase()
}

/// Registers a user.
///
/// # Errors
/// When the address is taken.
pub async fn insert(new: &NewUser, password_hash: Option<String>, w: &Write<'_>) -> Result<User> {
    free(&new.email, w).await?;
    let status = if password_hash.is_some() { UserStatus::Active } else { UserStatus::Invited };
    let row = table::Model {
        id: w.new_id(),
        version: 1,
        created_at: w.now,
        updated_at: w.now,
        email: new.email.trim().to_owned(),
        email_fold: fold(&new.email),
        name: new.name.trim().to_owned(),
        password_hash,
        status,
        kind: AccountKind::Person,
        language: new.language.unwrap_or_default(),
        registrar_id: w.call.user,
        factor_secret: None,
        factor_pending: None,
        factor_step: None,
    };
    add(row, w).await.map(view)
}

/// Adds an account.
pub(crate) async fn add(row: table::Model, w: &Write<'_>) -> Result<table::Model> {
    table::Entity::insert(row.clone().into_active_model()).exec_without_returning(&w.tx).await?;
    record(&row, w);
    Ok(row)
}

/// Checks that nobody signs in with an address.
pub(crate) async fn free(email: &str, w: &Write<'_>) -> Result<()> {
    match by_email(email, &w.tx).await? {
        None => Ok(()),
        Some(taken) => {
            Err(Problem::conflict(say!("E-postadressen används redan av en användare.", "The e-mail address is used by a user already."))
                .with(format!("/users/{}", taken.id)))
        }
    }
}

/// Stores a changed account as its next version.
pub(crate) async fn update(mut row: table::Model, w: &Write<'_>) -> Result<table::Model> {
    let from = row.version;
    row.version += 1;
    row.updated_at = w.now;
    let change = row.clone().into_active_model().reset_all();
    w.replace::<table::Entity>(change, table::Column::Id.eq(row.id), table::Column::Version, from).await?;
    w.access_changed();
    record(&row, w);
    Ok(row)
}

fn record(row: &table::Model, w: &Write<'_>) {
    w.record(Change::new(
        if row.kind == AccountKind::Person { "user" } else { "service_account" },
        row.id.uuid(),
        ChangeOperation::Upsert,
        row.version,
        crate::access::Visibility::Actor.of(None, None),
    ));
}

/// Puts a password in place of another. It is no change that anybody sees.
pub(crate) async fn keep_hash(id: UserId, old: &str, hash: &str, db: &Db) -> Result<()> {
    table::Entity::update_many()
        .col_expr(table::Column::PasswordHash, Expr::val(hash))
        .filter(table::Column::Id.eq(id))
        .filter(table::Column::PasswordHash.eq(old))
        .exec(db.writer())
        .await?;
    Ok(())
}

/// Shuts an account, or opens it again; what is signed in with it ends at once.
pub(crate) async fn set_status(mut row: table::Model, status: UserStatus, w: &Write<'_>) -> Result<table::Model> {
    if row.status == status {
        return Ok(row);
    }
    row.status = status;
    let row = update(row, w).await?;
    if status == UserStatus::Disabled {
        sessions::end_all(row.id, None, w).await?;
        if grants::is_admin(row.id, w).await? {
            keeps_an_admin(w).await?;
        }
    }
    Ok(row)
}

/// Refuses what would leave the installation without anybody to run it. Called when the change has been made.
///
/// # Errors
/// When nobody would remain.
pub async fn keeps_an_admin(w: &Write<'_>) -> Result<()> {
    // Two admins who remove each other at the same time wait for one another here.
    w.tx.execute_unprepared("UPDATE access_epoch SET epoch = epoch + 1").await?;
    let today = w.now.date_naive();
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

/// Words that a user's password must not be made of: the names of whom it is for.
pub(crate) async fn own_words(row: &table::Model, db: &impl ConnectionTrait) -> Result<Vec<String>> {
    let mut words = vec![row.name.clone(), row.email.clone()];
    let actors = Query::select()
        .column(("actor", "name"))
        .from("actor")
        .inner_join("access_grant", Expr::col(("access_grant", "scope_id")).equals(("actor", "id")))
        .and_where(Expr::col(("access_grant", "user_id")).eq(row.id.uuid()))
        .take();
    for actor in db.query_all(&actors).await? {
        words.push(actor.try_get("", "name")?);
    }
    Ok(words)
}
