//! Redeems the code of a frontend at the token endpoint. A code works once, within a minute, and only for the frontend
//! that has the PKCE verifier.

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use uuid::Uuid;

use super::store;
use crate::{
    kernel::{Result, Write, hash},
    oauth::OauthFault,
    policy::Role,
    users::UserId,
};

/// A person who has signed in with a provider, and for whom a session may be started.
#[derive(Clone, Debug)]
pub struct Redeemed {
    /// The user.
    pub user: UserId,
    /// The provider's issuer identifier.
    pub issuer: String,
    /// The provider's `acr` claim: how strongly the person was identified.
    pub acr: Option<String>,
    /// Roles that do not count in this session, because they require a stronger way to sign in.
    pub withheld: Vec<Role>,
}

/// Returns the challenge of a PKCE verifier (S256).
pub(super) fn challenge(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// Spends a code. The caller answers with the inner result, and must commit the transaction in both cases, because a code
/// that is used twice ends the session that the first use started.
///
/// # Errors
/// When the database cannot be read or written.
pub async fn redeem(
    code: &str,
    verifier: &str,
    client_id: &str,
    redirect_uri: &str,
    w: &Write<'_>,
) -> Result<Result<Redeemed, OauthFault>> {
    let refused = || OauthFault::new("invalid_grant", "The code is used, too old or issued for something else. Start signing in again.");
    let digest = hash::sha256_hex(code.as_bytes());
    let Some(row) = store::code(&digest, &w.tx).await? else { return Ok(Err(refused())) };
    if row.spent_at.is_some() || !store::spend_code(&digest, w).await? {
        store::end_session_of(&digest, w).await?;
        return Ok(Err(refused()));
    }
    let same = |given: &str, bound: &str| verify_slices_are_equal(given.as_bytes(), bound.as_bytes()).is_ok();
    let proven = same(&challenge(verifier), &row.challenge);
    let bound = same(client_id, &row.client_id) && same(redirect_uri, &row.redirect_uri);
    if !proven || !bound || row.expires_at <= w.now || !store::is_active(row.user_id, &w.tx).await? {
        return Ok(Err(refused()));
    }
    Ok(Ok(Redeemed { user: row.user_id, issuer: row.issuer, acr: row.acr, withheld: row.withheld.0 }))
}

/// Notes the session that was started with a code, in the same transaction. `code_digest` is [`hash::sha256_hex`] of the
/// code.
///
/// # Errors
/// When the database cannot be written.
pub async fn note_session(code_digest: &str, session: Uuid, w: &Write<'_>) -> Result<()> {
    store::note_session(code_digest, session, w).await
}
