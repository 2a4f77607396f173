//! Percent-encoding (RFC 3986, 2.1).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All but the unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// All but the unreserved characters, the comma and the colon.
const RESERVED_IN_QUERY: &AsciiSet = &RESERVED.remove(b',').remove(b':');

/// Encodes all but the unreserved characters, for a segment of a path or a value of a form.
#[must_use]
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Encodes a value of a query; commas and colons stay readable.
#[must_use]
pub fn encode_query_value(text: &str) -> String {
    utf8_percent_encode(text, RESERVED_IN_QUERY).to_string()
}

/// Decodes a text to bytes, which need not be UTF-8. A `%` without two hexadecimal digits after it stays as it is.
#[must_use]
pub fn decode(text: &str) -> Vec<u8> {
    percent_decode_str(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_encoded_and_decoded() {
        assert_eq!(encode("a b/ö-._~,:"), "a%20b%2F%C3%B6-._~%2C%3A");
        assert_eq!(encode_query_value("a b,c:d&e"), "a%20b,c:d%26e");
        assert_eq!(decode("%C3%B6+%2%zz%ff"), b"\xC3\xB6+%2%zz\xFF");
    }
}
