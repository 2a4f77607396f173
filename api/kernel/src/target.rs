//! Checks that the percent-encoded parts of a request's address are UTF-8. Libraries replace other bytes by a substitute character,
//! and would then ask for something that the caller did not mean.

use actix_web::http::Uri;

use super::{
    contract::Contract,
    language::say,
    percent, personal_number,
    problem::{Fault, Problem, Result},
};

/// Checks the path and the query of an address.
///
/// # Errors
/// When a part is not UTF-8 (400). The problem names each part of the path and each parameter that is not.
pub(super) fn check(uri: &Uri, contract: Option<&Contract>) -> Result<()> {
    if !uri.path().contains('%') && uri.query().is_none_or(|query| !query.contains('%')) {
        return Ok(());
    }
    let parts = uri.path().split('/').enumerate().filter(|(_, part)| percent_decode(part).is_err());
    let parts =
        parts.map(|(index, _)| contract.and_then(|contract| contract.name_of_part(uri.path(), index)).unwrap_or_else(|| "path".to_owned()));
    let faults: Vec<_> = parts.chain(undecodable_parameters(uri.query().unwrap_or_default())).map(fault).collect();
    if faults.is_empty() { Ok(()) } else { Err(Problem::parameters(faults)) }
}

/// Returns the names of the parameters of a query or form whose name or value is not UTF-8. Personal identity numbers in the names are
/// masked.
pub fn undecodable_parameters(query: &str) -> impl Iterator<Item = String> {
    query.split('&').filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = percent_decode(name);
        let garbled = name.is_err() || percent_decode(value).is_err();
        garbled.then(|| personal_number::mask(&name.unwrap_or_else(|lossy| lossy)).into_owned())
    })
}

fn fault(name: String) -> Fault {
    let detail = say!(
        "{name} går inte att läsa som text. Skriv texten i UTF-8 och koda den sedan för adressen: ö blir %C3%B6, inte %F6.",
        "{name} cannot be read as text. Write the text in UTF-8 and then encode it for the address: ö becomes %C3%B6, not %F6."
    );
    Fault::of_parameter(name, "not-utf-8", detail)
}

/// Decodes a percent-encoded text, in which `+` is a blank.
///
/// # Errors
/// When the bytes are not UTF-8: the text with substitute characters.
fn percent_decode(encoded: &str) -> Result<String, String> {
    String::from_utf8(percent::decode(&encoded.replace('+', " "))).map_err(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abuse_135_what_is_no_text_is_found() {
        assert_eq!(percent_decode("sk%C3%B6l+a%2").as_deref(), Ok("sköl a%2"));
        for garbled in ["%ff", "a%C3", "%F6", "%ED%A0%80", "%C0%80"] {
            assert!(percent_decode(garbled).is_err(), "{garbled}");
        }
        let found: Vec<_> = undecodable_parameters("q=%ff&sort=name&%fe=1&limit=%C3%B6&include=%c3&").collect();
        assert_eq!(found, ["q", "\u{fffd}", "include"]);
        assert!(check(&Uri::from_static("/samsyn/v1/actors?q=%C3%B6"), None).is_ok());
        assert!(check(&Uri::from_static("/samsyn/v1/actors/%ff"), None).is_err());
    }
}
