//! Choosing a password: by the link of an invitation, by the link of a reset, or with the present password.

use actix_web::{post, web::Data};
use sea_orm::ConnectionTrait;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::secrets::{self, SecretPurpose};
use crate::{
    Access, By, Limits,
    kernel::{Db, Problem, Reply, Result, Valid, Write, extract::blank_is_none, problem::Kind, reply::Nothing, request::Call, say},
    letters::{Letters, Purpose},
    limits::Guarded,
    passwords, personal_tokens,
    policy::needs,
    sessions::ending,
    users::{UserStatus, lookup, store as users, table as user_table},
};

/// A password chosen by means of a link.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChosenPassword {
    /// The secret of the link in the mail.
    #[schema(min_length = 1, max_length = 200)]
    pub token: String,
    /// The new password: at least 12 characters, and hard to guess.
    #[schema(max_length = 1024)]
    pub password: String,
}

/// The opening of an account, or the acceptance of an invitation, by means of a link.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountActivation {
    /// The secret of the link in the mail.
    #[schema(min_length = 1, max_length = 200)]
    pub token: String,
    /// The password: at least 12 characters, and hard to guess. Leave it out when you already have an account with
    /// the address.
    #[schema(max_length = 1024)]
    #[serde(default, deserialize_with = "blank_is_none")]
    pub password: Option<String>,
}

/// The account whose password is to be reset.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordReset {
    #[schema(format = Email, max_length = 254)]
    pub email: String,
}

/// A change of your own password.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordChange {
    #[schema(max_length = 1024)]
    pub current_password: String,
    /// The new password: at least 12 characters, and hard to guess.
    #[schema(max_length = 1024)]
    pub new_password: String,
}

/// Open your account, or accept an invitation
///
/// Takes the secret of the link in the mail, which proves that you read mail at the address. A new account gets its
/// password and is open from then on. A person who already has an account with the address leaves the password out. That
/// account then gets the grants of the invitation, and the user who sent the invitation sees the account from then on.
#[utoipa::path(tag = "account", operation_id = "activateAccount", request_body = AccountActivation,
    responses((status = 204, description = "The account is open, or the invitation accepted")))]
#[post("/account-activations")]
async fn activate(
    by: By<needs::StartSession>,
    chosen: Valid<AccountActivation>,
    access: Data<Access>,
    db: Data<Db>,
) -> Result<Reply<Nothing>> {
    let hash = match &chosen.0.password {
        Some(password) => {
            passwords::check(password, "/password", &[])?;
            Some(passwords::hash(password.clone(), &access.hashing).await?)
        }
        None => None,
    };
    db.transaction(&by, async |w| {
        let (user, _) = secrets::spend(SecretPurpose::Invitation, &chosen.0.token, w).await?;
        open_or_accept(user, chosen.0.password.as_deref().zip(hash.clone()), w).await
    })
    .await?;
    Ok(Reply::no_content())
}

/// Opens a new account with the chosen password, or moves the prepared grants to the account that already has the
/// address.
async fn open_or_accept(user: user_table::Model, chosen: Option<(&str, String)>, w: &Write<'_>) -> Result<()> {
    if user.status != UserStatus::Invited {
        return Err(Problem::new(Kind::Conflict).detail(say!("Kontot är avstängt.", "The account is shut.")));
    }
    match (lookup::by_email(&user.email, &w.tx).await?, chosen) {
        (Some(holder), None) => users::accept_into(user, &holder, w).await,
        (Some(_), Some(_)) => Err(Problem::fault(
            "/password",
            "not-here",
            say!(
                "Du har redan ett konto med den här e-postadressen. Utelämna lösenordet för att ta emot inbjudan, och logga in som tidigare.",
                "You have an account with this e-mail address already. Leave the password out to accept the invitation, and sign in as before."
            ),
        )),
        (None, Some((password, hash))) => {
            check_against_own_words(password, "/password", &user, &w.tx).await?;
            let user = users::open_account(user, Some(hash), w).await?;
            ending::end_all(user.id, None, w).await
        }
        (None, None) => Err(Problem::fault("/password", "required", say!("Välj ett lösenord.", "Choose a password."))),
    }
}

/// Ask for a new password
///
/// Sends a link to the address if an account uses it. The response is the same in both cases.
#[utoipa::path(tag = "account", operation_id = "requestPasswordReset", request_body = PasswordReset,
    responses((status = 202, description = "A mail is on its way if the address is known")))]
#[post("/password-resets")]
async fn request(
    by: By<needs::StartSession>,
    reset: Valid<PasswordReset>,
    limits: Data<Limits>,
    letters: Data<Letters>,
    db: Data<Db>,
) -> Result<Reply<Nothing>> {
    // Every request counts, not only failed ones, so that nobody's mailbox is flooded.
    let _try = limits.admit_try(Guarded::PasswordReset, &reset.0.email, &by.author.address, &db).await?;
    limits.count_failed_try(Guarded::PasswordReset, &reset.0.email, &by.author.address, &db).await?;
    // The account is looked up by the task that sends the letter, so that the response time does not reveal whether
    // it exists.
    let address = lookup::fold(&reset.0.email);
    let reply = db
        .write(&by, async |w| {
            Letters::enqueue(Purpose::PasswordReset, None, Some(address.clone()), w).await?;
            Ok(Reply::accepted())
        })
        .await?;
    letters.wake();
    Ok(reply)
}

/// Choose a new password
///
/// Takes the secret of the link in the mail. All sessions of the account end, and its personal tokens stop working.
#[utoipa::path(tag = "account", operation_id = "resetPassword", request_body = ChosenPassword,
    responses((status = 204, description = "The password is changed")))]
#[post("/password-resets/complete")]
async fn complete(
    by: By<needs::StartSession>,
    chosen: Valid<ChosenPassword>,
    access: Data<Access>,
    letters: Data<Letters>,
    db: Data<Db>,
) -> Result<Reply<Nothing>> {
    let chosen = chosen.0;
    passwords::check(&chosen.password, "/password", &[])?;
    let hash = passwords::hash(chosen.password.clone(), &access.hashing).await?;
    db.transaction(&by, async |w| {
        let (user, _) = secrets::spend(SecretPurpose::PasswordReset, &chosen.token, w).await?;
        check_against_own_words(&chosen.password, "/password", &user, &w.tx).await?;
        if user.status != UserStatus::Active {
            return Err(Problem::new(Kind::Conflict).detail(say!("Kontot är avstängt.", "The account is shut.")));
        }
        let user = users::update(user_table::Model { password_hash: Some(hash.clone()), ..user }, w).await?;
        ending::end_all(user.id, None, w).await?;
        personal_tokens::end_all(user.id, w).await?;
        Letters::enqueue(Purpose::PasswordChanged, Some(user.id), None, w).await
    })
    .await?;
    letters.wake();
    Ok(Reply::no_content())
}

async fn check_against_own_words(password: &str, pointer: &str, user: &user_table::Model, db: &impl ConnectionTrait) -> Result<()> {
    let words = users::own_words(user, db).await?;
    passwords::check(password, pointer, &words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The services that confirming a password needs.
pub(super) struct Guard<'a> {
    pub access: &'a Access,
    pub limits: &'a Limits,
    pub db: &'a Db,
}

/// Checks the caller's present password before a change that matters for security.
///
/// # Errors
/// When the password is wrong or the account has none (422 at `/currentPassword`), or there were too many attempts (429).
pub(super) async fn confirm_password(user: &user_table::Model, password: &str, call: &Call, guard: &Guard<'_>) -> Result<()> {
    let Guard { access, limits, db } = guard;
    let _try = limits.admit_try(Guarded::SignIn, &user.email, &call.author.address, db).await?;
    if passwords::verify(password.to_owned(), user.password_hash.clone(), &access.hashing).await? {
        return Ok(());
    }
    limits.count_failed_try(Guarded::SignIn, &user.email, &call.author.address, db).await?;
    Err(Problem::fault(
        "/currentPassword",
        "wrong",
        say!(
            "Lösenordet stämmer inte. Har du glömt det, eller bara loggat in med din organisation, begär ett nytt med POST /password-resets.",
            "The password is wrong. If you have forgotten it, or have signed in only with your organisation, ask for a new one by POST /password-resets."
        ),
    ))
}

/// Change your own password
///
/// Needs the present password. All other sessions of the account end, and its personal tokens stop working.
#[utoipa::path(tag = "account", operation_id = "changePassword", request_body = PasswordChange,
    responses((status = 204, description = "The password is changed")))]
#[post("/me/password")]
async fn change(
    by: By<needs::WriteAccount>,
    new: Valid<PasswordChange>,
    access: Data<Access>,
    limits: Data<Limits>,
    letters: Data<Letters>,
    db: Data<Db>,
) -> Result<Reply<Nothing>> {
    let user = users::row(by.user_id()?, db.reader()).await?;
    confirm_password(&user, &new.0.current_password, &by, &Guard { access: &access, limits: &limits, db: &db }).await?;
    check_against_own_words(&new.0.new_password, "/newPassword", &user, db.reader()).await?;
    let hash = passwords::hash(new.0.new_password.clone(), &access.hashing).await?;
    db.transaction(&by, async |w: &Write<'_>| {
        let user = user_table::Model { password_hash: Some(hash.clone()), ..users::row(user.id, &w.tx).await? };
        let user = users::update(user, w).await?;
        personal_tokens::end_all(user.id, w).await?;
        ending::end_all(user.id, by.caller.session, w).await?;
        Letters::enqueue(Purpose::PasswordChanged, Some(user.id), None, w).await
    })
    .await?;
    letters.wake();
    Ok(Reply::no_content())
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(activate).service(request).service(complete).service(change);
}
