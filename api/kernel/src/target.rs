//! The address that is called, as text: what is percent-encoded in it must be UTF-8, or it is said where it is not. Libraries
//! put another letter in its place, and then something else is asked for than was meant.

use actix_web::http::Uri;

use super::{
    contract::Contract,
    language::say,
    personal_number,
    problem::{Fault, Problem, Result},
};

/// Sees to it that an address can be read.
///
/// # Errors
/// With every part of the path and every parameter that is no text.
pub(super) fn check(uri: &Uri, contract: Option<&Contract>) -> Result<()> {
    if !uri.path().contains('%') && uri.query().is_none_or(|query| !query.contains('%')) {
        return Ok(());
    }
    let parts = uri.path().split('/').enumerate().filter(|(_, part)| text(part).is_err());
    let parts =
        parts.map(|(at, _)| contract.and_then(|contract| contract.name_of_part(uri.path(), at)).unwrap_or_else(|| "path".to_owned()));
    let faults: Vec<_> = parts.chain(garbled(uri.query().unwrap_or_default())).map(fault).collect();
    if faults.is_empty() { Ok(()) } else { Err(Problem::parameters(faults)) }
}

/// The names of the parameters in a query or form that are no text, in name or value.
pub fn garbled(query: &str) -> impl Iterator<Item = String> {
    query.split('&').filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let known = text(name);
        let garbled = known.is_err() || text(value).is_err();
        garbled.then(|| personal_number::mask(&known.unwrap_or_else(|lossy| lossy)).into_owned())
    })
}

fn fault(name: String) -> Fault {
    let detail = say!(
        "{name} går inte att läsa som text. Skriv texten i UTF-8 och koda den sedan för adressen: ö blir %C3%B6, inte %F6.",
        "{name} cannot be read as text. Write the text in UTF-8 and then encode it for the address: ö becomes %C3%B6, not %F6."
    );
    Fault::of_parameter(name, "not-utf-8", detail)
}

/// What is percent-encoded, as text, or else as near as can be.
fn text(encoded: &str) -> Result<String, String> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match (first, digit(rest.first()), digit(rest.get(1))) {
            (b'%', Some(high), Some(low)) => {
                rest = &rest[2..];
                u8::try_from(high * 16 + low).unwrap_or_default()
            }
            (b'+', ..) => b' ',
            _ => *first,
        });
    }
    String::from_utf8(bytes).map_err(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abuse_135_what_is_no_text_is_found() {
        assert_eq!(text("sk%C3%B6l+a%2").as_deref(), Ok("sköl a%2"));
        for garbled in ["%ff", "a%C3", "%F6", "%ED%A0%80", "%C0%80"] {
            assert!(text(garbled).is_err(), "{garbled}");
        }
        let found: Vec<_> = garbled("q=%ff&sort=name&%fe=1&limit=%C3%B6&include=%c3&").collect();
        assert_eq!(found, ["q", "\u{fffd}", "include"]);
        assert!(check(&Uri::from_static("/samsyn/v1/actors?q=%C3%B6"), None).is_ok());
        assert!(check(&Uri::from_static("/samsyn/v1/actors/%ff"), None).is_err());
    }
}
