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
/// The users that the caller looks after, in the order of their registration: an admin sees all, others those who came in under
/// what they look after, those with a grant there, and those that they invited and nobody has granted anything.
#[utoipa::path(tag = "users", operation_id = "listUsers", params(Paging),
    responses((status = 200, description = "A page of users", body = Page<User>)))]
#[get("/users")]
async fn list(by: By<needs::ReadUsers>, Query(paging): Query<Paging>, db: Data<Db>) -> Result<Listed<User>> {
    Listed::of(by, paging, async move |by, paging| store::list(by, paging, &db).await).await
}

/// Register a user
///
/// Invites somebody by mail. The account is nobody's until the link of the letter is followed: then a password is chosen, and
/// what was granted meanwhile (`POST /grants`) counts. Somebody who has an account with the address already accepts with that
/// instead, and the answer here is the same. An address that one of the caller's own people has is refused (409).
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
        faults.push(not_here("/password"));
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let reply = db
        .write(&by, async |w| {
            if let Some(known) = store::known_to(&by, &new.0.email, w).await? {
                return Err(store::taken(known));
            }
            limits.letter(&by, &new.0.email, w).await?;
            let user = store::insert(&NewUser { password: None, ..new.0.clone() }, None, w).await?;
            Letters::write(Purpose::Invitation, Some(user.id), None, w).await?;
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
    responses((status = 200, description = "The user", body = User)))]
#[get("/users/{userId}")]
async fn show(by: By<needs::ReadUsers>, At(id): At<UserId>, db: Data<Db>) -> Result<Reply<User>> {
    let user = store::view(store::seen(&by, AccountKind::Person, id, db.reader()).await?);
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
/// Name and language by whoever looks after the user where it came in; the address by an admin alone, since whoever reads its
/// mail can choose a new password. The password is the user's own.
#[utoipa::path(tag = "users", operation_id = "updateUser", request_body = Patch<NewUser>,
    responses((status = 200, description = "The user as it has become", body = User)))]
#[patch("/users/{userId}")]
async fn change(by: By<needs::WriteUsers>, At(id): At<UserId>, patch: Patch<NewUser>, db: Data<Db>) -> Result<Reply<User>> {
    db.write(&by, async |w| {
        let mut row = store::mine(&by, AccountKind::Person, id, w).await?;
        by.expects(row.version)?;
        let present = NewUser { email: row.email.clone(), name: row.name.clone(), language: Some(row.language), password: None };
        if let Some(changed) = patch.apply(id, &present)? {
            own_alone(changed.password.is_some(), "/password")?;
            if changed.email != present.email {
                // Whoever reads the new address's mail has the account.
                own_alone(!by.caller.sight.all || by.caller.narrowed.is_some(), "/email")?;
                let address = lookup::fold(&changed.email);
                if store::is_opened(&row) {
                    if address != row.email_fold {
                        store::free(&changed.email, w).await?;
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

/// What only the user may change.
pub(crate) fn own_alone(given: bool, pointer: &str) -> Result<()> {
    if !given {
        return Ok(());
    }
    Err(Problem::invalid(vec![not_here(pointer)]))
}

fn not_here(pointer: &str) -> Fault {
    Fault::at(
        pointer,
        "not-here",
        say!(
            "Uppgiften väljs och ändras bara av användaren själv: lösenordet med länken i brevet eller POST /me/password, adressen med POST /me/email.",
            "Only the user chooses and changes this: the password by the link of the letter or POST /me/password, the address by POST /me/email."
        ),
    )
}

/// Checks a name that is changed: it goes into letters.
pub(crate) fn check_name(name: &str, before: &str) -> Result<()> {
    match name_fault("/name", name).filter(|_| name != before) {
        Some(fault) => Err(Problem::invalid(vec![fault])),
        None => Ok(()),
    }
}

/// Send the invitation again
///
/// A new link by mail; the old one stops working.
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
            let row = store::mine(&by, AccountKind::Person, id, w).await?;
            if row.status != UserStatus::Invited {
                return Err(Problem::conflict(say!(
                    "Användaren har redan valt lösenord. Den som har glömt det begär ett nytt med POST /password-resets.",
                    "The user has chosen a password already. Who has forgotten it asks for a new one by POST /password-resets."
                )));
            }
            limits.letter(&by, &row.email, w).await?;
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
    responses((status = 200, description = "The user as it has become", body = User)))]
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
/// The user signs in as before; one who has not opened the account is invited anew with `POST /users/{userId}/invitations`.
#[utoipa::path(tag = "users", operation_id = "activateUser",
    responses((status = 200, description = "The user as it has become", body = User)))]
#[post("/users/{userId}/activate")]
async fn activate(by: By<needs::WriteUsers>, At(id): At<UserId>, db: Data<Db>) -> Result<Reply<User>> {
    db.write(&by, async |w| {
        let row = store::mine(&by, AccountKind::Person, id, w).await?;
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

/// Turn off a user's second step
///
/// For who has lost both the app and the recovery codes. The user signs in with the password alone until a new second step is
/// set up; roles that demand one do not count meanwhile. Where the user holds grants with others too, only who runs the service
/// turns it off (409).
#[utoipa::path(tag = "users", operation_id = "removeUserSecondFactor",
    responses((status = 200, description = "The user as it has become", body = User)))]
#[post("/users/{userId}/second-factor/remove")]
async fn remove_factor(by: By<needs::WriteUsers>, At(id): At<UserId>, db: Data<Db>) -> Result<Reply<User>> {
    db.write(&by, async |w| {
        by.caller.is_whole(&by.reach)?;
        let row = store::mine(&by, AccountKind::Person, id, w).await?;
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
