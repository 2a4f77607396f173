//! The encodings of text files: UTF-8 with or without a byte order mark, UTF-16 with one, or windows-1252, in which older
//! programs write Swedish.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
};

use super::unreadable;
use crate::kernel::{Problem, Result, disk::failed, say};

/// The number of bytes that are read from a file at a time.
const BLOCK: usize = 64 << 10;

/// The byte order mark of UTF-8, which some programs write.
pub const MARK: &[u8] = b"\xEF\xBB\xBF";

/// The characters of windows-1252 in place of the control characters of Latin-1. The five unassigned bytes remain control
/// characters.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', '\u{90}', '‘', '’', '“', '”', '•', '–',
    '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
];

/// The encoding of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    /// UTF-8, or bytes that are passed on unchanged.
    Utf8,
    /// UTF-16. The byte order comes from the byte order mark.
    Utf16 { little: bool },
    /// Windows-1252.
    Windows,
}

/// The text of a file, converted to UTF-8 while it is read.
pub struct Text<'a> {
    source: BufReader<&'a File>,
    encoding: Encoding,
    /// Whether the file begins with the byte order mark of UTF-8.
    pub marked: bool,
    /// Converted bytes; those before `given` have been read.
    ready: Vec<u8>,
    given: usize,
    units: Units,
}

/// Opens a JSON file: UTF-16 is converted to UTF-8, all other bytes are passed on unchanged.
pub fn plain(file: &File) -> Result<Text<'_>> {
    let start = beginning(file)?;
    let encoding = utf16(&start).unwrap_or(Encoding::Utf8);
    if encoding != Encoding::Utf8 {
        detect(&mut open_as(file, encoding, false)?)?;
    }
    open_as(file, encoding, start.starts_with(MARK))
}

/// Opens a table. The whole file is read first to detect its encoding.
pub fn decoded(file: &File) -> Result<Text<'_>> {
    let start = beginning(file)?;
    let marked = start.starts_with(MARK);
    let encoding = utf16(&start).unwrap_or(Encoding::Utf8);
    let found = detect(&mut open_as(file, encoding, marked)?)?;
    match found {
        // UTF-16 without a byte order mark looks like UTF-8 in which every second character is NUL.
        Found { is_utf8: true, is_without_mark: false, .. } => open_as(file, encoding, marked),
        Found { is_utf8: false, mixed: Some(place), .. } => Err(stray_byte(place)),
        Found { is_utf8: false, is_windows: true, .. } => open_as(file, Encoding::Windows, marked),
        _ => Err(unknown()),
    }
}

/// Returns the first four bytes of a file, or fewer when it is shorter.
pub fn beginning(file: &File) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    (&*file).rewind().and_then(|()| file.take(4).read_to_end(&mut start)).map_err(failed)?;
    Ok(start)
}

fn utf16(start: &[u8]) -> Option<Encoding> {
    match start {
        [0xFF, 0xFE, ..] => Some(Encoding::Utf16 { little: true }),
        [0xFE, 0xFF, ..] => Some(Encoding::Utf16 { little: false }),
        _ => None,
    }
}

fn open_as(file: &File, encoding: Encoding, marked: bool) -> Result<Text<'_>> {
    let mark = match encoding {
        Encoding::Utf16 { .. } => 2,
        _ if marked => MARK.len(),
        _ => 0,
    };
    (&*file).seek(SeekFrom::Start(mark as u64)).map_err(failed)?;
    Ok(Text { source: BufReader::with_capacity(BLOCK, file), encoding, marked, ready: Vec::new(), given: 0, units: Units::default() })
}

impl Text<'_> {
    /// Converts the next part of the file. Returns false at the end.
    fn refill(&mut self) -> std::io::Result<bool> {
        self.ready.clear();
        self.given = 0;
        let bytes = self.source.fill_buf()?;
        let read = bytes.len();
        match self.encoding {
            Encoding::Utf8 => self.ready.extend_from_slice(bytes),
            Encoding::Windows => bytes.iter().for_each(|byte| put(letter(*byte), &mut self.ready)),
            // The file ends in the middle of a character.
            Encoding::Utf16 { .. } if read == 0 && self.units.is_incomplete() => return Err(invalid_utf16()),
            Encoding::Utf16 { little } => {
                for byte in bytes {
                    self.units.feed(*byte, little, &mut self.ready)?;
                }
            }
        }
        self.source.consume(read);
        Ok(read > 0)
    }
}

fn put(letter: char, into: &mut Vec<u8>) {
    into.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
}

/// A decoder for UTF-16 that takes one byte at a time.
#[derive(Default)]
struct Units {
    /// The first byte of an unfinished code unit.
    odd: Option<u8>,
    /// The first half of a surrogate pair.
    half: Option<u16>,
}

impl Units {
    const fn is_incomplete(&self) -> bool {
        self.odd.is_some() || self.half.is_some()
    }

    fn feed(&mut self, byte: u8, little: bool, into: &mut Vec<u8>) -> std::io::Result<()> {
        let Some(first) = self.odd.take() else {
            self.odd = Some(byte);
            return Ok(());
        };
        let unit = if little { u16::from_le_bytes([first, byte]) } else { u16::from_be_bytes([first, byte]) };
        match self.half.take() {
            None if (0xD800..0xDC00).contains(&unit) => self.half = Some(unit),
            half => {
                for letter in char::decode_utf16(half.into_iter().chain([unit])) {
                    put(letter.map_err(|_| invalid_utf16())?, into);
                }
            }
        }
        Ok(())
    }
}

impl Read for Text<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Text<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        while self.given == self.ready.len() {
            if !self.refill()? {
                break;
            }
        }
        Ok(&self.ready[self.given..])
    }

    fn consume(&mut self, read: usize) {
        self.given += read;
    }
}

/// The error for invalid UTF-16.
fn invalid_utf16() -> std::io::Error {
    std::io::ErrorKind::InvalidData.into()
}

/// The properties of a whole file that tell its encoding.
struct Found {
    is_utf8: bool,
    is_without_mark: bool,
    is_windows: bool,
    /// Row and column of the first byte that is not UTF-8, if the rest of the file is UTF-8.
    mixed: Option<(u32, u32)>,
}

/// Reads a whole file to detect its encoding.
fn detect(text: &mut Text<'_>) -> Result<Found> {
    let mut utf8 = Utf8::default();
    let mut windows = Windows::default();
    let mut mixed = Mixed::default();
    let marked = text.marked;
    let mut first = Vec::new();
    loop {
        let bytes = match text.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => return Err(unknown()),
            Err(error) => return Err(failed(error)),
        };
        if bytes.is_empty() {
            break;
        }
        first.extend(bytes.iter().take(2 - first.len().min(2)));
        utf8.feed(bytes);
        windows.feed(bytes);
        mixed.feed(bytes);
        let read = bytes.len();
        text.consume(read);
    }
    Ok(Found {
        is_utf8: utf8.is_whole(),
        is_without_mark: matches!(first.as_slice(), [0, ..] | [_, 0, ..]),
        is_windows: !windows.is_excluded(),
        mixed: mixed.stray.filter(|_| marked || mixed.has_letters),
    })
}

/// Checks whether bytes that arrive in parts are UTF-8.
#[derive(Default)]
struct Utf8 {
    is_broken: bool,
    /// A character that is incomplete at the end of the last part.
    begun: Vec<u8>,
}

impl Utf8 {
    fn feed(&mut self, mut bytes: &[u8]) {
        while !self.begun.is_empty() && !self.is_broken {
            let Some((next, rest)) = bytes.split_first() else { return };
            self.begun.push(*next);
            bytes = rest;
            match std::str::from_utf8(&self.begun) {
                Ok(_) => self.begun.clear(),
                Err(error) => self.is_broken = error.error_len().is_some(),
            }
        }
        if let Err(error) = std::str::from_utf8(bytes) {
            self.is_broken |= error.error_len().is_some();
            self.begun = bytes[error.valid_up_to()..].to_vec();
        }
        if self.is_broken {
            self.begun.clear();
        }
    }

    const fn is_whole(&self) -> bool {
        !self.is_broken && self.begun.is_empty()
    }
}

/// Detects a file of UTF-8 characters with some bytes that are not UTF-8. It cannot be windows-1252, where the UTF-8
/// bytes of å, ä, ö and é would be `Ã` and a sign, which no word contains.
struct Mixed {
    row: u32,
    /// The column of the next character.
    column: u32,
    before: u8,
    /// The first byte of an incomplete character, and the number of bytes that it still needs.
    begun: (u8, u8),
    stray: Option<(u32, u32)>,
    has_letters: bool,
}

impl Default for Mixed {
    fn default() -> Self {
        Self { row: 1, column: 1, before: 0, begun: (0, 0), stray: None, has_letters: false }
    }
}

impl Mixed {
    fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().copied() {
            match (self.begun, byte) {
                ((first, 1), 0x80..=0xBF) => {
                    self.has_letters |= first == 0xC3;
                    self.advance();
                }
                ((first, needed @ 2..), 0x80..=0xBF) => self.begun = (first, needed - 1),
                ((_, 1..), _) => {
                    self.note();
                    self.begin(byte);
                }
                _ => self.begin(byte),
            }
            self.before = byte;
        }
    }

    fn begin(&mut self, byte: u8) {
        match byte {
            b'\n' if self.before == b'\r' => {}
            b'\n' | b'\r' => (self.row, self.column) = (self.row.saturating_add(1), 1),
            0..=0x7F => self.advance(),
            0xC2..=0xDF => self.begun = (byte, 1),
            0xE0..=0xEF => self.begun = (byte, 2),
            0xF0..=0xF4 => self.begun = (byte, 3),
            _ => self.note(),
        }
    }

    /// Goes to the next character.
    const fn advance(&mut self) {
        self.begun = (0, 0);
        self.column = self.column.saturating_add(1);
    }

    fn note(&mut self) {
        self.stray.get_or_insert((self.row, self.column));
        self.advance();
    }
}

fn stray_byte((row, place): (u32, u32)) -> Problem {
    unreadable(
        "stray-byte",
        say!(
            "Filen är UTF-8, men tecken {place} på rad {row} är det inte. Rätta tecknet, eller spara om hela filen som CSV UTF-8.",
            "The file is UTF-8, but character {place} in row {row} is not. Correct the character, or save the whole file anew as CSV UTF-8."
        ),
    )
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

/// Tells windows-1252 from the encodings of DOS and old Macs. A file is not windows-1252 if it has bytes that
/// windows-1252 leaves unassigned; or if it has none of the letters å, ä, ö and é of windows-1252, but has their DOS or
/// Mac bytes within words (`fšrening`, `f”rening`).
#[derive(Default)]
struct Windows {
    has_empty: bool,
    has_own_letters: bool,
    has_foreign: bool,
    /// The two bytes before the present one.
    before: [u8; 2],
}

impl Windows {
    fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let [first, middle] = self.before;
            self.has_empty |= matches!(byte, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D);
            self.has_own_letters |= b"\xC4\xC5\xC9\xD6\xE4\xE5\xE9\xF6".contains(byte);
            self.has_foreign |=
                first.is_ascii_alphabetic() && matches!(middle, 0x84 | 0x86 | 0x8A | 0x8C | 0x94 | 0x9A) && byte.is_ascii_lowercase();
            self.before = [middle, *byte];
        }
    }

    const fn is_excluded(&self) -> bool {
        self.has_empty || (!self.has_own_letters && self.has_foreign)
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
    use std::io::Write;

    use crate::kernel::disk::Spool;

    fn letters(bytes: &[u8]) -> Result<String> {
        let mut file = Spool::default().file().unwrap();
        file.write_all(bytes).unwrap();
        let mut text = String::new();
        decoded(&file)?.read_to_string(&mut text).map_err(failed)?;
        Ok(text)
    }

    #[test]
    fn letters_are_read_in_each_of_the_three() {
        assert_eq!(letters("\u{FEFF}Åre".as_bytes()).unwrap(), "Åre");
        assert_eq!(letters("Åre".as_bytes()).unwrap(), "Åre");
        assert_eq!(letters(b"\xC5re \x80 \x96 Ko\x9Aice").unwrap(), "Åre € – Košice");
        let units = || "\u{FEFF}Åre 😀".encode_utf16();
        assert_eq!(letters(&units().flat_map(u16::to_le_bytes).collect::<Vec<_>>()).unwrap(), "Åre 😀");
        assert_eq!(letters(&units().flat_map(u16::to_be_bytes).collect::<Vec<_>>()).unwrap(), "Åre 😀");
    }

    #[test]
    fn letters_are_read_over_the_ends_of_what_is_read_at_once() {
        for before in 0..4 {
            let text = format!("{}{}", "a".repeat(before), "å€😀".repeat(BLOCK / 4));
            assert!(letters(text.as_bytes()).unwrap() == text, "{before}");
            let units: Vec<u8> = format!("\u{FEFF}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert!(letters(&units).unwrap() == text, "{before}");
        }
    }

    #[test]
    fn what_is_none_of_them_is_not_guessed_at() {
        // UTF-16 that is cut off, has half a surrogate pair, or has no byte order mark.
        for bytes in [b"\xFF\xFEa".as_slice(), b"\xFF\xFE\x00\xD8a\x00", b"\xFF\xFE\x00\xD8", b"n\x00a\x00", b"\x00n\x00a"] {
            let code = letters(bytes).err().map(|problem| problem.faults[0].code);
            assert_eq!(code, Some("unknown-encoding"), "{bytes:?}");
        }
        // Two words as DOS and old Macs wrote them, and bytes that windows-1252 leaves unassigned.
        for bytes in [b"F\x94rening".as_slice(), b"m\x86lgrupp", b"F\x9Arening", b"m\x8Clgrupp", b"\x8Fby", b"\x81by"] {
            assert!(letters(bytes).is_err(), "{bytes:?}");
        }
        for bytes in [b"1\x942 a\x92b".as_slice(), b"\x84ord\x94", b"Malm\xF6\x96Ko\x9Aice"] {
            assert!(letters(bytes).is_ok(), "{bytes:?}");
        }
    }

    #[test]
    fn a_stray_byte_in_utf_8_is_told_of_where_it_stands() {
        let told = |bytes: &[u8]| {
            letters(bytes).err().map(|problem| (problem.faults[0].code, problem.faults[0].detail.en.clone())).unwrap_or_default()
        };
        for text in [&b"namn\r\nF\xC3\xB6reningen\r\n\xC3\x85by \xE5\n"[..], b"\xEF\xBB\xBFnamn\r\nForeningen\r\nAaby \xE5\n"] {
            let (code, detail) = told(text);
            assert_eq!(code, "stray-byte");
            assert!(detail.contains("character 5 in row 3 ") || detail.contains("character 6 in row 3 "), "{detail}");
        }
        assert_eq!(letters(b"F\xF6reningen \xC5\x96").unwrap(), "Föreningen Å–", "windows-1252 is read as before");
    }
}
