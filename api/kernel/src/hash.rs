//! Digests, seals and secrets. All cryptography comes from one library.

use std::fmt::Write;

use aws_lc_rs::{aead, digest, hmac, rand};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::problem::Problem;

/// Returns the SHA-256 of bytes as lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Returns the first 64 bits of SHA-256. They tell two contents apart where nobody tries to construct a collision.
#[must_use]
pub fn digest64(bytes: &[u8]) -> u64 {
    digest::digest(&digest::SHA256, bytes).as_ref()[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Returns the first 16 bytes of SHA-256 of a text, for tables with very many keys in memory.
#[must_use]
pub fn digest128(text: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&digest::digest(&digest::SHA256, text.as_bytes()).as_ref()[..16]);
    short
}

/// Computes the SHA-256 of bytes that arrive in parts.
pub struct Parts(digest::Context);

impl Default for Parts {
    fn default() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }
}

impl Parts {
    /// Adds the next part.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest of all parts as lower-case hexadecimal.
    #[must_use]
    pub fn hex(self) -> String {
        hex(self.0.finish().as_ref())
    }
}

/// Returns bytes as lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The number of the form in which content is frozen now. Content that was frozen earlier keeps its form.
pub const FORM: i32 = 2;

/// Returns the text of frozen content in one of the numbered forms: 1 is [`canonical`], 2 is RFC 8785 in full.
///
/// # Errors
/// When no form has that number (500).
pub fn frozen(form: i32, value: &Value) -> Result<String, Problem> {
    match form {
        1 => Ok(canonical(value)),
        2 => Ok(serde_json_canonicalizer::to_string(value)?),
        _ => Err(Problem::internal(&format_args!("frozen content has the unknown form {form}"))),
    }
}

/// Returns the canonical form of RFC 8785, except for very small and very large numbers and negative zero: names sorted, no blanks,
/// whole numbers without a fraction. The same content always has the same text, and so the same digest.
#[must_use]
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

/// Returns the canonical form of an object with these members.
#[must_use]
pub fn canonical_object(members: &Map<String, Value>) -> String {
    let mut text = String::new();
    write_canonical_object(members, &mut text);
    text
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => write_canonical_object(members, text),
        Value::Array(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                text.push_str(if at == 0 { "" } else { "," });
                write_canonical(item, text);
            }
            text.push(']');
        }
        Value::Number(number) => match number.as_f64() {
            // From 2^53 on, whole numbers are not exact. The service has none so large.
            Some(whole) if number.is_f64() && whole.fract() == 0.0 && whole.abs() < 9_007_199_254_740_992.0 => {
                let _ = write!(text, "{whole:.0}");
            }
            _ => text.push_str(&number.to_string()),
        },
        Value::String(string) => write_canonical_text(string, text),
        Value::Null | Value::Bool(_) => text.push_str(&value.to_string()),
    }
}

fn write_canonical_object(members: &Map<String, Value>, text: &mut String) {
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
    text.push('{');
    for (at, (name, value)) in members.into_iter().enumerate() {
        text.push_str(if at == 0 { "" } else { "," });
        write_canonical_text(name, text);
        text.push(':');
        write_canonical(value, text);
    }
    text.push('}');
}

fn write_canonical_text(string: &str, text: &mut String) {
    if string.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
        text.push_str(&Value::from(string).to_string());
    } else {
        text.push('"');
        text.push_str(string);
        text.push('"');
    }
}

/// Returns the bytes of a hexadecimal text; `None` when it is not hexadecimal.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// Returns a new secret of 256 random bits in URL-safe base64.
///
/// # Panics
/// When the system has no source of randomness, because no secret would be safe then.
#[must_use]
pub fn secret() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(random::<32>())
}

/// Returns cryptographically random bytes.
///
/// # Panics
/// When the system has no source of randomness, because no secret would be safe then.
#[must_use]
#[expect(clippy::expect_used, reason = "without randomness nothing here is safe; the process must not go on")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system's source of randomness answers");
    bytes
}

/// Content is padded to a multiple of this number of bytes, because the length of a sealed text could reveal the length of a hidden
/// name.
const BLOCK: usize = 256;
const NONCE: usize = aead::NONCE_LEN;

/// Encrypts and authenticates texts that pass through a client, such as cursors. Only the installation can read them, and a text
/// that was sealed for one purpose cannot be opened for another.
#[derive(Debug)]
pub struct Seal {
    key: aead::LessSafeKey,
    nonces: hmac::Key,
    purpose: &'static str,
    /// Whether each nonce is random, so that sealing the same content again gives another text.
    random_nonces: bool,
    /// The key for texts of an earlier version, which were signed and not encrypted.
    signed: Option<hmac::Key>,
}

impl Seal {
    /// Makes a seal from the secret of the installation, so that all its instances can open each other's texts. The same content
    /// always gives the same text.
    ///
    /// # Panics
    /// Never, because the derived key always has the right length.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a digest of 256 bits is a key of 256 bits")]
    pub fn new(secret: &str, purpose: &'static str) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let derived = |what: &str| hmac::sign(&root, format!("samsyn {what} {purpose}").as_bytes());
        let key = aead::UnboundKey::new(&aead::AES_256_GCM_SIV, derived("key").as_ref()).expect("the key has 256 bits");
        let nonces = hmac::Key::new(hmac::HMAC_SHA256, derived("nonce").as_ref());
        Self { key: aead::LessSafeKey::new(key), nonces, purpose, random_nonces: false, signed: None }
    }

    /// Sets whether nonces are random. With random nonces the same content gives another text each time, so a caller who asks twice
    /// does not learn whether the content has changed.
    #[must_use]
    pub fn with_random_nonces(self, random_nonces: bool) -> Self {
        Self { random_nonces, ..self }
    }

    /// Lets the seal also open texts of an earlier version, which were signed with the secret and not encrypted.
    #[must_use]
    pub fn accept_signed(self, secret: &str) -> Self {
        Self { signed: Some(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())), ..self }
    }

    /// Seals `content`. Returns URL-safe base64.
    ///
    /// # Panics
    /// Never, because no content is nearly as long as the limit of the cipher.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the cipher takes 64 GiB")]
    pub fn close(&self, content: &[u8]) -> String {
        let nonce: [u8; NONCE] = if self.random_nonces {
            random()
        } else {
            let mut nonce = [0; NONCE];
            nonce.copy_from_slice(&hmac::sign(&self.nonces, content).as_ref()[..NONCE]);
            nonce
        };
        let mut sealed = content.to_vec();
        // The padding is a one and then zeros, so that the end of the content can be found.
        sealed.push(1);
        sealed.resize(sealed.len().next_multiple_of(BLOCK), 0);
        let purpose = aead::Aad::from(self.purpose.as_bytes());
        self.key
            .seal_in_place_append_tag(aead::Nonce::assume_unique_for_key(nonce), purpose, &mut sealed)
            .expect("a cursor is short enough to be sealed");
        BASE64_URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat())
    }

    /// Returns the content of a sealed text; `None` when it was sealed elsewhere, sealed for another purpose, or altered.
    #[must_use]
    pub fn open(&self, sealed: &str) -> Option<Vec<u8>> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        self.open_sealed(&bytes).or_else(|| self.open_signed(&bytes))
    }

    fn open_sealed(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = bytes.split_at_checked(NONCE)?;
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut content = sealed.to_vec();
        let length = self.key.open_in_place(nonce, aead::Aad::from(self.purpose.as_bytes()), &mut content).ok()?.len();
        content.truncate(length);
        content.truncate(content.iter().rposition(|byte| *byte != 0)?);
        Some(content)
    }

    fn open_signed(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let (tag, content) = bytes.split_at_checked(16)?;
        let expected = hmac::sign(self.signed.as_ref()?, content);
        aws_lc_rs::constant_time::verify_slices_are_equal(tag, &expected.as_ref()[..16]).ok()?;
        Some(content.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frozen_numbers_are_written_as_the_standard_says() {
        let value: Value = serde_json::from_str("[1e-6,0.0000033,1e-7,-0.0,1.0,9007199254740993,1e21,66.66666666666667]").unwrap();
        assert_eq!(frozen(2, &value).unwrap(), "[0.000001,0.0000033,1e-7,0,1,9007199254740992,1e+21,66.66666666666667]");
        assert_ne!(frozen(1, &value).unwrap(), frozen(2, &value).unwrap());
        assert!(frozen(3, &value).is_err());
    }

    #[test]
    fn the_same_content_has_the_same_canonical_text() {
        let one = serde_json::json!({"b": [1.0, 0.5, "å"], "a": {"y": null, "x": -2}});
        assert_eq!(canonical(&one), r#"{"a":{"x":-2,"y":null},"b":[1,0.5,"å"]}"#);
    }

    #[test]
    fn a_sealed_text_opens_only_unaltered_and_for_its_purpose() {
        let seal = Seal::new("a secret", "page");
        let sealed = seal.close(b"content");
        assert_eq!(seal.open(&sealed).as_deref(), Some(&b"content"[..]));
        assert_eq!(seal.close(b"content"), sealed, "the same page has the same cursor");
        assert_eq!(Seal::new("another", "page").open(&sealed), None);
        assert_eq!(Seal::new("a secret", "feed").open(&sealed), None);
        for at in [0, NONCE + 1, sealed.len() - 2] {
            let mut altered = sealed.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(String::from_utf8(altered).ok().and_then(|altered| seal.open(&altered)), None);
        }
        assert_eq!(seal.open(""), None);
        assert_eq!(seal.open(&seal.close(b"")).as_deref(), Some(&b""[..]));
        assert_eq!(seal.open(&seal.close(b"ends in\0\0")).as_deref(), Some(&b"ends in\0\0"[..]));
    }

    #[test]
    fn abuse_111_a_sealed_text_tells_neither_its_content_nor_its_length() {
        let seal = Seal::new("a secret", "page");
        let (short, long) = (seal.close(b"Al"), seal.close(b"Skyddat boende, Kvarnv\xc3\xa4gen 12"));
        assert_eq!(short.len(), long.len());
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&long).unwrap_or_default();
        assert!(!bytes.windows(7).any(|part| part == b"Skyddat"));
    }

    #[test]
    fn abuse_137_a_fresh_seal_never_looks_the_same_and_opens_what_was_signed_before() {
        let seal = Seal::new("a secret", "feed").with_random_nonces(true).accept_signed("a secret");
        let (one, other) = (seal.close(b"feed 1 7"), seal.close(b"feed 1 7"));
        assert_ne!(one, other);
        assert_eq!((seal.open(&one), seal.open(&other)), (Some(b"feed 1 7".to_vec()), Some(b"feed 1 7".to_vec())));
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"a secret");
        let signed = |content: &[u8]| BASE64_URL_SAFE_NO_PAD.encode([&hmac::sign(&key, content).as_ref()[..16], content].concat());
        assert_eq!(seal.open(&signed(b"feed 1 7")).as_deref(), Some(&b"feed 1 7"[..]));
        assert_eq!(Seal::new("a secret", "feed").open(&signed(b"feed 1 7")), None);
        assert_eq!(Seal::new("a secret", "feed").accept_signed("another").open(&signed(b"feed 1 7")), None);
    }
}
