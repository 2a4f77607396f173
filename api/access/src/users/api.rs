use actix_web::{get, patch, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{lookup, name::name_fault, store, types::*};
use crate::{
    By, Limits,
    account::factors,
    kernel::{At, Db, Fault, Listed, Page, Paging, Patch, Problem, Query, Reply, Result, Valid, reply::Nothing, say},
    letters::{Letters, Purpose},
    policy::{Permission, needs},
};

/// List users
///
/// Returns the users that the caller may see, in the order of their registration. An administrator of the installation
/// sees all users. Others see the users whose home is within their reach, the users who hold a grant there, and the users
/// whom they have invited and who have no grant yet.
#[utoipa::path(tag = "users", operation_id = "listUsers", params(Paging),
    responses((status = 200, description = "A page of users", body = Page<User>)))]
#[get("/users")]
async fn list(by: By<needs::ReadUsers>, Query(paging): Query<Paging>, db: Data<Db>) -> Result<Listed<User>> {
    Listed::from_pages(by, paging, async move |by, paging| store::list(by, paging, &db).await).await
}

/// Register a user
///
/// Invites a person by mail. The account belongs to nobody until the link in the letter is followed. The person then
/// chooses a password, and the grants that were given meanwhile (`POST /grants`) take effect. A person who already has an
/// account with the address accepts with that account instead; the response here is the same. An address that belongs to
/// one of the caller's own users is refused (409).
#[utoipa::path(tag = "users", operation_id = "createUser", request_body = NewUser,
    responses((status = 201, description = "The user as registered", body = User)))]
#[post("/users")]
async fn create(
    by: By<needs::WriteUsers>,
    new: Valid<NewUser>,
    limits: Data<Limits>,
    letters: Data<Letters>,
    db: Data<Db>,
) -> Result<Reply<User>> {
    let mut faults: Vec<_> = name_fault("/name", &new.0.name).into_iter().collect();
    if new.0.password.is_some() {
        faults.push(not_changeable_here("/password"));
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let reply = db
        .write(&by, async |w| {
            if let Some(known) = store::find_by_address(&by, &new.0.email, w).await? {
                return Err(store::address_taken(known));
            }
            limits.count_letter(&by, &new.0.email, w).await?;
            let user = store::insert(&NewUser { password: None, ..new.0.clone() }, None, w).await?;
            Letters::enqueue(Purpose::Invitation, Some(user.id), None, w).await?;
            Reply::created("/users", user.id, user.version, &user)
        })
        .await?;
    letters.wake();
    Ok(reply)
}

/// Show a user
///
/// Returns one of the users that `GET /users` lists.
#[utoipa::path(tag = "users", operation_id = "getUser",
    responses((status = 200, description = "The user", body = User)))]
#[get("/users/{userId}")]
async fn show(by: By<needs::ReadUsers>, At(id): At<UserId>, db: Data<Db>) -> Result<Reply<User>> {
    let user = store::view(store::find_visible(&by, AccountKind::Person, id, db.reader()).await?);
    let call = by
        .allowing(async |permission, reach| match permission {
            Permission::WriteUsers => store::may_change(&by.caller, reach, AccountKind::Person, id, db.reader()).await,
            _ => reach.require(&[], None, None),
        })
        .await?;
    Reply::shown(&call, user.version, &user)
}

/// Change a user
///
/// Name and language can be changed by those who manage the user's home. The address can be changed only by an
/// administrator of the installation, because whoever reads its mail can choose a new password. The password can be
/// changed only by the user.
#[utoipa::path(tag = "users", operation_id = "updateUser", request_body = Patch<NewUser>,
    responses((status = 200, description = "The changed user", body = User)))]
#[patch("/users/{userId}")]
async fn change(by: By<needs::WriteUsers>, At(id): At<UserId>, patch: Patch<NewUser>, db: Data<Db>) -> Result<Reply<User>> {
    db.write(&by, async |w| {
        let mut row = store::find_changeable(&by, AccountKind::Person, id, w).await?;
        by.expects(row.version)?;
        let present = NewUser { email: row.email.clone(), name: row.name.clone(), language: Some(row.language), password: None };
        if let Some(changed) = patch.apply(id, &present)? {
            require_own_change(changed.password.is_some(), "/password")?;
            if changed.email != present.email {
                // Whoever reads mail at the new address can take over the account.
                require_own_change(!by.caller.sight.all || by.caller.narrowed.is_some(), "/email")?;
                let address = lookup::fold(&changed.email);
                if store::is_opened(&row) {
                    if address != row.email_fold {
                        store::require_free_address(&changed.email, w).await?;
                    }
                    row.email_fold = address;
                } else {
                    row.claimed_fold = Some(address);
                }
                row.email = changed.email;
            }
            check_name(&changed.name, &present.name)?;
            row.name = changed.name;
            row.language = changed.language.unwrap_or_default();
            row = store::update(row, w).await?;
        }
        Reply::changed(row.version, &store::view(row))
    })
    .await
}

/// Refuses a member that only the user may change, when it is given.
pub(crate) fn require_own_change(given: bool, pointer: &str) -> Result<()> {
    if !given {
        return Ok(());
    }
    Err(Problem::invalid(vec![not_changeable_here(pointer)]))
}

fn not_changeable_here(pointer: &str) -> Fault {
    Fault::at_pointer(
        pointer,
        "not-here",
        say!(
            "Uppgiften väljs och ändras bara av användaren själv: lösenordet med länken i brevet eller POST /me/password, adressen med POST /me/email.",
            "Only the user chooses and changes this: the password by the link of the letter or POST /me/password, the address by POST /me/email."
        ),
    )
}

/// Checks a changed name. Names are used in letters, so they must not contain an address.
pub(crate) fn check_name(name: &str, before: &str) -> Result<()> {
    match name_fault("/name", name).filter(|_| name != before) {
        Some(fault) => Err(Problem::invalid(vec![fault])),
        None => Ok(()),
    }
}

/// Send the invitation again
///
/// Sends a new link by mail. The old link stops working.
#[utoipa::path(tag = "users", operation_id = "inviteUser",
    responses((status = 202, description = "The mail is on its way")))]
#[post("/users/{userId}/invitations")]
async fn invite(
    by: By<needs::WriteUsers>,
    At(id): At<UserId>,
    limits: Data<Limits>,
    letters: Data<Letters>,
    db: Data<Db>,
) -> Result<Reply<Nothing>> {
    let reply = db
        .write(&by, async |w| {
            let row = store::find_changeable(&by, AccountKind::Person, id, w).await?;
            if row.status != UserStatus::Invited {
                return Err(Problem::conflict(say!(
                    "Användaren har redan valt lösenord. Den som har glömt det begär ett nytt med POST /password-resets.",
                    "The user has chosen a password already. Who has forgotten it asks for a new one by POST /password-resets."
                )));
            }
            limits.count_letter(&by, &row.email, w).await?;
            Letters::enqueue(Purpose::Invitation, Some(row.id), None, w).await?;
            Ok(Reply::accepted())
        })
        .await?;
    letters.wake();
    Ok(reply)
}

/// Close a user's account
///
/// Ends all sessions of the account, at once and on every instance. The account of the last administrator of the
/// installation cannot be closed.
#[utoipa::path(tag = "users", operation_id = "deactivateUser",
    responses((status = 200, description = "The changed user", body = User)))]
#[post("/users/{userId}/deactivate")]
async fn deactivate(by: By<needs::WriteUsers>, At(id): At<UserId>, db: Data<Db>) -> Result<Reply<User>> {
    db.write(&by, async |w| {
        let row = store::find_changeable(&by, AccountKind::Person, id, w).await?;
        let row = store::set_status(row, UserStatus::Disabled, w).await?;
        Reply::changed(row.version, &store::view(row))
    })
    .await
}

/// Reopen a user's account
///
/// The user can sign in as before. A user who has never opened the account must be invited again with `POST
/// /users/{userId}/invitations`.
#[utoipa::path(tag = "users", operation_id = "activateUser",
    responses((status = 200, description = "The changed user", body = User)))]
#[post("/users/{userId}/activate")]
async fn activate(by: By<needs::WriteUsers>, At(id): At<UserId>, db: Data<Db>) -> Result<Reply<User>> {
    db.write(&by, async |w| {
        let row = store::find_changeable(&by, AccountKind::Person, id, w).await?;
        let row = if row.status == UserStatus::Disabled {
            let opened = if store::is_opened(&row) { UserStatus::Active } else { UserStatus::Invited };
            store::set_status(row, opened, w).await?
        } else {
            row
        };
        Reply::changed(row.version, &store::view(row))
    })
    .await
}

/// Turn off a user's second factor
///
/// For a user who has lost both the app and the recovery codes. The user signs in with the password alone until a new
/// second factor is set up; meanwhile, roles that require one do not count. If the user also holds grants outside the
/// caller's reach, only an administrator of the installation can do this (409).
#[utoipa::path(tag = "users", operation_id = "removeUserSecondFactor",
    responses((status = 200, description = "The changed user", body = User)))]
#[post("/users/{userId}/second-factor/remove")]
async fn remove_factor(by: By<needs::WriteUsers>, At(id): At<UserId>, db: Data<Db>) -> Result<Reply<User>> {
    db.write(&by, async |w| {
        by.caller.is_whole(&by.reach)?;
        let row = store::find_changeable(&by, AccountKind::Person, id, w).await?;
        store::holds_nothing_elsewhere(&by.reach, id, w).await?;
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
