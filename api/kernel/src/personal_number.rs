//! Finds Swedish personal identity numbers (personnummer) and coordination numbers (samordningsnummer) in free text. The service
//! refuses them in input and masks them in the log.
//!
//! Digits are such a number when they begin with a date (a coordination number has 60 added to the day) and end with the right
//! check digit (Luhn). They may be any decimal digits of Unicode, with spaces, line breaks, dashes or dots anywhere between them.
//! The third digit of an organisation number is 2 or more, where a month has 0 or 1, so it never counts as one. Digits do not
//! count when they are part of something longer (a UUID, a digest, a decimal number, the opaque part of a web address), or when
//! they are grouped like a telephone number. Letters next to a number do not make it part of something longer.

mod words;

use std::{borrow::Cow, ops::Range};

use chrono::NaiveDate;
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{Dash, GeneralCategory},
};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use self::words::Surroundings;
use super::{language::say, problem::Fault, text};

/// The code of the fault, and of the kind of problem, for a text with such a number.
pub const CODE: &str = "personal-identity-number";

/// The text that replaces a masked number.
pub const MASK: &str = "[personnummer]";

/// The most characters between two digits of one number.
const LONGEST_JOINT: usize = 16;

/// The most passes over a text. Masking one number can make another stand alone, which the next pass finds.
const PASSES: usize = 8;

/// The lengths of the groups of digits in which people write a number. Groups of such lengths count as a number also within a
/// longer row of groups.
const SHAPES: [&[u32]; 8] = [&[10], &[12], &[6, 4], &[8, 4], &[2, 6, 4], &[2, 2, 2, 4], &[4, 2, 2, 4], &[2, 2, 2, 2, 4]];

/// Whether a text contains such a number.
#[must_use]
pub fn contains(text: &str) -> bool {
    !scan(text).is_empty()
}

/// Returns the text with every such number replaced by [`MASK`]. A text that still has numbers after eight passes is replaced as a
/// whole.
#[must_use]
pub fn mask(text: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(text);
    for _ in 0..PASSES {
        let found = scan(&masked);
        if found.is_empty() {
            return masked;
        }
        let mut next = String::with_capacity(masked.len());
        let mut copied = 0;
        for range in found {
            next.push_str(&masked[copied..range.start]);
            next.push_str(MASK);
            copied = range.end;
        }
        next.push_str(&masked[copied..]);
        // Digits that remain may stand alone now, so the text is scanned again.
        masked = Cow::Owned(next);
    }
    // A text like this is written only to hide something.
    Cow::Borrowed(MASK)
}

/// Returns the fault for such a number at a place in a body. It never repeats the number.
#[must_use]
pub fn fault(pointer: impl Into<String>) -> Fault {
    Fault::at_pointer(
        pointer,
        CODE,
        say!(
            "Texten innehåller ett personnummer eller samordningsnummer. Sådana får inte registreras här. Ta bort numret och skriv i stället en funktion, en roll eller ett ärendenummer.",
            "The text contains a personal identity number or coordination number. Those may not be registered here. Remove the number and write a function, a role or a case number instead."
        ),
    )
}

/// Returns the fault for such a number in a parameter or a header. It never repeats the number.
#[must_use]
pub fn fault_of_parameter(name: &str) -> Fault {
    Fault { pointer: String::new(), parameter: Some(name.to_owned()), ..fault("") }
}

/// Whether the digits of a personal or organisation number end with the right check digit. Give ten digits, in ASCII.
#[must_use]
pub fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit.wrapping_sub(b'0')) * if place % 2 == 0 { 1 } else { 2 };
            digit / 10 + digit % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The kind of text between two groups of digits that may be one number. Each kind is looser than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Joint {
    /// Dashes, pluses, slashes, underscores, or one dot.
    Tight,
    /// The same with blanks, or blanks alone.
    Spaced,
    /// The same with line breaks.
    Lines,
    /// Text that no number contains, or the end of the text.
    None,
}

/// A group of digits with nothing visible between them.
#[derive(Debug)]
struct Group {
    /// The bytes of the group in the text.
    place: Range<usize>,
    /// The number of digits.
    digits: u32,
    /// The text between this group and the next.
    joint: Joint,
    /// Whether that text is a single dot.
    dot: bool,
}

/// Returns the byte ranges of all numbers in a text, in order and without overlaps.
fn scan(text: &str) -> Vec<Range<usize>> {
    // Most texts have fewer than ten digits and need no further look.
    if text.chars().filter(|sign| digit(*sign).is_some()).nth(9).is_none() {
        return Vec::new();
    }
    let groups = groups(text);
    let mut surroundings = Surroundings::new(text);
    let mut found = Vec::new();
    for first in 0..groups.len() {
        let shaped = SHAPES.iter().filter_map(|shape| groups.get(first..first + shape.len()).filter(|window| has_shape(window, shape)));
        found.extend(shaped.filter_map(|window| surroundings.find_number(window)));
    }
    for looseness in [Joint::Tight, Joint::Spaced, Joint::Lines] {
        let rows = groups.chunk_by(|group, _| group.joint <= looseness).filter(|row| row.len() > 1);
        let rows = rows.filter(|row| !is_telephone(text, row) && !is_network_address(text, row));
        found.extend(rows.filter_map(|row| surroundings.find_number(row)));
    }
    found.sort_by_key(|place| place.start);
    found.dedup_by(|next, before| {
        let same = next.start < before.end;
        before.end = if same { before.end.max(next.end) } else { before.end };
        same
    });
    found
}

/// Returns the ASCII digit with the value of a digit of any script; `None` when the character is no digit.
fn digit(sign: char) -> Option<char> {
    if sign.is_ascii() {
        return Some(sign).filter(char::is_ascii_digit);
    }
    let decimal = |sign: u32| CodePointMapData::<GeneralCategory>::new().get32(sign) == GeneralCategory::DecimalNumber;
    if decimal(sign.into()) {
        // In Unicode the ten digits of each script follow one another, beginning with zero.
        let before = (0..u32::from(sign)).rev().take_while(|code| decimal(*code)).count() % 10;
        return char::from_digit(u32::try_from(before).ok()?, 10);
    }
    // Encircled digits whose compatibility form is not the plain digit.
    let code = u32::from(sign);
    let encircled = match code {
        0x2776..=0x277E => Some(code - 0x2775),
        0x2780..=0x2788 => Some(code - 0x277F),
        0x278A..=0x2792 => Some(code - 0x2789),
        0x24F5..=0x24FD => Some(code - 0x24F4),
        0x24FF | 0x1F10B | 0x1F10C => Some(0),
        _ => None,
    };
    if let Some(value) = encircled {
        return char::from_digit(value, 10);
    }
    // Raised, lowered and encircled digits whose compatibility form is the plain digit.
    if !sign.is_numeric() {
        return None;
    }
    let mut plain = std::iter::once(sign).nfkc().filter(char::is_ascii_alphanumeric);
    plain.next().filter(|first| first.is_ascii_digit() && plain.next().is_none())
}

/// Splits a text into its groups of digits. Characters without a width do not end a group.
fn groups(text: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut between = String::new();
    for (at, sign) in text.char_indices() {
        let end = at + sign.len_utf8();
        if digit(sign).is_some() {
            match groups.last_mut() {
                Some(last) if between.is_empty() => {
                    last.digits += 1;
                    last.place.end = end;
                }
                last => {
                    if let Some(last) = last {
                        last.joint = joint(&between);
                        last.dot = between == ".";
                    }
                    groups.push(Group { place: at..end, digits: 1, joint: Joint::None, dot: false });
                    between.clear();
                }
            }
        } else if !groups.is_empty() && !text::is_ignorable(sign) && !is_combining_mark(sign) && between.len() <= 4 * LONGEST_JOINT {
            between.push(sign);
        }
    }
    groups
}

/// Classifies the text between two groups.
fn joint(between: &str) -> Joint {
    let dashes = CodePointSetData::new::<Dash>();
    let is_sign = |sign: char| dashes.contains(sign) || matches!(sign, '+' | '\u{FF0B}' | '\u{2043}' | '/' | '_');
    let is_dot = |sign: char| matches!(sign, '.' | '·' | '•' | '\u{2024}' | '\u{2027}' | '\u{3002}' | '\u{FF0E}' | '\u{FF61}');
    let mut signs = between.chars();
    // A dot joins groups only when it stands alone. A dot with a blank beside it ends a sentence.
    if signs.next().is_some_and(is_dot) && signs.next().is_none() {
        return Joint::Tight;
    }
    if between.chars().count() > LONGEST_JOINT || !between.chars().all(|sign| sign.is_whitespace() || is_sign(sign)) {
        Joint::None
    } else if between.contains(['\n', '\r', '\u{B}', '\u{C}', '\u{85}', '\u{2028}', '\u{2029}']) {
        Joint::Lines
    } else if between.contains(char::is_whitespace) {
        Joint::Spaced
    } else {
        Joint::Tight
    }
}

fn has_shape(groups: &[Group], shape: &[u32]) -> bool {
    let joined = groups.iter().rev().skip(1).all(|group| group.joint != Joint::None);
    joined && groups.iter().map(|group| group.digits).eq(shape.iter().copied())
}

/// Whether the digits are grouped like a telephone number: an area code that begins with 0 and then the rest, or anything after a
/// plus sign.
fn is_telephone(text: &str, groups: &[Group]) -> bool {
    let Some(first) = groups.first() else { return false };
    let in_pairs = groups.len() > 3 && groups[..3].iter().all(|group| group.digits == 2);
    let begins_with_zero = || text[first.place.clone()].chars().next().and_then(digit) == Some('0');
    text[..first.place.start].ends_with('+') || ((2..=4).contains(&first.digits) && !in_pairs && begins_with_zero())
}

/// Whether the digits are grouped like a network address (IPv4).
fn is_network_address(text: &str, groups: &[Group]) -> bool {
    let is_byte = |group: &Group| group.digits <= 3 && digits(text, std::slice::from_ref(group)).parse::<u8>().is_ok();
    groups.len() == 4 && groups[..3].iter().all(|group| group.dot) && groups.iter().all(is_byte)
}

/// Returns the digits of groups in ASCII.
fn digits(text: &str, groups: &[Group]) -> String {
    groups.iter().flat_map(|group| text[group.place.clone()].chars().filter_map(digit)).collect()
}

/// Whether ten or twelve digits begin with a date in the 19th, 20th or 21st century, that is from 1800 to 2099. The day may have 60
/// added.
fn begins_with_date(digits: &str) -> bool {
    let part = |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse::<u32>().ok()).unwrap_or_default();
    let date = digits.len() - 10;
    let (short, month, day) = (part(date, date + 2), part(date + 2, date + 4), part(date + 4, date + 6));
    let day = if day > 60 { day - 60 } else { day };
    let centuries = if date == 2 { part(0, 2)..=part(0, 2) } else { 18..=20 };
    centuries
        .filter(|century| (18..=20).contains(century))
        .any(|century| i32::try_from(century * 100 + short).ok().and_then(|year| NaiveDate::from_ymd_opt(year, month, day)).is_some())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Adds the check digit to nine digits.
    fn checked(nine: &str) -> String {
        (0..10).map(|last| format!("{nine}{last}")).find(|digits| luhn(digits)).unwrap_or_default()
    }

    #[test]
    fn a_number_is_found_in_every_way_of_writing_it() {
        for text in [
            "811228-9874",
            "8112289874",
            "811228+9874",
            "811228 9874",
            "811228–9874",
            "19811228-9874",
            "198112289874",
            "19811228 9874",
            "Bor hos Anna (811228-9874), Fittja.",
            "pnr:811228-9874;",
            "pnr-811228-9874",
            "_811228-9874_",
            "a\n811228-9874\nb",
            "8112289874,8112289874",
            "1981-12-28, 811228-9874.",
            // A coordination number: the day plus 60.
            &format!("70106{}", &checked("701063239")[5..]),
            "https://example.se/personer/811228-9874",
            "811228--9874",
            "811228 - 9874",
            "811228.9874",
            "81.12.28.98.74",
            "81-12-28-9874",
            "1981-12-28 9874",
            "1981 12 28 98 74",
            "19 811228-9874",
            "8112 28 98 74",
            "8 1 1 2 2 8 9 8 7 4",
            "811228\n9874",
            "8112\r\n28-9874",
            "811228-\n    9874",
            "rum 4: 81 12 28 9874 3 barn",
            "81.12.28.98.74 12 34",
            "81 12 28 98 74\n12 34",
            "８１１２２８－９８７４",
            "٨١١٢٢٨-٩٨٧٤",
            "𝟖𝟏𝟏𝟐𝟐𝟖-𝟗𝟖𝟕𝟒",
            "⁸¹¹²²⁸ ⑨⑧⑦④",
            "81\u{200B}1228\u{AD}98\u{2060}74",
            "8\u{20E3}1\u{20E3}1228-9874",
            "811228−9874",
            "811228\u{2003}9874",
            "a811228-9874",
            "pnr8112289874",
            "8112289874x",
            "811228/9874",
            "811228_9874",
            "➇➀➀➁➁➇➈➇➆➃",
        ] {
            assert!(contains(text), "{text}");
            assert!(!contains(&mask(text)), "{text}");
        }
        // 29 February exists only in leap years, and 1900 was none.
        assert!(contains(&checked("000229001")));
        assert!(!contains(&format!("19{}", checked("000229001"))));
        assert!(contains(&format!("20{}", checked("000229001"))));
        assert!(!contains(&checked("010229001")));
    }

    #[test]
    fn other_numbers_are_left_alone() {
        for text in [
            "212000-2882",
            "16212000-2882",
            "802001-0008",
            "811228-9875",
            &checked("811228000"),
            "811328-9874",
            "c0ffee8112289874",
            "0b8112289874fe0d5a",
            "811228-98741",
            "1811228-9874",
            "+8112289874",
            "18112289874",
            "3.8112289874",
            "8112289874,25",
            "17811228-9874",
            "https://example.se/artikel/8112289874?x=1",
            "https://example.se/artikel-811228-9874",
            "2026-11-22T13:00:00Z",
            "2026-11-22 13:00",
            "1981-12-28. 9874 personer",
            // Grouped like telephone numbers, although the date and the check digit are right.
            "070-123 45 61",
            "0701-23 45 61",
            "070 1234561",
            "08-123 456 71",
            "+45 12 30 56 71",
            "+46 70 123 45 61",
            "101.112.10.25",
            "81 12 28 98 74 12",
            "",
        ] {
            assert!(!contains(text), "{text}");
            assert_eq!(mask(text), text);
        }
    }

    proptest! {
        #[test]
        fn every_right_number_is_found_and_masked(
            (year, ordinal, serial) in (1850_i32..2030, 1_u32..366, 1_u32..1000),
            coordination: bool,
            long: bool,
            joint in prop::sample::select(vec!["", "-", "+", " ", ".", "–", " - ", "\n", "\r\n", "\u{A0}", "-\n", "--"]),
            cuts in prop::collection::btree_set(1_usize..12, 0..11),
            zero in prop::sample::select(vec!['0', '０', '٠', '०', '𝟎', '𝟘']),
            (before, after) in ("[a-zåäö]{0,5}[ (:/;]", "[ ).;!?/][a-zåäö]{0,5}"),
        ) {
            let Some(day) = NaiveDate::from_yo_opt(year, ordinal) else { return Ok(()) };
            let date = day.format("%y%m").to_string();
            let of_month: u32 = day.format("%d").to_string().parse().unwrap_or_default();
            let ten = checked(&format!("{date}{:02}{serial:03}", of_month + if coordination { 60 } else { 0 }));
            let all = format!("{}{ten}", if long { (year / 100).to_string() } else { String::new() });
            let spelled = |digit: char| char::from_u32(u32::from(zero) + digit.to_digit(10).unwrap_or_default()).unwrap_or(digit);
            let write = |digits: &str, cuts: &[usize]| -> String {
                let parted = digits.chars().enumerate().flat_map(|(at, digit)| {
                    joint.chars().filter(move |_| cuts.contains(&at)).chain([spelled(digit)]).collect::<Vec<_>>()
                });
                parted.collect()
            };
            let at_serial = [all.len() - 4];
            let scattered: Vec<usize> = cuts.into_iter().collect();
            for cuts in [&at_serial[..], &scattered] {
                let written = write(&all, cuts);
                let text = format!("{before}{written}{after}");
                // Digits that are grouped like a telephone number or a network address count as one.
                let first = cuts.first().filter(|_| !joint.is_empty());
                let telephone = all.starts_with('0') && first.is_some_and(|first| (2..=4).contains(first));
                if cuts == at_serial || !(telephone || (joint == "." && cuts.len() == 3)) {
                    prop_assert!(contains(&text), "{text}");
                    let masked = mask(&text).into_owned();
                    prop_assert_eq!(&masked, &format!("{before}{MASK}{after}"));
                    // Letters next to the number do not make it something else.
                    let within = format!("x{written}x");
                    prop_assert!(contains(&within), "{within}");
                }
                // With a wrong check digit it is no personal number.
                let wrong = (ten[9..].parse::<u32>().unwrap_or_default() + 1) % 10;
                let wrong = format!("{before}{}{after}", write(&format!("{}{wrong}", &all[..all.len() - 1]), cuts));
                prop_assert!(!contains(&wrong), "{wrong}");
            }
        }

        #[test]
        fn telephone_numbers_as_they_are_grouped_are_never_taken_for_one(
            (area, rest) in prop::sample::select(vec![("070", 7), ("08", 8), ("0512", 6), ("031", 7), ("+46 70", 7), ("+46 8", 8), ("0046 70", 7)]),
            digits in "[0-9]{8}",
            between in "[- /]",
        ) {
            let digits = &digits[..rest];
            let (start, end) = digits.split_at(if rest == 6 { 2 } else { 3 });
            let pairs: Vec<String> = end.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).into_owned()).collect();
            for number in [format!("{area}{between}{start} {}", pairs.join(" ")), format!("{area}{between}{digits}")] {
                prop_assert!(!contains(&number), "{number}");
            }
        }

        #[test]
        fn organisation_numbers_and_ids_are_never_taken_for_one(bytes: [u8; 16], nine in "[1-9][0-9][2-9][0-9]{6}", separator in "[ .+\n-]?", pairs in "[ .-]?") {
            let id = uuid::Uuid::from_bytes(bytes).to_string();
            prop_assert!(!contains(&id), "{id}");
            let digest = format!("sha256:{}", crate::hash::sha256_hex(&bytes));
            prop_assert!(!contains(&digest), "{digest}");
            let number = checked(&nine);
            let parted: Vec<&str> = (0..5).map(|pair| &number[pair * 2..pair * 2 + 2]).collect();
            for number in [format!("{}{separator}{}", &number[..6], &number[6..]), parted.join(&pairs)] {
                prop_assert!(!contains(&number), "{number}");
            }
        }

        #[test]
        fn no_text_breaks_it(text in "[0-9a-f åé+.,–-]{0,60}|[0-9 .\n-]{0,80}|\\PC{0,40}") {
            prop_assert!(!contains(&mask(&text)));
            prop_assert_eq!(contains(&text), mask(&text) != text);
        }
    }
}
