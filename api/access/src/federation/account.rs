//! Whose account it is that somebody signs in to with a provider, and what the provider gives there.

use serde_json::Value;

use super::{
    claims,
    id_token::Claims,
    settings::{ClaimGrant, IdentityProvider},
    store,
};
use crate::{
    account::factors,
    grants,
    kernel::{Result, Text, Write, contract::Contract, say},
    policy::Role,
    users::{self, UserId, UserStatus, lookup},
};

/// The account of who has signed in, made or joined where the operator lets it be; or why there is none.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn settle(
    provider: &IdentityProvider,
    claims: &Claims,
    contract: &Contract,
    w: &Write<'_>,
) -> Result<Result<UserId, Text>> {
    let user = match find(provider, claims, contract, w).await? {
        Ok(user) => user,
        Err(why) => return Ok(Err(why)),
    };
    match users::store::find(user, &w.tx).await?.status {
        UserStatus::Disabled | UserStatus::Erased => return Ok(Err(disabled())),
        UserStatus::Invited => store::open(user, w).await?,
        UserStatus::Active => {}
    }
    let given: Vec<&ClaimGrant> = provider.grants.iter().filter(|grant| gives(grant, claims)).collect();
    store::bring_in_line(user, &provider.id, &given, w).await?;
    Ok(Ok(user))
}

async fn find(provider: &IdentityProvider, claims: &Claims, contract: &Contract, w: &Write<'_>) -> Result<Result<UserId, Text>> {
    let (issuer, name) = (&provider.issuer, &provider.name);
    let subject = match claims::subject(claims, name) {
        Ok(subject) => subject,
        Err(why) => return Ok(Err(why)),
    };
    if let Some(user) = store::known(issuer, subject, w).await? {
        return Ok(Ok(user));
    }
    let new = match claims::person(claims, name, contract) {
        Ok(new) => new,
        Err(why) => return Ok(Err(why)),
    };
    let email = new.email.as_str();
    // Only the word true counts: what a provider leaves out or writes otherwise has not been verified.
    let verified = claims.get("email_verified") == Some(&Value::Bool(true));
    let domain = email.rsplit('@').next().unwrap_or_default();
    let vouched = verified && provider.email_domains.iter().any(|own| own.eq_ignore_ascii_case(domain));
    if let Some(row) = lookup::by_email(email, &w.tx).await? {
        let user = row.id;
        if !vouched || !store::is_open(user, issuer, w).await? {
            return Ok(Err(say!(
                "Det finns redan ett konto med din e-postadress, men {name} får inte kopplas till det. Logga in som tidigare, eller be den som administrerar Samsyn om hjälp.",
                "There is an account with your e-mail address already, but {name} may not be joined to it. Sign in as before, or ask who administers Samsyn for help."
            )));
        }
        if row.status == UserStatus::Disabled {
            return Ok(Err(disabled()));
        }
        // Whoever made the account may know its password: from now on the provider says who it is.
        let row = users::store::row(user, &w.tx).await?;
        factors::remove(users::table::Model { password_hash: None, ..row }, None, w).await?;
        store::join(user, issuer, subject, true, w).await?;
        return Ok(Ok(user));
    }
    // An invitation by who runs the installation needs no letter; one by anybody else is the person's to accept.
    for invited in if vouched { users::store::waiting(email, &w.tx).await? } else { Vec::new() } {
        let by_admin = match invited.registrar_id {
            Some(registrar) => grants::is_admin(registrar.into(), w).await?,
            None => true,
        };
        if by_admin {
            store::join(invited.id, issuer, subject, true, w).await?;
            return Ok(Ok(invited.id));
        }
    }
    if !provider.creates_users {
        return Ok(Err(say!(
            "Du har inget konto i Samsyn än. Är du inbjuden, följ först länken i brevet; annars be den som samordnar arbetet att bjuda in dig.",
            "You have no account in Samsyn yet. If you are invited, first follow the link of the letter; else ask the coordinator to invite you."
        )));
    }
    let user = users::insert(&new, None, w).await?.id;
    store::join(user, issuer, subject, verified, w).await?;
    Ok(Ok(user))
}

fn disabled() -> Text {
    say!("Ditt konto är avstängt. Kontakta den som administrerar Samsyn.", "Your account is disabled. Contact who administers Samsyn.")
}

/// Whether a claim has the value, or a list with it.
fn gives(grant: &ClaimGrant, claims: &Claims) -> bool {
    match claims.get(&grant.claim) {
        Some(Value::Array(values)) => values.iter().any(|value| value.as_str() == Some(&grant.value)),
        Some(value) => value.as_str() == Some(&grant.value),
        None => false,
    }
}

/// The roles that ask for a stronger way to sign in than the provider says was used. Those that ask for two steps anywhere
/// count only when the operator has said which `acr` amounts to that.
pub(super) fn withheld(provider: &IdentityProvider, two_steps: &[Role], acr: Option<&str>) -> Vec<Role> {
    let met = |suffices: &[String]| acr.is_some_and(|acr| suffices.iter().any(|value| value == acr));
    let mut withheld: Vec<Role> =
        provider.required_acr.iter().filter(|required| !met(&required.acr)).map(|required| required.role).collect();
    let unsaid = two_steps.iter().filter(|role| provider.required_acr.iter().all(|required| required.role != **role));
    withheld.extend(unsaid);
    withheld
}
