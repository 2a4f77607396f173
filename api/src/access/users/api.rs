use actix_web::{get, patch, post, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{AccountKind, MailLanguage, UserId, UserStatus, store};
use crate::{
    access::{
        Access, By,
        account::factors,
        letters::{Letters, Purpose},
        passwords,
        policy::{Permission, needs},
    },
    kernel::{
        At, Db, Listed, Page, Paging, Patch, Problem, Query, Reply, Result, Valid,
        extract::{blank_is_none, trimmed},
        reply::Nothing,
        say,
    },
};

/// A user to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewUser {
    /// The address that the user signs in with.
    #[schema(format = Email, max_length = 254)]
    #[serde(deserialize_with = "trimmed")]
    pub email: String,
    /// The user's name, as others see it.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    #[serde(deserialize_with = "trimmed")]
    pub name: String,
    /// The language of mail to the user; Swedish unless told.
    pub language: Option<MailLanguage>,
    /// The first password, at least 12 characters; without one the user is invited by mail to choose it.
    #[schema(max_length = 1024)]
    #[serde(default, deserialize_with = "blank_is_none", skip_serializing_if = "Option::is_none")]
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
    /// The language of mail to the user.
    pub language: MailLanguage,
    pub status: UserStatus,
    /// Whether the user signs in in two steps.
    pub has_second_factor: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// List users
///
/// The users that the caller looks after, in the order of their registration: an admin sees all, others those with a grant
/// within their reach and those that they registered themselves and nobody has granted anything.
#[utoipa::path(tag = "users", operation_id = "listUsers", params(Paging),
    responses((status = 200, description = "A page of users", body = Page<User>)), extensions(("x-permission" = json!("users.read"))))]
#[get("/users")]
async fn list(by: By<needs::ReadUsers>, Query(paging): Query<Paging>, db: Data<Db>) -> Result<Listed<User>> {
    Listed::of(by, paging, async move |by, paging| store::list(by, paging, &db).await).await
}

/// Register a user
///
/// Without a password the user gets a mail with a link to choose one. The user can do nothing until something is granted
/// (`POST /grants`).
#[utoipa::path(tag = "users", operation_id = "createUser", request_body = NewUser,
    responses((status = 201, description = "The user as registered", body = User)), extensions(("x-permission" = json!("users.write"))))]
#[post("/users")]
async fn create(
    by: By<needs::WriteUsers>,
    new: Valid<NewUser>,
    access: Data<Access>,
    letters: Data<Letters>,
    db: Data<Db>,
) -> Result<Reply<User>> {
    let hash = match &new.0.password {
        Some(password) => {
            passwords::check(password, "/password", &[&new.0.email, &new.0.name])?;
            Some(passwords::hash(password.clone(), &access.hashing).await?)
        }
        None => None,
    };
    let reply = db
        .write(&by, async |w| {
            let inserted = store::insert(&new.0, hash.clone(), w).await;
            // Who has an account is not told to who may not see it.
            let user = inserted.map_err(|taken| if by.caller.sight.all { taken } else { Problem { conflicts_with: None, ..taken } })?;
            if user.status == UserStatus::Invited {
                Letters::write(Purpose::Invitation, Some(user.id), None, w).await?;
            }
            Reply::created("/users", user.id, user.version, &user)
        })
        .await?;
    letters.post();
    Ok(reply)
}

/// Show a user
///
/// One user that the caller looks after.
#[utoipa::path(tag = "users", operation_id = "getUser",
    responses((status = 200, description = "The user", body = User)), extensions(("x-permission" = json!("users.read"))))]
#[get("/users/{userId}")]
async fn show(by: By<needs::ReadUsers>, At(id): At<UserId>, db: Data<Db>) -> Result<Reply<User>> {
    let user = store::view(store::seen(&by, AccountKind::Person, id, db.reader()).await?);
    let call = by
        .allowing(async |permission, reach| match permission {
            Permission::WriteUsers => store::may_change(&by.caller, reach, id, db.reader()).await,
            _ => reach.require(&[], None, None),
        })
        .await?;
    Reply::shown(&call, user.version, &user)
}

/// Change a user
///
/// Name and language by whoever looks after the user and all that it has been granted; the address by an admin alone, since
/// whoever reads its mail can choose a new password. The password is the user's own.
#[utoipa::path(tag = "users", operation_id = "updateUser", request_body = Patch<NewUser>,
    responses((status = 200, description = "The user as it has become", body = User)), extensions(("x-permission" = json!("users.write"))))]
#[patch("/users/{userId}")]
async fn change(by: By<needs::WriteUsers>, At(id): At<UserId>, patch: Patch<NewUser>, db: Data<Db>) -> Result<Reply<User>> {
    db.write(&by, async |w| {
        let mut row = store::mine(&by, AccountKind::Person, id, w).await?;
        by.expects(row.version)?;
        let present = NewUser { email: row.email.clone(), name: row.name.clone(), language: Some(row.language), password: None };
        if let Some(changed) = patch.apply(&present)? {
            own_alone(changed.password.is_some(), "/password")?;
            if changed.email != present.email {
                // Whoever reads the new address's mail has the account.
                own_alone(!by.caller.sight.all || by.caller.narrowed.is_some(), "/email")?;
                if store::fold(&changed.email) != row.email_fold {
                    store::free(&changed.email, w).await?;
                }
                row.email_fold = store::fold(&changed.email);
                row.email = changed.email;
            }
            row.name = changed.name;
            row.language = changed.language.unwrap_or_default();
            row = store::update(row, w).await?;
        }
        Reply::changed(row.version, &store::view(row))
    })
    .await
}

/// What only the user may change.
pub(in crate::access) fn own_alone(given: bool, pointer: &str) -> Result<()> {
    if !given {
        return Ok(());
    }
    Err(Problem::fault(
        pointer,
        "not-here",
        say!(
            "Uppgiften ändras bara av användaren själv: lösenordet med POST /me/password, adressen med POST /me/email.",
            "Only the user changes this: the password by POST /me/password, the address by POST /me/email."
        ),
    ))
}

/// Send the invitation again
///
/// A new link by mail; the old one stops working.
#[utoipa::path(tag = "users", operation_id = "inviteUser",
    responses((status = 202, description = "The mail is on its way")), extensions(("x-permission" = json!("users.write"))))]
#[post("/users/{userId}/invitations")]
async fn invite(by: By<needs::WriteUsers>, At(id): At<UserId>, letters: Data<Letters>, db: Data<Db>) -> Result<Reply<Nothing>> {
    let reply = db
        .write(&by, async |w| {
            let row = store::mine(&by, AccountKind::Person, id, w).await?;
            if row.status != UserStatus::Invited {
                return Err(Problem::conflict(say!(
                    "Användaren har redan valt lösenord. Den som har glömt det begär ett nytt med POST /password-resets.",
                    "The user has chosen a password already. Who has forgotten it asks for a new one by POST /password-resets."
                )));
            }
            Letters::write(Purpose::Invitation, Some(row.id), None, w).await?;
            Ok(Reply::accepted())
        })
        .await?;
    letters.post();
    Ok(reply)
}

/// Shut a user's account
///
/// Ends all that is signed in with it, at once and on every instance. The last admin cannot be shut out.
#[utoipa::path(tag = "users", operation_id = "deactivateUser",
    responses((status = 200, description = "The user as it has become", body = User)), extensions(("x-permission" = json!("users.write"))))]
#[post("/users/{userId}/deactivate")]
async fn deactivate(by: By<needs::WriteUsers>, At(id): At<UserId>, db: Data<Db>) -> Result<Reply<User>> {
    db.write(&by, async |w| {
        let row = store::mine(&by, AccountKind::Person, id, w).await?;
        let row = store::set_status(row, UserStatus::Disabled, w).await?;
        Reply::changed(row.version, &store::view(row))
    })
    .await
}

/// Open a user's account again
///
/// The user signs in as before; one who never chose a password is invited anew with `POST /users/{userId}/invitations`.
#[utoipa::path(tag = "users", operation_id = "activateUser",
    responses((status = 200, description = "The user as it has become", body = User)), extensions(("x-permission" = json!("users.write"))))]
#[post("/users/{userId}/activate")]
async fn activate(by: By<needs::WriteUsers>, At(id): At<UserId>, db: Data<Db>) -> Result<Reply<User>> {
    db.write(&by, async |w| {
        let row = store::mine(&by, AccountKind::Person, id, w).await?;
        let row = if row.status == UserStatus::Disabled {
            let opened = if row.password_hash.is_some() { UserStatus::Active } else { UserStatus::Invited };
            store::set_status(row, opened, w).await?
        } else {
            row
        };
        Reply::changed(row.version, &store::view(row))
    })
    .await
}

/// Turn off a user's second step
///
/// For who has lost both the app and the recovery codes. The user signs in with the password alone until a new second step is
/// set up; roles that demand one do not count meanwhile.
#[utoipa::path(tag = "users", operation_id = "removeUserSecondFactor",
    responses((status = 200, description = "The user as it has become", body = User)), extensions(("x-permission" = json!("users.write"))))]
#[post("/users/{userId}/second-factor/remove")]
async fn remove_factor(by: By<needs::WriteUsers>, At(id): At<UserId>, db: Data<Db>) -> Result<Reply<User>> {
    db.write(&by, async |w| {
        by.caller.is_whole(&by.reach)?;
        let row = store::mine(&by, AccountKind::Person, id, w).await?;
        let row = factors::remove(row, None, w).await?;
        Reply::changed(row.version, &store::view(row))
    })
    .await
}

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(list)
        .service(create)
        .service(show)
        .service(change)
        .service(invite)
        .service(deactivate)
        .service(activate)
        .service(remove_factor);
}
