use std::collections::HashMap;

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, entity::prelude::*, sea_query::Expr};

use super::{
    ClientAuthMethod,
    table::{self, secret},
    types::{NewServiceAccount, ServiceAccount},
};
use crate::{
    By,
    kernel::{Db, Page, Paging, Problem, Result, Write, hash, page::Key},
    users::{AccountKind, MailLanguage, UserId, UserStatus, store as users, table as user_table},
};

/// The time for which earlier secrets still work after a new one has been made.
const OVERLAP: TimeDelta = TimeDelta::days(1);

/// A service account as an OAuth client.
pub(crate) struct Client {
    pub account: user_table::Model,
    pub auth_method: ClientAuthMethod,
    pub jwks: Json,
    pub scopes: Vec<String>,
}

fn view(account: user_table::Model, client: table::Model) -> ServiceAccount {
    ServiceAccount {
        id: account.id,
        version: account.version,
        fields: NewServiceAccount {
            name: account.name,
            auth_method: client.auth_method,
            jwks: serde_json::from_value(client.jwks).unwrap_or_default(),
            scopes: client.scopes.0,
        },
        status: account.status,
        created_at: account.created_at,
        updated_at: account.updated_at,
    }
}

/// Returns a page of the service accounts that the caller may see.
pub(super) async fn list<P>(by: &By<P>, paging: &Paging, db: &Db) -> Result<Page<ServiceAccount>> {
    let keys = vec![Key::column(user_table::Column::Id, |row: &user_table::Model| row.id.into())];
    let page = paging.fetch(users::select_visible(by, AccountKind::Service), keys, by, db).await?;
    let ids: Vec<_> = page.items.iter().map(|account| account.id).collect();
    let clients = table::Entity::find().filter(table::Column::UserId.is_in(ids)).all(db.reader()).await?;
    let mut clients: HashMap<_, _> = clients.into_iter().map(|client| (client.user_id, client)).collect();
    let empty =
        |id| table::Model { user_id: id, auth_method: ClientAuthMethod::PrivateKeyJwt, jwks: Json::Null, scopes: Vec::new().into() };
    Ok(page.map(|account| {
        let client = clients.remove(&account.id).unwrap_or_else(|| empty(account.id));
        view(account, client)
    }))
}

async fn client_row(id: UserId, db: &impl ConnectionTrait) -> Result<table::Model> {
    table::Entity::find_by_id(id).one(db).await?.ok_or_else(Problem::not_found)
}

/// Returns one service account that the caller may see; 404 otherwise.
pub(super) async fn find<P>(by: &By<P>, id: UserId, db: &impl ConnectionTrait) -> Result<ServiceAccount> {
    let account = users::find_visible(by, AccountKind::Service, id, db).await?;
    Ok(view(account, client_row(id, db).await?))
}

/// Stores a new service account.
pub(super) async fn insert(new: &NewServiceAccount, w: &Write<'_>) -> Result<ServiceAccount> {
    let id: UserId = w.new_id();
    let account = user_table::Model {
        id,
        version: 1,
        created_at: w.now,
        updated_at: w.now,
        // No address: nobody signs in with it, and it gets no mail.
        email: String::new(),
        email_fold: format!("service:{id}"),
        name: new.name.clone(),
        password_hash: None,
        status: UserStatus::Active,
        kind: AccountKind::Service,
        language: MailLanguage::Sv,
        registrar_id: w.call.author.user,
        home_kind: None,
        home_id: None,
        claimed_fold: None,
        joined_to: None,
        factor_secret: None,
        factor_pending: None,
        factor_step: None,
    };
    let account = users::add(account, w).await?;
    let client = new_client_row(id, new)?;
    table::Entity::insert(client.clone().into_active_model()).exec_without_returning(&w.tx).await?;
    Ok(view(account, client))
}

fn new_client_row(id: UserId, new: &NewServiceAccount) -> Result<table::Model> {
    Ok(table::Model {
        user_id: id,
        auth_method: new.auth_method,
        jwks: serde_json::to_value(&new.jwks)?,
        scopes: new.scopes.clone().into(),
    })
}

/// Stores a changed service account. The secrets of an account that changes to `private_key_jwt` are removed.
pub(super) async fn update(account: user_table::Model, new: &NewServiceAccount, w: &Write<'_>) -> Result<ServiceAccount> {
    let account = users::update(user_table::Model { name: new.name.clone(), ..account }, w).await?;
    let client = new_client_row(account.id, new)?;
    table::Entity::update(client.clone().into_active_model().reset_all()).exec(&w.tx).await?;
    if new.auth_method == ClientAuthMethod::PrivateKeyJwt {
        secret::Entity::delete_many().filter(secret::Column::UserId.eq(account.id)).exec(&w.tx).await?;
    }
    Ok(view(account, client))
}

/// Makes a secret and lets the earlier ones expire within a day. Returns the secret in clear text and that time.
pub(super) async fn new_secret(id: UserId, w: &Write<'_>) -> Result<(String, chrono::DateTime<chrono::Utc>)> {
    let ends = w.now + OVERLAP;
    secret::Entity::update_many()
        .col_expr(secret::Column::ExpiresAt, Expr::val(ends))
        .filter(secret::Column::UserId.eq(id))
        .filter(Expr::col(secret::Column::ExpiresAt).is_null().or(Expr::col(secret::Column::ExpiresAt).gt(ends)))
        .exec(&w.tx)
        .await?;
    let value = format!("smsn_cs_{}", hash::secret());
    let row = secret::Model { digest: hash::sha256_hex(value.as_bytes()), user_id: id, created_at: w.now, expires_at: None };
    secret::Entity::insert(row.into_active_model()).exec_without_returning(&w.tx).await?;
    Ok((value, ends))
}

/// Whether a secret belongs to an account and is valid now. It is found by its digest, so no comparison can leak its
/// characters by timing.
pub(crate) async fn has_secret(id: UserId, value: &str, db: &Db) -> Result<bool> {
    let row = secret::Entity::find_by_id(hash::sha256_hex(value.as_bytes())).one(db.reader()).await?;
    Ok(row.is_some_and(|row| row.user_id == id && row.expires_at.is_none_or(|ends| ends > db.clock.now())))
}

/// Returns the service account with an id, if it is open.
pub(crate) async fn client(id: UserId, db: &impl ConnectionTrait) -> Result<Option<Client>> {
    let Some(account) = user_table::Entity::find_by_id(id).one(db).await? else { return Ok(None) };
    if account.status != UserStatus::Active || account.kind != AccountKind::Service {
        return Ok(None);
    }
    let row = client_row(id, db).await?;
    Ok(Some(Client { account, auth_method: row.auth_method, jwks: row.jwks, scopes: row.scopes.0 }))
}
