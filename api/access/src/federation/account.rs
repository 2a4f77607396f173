//! Finds or creates the account of a person who has signed in with a provider, and applies the grants that the provider's
//! claims give.

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

/// Returns the account of the person who has signed in. The account is created or linked where the operator's settings
/// allow it. The inner `Err` is the text to show to the person when there is no account to use.
///
/// # Errors
/// When the database cannot be read or written.
pub(super) async fn find_or_create_account(
    provider: &IdentityProvider,
    claims: &Claims,
    contract: &Contract,
    w: &Write<'_>,
) -> Result<Result<UserId, Text>> {
    let user = match find_or_link(provider, claims, contract, w).await? {
        Ok(user) => user,
        Err(why) => return Ok(Err(why)),
    };
    match users::store::find(user, &w.tx).await?.status {
        UserStatus::Disabled | UserStatus::Erased => return Ok(Err(disabled())),
        UserStatus::Invited => store::activate(user, w).await?,
        UserStatus::Active => {}
    }
    let given: Vec<&ClaimGrant> = provider.grants.iter().filter(|grant| claim_matches(grant, claims)).collect();
    store::sync_grants(user, &provider.id, &given, w).await?;
    Ok(Ok(user))
}

async fn find_or_link(provider: &IdentityProvider, claims: &Claims, contract: &Contract, w: &Write<'_>) -> Result<Result<UserId, Text>> {
    let (issuer, name) = (&provider.issuer, &provider.name);
    let subject = match claims::subject(claims, name) {
        Ok(subject) => subject,
        Err(why) => return Ok(Err(why)),
    };
    if let Some(user) = store::find_user_by_subject(issuer, subject, w).await? {
        return Ok(Ok(user));
    }
    let new = match claims::account_from_claims(claims, name, contract) {
        Ok(new) => new,
        Err(why) => return Ok(Err(why)),
    };
    let email = new.email.as_str();
    // Only the JSON value `true` counts: if a provider leaves the claim out or writes it otherwise, the address is not
    // verified.
    let verified = claims.get("email_verified") == Some(&Value::Bool(true));
    let domain = email.rsplit('@').next().unwrap_or_default();
    let vouched = verified && provider.email_domains.iter().any(|own| own.eq_ignore_ascii_case(domain));
    if let Some(row) = lookup::by_email(email, &w.tx).await? {
        let user = row.id;
        if !vouched || !store::may_link(user, issuer, w).await? {
            return Ok(Err(say!(
                "Det finns redan ett konto med din e-postadress, men {name} får inte kopplas till det. Logga in som tidigare, eller be den som administrerar Samsyn om hjälp.",
                "There is an account with your e-mail address already, but {name} may not be joined to it. Sign in as before, or ask who administers Samsyn for help."
            )));
        }
        if row.status == UserStatus::Disabled {
            return Ok(Err(disabled()));
        }
        // The person who made the account may know its password, so from now on only the provider identifies the user.
        let row = users::store::row(user, &w.tx).await?;
        factors::remove(users::table::Model { password_hash: None, ..row }, None, w).await?;
        store::link_identity(user, issuer, subject, true, w).await?;
        return Ok(Ok(user));
    }
    // An invitation by an administrator of the installation needs no letter. The person must accept an invitation by
    // anybody else.
    for invited in if vouched { users::store::find_invited(email, &w.tx).await? } else { Vec::new() } {
        let by_admin = match invited.registrar_id {
            Some(registrar) => grants::is_admin(registrar.into(), w).await?,
            None => true,
        };
        if by_admin {
            store::link_identity(invited.id, issuer, subject, true, w).await?;
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
    store::link_identity(user, issuer, subject, verified, w).await?;
    Ok(Ok(user))
}

fn disabled() -> Text {
    say!("Ditt konto är avstängt. Kontakta den som administrerar Samsyn.", "Your account is disabled. Contact who administers Samsyn.")
}

/// Whether the claim has the grant's value, or is a list that contains it.
fn claim_matches(grant: &ClaimGrant, claims: &Claims) -> bool {
    match claims.get(&grant.claim) {
        Some(Value::Array(values)) => values.iter().any(|value| value.as_str() == Some(&grant.value)),
        Some(value) => value.as_str() == Some(&grant.value),
        None => false,
    }
}

/// Returns the roles that require a stronger sign-in than the provider reports in `acr`. A role that requires two steps
/// on a local sign-in counts only when the operator has configured which `acr` is as strong.
pub(super) fn withheld_roles(provider: &IdentityProvider, two_steps: &[Role], acr: Option<&str>) -> Vec<Role> {
    let met = |suffices: &[String]| acr.is_some_and(|acr| suffices.iter().any(|value| value == acr));
    let mut withheld: Vec<Role> =
        provider.required_acr.iter().filter(|required| !met(&required.acr)).map(|required| required.role).collect();
    let unsaid = two_steps.iter().filter(|role| provider.required_acr.iter().all(|required| required.role != **role));
    withheld.extend(unsaid);
    withheld
}
