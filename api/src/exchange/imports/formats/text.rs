//! The letters of a file: UTF-8 with or without its mark, else windows-1252, in which older programs write Swedish.

use std::borrow::Cow;

/// The mark that some programs put first in UTF-8.
pub const MARK: &[u8] = b"\xEF\xBB\xBF";

/// What windows-1252 has where Latin-1 has control characters. The five places that it leaves empty stay what they are.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', '\u{90}', '‘', '’', '“', '”', '•', '–',
    '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
];

/// The text of a file.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(MARK).unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|byte| letter(*byte)).collect()),
    }
}

fn letter(byte: u8) -> char {
    match byte {
        0x80..=0x9F => WINDOWS[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_read_in_each_of_the_three() {
        assert_eq!(decode("\u{FEFF}Åre".as_bytes()), "Åre");
        assert_eq!(decode("Åre".as_bytes()), "Åre");
        assert_eq!(decode(b"\xC5re \x80 \x96"), "Åre € –");
    }
}
