use actix_web::{get, post, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{UserId, UserStatus, store};
use crate::{
    access::{Access, By, passwords, policy::needs},
    kernel::{At, Db, Page, Paging, Query, Reply, Result, Valid},
};

/// A user to be registered.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewUser {
    /// The address that the user signs in with.
    #[schema(format = Email, max_length = 254)]
    pub email: String,
    /// The user's name, as others see it.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// The first password, at least 12 characters; without one the user cannot sign in yet.
    #[schema(max_length = 1024)]
    pub password: Option<String>,
}

/// Somebody who can sign in (användare).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    pub id: UserId,
    /// Grows by one with each change.
    pub version: i64,
    /// The address that the user signs in with.
    #[schema(format = Email)]
    pub email: String,
    /// The user's name, as others see it.
    pub name: String,
    pub status: UserStatus,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// List users
///
/// All users of the installation, in the order of their registration.
#[utoipa::path(tag = "users", operation_id = "listUsers", params(Paging),
    responses((status = 200, description = "A page of users", body = Page<User>)), extensions(("x-permission" = json!("users.read"))))]
#[get("/users")]
async fn list(by: By<needs::ReadUsers>, Query(paging): Query<Paging>, db: Data<Db>) -> Result<Reply<Page<User>>> {
    Reply::page(&by, &store::list(&paging, &by, &db).await?)
}

/// Register a user
///
/// The user can do nothing until something is granted (`POST /grants`).
#[utoipa::path(tag = "users", operation_id = "createUser", request_body = NewUser,
    responses((status = 201, description = "The user as registered", body = User)), extensions(("x-permission" = json!("users.write"))))]
#[post("/users")]
async fn create(by: By<needs::WriteUsers>, new: Valid<NewUser>, access: Data<Access>, db: Data<Db>) -> Result<Reply<User>> {
    let hash = match &new.0.password {
        Some(password) => {
            passwords::check(password, "/password")?;
            Some(passwords::hash(password.clone(), &access.hashing).await?)
        }
        None => None,
    };
    db.write(&by, async |w| {
        let user = store::insert(&new.0, hash.clone(), w).await?;
        Reply::created("/users", user.id, user.version, &user)
    })
    .await
}

/// Show a user
///
/// One user by its id.
#[utoipa::path(tag = "users", operation_id = "getUser",
    responses((status = 200, description = "The user", body = User)), extensions(("x-permission" = json!("users.read"))))]
#[get("/users/{userId}")]
async fn show(by: By<needs::ReadUsers>, At(id): At<UserId>, db: Data<Db>) -> Result<Reply<User>> {
    let user = store::find(id, db.reader()).await?;
    Reply::shown(&by, user.version, &user)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(show);
}
