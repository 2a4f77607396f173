//! Personal tokens (personliga åtkomstbiljetter): for a user's own programs, so that no password has to be stored in a
//! script. Each token carries only the permissions that it was made for, expires, and is shown once.

mod api;
mod store;
mod table;
mod types;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

pub(super) use api::check_scopes;
pub use api::routes;
pub(super) use store::{end_all, note_use};
pub use types::*;

use crate::kernel::{
    hash,
    record::{Bilingual, DataPurpose::SignIn, DataSubject, Rule, Table, deleted_columns, not_in_extract, personal_table},
};

/// The tables of this resource.
pub const TABLES: &[Table] = &[personal_table(
    "personal_token",
    Bilingual("Personliga åtkomstbiljetter", "Personal tokens"),
    DataSubject::User(&["user_id"]),
    &[
        deleted_columns(
            "id user_id name scopes:json withheld:json created_at updated_at expires_at last_used_at",
            SignIn,
            Rule::Accounts,
            "listPersonalTokens getPersonalToken",
        ),
        not_in_extract(deleted_columns("digest", SignIn, Rule::Accounts, "")),
    ],
    "version:int",
)];

/// The prefix of every personal token, by which scanners of code find leaked tokens.
pub const PREFIX: &str = "smsn_pat_";

/// The length of the check at the end of a token, in characters.
const CHECK: usize = 6;

fn checksum(secret: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(digest.as_ref())[..CHECK].to_owned()
}

/// Makes a token: prefix, 256 random bits, and a check by which a mistyped token is recognised without asking the
/// database.
fn generate() -> String {
    let secret = hash::secret();
    format!("{PREFIX}{secret}{}", checksum(&secret))
}

/// Whether a text has the form of a token, including a correct check.
#[must_use]
pub fn is_well_formed(token: &str) -> bool {
    let Some(rest) = token.strip_prefix(PREFIX) else { return false };
    rest.is_ascii() && rest.len() == 43 + CHECK && rest[43..] == checksum(&rest[..43])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_form() {
        let token = generate();
        assert!(is_well_formed(&token));
        let mut mistyped = token.clone().into_bytes();
        mistyped[20] = if mistyped[20] == b'a' { b'b' } else { b'a' };
        assert!(!is_well_formed(&String::from_utf8_lossy(&mistyped)));
        assert!(!is_well_formed("smsn_pat_"));
        assert!(!is_well_formed("smsn_pat_å"));
    }
}
