//! Digests, seals and secrets, all from one cryptographic library.

use aws_lc_rs::{digest, hmac, rand};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

/// SHA-256 as lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Sixteen bytes that stand for a text where many must be remembered.
#[must_use]
pub fn short(text: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&digest::digest(&digest::SHA256, text.as_bytes()).as_ref()[..16]);
    short
}

/// SHA-256 of what comes in parts.
pub struct Parts(digest::Context);

impl Default for Parts {
    fn default() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }
}

impl Parts {
    /// The next part.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all parts as lower-case hexadecimal.
    #[must_use]
    pub fn hex(self) -> String {
        hex(self.0.finish().as_ref())
    }
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The canonical form of RFC 8785: names sorted, no blanks, whole numbers without a fraction. The same content always has
/// the same text, and so the same digest.
#[must_use]
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut names: Vec<_> = members.keys().collect();
            names.sort_by_key(|name| name.encode_utf16().collect::<Vec<_>>());
            let members = names.into_iter().map(|name| format!("{}:{}", Value::from(name.as_str()), canonical(&members[name])));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::Number(number) => match number.as_f64() {
            // Beyond this whole numbers are no longer exact, and none of ours are there.
            Some(whole) if number.is_f64() && whole.fract() == 0.0 && whole.abs() < 9_007_199_254_740_992.0 => format!("{whole:.0}"),
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

/// The bytes of a hexadecimal text.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// A new secret of 256 bits in URL-safe base64.
///
/// # Panics
/// When the system has no source of randomness, for then no secret is one.
#[must_use]
pub fn secret() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(random::<32>())
}

/// Bytes that nobody can guess.
///
/// # Panics
/// When the system has no source of randomness, for then no secret is one.
#[must_use]
#[expect(clippy::expect_used, reason = "without randomness nothing here is safe; the process must not go on")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system's source of randomness answers");
    bytes
}

/// Seals texts that travel through a client and must come back unaltered, such as cursors.
#[derive(Debug)]
pub struct Seal(hmac::Key);

impl Seal {
    /// A seal from the installation's secret, so that all instances open each other's.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
    }

    /// The sealed form of `content`.
    #[must_use]
    pub fn close(&self, content: &[u8]) -> String {
        let tag = hmac::sign(&self.0, content);
        let mut bytes = tag.as_ref()[..16].to_vec();
        bytes.extend_from_slice(content);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The content of a sealed text, or nothing when it is not ours or was altered.
    #[must_use]
    pub fn open(&self, sealed: &str) -> Option<Vec<u8>> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (tag, content) = bytes.split_at_checked(16)?;
        let expected = hmac::sign(&self.0, content);
        aws_lc_rs::constant_time::verify_slices_are_equal(tag, &expected.as_ref()[..16]).ok()?;
        Some(content.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_content_has_the_same_canonical_text() {
        let one = serde_json::json!({"b": [1.0, 0.5, "å"], "a": {"y": null, "x": -2}});
        assert_eq!(canonical(&one), r#"{"a":{"x":-2,"y":null},"b":[1,0.5,"å"]}"#);
    }

    #[test]
    fn a_sealed_text_opens_only_unaltered() {
        let seal = Seal::new("a secret");
        let sealed = seal.close(b"content");
        assert_eq!(seal.open(&sealed).as_deref(), Some(&b"content"[..]));
        assert_eq!(Seal::new("another").open(&sealed), None);
        let altered = format!("{}A", &sealed[..sealed.len() - 1]);
        assert_eq!(seal.open(&altered), None);
        assert_eq!(seal.open(""), None);
    }
}
