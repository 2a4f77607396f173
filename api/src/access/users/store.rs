use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, entity::prelude::*};

use super::{NewUser, User, UserId, UserStatus, table};
use crate::kernel::{
    Db, Page, Paging, Problem, Result, Write,
    events::{Change, ChangeOperation},
    page::Key,
    request::Call,
    say, text,
};

fn view(row: table::Model) -> User {
    User {
        id: row.id,
        version: row.version,
        email: row.email,
        name: row.name,
        status: row.status,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// A page of users.
pub(super) async fn list(paging: &Paging, call: &Call, db: &Db) -> Result<Page<User>> {
    let keys = vec![Key::column(table::Column::Id, |row: &table::Model| row.id.into())];
    Ok(paging.fetch(table::Entity::find(), keys, call, db).await?.map(view))
}

/// One user.
pub(crate) async fn find(id: UserId, db: &impl ConnectionTrait) -> Result<User> {
    table::Entity::find_by_id(id).one(db).await?.map(view).ok_or_else(Problem::not_found)
}

/// The user who signs in with an address, with the stored form of the password.
pub(crate) async fn by_email(email: &str, db: &impl ConnectionTrait) -> Result<Option<(UserId, UserStatus, Option<String>)>> {
    let row = table::Entity::find().filter(table::Column::EmailFold.eq(fold(email))).one(db).await?;
    Ok(row.map(|row| (row.id, row.status, row.password_hash)))
}

fn fold(email: &str) -> String {
    text::composed(email.trim()).to_lowercase()
}

/// Registers a user.
///
/// # Errors
/// When the address is taken.
pub async fn insert(new: &NewUser, password_hash: Option<String>, w: &Write<'_>) -> Result<User> {
    if let Some((taken, ..)) = by_email(&new.email, &w.tx).await? {
        return Err(Problem::conflict(say!(
            "E-postadressen används redan av en användare.",
            "The e-mail address is used by a user already."
        ))
        .with(format!("/users/{taken}")));
    }
    let row = table::ActiveModel {
        id: Set(w.new_id()),
        version: Set(1),
        created_at: Set(w.now),
        updated_at: Set(w.now),
        email: Set(new.email.trim().to_owned()),
        email_fold: Set(fold(&new.email)),
        name: Set(new.name.trim().to_owned()),
        password_hash: Set(password_hash),
        status: Set(UserStatus::Active),
    };
    let row = row.insert(&w.tx).await?;
    w.record(Change {
        kind: "user",
        id: row.id.uuid(),
        op: ChangeOperation::Upsert,
        version: 1,
        visible: crate::access::Visibility::Actor.of(None, None),
    });
    Ok(view(row))
}
