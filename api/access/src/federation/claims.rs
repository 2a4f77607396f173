//! Checks the claims of a provider by the rules for what users may write about themselves, before any of it is stored. A
//! person whose address is not acceptable cannot sign in. A name that is not acceptable is replaced by the part of the
//! address before the `@`.

use serde_json::{Value, json};

use super::id_token::Claims;
use crate::{
    kernel::{Text, contract::Contract, extract, personal_number, say, text},
    users::NewUser,
};

/// The longest name that is stored, in characters.
const NAME_LENGTH: usize = 200;

/// Whether a text of the provider may be stored as it is.
pub(super) fn is_storable(word: &str) -> bool {
    word.len() <= 255
        && !word.chars().any(char::is_control)
        && text::forbidden_character(word).is_none()
        && !personal_number::contains(word)
}

/// Returns the subject (`sub`), which identifies the person from now on.
///
/// # Errors
/// With the text to show to the person when the subject cannot be stored.
pub(super) fn subject<'a>(claims: &'a Claims, provider: &str) -> Result<&'a str, Text> {
    let subject = text_claim(claims, "sub").unwrap_or_default();
    if is_storable(subject) {
        return Ok(subject);
    }
    Err(say!(
        "{provider} skickar ett personnummer, eller tecken som inte går att spara, som ditt id (sub). Sådant får inte registreras här. Be er it-avdelning att välja ett annat id.",
        "{provider} sends a personal identity number, or characters that cannot be stored, as your id (sub). That may not be registered here. Ask your IT department to choose another id."
    ))
}

/// Returns the account that would be created from the claims.
///
/// # Errors
/// With the text to show to the person when there is no address, or none that can be used.
pub(super) fn account_from_claims(claims: &Claims, provider: &str, contract: &Contract) -> Result<NewUser, Text> {
    let Some(email) = text_claim(claims, "email") else {
        return Err(say!(
            "{provider} lämnar inte ut din e-postadress, och utan den går det inte att hitta eller skapa ditt konto. Kontakta er it-avdelning.",
            "{provider} does not tell your e-mail address, and without it your account can neither be found nor made. Contact your IT department."
        ));
    };
    let local = email.split('@').next().unwrap_or_default();
    let name: String = text_claim(claims, "name").unwrap_or(email).chars().take(NAME_LENGTH).collect();
    let written = |name: &str| extract::said::<NewUser>(&json!({"email": email, "name": name}), contract);
    written(&name).or_else(|_| {
        tracing::warn!(provider, "a name that the identity provider sent may not be stored; the local part of the address stands in its place");
        written(local)
    })
    .map_err(|_| {
        say!(
            "{provider} lämnar ut en e-postadress som inte går att använda: den har fel form, eller innehåller ett personnummer eller osynliga tecken. Kontakta er it-avdelning.",
            "{provider} tells an e-mail address that cannot be used: it has the wrong form, or has a personal identity number or invisible characters in it. Contact your IT department."
        )
    })
}

fn text_claim<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str).map(str::trim).filter(|words| !words.is_empty())
}
