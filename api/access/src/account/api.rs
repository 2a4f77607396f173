use actix_web::{patch, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    factors,
    passwords::{Guard, confirm_password},
    secrets::{self, SecretPurpose},
    types::*,
};
use crate::{
    Access, By, Limits,
    kernel::{Db, Patch, Problem, Reply, Result, Valid, hash, problem::Kind, reply::Nothing, say},
    letters::{Letters, Purpose},
    limits::Guarded,
    policy::needs,
    sessions::{SignInMethod, ending, store as sessions},
    users::{self, NewUser, User, lookup, store, table as user_table},
};

/// Change your own name or language
///
/// The address is changed by `POST /me/email`, the password by `POST /me/password`.
#[utoipa::path(tag = "account", operation_id = "updateMe", request_body = Patch<NewUser>,
    responses((status = 200, description = "The changed user", body = User)))]
#[patch("/me")]
async fn change(by: By<needs::WriteAccount>, patch: Patch<NewUser>, db: Data<Db>) -> Result<Reply<User>> {
    let id = by.user_id()?;
    db.write(&by, async |w| {
        let mut row = store::row(id, &w.tx).await?;
        by.expects(row.version)?;
        let present = NewUser { email: row.email.clone(), name: row.name.clone(), language: Some(row.language), password: None };
        if let Some(changed) = patch.apply(id, &present)? {
            users::require_own_change(changed.password.is_some(), "/password")?;
            users::require_own_change(changed.email != present.email, "/email")?;
            users::check_name(&changed.name, &present.name)?;
            row.name = changed.name;
            row.language = changed.language.unwrap_or_default();
            row = store::update(row, w).await?;
        }
        Reply::changed(row.version, &store::view(row))
    })
    .await
}

/// Change your own e-mail address
///
/// Sends a link to the new address. The address is changed when the link is followed, and a notice is then sent to the
/// old address.
#[utoipa::path(tag = "account", operation_id = "requestEmailChange", request_body = EmailChange,
    responses((status = 202, description = "A mail is on its way to the new address")))]
#[post("/me/email")]
async fn change_email(
    by: By<needs::WriteAccount>,
    new: Valid<EmailChange>,
    access: Data<Access>,
    limits: Data<Limits>,
    letters: Data<Letters>,
    db: Data<Db>,
) -> Result<Reply<Nothing>> {
    let user = store::row(by.user_id()?, db.reader()).await?;
    confirm_password(&user, &new.0.current_password, &by, &Guard { access: &access, limits: &limits, db: &db }).await?;
    let reply = db
        .write(&by, async |w| {
            limits.count_letter(&by, &new.0.email, w).await?;
            Letters::enqueue(Purpose::EmailChange, Some(user.id), Some(new.0.email.clone()), w).await?;
            Ok(Reply::accepted())
        })
        .await?;
    letters.wake();
    Ok(reply)
}

/// Confirm a new address
///
/// Takes the secret of the link in the mail. All sessions of the account end.
#[utoipa::path(tag = "account", operation_id = "confirmEmailChange", request_body = FollowedLink,
    responses((status = 204, description = "The address is changed")))]
#[post("/email-changes/confirm")]
async fn confirm_email(
    by: By<needs::StartSession>,
    link: Valid<FollowedLink>,
    letters: Data<Letters>,
    db: Data<Db>,
) -> Result<Reply<Nothing>> {
    db.transaction(&by, async |w| {
        let (user, email) = secrets::spend(SecretPurpose::EmailChange, &link.0.token, w).await?;
        let email = email.ok_or_else(|| Problem::internal(&"a change of address without one"))?;
        let old = user.email.clone();
        if lookup::fold(&email) != user.email_fold {
            store::require_free_address(&email, w).await?;
        }
        let user = store::update(user_table::Model { email_fold: lookup::fold(&email), email, ..user }, w).await?;
        ending::end_all(user.id, None, w).await?;
        Letters::enqueue(Purpose::EmailChanged, Some(user.id), Some(old), w).await
    })
    .await?;
    letters.wake();
    Ok(Reply::no_content())
}

/// Set up a second factor
///
/// Returns the secret that an app for two-step sign-in needs. The second factor takes effect when a code of the app has
/// been sent to `POST /me/second-factor/confirm`.
#[utoipa::path(tag = "account", operation_id = "createSecondFactor", request_body = NewSecondFactor,
    responses((status = 201, description = "The data for the app", body = SecondFactorSetup)))]
#[post("/me/second-factor")]
async fn set_up(
    by: By<needs::WriteAccount>,
    new: Valid<NewSecondFactor>,
    access: Data<Access>,
    limits: Data<Limits>,
    db: Data<Db>,
) -> Result<Reply<SecondFactorSetup>> {
    let user = store::row(by.user_id()?, db.reader()).await?;
    confirm_password(&user, &new.0.current_password, &by, &Guard { access: &access, limits: &limits, db: &db }).await?;
    let setup = db
        .transaction(&by, async |w| {
            let user = store::row(user.id, &w.tx).await?;
            if user.factor_secret.is_some() {
                return Err(Problem::new(Kind::Conflict).detail(say!(
                    "Tvåstegsinloggning är redan på. Stäng först av den med POST /me/second-factor/remove.",
                    "Two-step sign-in is on already. First turn it off by POST /me/second-factor/remove."
                )));
            }
            let secret = hash::random::<20>().to_vec();
            let totp = factors::totp(&secret, &user.email)?;
            store::update(user_table::Model { factor_pending: Some(secret), ..user }, w).await?;
            Ok(SecondFactorSetup { secret: totp.secret().to_base32(), uri: totp.to_url().map_err(|error| Problem::internal(&error))? })
        })
        .await?;
    Reply::secret("/me", &setup)
}

/// Confirm the second factor
///
/// Takes a code that the app shows. From then on, signing in needs such a code. All other sessions end; the present one
/// counts as signed in with two steps. The recovery codes are shown only in this response.
#[utoipa::path(tag = "account", operation_id = "confirmSecondFactor", request_body = SecondFactorCode,
    responses((status = 201, description = "The recovery codes", body = RecoveryCodes)))]
#[post("/me/second-factor/confirm")]
async fn confirm_factor(
    by: By<needs::WriteAccount>,
    code: Valid<SecondFactorCode>,
    limits: Data<Limits>,
    db: Data<Db>,
) -> Result<Reply<RecoveryCodes>> {
    let id = by.user_id()?;
    let _try = limits.admit_try(Guarded::SecondFactor, &id.to_string(), &by.author.address, &db).await?;
    let confirmed = db
        .transaction(&by, async |w| {
            let user = store::row(id, &w.tx).await?;
            let pending = user.factor_pending.clone().ok_or_else(|| {
                Problem::new(Kind::Conflict).detail(say!(
                    "Ingen tvåstegsinloggning är under upplägg. Börja med POST /me/second-factor.",
                    "No second step is being set up. Begin with POST /me/second-factor."
                ))
            })?;
            let step = factors::matching_step(&pending, &code.0.code, w.now)?.ok_or_else(|| {
                Problem::fault(
                    "/code",
                    "wrong",
                    say!(
                        "Koden stämmer inte. Kontrollera att telefonens klocka går rätt och ange de siffror som visas nu.",
                        "The code is wrong. Check that the phone's clock is right and give the digits that show now."
                    ),
                )
            })?;
            let user = user_table::Model { factor_secret: Some(pending), factor_pending: None, factor_step: Some(step), ..user };
            let user = store::update(user, w).await?;
            let codes = factors::recovery_codes(&user, w).await?;
            ending::end_all(user.id, by.caller.session, w).await?;
            if let Some(session) = by.caller.session {
                sessions::set_sign_in_strength(session, SignInMethod::TwoSteps, &[], w).await?;
            }
            Ok(codes)
        })
        .await;
    if confirmed.as_ref().is_err_and(|problem| problem.kind == Kind::Invalid) {
        limits.count_failed_try(Guarded::SecondFactor, &id.to_string(), &by.author.address, &db).await?;
    }
    Reply::secret("/me", &RecoveryCodes { codes: confirmed? })
}

/// Turn the second factor off
///
/// Needs the password and a code. All other sessions end. Roles that require a second factor no longer count.
#[utoipa::path(tag = "account", operation_id = "removeSecondFactor", request_body = SecondFactorRemoval,
    responses((status = 204, description = "The second factor is off")))]
#[post("/me/second-factor/remove")]
async fn remove_factor(
    by: By<needs::WriteAccount>,
    removal: Valid<SecondFactorRemoval>,
    access: Data<Access>,
    limits: Data<Limits>,
    db: Data<Db>,
) -> Result<Reply<Nothing>> {
    let user = store::row(by.user_id()?, db.reader()).await?;
    confirm_password(&user, &removal.0.current_password, &by, &Guard { access: &access, limits: &limits, db: &db }).await?;
    let account = user.id.to_string();
    let _try = limits.admit_try(Guarded::SecondFactor, &account, &by.author.address, &db).await?;
    let removed = db
        .transaction(&by, async |w| {
            let user = store::row(user.id, &w.tx).await?;
            factors::spend(&user, &removal.0.code, w).await?;
            factors::remove(store::row(user.id, &w.tx).await?, by.caller.session, w).await?;
            if let Some(session) = by.caller.session {
                sessions::set_sign_in_strength(session, SignInMethod::Password, &access.withheld(SignInMethod::Password), w).await?;
            }
            Ok(())
        })
        .await;
    if removed.as_ref().is_err_and(|problem: &Problem| problem.kind == Kind::SecondFactorRequired) {
        limits.count_failed_try(Guarded::SecondFactor, &account, &by.author.address, &db).await?;
        return removed.map_err(|problem| Problem { kind: Kind::Invalid, headers: Vec::new(), ..problem }).map(|()| Reply::no_content());
    }
    removed?;
    Ok(Reply::no_content())
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(change).service(change_email).service(confirm_email).service(set_up).service(confirm_factor).service(remove_factor);
}
