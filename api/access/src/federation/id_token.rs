//! Verification of ID tokens: the signature, the key, and the claims. Nothing here uses the network or the clock, so each
//! result depends only on the arguments.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use chrono::{DateTime, Utc};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde_json::{Map, Value};

use crate::tokens::demands_an_extension;

/// The largest accepted difference between the provider's clock and ours.
const LEEWAY_SECONDS: i64 = 60;

/// The claims of a provider about a person.
pub(super) type Claims = Map<String, Value>;

/// The reason why a token is rejected.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rejection {
    /// No key of the provider that we know has signed it; the provider may have a newer one.
    UnknownKey,
    /// It was made for another sign-in.
    Replayed,
    /// Any other reason, for the log.
    Wrong(&'static str),
}

/// Returns the claims of a token if one of the keys has signed it.
pub(super) fn verify(token: &str, keys: &[Jwk]) -> Result<Claims, Rejection> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| Rejection::Wrong("no signed token of a known kind"))?;
    if !matches!(header.alg, Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 | Algorithm::EdDSA) {
        return Err(Rejection::Wrong("signed by an algorithm that is not accepted"));
    }
    if demands_an_extension(token) {
        return Err(Rejection::Wrong("it demands what is not understood (crit or b64)"));
    }
    let fitting: Vec<_> = keys.iter().filter(|key| key_fits(key, header.alg)).collect();
    let key = match &header.kid {
        Some(id) => fitting.into_iter().find(|key| key.common.key_id.as_ref() == Some(id)),
        None if fitting.len() == 1 => fitting.into_iter().next(),
        None => None,
    };
    let key = DecodingKey::from_jwk(key.ok_or(Rejection::UnknownKey)?).map_err(|_| Rejection::Wrong("the key cannot be used"))?;
    let mut rules = Validation::new(header.alg);
    // The claims are checked in `check`, by the injected clock.
    rules.required_spec_claims.clear();
    rules.validate_exp = false;
    rules.validate_aud = false;
    let decoded = jsonwebtoken::decode::<Claims>(token, &key, &rules).map_err(|_| Rejection::Wrong("the signature does not hold"))?;
    Ok(decoded.claims)
}

/// Whether a key is meant for signatures by this algorithm.
fn key_fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let for_signing = key.common.public_key_use.as_ref().is_none_or(|r#use| *r#use == PublicKeyUse::Signature);
    let (named, kind) = match (algorithm, &key.algorithm) {
        (Algorithm::RS256, AlgorithmParameters::RSA(_)) => (KeyAlgorithm::RS256, true),
        (Algorithm::PS256, AlgorithmParameters::RSA(_)) => (KeyAlgorithm::PS256, true),
        (Algorithm::ES256, AlgorithmParameters::EllipticCurve(key)) => (KeyAlgorithm::ES256, key.curve == EllipticCurve::P256),
        (Algorithm::EdDSA, AlgorithmParameters::OctetKeyPair(key)) => (KeyAlgorithm::EdDSA, key.curve == EllipticCurve::Ed25519),
        _ => return false,
    };
    // A key may use the newer name of EdDSA (`Ed25519`), which the library does not know.
    let other_word = algorithm == Algorithm::EdDSA && key.common.key_algorithm == Some(KeyAlgorithm::UNKNOWN_ALGORITHM);
    for_signing && kind && (other_word || key.common.key_algorithm.is_none_or(|algorithm| algorithm == named))
}

/// Checks that verified claims were made by this issuer, for this client and this sign-in, and that they are valid now.
pub(super) fn check(claims: &Claims, issuer: &str, client_id: &str, nonce: &str, now: DateTime<Utc>) -> Result<(), Rejection> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(issuer) {
        return Err(Rejection::Wrong("iss is another"));
    }
    let several = match claims.get("aud") {
        Some(Value::String(audience)) if audience == client_id => false,
        Some(Value::Array(audiences)) if audiences.iter().any(|audience| audience == client_id) => audiences.len() > 1,
        _ => return Err(Rejection::Wrong("aud is another")),
    };
    match claims.get("azp") {
        None if several => return Err(Rejection::Wrong("azp is missing although aud has several")),
        Some(party) if party != client_id => return Err(Rejection::Wrong("azp is another")),
        _ => {}
    }
    let now = now.timestamp();
    // Some providers write times with a fraction of a second.
    #[expect(clippy::cast_possible_truncation, reason = "a time beyond all reason saturates, and is judged as such")]
    let time = |name: &str| claims.get(name).and_then(Value::as_f64).map(|time| time as i64);
    if time("exp").is_none_or(|expires| expires.saturating_add(LEEWAY_SECONDS) <= now) {
        return Err(Rejection::Wrong("it has expired, or does not say when it does"));
    }
    if time("iat").is_none_or(|issued| issued.saturating_sub(LEEWAY_SECONDS) > now) {
        return Err(Rejection::Wrong("it was issued in the future, or does not say when"));
    }
    if claims.contains_key("nbf") && time("nbf").is_none_or(|from| from.saturating_sub(LEEWAY_SECONDS) > now) {
        return Err(Rejection::Wrong("it does not hold yet"));
    }
    if verify_slices_are_equal(text("nonce").unwrap_or_default().as_bytes(), nonce.as_bytes()).is_err() {
        return Err(Rejection::Replayed);
    }
    if text("sub").is_none_or(|subject| subject.is_empty() || subject.len() > 255) {
        return Err(Rejection::Wrong("sub is empty or too long"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(changed: Value) -> Result<(), Rejection> {
        let mut claims = json!({"iss": "https://idp", "aud": "samsyn", "exp": 1060, "iat": 1000, "nonce": "n", "sub": "s"});
        for (name, value) in changed.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        let now = DateTime::from_timestamp(1000, 0).unwrap_or_default();
        check(claims.as_object().unwrap_or(&Map::new()), "https://idp", "samsyn", "n", now)
    }

    #[test]
    fn a_token_is_believed_when_all_of_it_fits() {
        for good in [
            json!({}),
            json!({"aud": ["samsyn"]}),
            json!({"aud": ["samsyn", "other"], "azp": "samsyn"}),
            json!({"exp": 941}),
            json!({"iat": 1060.5}),
            json!({"nbf": 1060}),
        ] {
            assert_eq!(checked(good.clone()), Ok(()), "{good}");
        }
        for bad in [
            json!({"iss": "https://idp/"}),
            json!({"aud": "other"}),
            json!({"aud": ["samsyn", "other"]}),
            json!({"aud": ["samsyn", "other"], "azp": "other"}),
            json!({"azp": "other"}),
            json!({"exp": 940}),
            json!({"exp": "1060"}),
            json!({"iat": 1062}),
            json!({"nbf": 1061}),
            json!({"sub": ""}),
            json!({"sub": "s".repeat(256)}),
        ] {
            assert!(matches!(checked(bad.clone()), Err(Rejection::Wrong(_))), "{bad}");
        }
        assert_eq!(checked(json!({"nonce": "m"})), Err(Rejection::Replayed));
        assert_eq!(checked(json!({"nonce": null})), Err(Rejection::Replayed));
    }

    #[test]
    fn a_key_signs_only_by_its_own_algorithm() -> Result<(), serde_json::Error> {
        let key = |key: Value| serde_json::from_value::<Jwk>(key);
        let rsa = key(json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}))?;
        assert!(key_fits(&rsa, Algorithm::RS256) && key_fits(&rsa, Algorithm::PS256) && !key_fits(&rsa, Algorithm::ES256));
        let bound = key(json!({"kty": "RSA", "n": "AQAB", "e": "AQAB", "alg": "PS256"}))?;
        assert!(!key_fits(&bound, Algorithm::RS256) && key_fits(&bound, Algorithm::PS256));
        let encrypts = key(json!({"kty": "RSA", "n": "AQAB", "e": "AQAB", "use": "enc"}))?;
        assert!(!key_fits(&encrypts, Algorithm::RS256));
        let edwards = key(json!({"kty": "OKP", "crv": "Ed25519", "x": "AQAB", "alg": "Ed25519"}))?;
        assert!(key_fits(&edwards, Algorithm::EdDSA) && !key_fits(&edwards, Algorithm::RS256));
        let secret = key(json!({"kty": "oct", "k": "AQAB"}))?;
        assert!(!key_fits(&secret, Algorithm::RS256) && !key_fits(&secret, Algorithm::EdDSA));
        Ok(())
    }
}
