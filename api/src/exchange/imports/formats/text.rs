//! The letters of a file: UTF-8 with or without its mark, UTF-16 with it, else windows-1252, in which older programs write
//! Swedish.

use std::borrow::Cow;

use super::unreadable;
use crate::kernel::{Problem, Result, say};

/// The mark that some programs put first in UTF-8.
pub const MARK: &[u8] = b"\xEF\xBB\xBF";

/// What windows-1252 has where Latin-1 has control characters. The five places that it leaves empty stay what they are.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', '\u{90}', '‘', '’', '“', '”', '•', '–',
    '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
];

/// What is UTF-16 and says so in its mark, as Excel's “Unicode text” is, becomes UTF-8; all else is left as it is.
pub fn out_of_utf16(bytes: &[u8]) -> Result<Cow<'_, [u8]>> {
    let (rest, unit): (_, fn([u8; 2]) -> u16) = match bytes {
        [0xFF, 0xFE, rest @ ..] => (rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => (rest, u16::from_be_bytes),
        _ => return Ok(Cow::Borrowed(bytes)),
    };
    let (pairs, []) = rest.as_chunks::<2>() else { return Err(unknown()) };
    let letters: Result<String, _> = char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect();
    letters.map(|text| Cow::Owned(text.into_bytes())).map_err(|_| unknown())
}

/// The text of a file.
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>> {
    let bytes = bytes.strip_prefix(MARK).unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        // UTF-16 without its mark is UTF-8 with every second letter nothing.
        Ok(_) if matches!(bytes, [0, ..] | [_, 0, ..]) => Err(unknown()),
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(_) if is_of_another_kind(bytes) => Err(unknown()),
        Err(_) => Ok(Cow::Owned(bytes.iter().map(|byte| letter(*byte)).collect())),
    }
}

fn unknown() -> Problem {
    unreadable(
        "unknown-encoding",
        say!(
            "Filens teckenkodning känns inte igen. Spara om den som CSV UTF-8.",
            "The encoding of the file is not known. Save it anew as CSV UTF-8."
        ),
    )
}

/// Whether what is not UTF-8 is not windows-1252 either, but what DOS or an old Mac wrote: it has what windows-1252 leaves
/// empty; or it has no å, ä, ö or é as windows-1252 has them, and within words what stands there for theirs („fšrening”, „f”rening”).
fn is_of_another_kind(bytes: &[u8]) -> bool {
    if bytes.iter().any(|byte| matches!(byte, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D)) {
        return true;
    }
    let is_at_home = bytes.iter().any(|byte| b"\xC4\xC5\xC9\xD6\xE4\xE5\xE9\xF6".contains(byte));
    let within = |before: u8, after: u8| before.is_ascii_alphabetic() && after.is_ascii_lowercase();
    !is_at_home && bytes.windows(3).any(|around| matches!(around, [a, 0x84 | 0x86 | 0x8A | 0x8C | 0x94 | 0x9A, b] if within(*a, *b)))
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
        let decoded = |bytes: &[u8]| decode(&out_of_utf16(bytes).unwrap()).unwrap().into_owned();
        assert_eq!(decoded("\u{FEFF}Åre".as_bytes()), "Åre");
        assert_eq!(decoded("Åre".as_bytes()), "Åre");
        assert_eq!(decoded(b"\xC5re \x80 \x96 Ko\x9Aice"), "Åre € – Košice");
        let units = || "\u{FEFF}Åre 😀".encode_utf16();
        assert_eq!(decoded(&units().flat_map(u16::to_le_bytes).collect::<Vec<_>>()), "Åre 😀");
        assert_eq!(decoded(&units().flat_map(u16::to_be_bytes).collect::<Vec<_>>()), "Åre 😀");
    }

    #[test]
    fn what_is_none_of_them_is_not_guessed_at() {
        // UTF-16 cut off, with half a letter, and without its mark.
        for bytes in [b"\xFF\xFEa".as_slice(), b"\xFF\xFE\x00\xD8a\x00", b"n\x00a\x00", b"\x00n\x00a"] {
            let code = out_of_utf16(bytes).and_then(|bytes| decode(&bytes).map(drop)).err().map(|problem| problem.faults[0].code);
            assert_eq!(code, Some("unknown-encoding"), "{bytes:?}");
        }
        // Two words as DOS and an old Mac wrote them, and what windows-1252 leaves empty.
        for bytes in [b"F\x94rening".as_slice(), b"m\x86lgrupp", b"F\x9Arening", b"m\x8Clgrupp", b"\x8Fby", b"\x81by"] {
            assert!(decode(bytes).is_err(), "{bytes:?}");
        }
        for bytes in [b"1\x942 a\x92b".as_slice(), b"\x84ord\x94", b"Malm\xF6\x96Ko\x9Aice"] {
            assert!(decode(bytes).is_ok(), "{bytes:?}");
        }
    }
}
